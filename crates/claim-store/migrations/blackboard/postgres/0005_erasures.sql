-- Claims whose files and records were erased by the retention rule: their ids, which are in the public log, and when.
-- `done` is 0 from the moment they are no longer shown until nothing of them is left.
CREATE TABLE erasures (
    claim     TEXT   NOT NULL PRIMARY KEY,
    erased_at BIGINT NOT NULL,
    done      BIGINT NOT NULL
);

CREATE INDEX erasures_under_way ON erasures (done);
