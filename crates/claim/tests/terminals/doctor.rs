//! `claim doctor`: each check, made to fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::course::{Course, Folder, SID};
use crate::program::Program;

/// A CUHK and a Blackboard in one folder that is closed to others.
pub(crate) fn course() -> Course {
    let course = Course::new();
    fs::set_permissions(course.folder.path("."), fs::Permissions::from_mode(0o700)).unwrap();
    course
}

/// Until claims are taken, and a list is there.
pub(crate) fn served(course: &Course) -> (Program, Program) {
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.enrol(SID);
    course.folder.write("report.txt", "a report");
    let hand_in = || course.folder.run(&["student", "hand-in", "report.txt", "--yes"]);
    let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
    done.unwrap().expect(0);
    (cuhk, blackboard)
}

/// What is not well, as `check verdict: what`.
pub(crate) fn found(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    found_at(folder, None, arguments)
}

/// The same at another time.
pub(crate) fn found_at(folder: &Folder, time: Option<&str>, arguments: &[&str]) -> Vec<String> {
    let words = [&["doctor", "--json", "--quiet"], arguments].concat();
    let claim = folder.command(&words);
    let command = match time {
        None => claim,
        Some(time) => {
            let mut faked = Command::new("faketime");
            faked.args(["-f", time]).arg(claim.get_program()).args(claim.get_args());
            faked.current_dir(claim.get_current_dir().unwrap()).env("HOME", folder.home());
            faked
        }
    };
    found_by(command)
}

/// The same by this command.
pub(crate) fn found_by(command: Command) -> Vec<String> {
    let mut program = Program::start(command);
    program.end_input();
    let done = program.end();
    let documents = done.documents();
    let text =
        |document: &Value, name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let findings: Vec<_> =
        documents.iter().filter(|document| document["check"].is_string()).collect();
    for finding in &findings {
        assert!(!text(finding, "why").is_empty() && !text(finding, "do").is_empty(), "{finding}");
    }
    let wrong = findings.iter().any(|finding| finding["verdict"] == "wrong");
    let expected = if wrong {
        1
    } else if findings.is_empty() {
        0
    } else {
        5
    };
    assert_eq!(done.code, expected, "{}{}", done.out, done.err);
    let line = |one: &&Value| {
        format!("{} {}: {}", text(one, "check"), text(one, "verdict"), text(one, "what"))
    };
    findings.iter().map(line).collect()
}

#[track_caller]
pub(crate) fn tells(found: &[String], beginning: &str, part: &str) {
    let told = found.iter().any(|line| line.starts_with(beginning) && line.contains(part));
    assert!(told, "{beginning} … {part} is not in {found:#?}");
}

/// All that is in a folder, but for what SQLite keeps of readers.
fn everything(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let names = folder.names().into_iter().filter(|name| !name.ends_with("-shm"));
    names
        .filter(|name| folder.path(name).is_file())
        .map(|name| (name.clone(), fs::read(folder.path(&name)).unwrap()))
        .collect()
}

#[test]
fn all_is_well_with_servers_that_run_and_nothing_is_changed() {
    let course = course();
    let (cuhk, blackboard) = served(&course);
    let looked = course.folder.run(&["doctor"]).expect(0);
    assert!(looked.out.contains("All is well: "), "{}", looked.out);
    let (cuhk_url, blackboard_url) = (&course.cuhk, &course.blackboard);
    for told in [
        format!("CUHK answers at {cuhk_url}, with a certificate that leads to cuhk.cer."),
        format!(
            "Blackboard answers at {blackboard_url}, with a certificate that leads to cuhk.cer."
        ),
        "The clocks of this machine and of CUHK agree.".to_owned(),
        "The log has 2 entries, of which 2 are cosigned.".to_owned(),
        "not enough history for a forecast".to_owned(),
    ] {
        assert!(looked.out.contains(&told), "{told} is not in\n{}", looked.out);
    }
    // Clocks that differ are told; the servers' own go on.
    let clocks = found_at(&course.folder, Some("+1h"), &["--only", "clocks"]);
    tells(&clocks, "clocks wrong: ", "s ahead of that of CUHK");
    tells(&clocks, "clocks wrong: ", "ahead of that of Blackboard");
    let clocks = found_at(&course.folder, Some("-100s"), &["--only", "clocks"]);
    tells(&clocks, "clocks wrong: ", "s behind that of CUHK");
    blackboard.stop();
    cuhk.stop();

    // At rest: looked at, and left as it is.
    let before = everything(&course.folder);
    let down = found(&course.folder, &[]);
    assert_eq!(everything(&course.folder), before);
    assert!(down.iter().all(|line| line.starts_with("reach wrong: ")), "{down:#?}");
    tells(&down, "reach wrong: ", "CUHK does not answer at ");
    tells(&down, "reach wrong: ", "Blackboard does not answer at ");
}

