-- The keys that seal tokens, each wrapped by a key that is not in the database.
CREATE TABLE sealing_ring (
    sequence     BIGINT NOT NULL PRIMARY KEY,
    key_id       TEXT   NOT NULL,
    wrapped      BLOB   NOT NULL,
    published_at BIGINT NOT NULL,
    use_from     BIGINT NOT NULL,
    use_until    BIGINT NOT NULL,
    open_until   BIGINT NOT NULL
);

-- The last id given to a message. Its row is locked until the messages are committed, so ids are in the order
-- of commits: whoever has read up to one has missed none before it.
CREATE TABLE message_ids (
    last BIGINT NOT NULL
);

INSERT INTO message_ids (last) VALUES (0);

-- Text as UTF-8 bytes, because PostgreSQL's text cannot hold U+0000.
CREATE TABLE messages (
    id             BIGINT NOT NULL PRIMARY KEY,
    session        BLOB   NOT NULL,
    nonce          BLOB   NOT NULL,
    person         TEXT   NOT NULL,
    received_at    BIGINT NOT NULL,
    content_digest BLOB   NOT NULL,
    content        BLOB   NOT NULL,
    UNIQUE (session, nonce)
);
