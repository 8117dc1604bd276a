//! Servers whose clock is wrong, or is set while they serve: the real program, and faketime between it and the system.
//!
//! Only Blackboard's clock is faked. CUHK, the student and this test go by the machine's.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::course::{Course, SID};
use crate::health::Health;
use crate::program::{Done, Program};

const HAND_IN: [&str; 6] = ["student", "hand-in", "report.txt", "--to", "IEMS5710/lab1", "--yes"];

/// A course, and the clock of its Blackboard's machine.
struct Scene {
    course: Course,
    handed_in: u32,
}

/// The library that faketime puts between a program and the system's clock.
pub(crate) fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let folders = folders.chain(["/usr/lib64".into(), "/usr/lib".into()]);
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    let found = libraries.find(|library| library.is_file());
    found.expect("these tests need faketime (on Debian: apt-get install faketime)")
}

impl Scene {
    /// Both servers have been there; the clock is right, and due is an assignment far from now.
    fn new() -> (Self, Program, (Program, Health)) {
        let scene = Self { course: Course::new(), handed_in: 0 };
        scene.set(0);
        let (cuhk, (blackboard, health)) = (scene.course.cuhk(), scene.blackboard());
        blackboard.out.line("Claims are taken: ");
        let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"];
        scene.course.folder.run(&add).expect(0);
        scene.course.enrol(SID);
        (scene, cuhk, (blackboard, health))
    }

    /// Sets the clock of Blackboard's machine so many seconds ahead, or (negative) back.
    fn set(&self, seconds: i64) {
        let (new, file) = (self.path("clock.new"), self.path("clock"));
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.course.folder.path(name)
    }

    /// Blackboard on that machine; it may not get as far as to listen.
    fn started(&self) -> Program {
        let mut command = self.course.folder.command(&["blackboard", "--metrics", "127.0.0.1:0"]);
        command
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", self.path("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        Program::start(command)
    }

    fn blackboard(&self) -> (Program, Health) {
        let program = self.started();
        program.out.line("Blackboard listens on ");
        let health = Health::of(&program);
        (program, health)
    }

    /// Hands in something new.
    fn try_to_hand_in(&mut self) -> Done {
        self.handed_in += 1;
        self.course.folder.write("report.txt", format!("version {}", self.handed_in));
        let receipt = self.receipt();
        let arguments = [&HAND_IN[..], &["--receipt", &receipt]].concat();
        let hand_in = || self.course.folder.run(&arguments);
        // The first revocation list may still be on its way.
        let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
        done.unwrap()
    }

    /// Hands in something new; returns the name of its receipt.
    fn hand_in(&mut self) -> String {
        self.try_to_hand_in().expect(0);
        self.receipt()
    }

    /// The name of the last receipt.
    fn receipt(&self) -> String {
        format!("{}.receipt", self.handed_in)
    }

    fn verify(&self, receipt: &str) -> Done {
        self.course.folder.run(&["verify", receipt, "--root", "cuhk.cer", "--json"])
    }

    /// Hands in, and the receipt proves that it was in time.
    fn hand_in_well(&mut self) -> Value {
        let receipt = self.hand_in();
        let report = self.verify(&receipt).expect(0).documents().remove(0);
        assert_eq!(report["time"]["standing"], "proven-in-time", "{report}");
        report
    }

    fn outages(&self) -> usize {
        let list = ["blackboard", "outage", "list", "--json"];
        self.course.folder.run(&list).expect(0).documents().len()
    }
}

#[test]
fn a_clock_that_is_set_while_blackboard_serves_judges_nothing_wrongly() {
    let (mut scene, _cuhk, (blackboard, health)) = Scene::new();
    scene.hand_in_well();
    health.shows("metrics", "claim_log_witness_clock_difference_seconds{");
    for (seconds, moved, off) in [
        (86_400, "SET forward by 86400 s", "it is 86400 s ahead"),
        // Further back than any certificate here goes.
        (-86_400, "SET back by 86400 s", "it is 86400 s behind"),
    ] {
        scene.set(seconds);
        blackboard.err.shows(moved);
        scene.hand_in_well();
        blackboard.err.shows(off);
        health.measures("claim_clock_leap_seconds", seconds);
        scene.hand_in_well();
        scene.set(0);
        blackboard.out.shows("agrees with Blackboard's time again");
    }
    health.measures("claim_clock_leap_seconds", 0);
    scene.hand_in_well();
    assert_eq!(scene.outages(), 0, "it has served all the time");
    assert!(!blackboard.err.text().contains("DIFFER"), "{}", blackboard.err.text());
    blackboard.stop();
}

#[test]
fn a_wrong_clock_stops_a_start_and_an_absent_cuhk_does_not() {
    let (scene, cuhk, (blackboard, _)) = Scene::new();
    blackboard.stop();
    for (seconds, said) in
        [(3_600, "ahead of the clock of CUHK"), (-30, "behind the clock of CUHK")]
    {
        scene.set(seconds);
        let refused = scene.started().end();
        refused.explains(1, &[said, "one of the two is wrong", "set the wrong one"]);
    }
    cuhk.stop();
    let (blackboard, health) = scene.blackboard();
    let cuhk = scene.course.cuhk();
    blackboard.err.shows("THE CLOCKS DIFFER: this machine's is ");
    blackboard.err.shows(" behind by that of the witness ");
    health.shows("metrics", "claim_log_witness_clock_difference_seconds{");
    blackboard.stop();
    cuhk.stop();
}

#[test]
fn what_a_wrong_clock_has_stamped_says_so_and_a_clock_that_is_set_right_is_followed() {
    let (mut scene, cuhk, (blackboard, _)) = Scene::new();
    blackboard.stop();
    cuhk.stop();
    // Nobody is there to compare with at the start.
    scene.set(-200);
    let (blackboard, _) = scene.blackboard();
    let cuhk = scene.course.cuhk();
    blackboard.err.shows("THE CLOCKS DIFFER: ");
    let receipt = scene.hand_in();
    let report = scene.verify(&receipt).expect(0).documents().remove(0);
    // The witness saw it in time, whatever Blackboard's clock says.
    assert_eq!(report["time"]["standing"], "proven-in-time", "{report}");

    scene.set(0);
    blackboard.err.shows("was set forward by 200 s, and CUHK's clock confirms it");
    blackboard.out.shows("agree again");
    scene.hand_in_well();
    let known = scene.outages();
    blackboard.stop();
    cuhk.stop();

    scene.set(3_600);
    let (blackboard, _) = scene.blackboard();
    let _cuhk = scene.course.cuhk();
    blackboard.err.shows("THE CLOCKS DIFFER: ");
    // So far ahead, nothing that it stamps can be believed, and the student is told at once.
    let said = ["the receipt does not hold", "after the witness saw it", "Do not count on this"];
    scene.try_to_hand_in().explains(1, &said);
    scene.set(0);
    blackboard.err.shows("was set back by 3600 s, and CUHK's clock confirms it");
    scene.hand_in_well();
    // The hour that the clock was ahead at the start is on record as an hour of silence; its end is none.
    assert_eq!(scene.outages(), known + 1);
    blackboard.stop();
}