#[test]
fn a_server_of_another_cuhk_is_told_with_both_roots() {
    let (one, other) = (course(), course());
    let running = (one.cuhk(), other.servers());
    let reach = found(&other.folder, &["--only", "reach", "--cuhk", &one.cuhk]);
    tells(&reach, "reach wrong: ", "does not lead to the cuhk.cer here");
    drop(running);
}

#[test]
fn what_is_wrong_in_a_folder_is_found() {
    let course = course();
    let folder = &course.folder;
    let (cuhk, blackboard) = served(&course);
    blackboard.stop();
    cuhk.stop();
    let only = |check: &str| found(folder, &["--only", check]);
    let at = |time: &str, check: &str| found_at(folder, Some(time), &["--only", check]);
    // A change of one file, what is found then, and the file as it was.
    let with = |name: &str, content: Option<&[u8]>, check: &str| {
        let path = folder.path(name);
        let (kept, mode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions());
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = only(check);
        fs::write(&path, kept).unwrap();
        fs::set_permissions(&path, mode).unwrap();
        found
    };

    let empty = Folder::new();
    let toml = folder.read("claim.toml");
    folder.write("claim.toml", "[cuhk]\nnonsense = 1\n");
    let settings = found(&empty, &[folder.path("").to_str().unwrap(), "--only", "settings"]);
    tells(&settings, "settings wrong: ", "claim.toml cannot be used");
    folder.run(&["doctor"]).explains(2, &["nonsense"]);
    folder.write("claim.toml", &toml);
    tells(&found(&empty, &[]), "settings wrong: ", "There is nothing of Claim");
    tells(&found(&empty, &["nowhere"]), "settings wrong: ", "cannot be looked at");

    for (path, mode, told) in
        [(".", 0o755, "warning"), ("log.key", 0o640, "wrong"), ("cuhk.db", 0o604, "wrong")]
    {
        let path = folder.path(path);
        let kept = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        tells(&only("permissions"), &format!("permissions {told}: "), &format!("{mode:04o}"));
        fs::set_permissions(&path, kept).unwrap();
    }
    assert_eq!(only("permissions"), [""; 0]);

    let other = fs::read(folder.path("cuhk-server.key")).unwrap();
    for (name, content, told) in [
        ("cuhk.key", Some(&other[..]), "cuhk.key does not belong to cuhk.cer"),
        ("cuhk-issuing.key", None, "cuhk-issuing.key is missing"),
        ("blackboard.key", Some(b"nonsense"), "blackboard.key cannot be read"),
        ("cuhk-witness.cer", Some(b"nonsense"), "cuhk-witness.cer is not a certificate"),
    ] {
        tells(&with(name, content, "keys"), "keys wrong: ", told);
    }
    let student = format!("{SID}.key");
    tells(&with(&student, Some(&other), "keys"), "keys wrong: ", "does not belong");

    assert_eq!(only("certificates"), [""; 0]);
    let later = at("+70d", "certificates");
    tells(&later, "certificates warning: ", "cuhk-server.cer ends on ");
    tells(&later, "certificates warning: ", "blackboard.cer ends on ");
    let later = at("+100d", "certificates");
    tells(&later, "certificates wrong: ", "blackboard.cer ended on ");
    tells(&at("+130d", "certificates"), "certificates warning: ", &format!("{SID}.cer ends on "));
    tells(&at("+1700d", "certificates"), "certificates warning: ", "cuhk-issuing.cer ends on ");
    tells(&at("+1810d", "certificates"), "certificates wrong: ", "cuhk-issuing.cer ends on ");
    tells(&at("-2d", "certificates"), "certificates wrong: ", "is not valid before ");

    tells(
        &with("blackboard.answer", None, "evidence"),
        "evidence warning: ",
        "wait for the root's word",
    );
    tells(
        &with("blackboard.answer", Some(b"x"), "evidence"),
        "evidence wrong: ",
        "blackboard.answer is not",
    );
    tells(
        &with("log.key", None, "evidence"),
        "evidence wrong: ",
        "timestamp.key or log.key is not there",
    );
    tells(
        &with("cuhk-timestamp.cer", None, "evidence"),
        "evidence warning: ",
        "CUHK has no timestamp key",
    );
    let later = at("+345d", "evidence");
    tells(&later, "evidence warning: ", "cuhk-timestamp.key signs until ");
    tells(&later, "evidence warning: ", "timestamp.key signs until ");
    tells(&at("+370d", "evidence"), "evidence wrong: ", "timestamp.key signs no more since ");

    assert_eq!(only("lists"), [""; 0]);
    tells(
        &at("+3d", "lists"),
        "lists warning: ",
        "of the issuing certificate (persons and servers) is 3 days old",
    );
    tells(&at("+8d", "lists"), "lists wrong: ", "was good until ");
    tells(
        &at("+50d", "lists"),
        "lists warning: ",
        "of the root (issuing certificates and keys of evidence) is 50 days old",
    );
    tells(&with("revocation.crl", None, "lists"), "lists wrong: ", "is not there");
    let issuing = fs::read_to_string(folder.path("revocation.crl")).unwrap();
    let (head, tail) = issuing.rsplit_once("\n-----END").unwrap();
    let at = head.len() - 12;
    let other = if head[at..].starts_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}{}\n-----END{tail}", &head[..at], &head[at + 1..]);
    let forged = with("revocation.crl", Some(changed.as_bytes()), "lists");
    assert!(forged.iter().any(|line| line.starts_with("lists wrong: ")), "{forged:?}");

    let full = toml.replace("[cuhk]\n", "[cuhk]\nkeep-free = 4294967295\n");
    tells(&with("claim.toml", Some(full.as_bytes()), "disk"), "disk wrong: ", "are free");
    let lost = toml.replace("[cuhk]\n", "[cuhk]\npublic-url = \"https://nowhere.invalid:9335\"\n");
    let names = with("claim.toml", Some(lost.as_bytes()), "names");
    tells(&names, "names wrong: ", "The name nowhere.invalid leads nowhere");
    tells(&names, "names wrong: ", "cuhk-server.cer is not for https://nowhere.invalid:9335");
    let open = toml.replace("127.0.0.1:", "0.0.0.0:");
    tells(
        &with("claim.toml", Some(open.as_bytes()), "names"),
        "names warning: ",
        "There is no public-url",
    );
}

