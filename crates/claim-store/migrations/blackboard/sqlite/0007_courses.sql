-- Courses. `open`: everybody with a certificate may hand in, not only members. `revision` counts the changes; whoever changes
-- a course locks its row by that, and `last_change` is the digest of the last request, so that one that is repeated is known.
CREATE TABLE courses (
    course      TEXT   NOT NULL PRIMARY KEY,
    title       TEXT   NOT NULL,
    zone        TEXT   NOT NULL,
    open        BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    last_change BLOB
);

INSERT INTO courses (course, title, zone, open, revision)
SELECT course, course, MIN(zone), 1, 1 FROM assignments GROUP BY course;

-- `late`: the policy, as JSON. `group_set`: whose groups hand in.
ALTER TABLE assignments DROP COLUMN zone;
ALTER TABLE assignments ADD COLUMN visible_from BIGINT;
ALTER TABLE assignments ADD COLUMN late TEXT NOT NULL DEFAULT '{"policy":"accept"}';
ALTER TABLE assignments ADD COLUMN group_set TEXT;

-- Students. `extra`: further columns of the roster, as JSON. Whoever left has `dropped_at`.
CREATE TABLE members (
    course     TEXT   NOT NULL,
    sid        TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    extra      TEXT   NOT NULL,
    dropped_at BIGINT,
    PRIMARY KEY (course, sid)
);

CREATE INDEX members_of ON members (sid);

-- A student is in one group of a set.
CREATE TABLE group_members (
    course     TEXT NOT NULL,
    group_set  TEXT NOT NULL,
    sid        TEXT NOT NULL,
    group_name TEXT NOT NULL,
    PRIMARY KEY (course, group_set, sid)
);

CREATE INDEX group_members_in ON group_members (course, group_set, group_name);

-- More time, numbered in each course from 1 on. `scope`: all, group or student, `who`: which.
CREATE TABLE extensions (
    course     TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    assignment TEXT   NOT NULL,
    scope      TEXT   NOT NULL,
    who        TEXT   NOT NULL,
    due        BIGINT NOT NULL,
    until      BIGINT,
    reason     TEXT   NOT NULL,
    granted_by TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (course, number)
);

CREATE INDEX extensions_for ON extensions (course, assignment, revoked_at);

-- Staff, by role.
CREATE TABLE staff (
    course TEXT   NOT NULL,
    person TEXT   NOT NULL,
    role   TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    PRIMARY KEY (course, person)
);

CREATE INDEX staff_in ON staff (person);

-- The claim that counts because staff chose it.
CREATE TABLE choices (
    course     TEXT   NOT NULL,
    assignment TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    claim      TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    chosen_by  TEXT   NOT NULL,
    chosen_at  BIGINT NOT NULL,
    PRIMARY KEY (course, assignment, holder)
);

-- Whom a claim names, one row each; until now that was one student each.
CREATE TABLE claim_members (
    course     TEXT NOT NULL,
    assignment TEXT NOT NULL,
    sid        TEXT NOT NULL,
    claim      TEXT NOT NULL,
    PRIMARY KEY (course, assignment, sid, claim)
);

CREATE INDEX claim_members_of ON claim_members (sid);

INSERT INTO claim_members (course, assignment, sid, claim)
SELECT course, assignment, holder, id FROM claims;
