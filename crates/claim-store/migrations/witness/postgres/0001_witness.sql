-- The keys that these records began with, by SHA-256 of the public key: with another key they are no memory.
CREATE TABLE witness_keys (
    fingerprint BYTEA  NOT NULL PRIMARY KEY,
    made_at     BIGINT NOT NULL
);

-- Of each log the last checkpoint that was cosigned; the size is compared and swapped.
CREATE TABLE witnessed_logs (
    origin     TEXT   NOT NULL PRIMARY KEY,
    size       BIGINT NOT NULL,
    checkpoint BYTEA  NOT NULL
);

-- Checkpoints that were the last one, as their log signed them: all of the last day, one of each day before.
CREATE TABLE witnessed_checkpoints (
    origin     TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    checkpoint BYTEA  NOT NULL,
    PRIMARY KEY (origin, size)
);

-- Logs that have signed two trees of one size: the first proof of each size.
CREATE TABLE split_views (
    origin   TEXT   NOT NULL,
    size     BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    first    BYTEA  NOT NULL,
    second   BYTEA  NOT NULL,
    PRIMARY KEY (origin, size)
);
