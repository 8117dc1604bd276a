-- Records of CUHK with the schema with 0004_sign_ins.sql, as SQLite dumps them.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'CUHK: people, invitations, certificates','2026-11-26 00:00:00',1,X'87343C97AA332BFD7026840276364198C7DFB8FA9C4B2F85B4080F3118E21CEB8BFE35653ED359D99822B90C02BE5870',0);
INSERT INTO "_sqlx_migrations" VALUES(2,'CUHK: revocations, witnessed logs','2026-11-26 00:00:00',1,X'F418AA8A053C235D4B9F775514A1C768C70659AE75EE9EA569840FDF4BA7DFE96CAC46FC6013C0CA20E1EE60EB4EC3E6',0);
INSERT INTO "_sqlx_migrations" VALUES(3,'CUHK: the roster, invitations by mail','2026-11-26 00:00:00',1,X'820F08A0901700C99876E4B3EE406D1D345B5E12D689C777176D872FB387EC3FE53B43F2C922911D9D36609C09875BD0',0);
INSERT INTO "_sqlx_migrations" VALUES(4,'CUHK: sign-ins','2026-11-27 00:00:00',1,X'E3DA1D991F49BB903E0831FB92C46ABC4C29E0A1B71F9AB6372A2CEA82B59FE62B8EF6C29931528873DD5F7959618980',0);
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
INSERT INTO "certificates" VALUES('5f0c',X'5555555555555555555555555555555555555555555555555555555555555555','person','1155123456',X'6666666666666666666666666666666666666666666666666666666666666666',1790000000000,1790000002000,1790000000000,X'746273',X'3082');
CREATE TABLE invitations (
    code_hash    BLOB   NOT NULL PRIMARY KEY,
    invitee_kind TEXT   NOT NULL CHECK (invitee_kind IN ('person', 'server', 'loopback')),
    invitee      TEXT   CHECK ((invitee IS NULL) = (invitee_kind = 'loopback')),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
, mail_to TEXT, mailed_at BIGINT, mail_fault TEXT);
INSERT INTO "invitations" VALUES(X'5555555555555555555555555555555555555555555555555555555555555555','person','1155123456',1790000000000,1790000001000,'kept@cuhk.example',1790000000500,NULL);
INSERT INTO "invitations" VALUES(X'5656565656565656565656565656565656565656565656565656565656565656','person','1155123456',1790000000000,1790000001000,NULL,NULL,NULL);
CREATE TABLE people (
    id       TEXT   NOT NULL PRIMARY KEY,
    name     TEXT,
    added_at BIGINT NOT NULL
, email TEXT, role TEXT, removed_at BIGINT);
INSERT INTO "people" VALUES('1155123456','Kept Person',1790000000000,'kept@cuhk.example','student',NULL);
INSERT INTO "people" VALUES('1155123457','Gone Person',1790000000000,NULL,NULL,1790000000900);
CREATE TABLE revocation_lists (
    issuer      TEXT   NOT NULL PRIMARY KEY,
    number      BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    list        BLOB   NOT NULL
);
INSERT INTO "revocation_lists" VALUES('aabb',3,1790000000000,1790000009000,X'6C697374');
CREATE TABLE revocations (
    serial     TEXT   NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL,
    not_after  BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    reason     TEXT   NOT NULL
);
INSERT INTO "revocations" VALUES('5f0c','aabb',1790000002000,1790000000500,'keyCompromise');
CREATE TABLE sign_ins (
    secret_hash  BLOB   NOT NULL PRIMARY KEY,
    code         TEXT   NOT NULL UNIQUE,
    person       TEXT   NOT NULL,
    public_key   BLOB   NOT NULL,
    begun_from   TEXT   NOT NULL,
    begun_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    browser_hash BLOB   UNIQUE,
    attempt      BLOB,
    signed_in_at BIGINT,
    decision     TEXT   CHECK (decision IN ('confirmed', 'denied')),
    decided_at   BIGINT
);
INSERT INTO "sign_ins" VALUES(X'5757575757575757575757575757575757575757575757575757575757575757','BCDFGHJK','1155123456',X'3059','192.0.2.7',1790000000000,1790000600000,X'5858585858585858585858585858585858585858585858585858585858585858',NULL,1790000300000,NULL,NULL);
CREATE TABLE split_views (
    origin   TEXT   NOT NULL,
    size     BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    first    BLOB   NOT NULL,
    second   BLOB   NOT NULL,
    PRIMARY KEY (origin, size)
);
CREATE TABLE witnessed_checkpoints (
    origin     TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    checkpoint BLOB   NOT NULL,
    PRIMARY KEY (origin, size)
);
INSERT INTO "witnessed_checkpoints" VALUES('blackboard.example:3141/log',2,1790000000000,X'6E6F7465');
CREATE TABLE witnessed_logs (
    origin     TEXT   NOT NULL PRIMARY KEY,
    size       BIGINT NOT NULL,
    checkpoint BLOB   NOT NULL
);
INSERT INTO "witnessed_logs" VALUES('blackboard.example:3141/log',2,X'6E6F7465');
CREATE INDEX certificates_in_order ON certificates (reserved_at, serial);
CREATE UNIQUE INDEX certificates_of_evidence ON certificates (profile, name, key_digest)
    WHERE profile IN ('timestamp', 'log', 'witness');
CREATE INDEX certificates_by_name ON certificates (profile, name);
CREATE INDEX revocations_of_issuer ON revocations (issuer, not_after);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
CREATE INDEX invitations_of ON invitations (invitee_kind, invitee);
COMMIT;
