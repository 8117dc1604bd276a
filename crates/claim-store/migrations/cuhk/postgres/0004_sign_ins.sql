-- Keys that wait until their person has signed in with the university. `secret_hash` is of what the terminal asks with;
-- `code` is what the person types; `browser_hash` is of the cookie of the browser that typed it last, and `attempt` what its
-- sign-in is derived from together with that cookie, until it is used. Whoever has all of this can do nothing with it.
CREATE TABLE sign_ins (
    secret_hash  BYTEA  NOT NULL PRIMARY KEY,
    code         TEXT   NOT NULL UNIQUE,
    person       TEXT   NOT NULL,
    public_key   BYTEA  NOT NULL,
    begun_from   TEXT   NOT NULL,
    begun_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    browser_hash BYTEA  UNIQUE,
    attempt      BYTEA,
    signed_in_at BIGINT,
    decision     TEXT   CHECK (decision IN ('confirmed', 'denied')),
    decided_at   BIGINT
);

CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
