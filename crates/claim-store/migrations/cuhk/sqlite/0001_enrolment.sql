-- The roster: who may hold a person certificate.
CREATE TABLE people (
    id       TEXT   NOT NULL PRIMARY KEY,
    name     TEXT,
    added_at BIGINT NOT NULL
);

-- One-time enrolment codes, hashed. One that a key has used stands in certificates too.
CREATE TABLE invitations (
    code_hash    BLOB   NOT NULL PRIMARY KEY,
    invitee_kind TEXT   NOT NULL CHECK (invitee_kind IN ('person', 'server', 'loopback')),
    invitee      TEXT   CHECK ((invitee IS NULL) = (invitee_kind = 'loopback')),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);

-- Every certificate from before it is signed. That code_hash is unique is what makes a code good for one key.
CREATE TABLE certificates (
    serial      TEXT   NOT NULL PRIMARY KEY,
    code_hash   BLOB   UNIQUE REFERENCES invitations (code_hash),
    profile     TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    key_digest  BLOB   NOT NULL,
    not_before  BIGINT NOT NULL,
    not_after   BIGINT NOT NULL,
    reserved_at BIGINT NOT NULL,
    tbs         BLOB   NOT NULL,
    certificate BLOB
);

CREATE INDEX certificates_in_order ON certificates (reserved_at, serial);
