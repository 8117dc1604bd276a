-- When a certificate was erased: whom it names, its key, device and code, and itself. What stays is that it was issued, under
-- this serial number, and the SHA-256 of its DER where it was signed.
ALTER TABLE certificates ADD COLUMN erased_at BIGINT;
ALTER TABLE certificates ADD COLUMN sha256 BLOB;
