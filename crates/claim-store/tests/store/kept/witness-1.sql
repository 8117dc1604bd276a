-- Records of a witness with the schema of commit df3fbfc, as SQLite dumps them.
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
INSERT INTO "_sqlx_migrations" VALUES(1,'Witness','2026-11-26 00:00:00',1,X'4E850FA65194CB5C22C7BA142FDAD51E747DFA85E2DE7E9D5510FA75C79F9A69F2E3D39D9C36DF596D8923AAFB5F52B8',0);
CREATE TABLE split_views (
    origin   TEXT   NOT NULL,
    size     BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    first    BLOB   NOT NULL,
    second   BLOB   NOT NULL,
    PRIMARY KEY (origin, size)
);
CREATE TABLE witness_keys (
    fingerprint BLOB   NOT NULL PRIMARY KEY,
    made_at     BIGINT NOT NULL
);
INSERT INTO "witness_keys" VALUES(X'7777777777777777777777777777777777777777777777777777777777777777',1790000000000);
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
COMMIT;
