-- Records of Blackboard with the schema with 0007_courses.sql, as SQLite dumps them.
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
INSERT INTO "_sqlx_migrations" VALUES(1,'Blackboard: sealing ring, messages','2026-11-26 00:00:00',1,X'91D5F2FE2254E5DDB6F237D8AA86ABA8406C844E9F551A92FC832763104D2C11C8270FBC2CDBBE5D375F7A45DC82F4BD',0);
INSERT INTO "_sqlx_migrations" VALUES(2,'Blackboard: assignments, claims, log','2026-11-26 00:00:00',1,X'A6983C12C25E93FE95E6B6797E5ECBC692078F003F5EA679B486472667729D2C10B927824613B696261791D7698780CA',0);
INSERT INTO "_sqlx_migrations" VALUES(3,'Blackboard: several witnesses','2026-11-26 00:00:00',1,X'C12974258D372BB44E1F8D121FB65D086FC1C20D9331CBC6F51910EA93B90056D81A201ED87D8FB546BFB596DA93290B',0);
INSERT INTO "_sqlx_migrations" VALUES(4,'Blackboard: claims of outages','2026-11-26 00:00:00',1,X'25F3F4BCE0006D3640E4B51FB90590021259E8437E36912954DB6F0200F5928BE0C71B96BFFB41EBA2D4A61AD6161152',0);
INSERT INTO "_sqlx_migrations" VALUES(5,'Blackboard: erasures','2026-11-26 00:00:00',1,X'E3EDC2889936D5DF7E283FE0B010945E520AD1AA5629B3DEF3AB8CE0D246848D9B74F060B4CEDF83F33D8E27BA4D6137',0);
INSERT INTO "_sqlx_migrations" VALUES(6,'Blackboard: the audit log','2026-11-27 00:00:00',1,X'1D7BF22BA0284BA7A030A3460B7C3E62E04E3F0E13D0B39A73FB40E976C5AA0AECA3C47D9A0F18DB59E974BD3C7C9B98',0);
INSERT INTO "_sqlx_migrations" VALUES(7,'Blackboard: courses','2026-11-27 04:33:42',1,X'F78008DD69E478C83CC6786379C964DC5E0FF00A64303FED1B226335B4B89526E22736590CF0C968D04AC22D6C8938C9',2908979);
CREATE TABLE allowed_outages (
    since      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    allowed_at BIGINT NOT NULL,
    PRIMARY KEY (since, until)
);
INSERT INTO "allowed_outages" VALUES(1790000000000,1790000060000,'the network was down',1790000070000);
CREATE TABLE assignments (
    course         TEXT   NOT NULL,
    assignment     TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    due            BIGINT,
    until          BIGINT,
    upload_seconds BIGINT NOT NULL,
    max_files      BIGINT NOT NULL,
    max_bytes      BIGINT NOT NULL,
    max_attempts   BIGINT NOT NULL, visible_from BIGINT, late TEXT NOT NULL DEFAULT '{"policy":"accept"}', group_set TEXT,
    PRIMARY KEY (course, assignment)
);
INSERT INTO "assignments" VALUES('IEMS5710','lab1','Lab 1',1790000100000,NULL,600,10,1000,5,NULL,'{"policy":"accept"}',NULL);
CREATE TABLE audit_checkpoints (
    size BIGINT NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL,
    note BLOB   NOT NULL
);
INSERT INTO "audit_checkpoints" VALUES(3,1790000000002,X'6E6F7465');
CREATE TABLE audit_concerns (
    course TEXT   NOT NULL,
    person TEXT   NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (person, course, number)
);
INSERT INTO "audit_concerns" VALUES('IEMS5710','',2);
INSERT INTO "audit_concerns" VALUES('IEMS5710','1155123456',3);
CREATE TABLE audit_entries (
    number         BIGINT NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    deed           TEXT   NOT NULL,
    authentication TEXT   NOT NULL,
    credential     TEXT   NOT NULL,
    serial         TEXT   NOT NULL,
    digest         BLOB   NOT NULL,
    salt           BLOB   NOT NULL,
    actor          TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    details        TEXT   NOT NULL,
    personal       BLOB   NOT NULL,
    leaf           BLOB   NOT NULL,
    root           BLOB   NOT NULL
);
INSERT INTO "audit_entries" VALUES(1,1790000000000,'log-begun','blackboard','','',X'',X'01010101010101010101010101010101','','','{"assignments":1,"claims":1,"messages":1}',X'0BD43470EE9FF8F3B663DE47F114121D4F3C6D24922348689C7D899C080D641C',X'4005D3E25894641A1BEDA1DA266DB18C61605253AB86C589D372A6CE55989F4C',X'4005D3E25894641A1BEDA1DA266DB18C61605253AB86C589D372A6CE55989F4C');
INSERT INTO "audit_entries" VALUES(2,1790000000000,'assignment-recorded','certificate','5f0c','',X'',X'02020202020202020202020202020202','lecturer','IEMS5710/lab1','{"assignment":"lab1","course":"IEMS5710","due":[null,"2026-09-21T14:13:20.000Z"]}',X'21AC51CE0EA6D804D2BF52B48135CB49739B432C7B36BAEB66658CD05C18BF60',X'D70D80E6FAE96D5A4F43C3D27BCC047F20DEC8FE940CCC7A9D2CF437E6633F6F',X'CD77EB93AF849C38400898B63388B100D0CC78B723AB3CA551D6EA578C17A40A');
INSERT INTO "audit_entries" VALUES(3,1790000000001,'extension-granted','certificate','5f0c','',X'',X'03030303030303030303030303030303','lecturer','1155123456','{"assignment":"lab1","course":"IEMS5710","reason":"ill"}',X'D230E14F8843137BFAC2631EFDEB73858B75090E3E344F7550183E69011629B7',X'84BCF6D7B2A8F9668BCB0A8E3512F196821D16F399E9250E937C7E31353C4FDC',X'D760CCCF057C6D7AF3F59EC365AA16FC7840F66AF8157FC86F997C8480B41286');
CREATE TABLE audit_head (
    id              BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size            BIGINT NOT NULL,
    frontier        BLOB   NOT NULL,
    pruned          BIGINT NOT NULL,
    pruned_frontier BLOB   NOT NULL
);
INSERT INTO "audit_head" VALUES(1,3,X'CD77EB93AF849C38400898B63388B100D0CC78B723AB3CA551D6EA578C17A40A84BCF6D7B2A8F9668BCB0A8E3512F196821D16F399E9250E937C7E31353C4FDC',0,X'');
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
INSERT INTO "choices" VALUES('IEMS5710','lab1','1155123456','79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96','agreed','root',1790000000000);
CREATE TABLE claim_members (
    course     TEXT NOT NULL,
    assignment TEXT NOT NULL,
    sid        TEXT NOT NULL,
    claim      TEXT NOT NULL,
    PRIMARY KEY (course, assignment, sid, claim)
);
INSERT INTO "claim_members" VALUES('IEMS5710','lab1','1155123456','79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96');
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
    cms          BLOB   NOT NULL,
    token        BLOB   NOT NULL,
    revocation   BLOB   NOT NULL,
    withdrawal   BLOB, outage BLOB, stamped_at BIGINT, place BIGINT NOT NULL DEFAULT 0,
    UNIQUE (course, assignment, holder, attempt)
);
INSERT INTO "claims" VALUES('79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96','IEMS5710','lab1','1155123456',1,'1155123456',1790000000000,1790000100000,0,'received',1790000600000,1790000005000,1,1,X'636D73',X'746F6B656E',X'63726C',NULL,NULL,NULL,1);
CREATE TABLE courses (
    course      TEXT   NOT NULL PRIMARY KEY,
    title       TEXT   NOT NULL,
    zone        TEXT   NOT NULL,
    open        BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    last_change BLOB
);
INSERT INTO "courses" VALUES('IEMS5710','Network security','Asia/Hong_Kong',1,9,X'7777777777777777777777777777777777777777777777777777777777777777');
CREATE TABLE erasures (
    claim     TEXT   NOT NULL PRIMARY KEY,
    erased_at BIGINT NOT NULL,
    done      BIGINT NOT NULL
);
INSERT INTO "erasures" VALUES('0000000000000000000000000000000000000000000000000000000000000001',1790000000000,1);
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
INSERT INTO "extensions" VALUES('IEMS5710',1,'lab1','student','1155123456',1824560000000,NULL,'ill','root',1790000000000,NULL);
CREATE TABLE group_members (
    course     TEXT NOT NULL,
    group_set  TEXT NOT NULL,
    sid        TEXT NOT NULL,
    group_name TEXT NOT NULL,
    PRIMARY KEY (course, group_set, sid)
);
INSERT INTO "group_members" VALUES('IEMS5710','groups','1155123456','Seven');
CREATE TABLE holders (
    course     TEXT   NOT NULL,
    assignment TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    last_claim TEXT,
    attempts   BIGINT NOT NULL,
    PRIMARY KEY (course, assignment, holder)
);
INSERT INTO "holders" VALUES('IEMS5710','lab1','1155123456','79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96',1);
CREATE TABLE log_cosignatures (
    witness     TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    signature   BLOB   NOT NULL,
    cosigned_at BIGINT NOT NULL,
    PRIMARY KEY (witness, size)
);
INSERT INTO "log_cosignatures" VALUES('kept.example+00000000+AQ',2,X'6C696E65',1790000007000);
CREATE TABLE log_cosigned (
    size        BIGINT NOT NULL PRIMARY KEY,
    checkpoint  BLOB   NOT NULL,
    cosigned_at BIGINT NOT NULL
);
INSERT INTO "log_cosigned" VALUES(2,X'6E6F7465',1790000006000);
CREATE TABLE log_entries (
    id    BIGINT NOT NULL PRIMARY KEY,
    claim TEXT   NOT NULL,
    kind  TEXT   NOT NULL,
    entry BLOB   NOT NULL,
    leaf  BIGINT UNIQUE,
    UNIQUE (claim, kind)
);
INSERT INTO "log_entries" VALUES(1,'79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96','lodged',X'6C6F64676564',0);
INSERT INTO "log_entries" VALUES(2,'79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96','received',X'7265636569766564',1);
CREATE TABLE log_entry_ids (
    last BIGINT NOT NULL
);
INSERT INTO "log_entry_ids" VALUES(2);
CREATE TABLE log_head (
    id             BIGINT NOT NULL PRIMARY KEY,
    size           BIGINT NOT NULL,
    root           BLOB   NOT NULL,
    published_size BIGINT NOT NULL,
    checkpoint     BLOB   NOT NULL
);
INSERT INTO "log_head" VALUES(1,2,X'4444444444444444444444444444444444444444444444444444444444444444',2,X'6E6F7465');
CREATE TABLE log_witnesses (
    witness     TEXT   NOT NULL PRIMARY KEY,
    certificate BLOB   NOT NULL
);
INSERT INTO "log_witnesses" VALUES('kept.example+00000000+AQ',X'3082');
CREATE TABLE members (
    course     TEXT   NOT NULL,
    sid        TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    extra      TEXT   NOT NULL,
    dropped_at BIGINT,
    PRIMARY KEY (course, sid)
);
INSERT INTO "members" VALUES('IEMS5710','1155123456','Kept Person','kept@cuhk.example','[["Section","A"]]',NULL);
INSERT INTO "members" VALUES('IEMS5710','1155123457','Gone Person','','[]',1790000000000);
CREATE TABLE message_ids (
    last BIGINT NOT NULL
);
INSERT INTO "message_ids" VALUES(7);
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
INSERT INTO "messages" VALUES(7,X'1111111111111111111111111111111111111111111111111111111111111111',X'22222222222222222222222222222222','1155123456',1790000000000,X'3333333333333333333333333333333333333333333333333333333333333333',X'6B6570742073696E636520736368656D61203120E29C93');
CREATE TABLE minute_marks (
    id   BIGINT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO "minute_marks" VALUES(1,1790000000000);
CREATE TABLE outages (
    since BIGINT NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE TABLE pieces (
    claim TEXT   NOT NULL,
    file  BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    PRIMARY KEY (claim, file, piece)
);
INSERT INTO "pieces" VALUES('79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96',0,0);
CREATE TABLE sealing_ring (
    sequence     BIGINT NOT NULL PRIMARY KEY,
    key_id       TEXT   NOT NULL,
    wrapped      BLOB   NOT NULL,
    published_at BIGINT NOT NULL,
    use_from     BIGINT NOT NULL,
    use_until    BIGINT NOT NULL,
    open_until   BIGINT NOT NULL
);
INSERT INTO "sealing_ring" VALUES(1,'kept',X'0102',1,2,3,4);
CREATE TABLE staff (
    course TEXT   NOT NULL,
    person TEXT   NOT NULL,
    role   TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    PRIMARY KEY (course, person)
);
INSERT INTO "staff" VALUES('IEMS5710','chan.tm','owner',1790000000000);
CREATE INDEX erasures_under_way ON erasures (done);
CREATE INDEX claims_waiting ON claims (state, upload_until);
CREATE INDEX log_cosignatures_of_size ON log_cosignatures (size);
CREATE INDEX audit_entries_of_subject ON audit_entries (subject) WHERE subject <> '';
CREATE INDEX audit_entries_of_serial ON audit_entries (serial) WHERE serial <> '';
CREATE INDEX audit_concerns_of_number ON audit_concerns (number);
CREATE INDEX members_of ON members (sid);
CREATE INDEX group_members_in ON group_members (course, group_set, group_name);
CREATE INDEX extensions_for ON extensions (course, assignment, revoked_at);
CREATE INDEX staff_in ON staff (person);
CREATE INDEX claim_members_of ON claim_members (sid);
COMMIT;
