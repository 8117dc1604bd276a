-- Of each certificate: the device that its holder keeps it on (persons), how whoever asked for it was known ('code',
-- 'certificate', 'single-sign-on', 'local-demo'; NULL where nobody asked, or from before this step), and the serial
-- number of the certificate that it was re-enrolled from. Each has one successor at most.
ALTER TABLE certificates ADD COLUMN device TEXT;
ALTER TABLE certificates ADD COLUMN authenticated_by TEXT;
ALTER TABLE certificates ADD COLUMN predecessor TEXT;

UPDATE certificates SET authenticated_by = 'code' WHERE code_hash IS NOT NULL;

-- Until this step whoever renewed kept the key: what has no code, and a key that had a certificate, is a renewal.
UPDATE certificates SET predecessor = (
    SELECT earlier.serial FROM certificates AS earlier
    WHERE earlier.profile = certificates.profile AND earlier.name = certificates.name
    AND earlier.key_digest = certificates.key_digest
    AND (earlier.reserved_at, earlier.serial) < (certificates.reserved_at, certificates.serial)
    ORDER BY earlier.reserved_at DESC, earlier.serial DESC LIMIT 1)
WHERE code_hash IS NULL AND profile IN ('person', 'server');

UPDATE certificates SET authenticated_by = 'certificate' WHERE profile = 'person' AND predecessor IS NOT NULL;

CREATE UNIQUE INDEX certificates_renewed ON certificates (predecessor) WHERE predecessor IS NOT NULL;

-- Certificates whose holders are to be told of them by mail: `next_at` is when to try next, and NULL once a mail server
-- has taken it (`sent_at`) or it was given up (`fault`).
CREATE TABLE announcements (
    serial     TEXT   NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    next_at    BIGINT,
    attempts   BIGINT NOT NULL,
    sent_at    BIGINT,
    fault      TEXT
);

CREATE INDEX announcements_due ON announcements (next_at) WHERE next_at IS NOT NULL;