/// Runs a statement on records that nobody has open.
pub(crate) fn sql(path: &Path, statement: &str) {
    let url = format!("sqlite:{}", path.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn what_is_wrong_in_the_records_is_found() {
    let course = course();
    let folder = &course.folder;
    let (cuhk, blackboard) = served(&course);
    blackboard.stop();
    cuhk.stop();
    let only = |check: &str| found(folder, &["--only", check]);
    assert_eq!(only("records,log,roster,disk"), [""; 0]);
    let (cuhk_db, blackboard_db) = (folder.path("cuhk.db"), folder.path("blackboard.db"));

    // An entry that nobody has cosigned for an hour.
    sql(
        &blackboard_db,
        "INSERT INTO log_entries (id, claim, kind, entry) VALUES (99, 'x', 'lodged', x'00')",
    );
    assert_eq!(only("log"), [""; 0], "it may be cosigned any moment");
    let later = found_at(folder, Some("+1h"), &["--only", "log"]);
    tells(&later, "log warning: ", "1 of the log's 3 entries wait for a witness");

    // A demonstration has nobody on its roster; one of these was invited, and has no address.
    sql(
        &cuhk_db,
        "INSERT INTO people (id, name, added_at, email) \
         VALUES ('1155000001', 'A', 0, 'a@b.example'), ('1155000002', 'B', 0, NULL); \
         INSERT INTO invitations (code_hash, invitee_kind, invitee, created_at, expires_at) \
         VALUES (x'00', 'person', '1155000002', 0, 9999999999999)",
    );
    let roster = only("roster");
    tells(&roster, "roster warning: ", "1 of 2 people on the roster have no mail address");
    let forgotten = "1 of 2 people on the roster have neither a certificate nor an open code";
    tells(&roster, "roster warning: ", forgotten);

    let newest = "SELECT MAX(version) FROM _sqlx_migrations";
    sql(
        &blackboard_db,
        &format!("UPDATE _sqlx_migrations SET version = 99 WHERE version = ({newest})"),
    );
    tells(
        &only("records"),
        "records wrong: ",
        "The records have schema 99, and this program knows ",
    );
    sql(&blackboard_db, "DELETE FROM _sqlx_migrations WHERE version = 99");
    tells(&only("records"), "records warning: ", "this program brings them to ");
    tells(&only("log"), "log warning: ", "The log was not looked at");

    // A page of it lost.
    let mut bytes = fs::read(&cuhk_db).unwrap();
    let middle = (bytes.len() / 2).next_multiple_of(4096);
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&cuhk_db, bytes).unwrap();
    let damaged = only("records");
    assert!(damaged.iter().any(|line| line.starts_with("records wrong: ")), "{damaged:?}");
    fs::write(&cuhk_db, b"not a database at all, and long enough to be looked at").unwrap();
    tells(&only("records"), "records wrong: ", "The records cannot be read");
}
