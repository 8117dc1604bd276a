-- Claims that were signed while Blackboard could not be reached: CUHK's token and its time, by which they are judged.
ALTER TABLE claims ADD COLUMN outage BYTEA;
ALTER TABLE claims ADD COLUMN stamped_at BIGINT;

-- The place in the order in which a holder's claims for an assignment count: of most claims their `attempt`; of one that was
-- stamped in an outage the place of the last that was lodged by then, after which it comes.
ALTER TABLE claims ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
UPDATE claims SET place = attempt;

-- When Blackboard could not be reached though it served, as the people who run it have said.
CREATE TABLE allowed_outages (
    since      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    allowed_at BIGINT NOT NULL,
    PRIMARY KEY (since, until)
);
