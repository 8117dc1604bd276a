-- What can be handed in to. Times are milliseconds since 1970 (UTC).
CREATE TABLE assignments (
    course         TEXT   NOT NULL,
    assignment     TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    zone           TEXT   NOT NULL,
    due            BIGINT,
    until          BIGINT,
    upload_seconds BIGINT NOT NULL,
    max_files      BIGINT NOT NULL,
    max_bytes      BIGINT NOT NULL,
    max_attempts   BIGINT NOT NULL,
    PRIMARY KEY (course, assignment)
);

-- The last claim of each holder and assignment: lodging compares and swaps it, which also makes lodgings queue here.
-- `holder` is the SIDs, ascending, with commas between.
CREATE TABLE holders (
    course     TEXT   NOT NULL,
    assignment TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    last_claim TEXT,
    attempts   BIGINT NOT NULL,
    PRIMARY KEY (course, assignment, holder)
);

-- `attempt` counts the claims of one holder and assignment from one, in the order of `replaces`.
-- `upload_until` moves when the server was down; `pieces` is how many there are, `durable` how many are stored.
CREATE TABLE claims (
    id           TEXT   NOT NULL PRIMARY KEY,
    course       TEXT   NOT NULL,
    assignment   TEXT   NOT NULL,
    holder       TEXT   NOT NULL,
    attempt      BIGINT NOT NULL,
    person       TEXT   NOT NULL,
    lodged_at    BIGINT NOT NULL,
    due          BIGINT,
    late_ms      BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    upload_until BIGINT NOT NULL,
    received_at  BIGINT,
    pieces       BIGINT NOT NULL,
    durable      BIGINT NOT NULL,
    cms          BYTEA  NOT NULL,
    token        BYTEA  NOT NULL,
    revocation   BYTEA  NOT NULL,
    withdrawal   BYTEA,
    UNIQUE (course, assignment, holder, attempt)
);

CREATE INDEX claims_waiting ON claims (state, upload_until);

-- The pieces of files that are durable in the object storage.
CREATE TABLE pieces (
    claim TEXT   NOT NULL,
    file  BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    PRIMARY KEY (claim, file, piece)
);

-- When the server last served, to the minute; there is one row at most.
CREATE TABLE minute_marks (
    id   BIGINT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- When it did not serve.
CREATE TABLE outages (
    since BIGINT NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

-- The last number given to an entry of the log; like message_ids.
CREATE TABLE log_entry_ids (
    last BIGINT NOT NULL
);

INSERT INTO log_entry_ids (last) VALUES (0);

-- Entries of the log, staged in the transaction that they record; `leaf` is their index once the log has taken them.
CREATE TABLE log_entries (
    id    BIGINT NOT NULL PRIMARY KEY,
    claim TEXT   NOT NULL,
    kind  TEXT   NOT NULL,
    entry BYTEA  NOT NULL,
    leaf  BIGINT UNIQUE,
    UNIQUE (claim, kind)
);

-- The head of the log: whoever appends compares and swaps `size` and `root`. `checkpoint` is the last one whose
-- tiles are all written. There is one row at most.
CREATE TABLE log_head (
    id             BIGINT NOT NULL PRIMARY KEY,
    size           BIGINT NOT NULL,
    root           BYTEA  NOT NULL,
    published_size BIGINT NOT NULL,
    checkpoint     BYTEA  NOT NULL
);

-- Checkpoints with a witness's signature: proofs name the first that covers an entry.
CREATE TABLE log_cosigned (
    size        BIGINT NOT NULL PRIMARY KEY,
    checkpoint  BYTEA  NOT NULL,
    cosigned_at BIGINT NOT NULL
);
