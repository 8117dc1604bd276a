//! Devices: renewed with either key and by themselves, shown to each other, counted, and told by mail.

use std::fs;

use claim_core::Timestamp;
use claim_pki::{Certificate, Issuer, SerialNumber, SigningKey, Subject, Validity};

use crate::clocks::faketime;
use crate::course::{Course, Folder, SID};
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};

const DAY: i64 = 86_400;

fn file(folder: &Folder, ending: &str) -> String {
    folder.read(&format!("{SID}.{ending}"))
}

#[test]
fn a_certificate_that_somebody_else_got_shows_on_the_others() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, _blackboard) = course.servers();
    folder.run(&["student", "enroll", "--sid", SID, "--device", "laptop"]).expect(0);
    let status = || folder.run(&["student", "status"]).expect(0).out;
    let first = status();
    assert!(first.contains("  laptop "), "{first}");
    assert!(first.contains("at a local demonstration") && first.contains("← here"), "{first}");
    assert!(!first.contains("!!"), "{first}");

    // Somebody else, with the same ID, elsewhere.
    fs::create_dir(folder.path("elsewhere")).unwrap();
    for name in ["cuhk.cer", "claim.toml"] {
        fs::copy(folder.path(name), folder.path("elsewhere").join(name)).unwrap();
    }
    let elsewhere = ["--dir", "elsewhere", "--sid", SID];
    let enrol = ["student", "enroll", "--device", "laptop-2"];
    folder.run(&[&enrol[..], &elsewhere].concat()).expect(0);
    let loud = status();
    let line = format!("!! A certificate for {SID} was issued on ");
    assert!(loud.contains(&line) && loud.contains("to \"laptop-2\""), "{loud}");
    assert!(loud.contains("If that was not you"), "{loud}");
    assert!(!status().contains("!!"), "it is told once");
    let there = folder.run(&[&["student", "status"], &elsewhere[..]].concat()).expect(0).out;
    assert!(there.contains("  laptop ") && !there.contains("!!"), "{there}");

    // One's own renewal is no news; that somebody renewed theirs is.
    folder.run(&["student", "renew"]).expect(0);
    assert!(!status().contains("!!"));
    folder.run(&[&["student", "renew"], &elsewhere[..]].concat()).expect(0);
    assert!(status().contains("to \"laptop-2\" as a renewal"));
    let listed = folder.run(&["cuhk", "list"]).expect(0).out;
    assert_eq!(listed.matches("  on laptop-2").count(), 2, "{listed}");
}

#[test]
fn a_certificate_is_renewed_with_the_same_key_or_another() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, _blackboard) = course.servers();
    course.enrol(SID);
    let (key, certificate) = (file(folder, "key"), file(folder, "cer"));
    let done = folder.run(&["student", "renew", "--keep-key"]).expect(0);
    assert!(done.out.contains("It has the same key."), "{}", done.out);
    assert!(done.out.contains(" stays good until "), "{}", done.out);
    assert_eq!(file(folder, "key"), key);
    assert_ne!(file(folder, "cer"), certificate);
    let done = folder.run(&["student", "renew", "--new-key", "--device", "Lab PC 3"]).expect(0);
    assert!(done.out.contains("It has a new key."), "{}", done.out);
    assert_ne!(file(folder, "key"), key);
    folder.run(&["student", "say", "with the new key"]).expect(0);
    let status = folder.run(&["student", "status"]).expect(0).out;
    assert!(status.contains("  Lab PC 3 "), "{status}");
    let both = folder.run(&["student", "renew", "--new-key", "--keep-key"]);
    assert_eq!(both.code, 2, "{}", both.err);
    let name = folder.run(&["student", "renew", "--device=-x"]);
    assert_eq!(name.code, 2, "{}", name.err);
    assert!(name.err.contains("a device's name has letters"), "{}", name.err);

    // A copy of the folder of before, be it a thief's or a backup: CUHK renews that certificate no more.
    folder.write(&format!("{SID}.key"), &key);
    folder.write(&format!("{SID}.cer"), &certificate);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.path(&format!("{SID}.key")), permissions).unwrap();
    folder.run(&["student", "renew", "--new-key"]).explains(1, &["renewed with another key"]);
    let serials = folder.run(&["cuhk", "list"]).expect(0).out;
    assert_eq!(serials.matches(SID).count(), 3, "{serials}");
}

/// A CUHK that was made long ago, so that there can be certificates whose time is over, with Blackboard and a student.
struct Aged {
    university: University,
    student: Folder,
    _cuhk: Program,
    _blackboard: Program,
}

