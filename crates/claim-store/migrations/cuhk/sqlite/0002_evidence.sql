-- A key of the evidence has one certificate: whoever asks for it again gets the same.
CREATE UNIQUE INDEX certificates_of_evidence ON certificates (profile, name, key_digest)
    WHERE profile IN ('timestamp', 'log', 'witness');

CREATE INDEX certificates_by_name ON certificates (profile, name);

-- What is no longer good. Never back-dated, never taken back. `issuer` is the key id of whoever issued it, in
-- hexadecimal; `not_after` the end of the certificate.
CREATE TABLE revocations (
    serial     TEXT   NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL,
    not_after  BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    reason     TEXT   NOT NULL
);

CREATE INDEX revocations_of_issuer ON revocations (issuer, not_after);

-- The last revocation list of each issuer; the number is compared and swapped.
CREATE TABLE revocation_lists (
    issuer      TEXT   NOT NULL PRIMARY KEY,
    number      BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    list        BLOB   NOT NULL
);

-- Of each log the last checkpoint that CUHK, as its witness, has cosigned; the size is compared and swapped.
CREATE TABLE witnessed_logs (
    origin     TEXT   NOT NULL PRIMARY KEY,
    size       BIGINT NOT NULL,
    checkpoint BLOB   NOT NULL
);

-- Every checkpoint that was ever the last one, as its log signed it.
CREATE TABLE witnessed_checkpoints (
    origin     TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    checkpoint BLOB   NOT NULL,
    PRIMARY KEY (origin, size)
);

-- Logs that have signed two trees of one size: the first proof of each size.
CREATE TABLE split_views (
    origin   TEXT   NOT NULL,
    size     BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    first    BLOB   NOT NULL,
    second   BLOB   NOT NULL,
    PRIMARY KEY (origin, size)
);
