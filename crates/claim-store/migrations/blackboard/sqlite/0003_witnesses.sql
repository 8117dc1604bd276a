-- The witnesses that Blackboard has met, by their public keys as notes spell them: receipts carry the certificates.
CREATE TABLE log_witnesses (
    witness     TEXT   NOT NULL PRIMARY KEY,
    certificate BLOB   NOT NULL
);

-- Who has cosigned which checkpoint of log_cosigned: `signature` is a line of the note. Checkpoints from before this
-- table have their one cosignature in themselves.
CREATE TABLE log_cosignatures (
    witness     TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    signature   BLOB   NOT NULL,
    cosigned_at BIGINT NOT NULL,
    PRIMARY KEY (witness, size)
);

CREATE INDEX log_cosignatures_of_size ON log_cosignatures (size);