impl Aged {
    fn new(more: &[&str]) -> Self {
        let university = University::made_by(|folder| {
            let mut init = folder.command(&["cuhk", "init"]);
            init.env("LD_PRELOAD", faketime()).env("FAKETIME", "-300d");
            Program::start(init).end()
        });
        let _cuhk = university.serve_cuhk_with(more);
        let _blackboard = university.serve_invited_blackboard();
        let student = Folder::new();
        enroll(&student, &university.invite(&["--sid", SID])).expect(0);
        Self { university, student, _cuhk, _blackboard }
    }

    fn wallet(&self, ending: &str) -> std::path::PathBuf {
        self.student.home().join(format!(".local/share/claim/{SID}.{ending}"))
    }

    /// Puts a certificate of this CUHK into the student's folder that began and ends so many days from now.
    fn live(&self, from: i64, until: i64) -> String {
        let read = |name: &str| self.university.cuhk.read(name);
        let issuing = Certificate::from_pem(&read("cuhk-issuing.cer")).unwrap();
        let key = SigningKey::from_pkcs8_pem(&read("cuhk-issuing.key")).unwrap();
        let own = fs::read_to_string(self.wallet("key")).unwrap();
        let own = SigningKey::from_pkcs8_pem(&own).unwrap();
        let now = claim_cuhk::Clock::system().now();
        let at = |days: i64| Timestamp::from_seconds(now.as_seconds() + days * DAY);
        let validity = Validity::starting(at(from), u32::try_from((until - from) * DAY).unwrap());
        let issuer = Issuer::new(issuing.clone(), key).unwrap();
        let mut random = [0; 16];
        random[..8].copy_from_slice(&(from * 1000 + until).to_be_bytes());
        random[8] = 1;
        let serial = SerialNumber::from_random(random);
        let subject = Subject::Person { id: SID.parse().unwrap(), name: None };
        let issuance = issuer.prepare(&subject, own.public_key(), &serial, validity).unwrap();
        let pem = issuer.issue(issuance).unwrap().to_pem() + &issuing.to_pem();
        fs::write(self.wallet("cer"), &pem).unwrap();
        pem
    }

    fn certificate(&self) -> String {
        fs::read_to_string(self.wallet("cer")).unwrap()
    }

    fn say(&self) -> Done {
        let (cuhk, blackboard) = (&self.university.cuhk_url, &self.university.blackboard_url());
        self.student.run(&["student", "say", "--cuhk", cuhk, "--blackboard", blackboard, "hello"])
    }
}

#[test]
fn a_certificate_is_renewed_by_itself_while_it_is_used() {
    let aged = Aged::new(&[]);
    // Not due yet.
    let young = aged.live(-100, 80);
    aged.say().expect(0);
    assert_eq!(aged.certificate(), young);
    // Two thirds of its life are gone: when the work is done it is renewed, in one line.
    let old = aged.live(-150, 30);
    let done = aged.say().expect(0);
    let (work, renewed) = (done.out.find("Blackboard has message"), done.out.find("was renewed;"));
    assert!(work.unwrap() < renewed.unwrap(), "{}", done.out);
    assert_ne!(aged.certificate(), old);
    assert!(!aged.say().expect(0).out.contains("renewed"));
    // It has ended, and is renewed before it is used.
    let ended = aged.live(-185, -5);
    let done = aged.say().expect(0);
    let (work, renewed) = (done.out.find("Blackboard has message"), done.out.find("was renewed;"));
    assert!(renewed.unwrap() < work.unwrap(), "{}", done.out);
    assert_ne!(aged.certificate(), ended);
    // Long ago: only a new code helps.
    let gone = aged.live(-215, -35);
    let done = aged.say();
    assert_ne!(done.code, 0);
    assert!(done.out.contains("could not be renewed"), "{}", done.out);
    assert_eq!(aged.certificate(), gone);
    let cuhk = ["--cuhk", aged.university.cuhk_url.as_str()];
    let renew = [&["student", "renew"], &cuhk[..]].concat();
    aged.student.run(&renew).explains(1, &["expired", "new invitation"]);
}

#[test]
fn a_failed_renewal_by_itself_is_a_warning() {
    let aged = Aged::new(&["--renewal-grace", "3"]);
    aged.university.cuhk.run(&["cuhk", "roster", "remove", SID, "--yes"]).expect(0);
    let old = aged.live(-150, 30);
    let done = aged.say().expect(0);
    assert!(done.out.contains("Blackboard has message"), "{}", done.out);
    assert!(done.out.contains("could not be renewed: "), "{}", done.out);
    assert!(done.out.contains("roster"), "{}", done.out);
    assert_eq!(aged.certificate(), old);
    aged.university.cuhk.run(&["cuhk", "roster", "restore", SID]).expect(0);
    // The grace is what it was set to.
    aged.live(-184, -4);
    assert_ne!(aged.say().code, 0);
    aged.live(-182, -2);
    aged.say().expect(0);
}
