-- What Blackboard and its people have done, each deed in the transaction that did it; `claim_store::audit` says what is
-- hashed how.
-- Who, whom and what stand in `actor`, `subject` and `details`, of which `personal` is a salted hash: without them and
-- `salt` the rest still verifies. `root` is that of the tree of all entries up to this one.
CREATE TABLE audit_entries (
    number         BIGINT NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    deed           TEXT   NOT NULL,
    authentication TEXT   NOT NULL,
    credential     TEXT   NOT NULL,
    serial         TEXT   NOT NULL,
    digest         BYTEA  NOT NULL,
    salt           BYTEA  NOT NULL,
    actor          TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    details        TEXT   NOT NULL,
    personal       BYTEA  NOT NULL,
    leaf           BYTEA  NOT NULL,
    root           BYTEA  NOT NULL
);

CREATE INDEX audit_entries_of_subject ON audit_entries (subject) WHERE subject <> '';
CREATE INDEX audit_entries_of_serial ON audit_entries (serial) WHERE serial <> '';

-- How many entries there are, and the right edge of their tree; the same of those that stand in archives only.
CREATE TABLE audit_head (
    id              BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size            BIGINT NOT NULL,
    frontier        BYTEA  NOT NULL,
    pruned          BIGINT NOT NULL,
    pruned_frontier BYTEA  NOT NULL
);

INSERT INTO audit_head (id, size, frontier, pruned, pruned_frontier) VALUES (1, 0, '\x', 0, '\x');

-- Checkpoints that Blackboard has signed.
CREATE TABLE audit_checkpoints (
    size BIGINT NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL,
    note BYTEA  NOT NULL
);

-- Whom an entry concerns: a person in a course. No course: in every one. No person: everybody.
CREATE TABLE audit_concerns (
    course TEXT   NOT NULL,
    person TEXT   NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (person, course, number)
);

CREATE INDEX audit_concerns_of_number ON audit_concerns (number);
