//! The year in which a timestamp key signs, and the next one, which takes its place while Blackboard serves.

use claim_core::receipt::{Container, Member};
use claim_pki::{Certificate, TimestampToken};

use crate::clocks::faketime;
use crate::course::{Course, Folder, SID};
use crate::doctor::{course, found, tells};
use crate::program::{Done, Program};

/// Starts it so many days ago.
fn ago(folder: &Folder, days: u32, arguments: &[&str]) -> Program {
    let mut command = folder.command(arguments);
    command.env("LD_PRELOAD", faketime()).env("FAKETIME", format!("-{days}d"));
    Program::start(command)
}

/// Both servers, so many days ago.
fn servers(course: &Course, days: u32) -> (Program, Program) {
    let cuhk = ago(&course.folder, days, &["cuhk"]);
    cuhk.out.line("CUHK listens on ");
    let blackboard = ago(&course.folder, days, &["blackboard"]);
    blackboard.out.line("Claims are taken: ");
    (cuhk, blackboard)
}

/// Hands something in, and says by which certificate it was stamped.
fn hand_in(folder: &Folder, receipt: &str, run: impl Fn(&[&str]) -> Done) -> Certificate {
    folder.write("report.txt", receipt);
    let arguments = ["student", "hand-in", "report.txt", "--yes", "--receipt", receipt];
    // The first revocation list may still be on its way.
    let done = (0..100).map(|_| run(&arguments)).find(|done| !done.err.contains("revocation list"));
    done.unwrap().expect(0);
    let container = Container::from_zip(&std::fs::read(folder.path(receipt)).unwrap()).unwrap();
    let token = container.content(Member::Timestamp).unwrap();
    TimestampToken::from_der(token).unwrap().certificate().clone()
}

#[test]
fn the_next_key_is_asked_for_in_time_and_signs_without_a_pause() {
    let course = course();
    let folder = &course.folder;
    // Ten months ago.
    let (cuhk, blackboard) = servers(&course, 310);
    ago(folder, 310, &["student", "enroll", "--sid", SID]).end().expect(0);
    let first = hand_in(folder, "first.receipt", |words| ago(folder, 310, words).end());
    blackboard.stop();
    cuhk.stop();
    // Meanwhile both have renewed what renews itself.
    for days in [200, 90] {
        let (cuhk, blackboard) = servers(&course, days);
        assert!(!blackboard.err.text().contains("timestamp key signs until"));
        blackboard.stop();
        cuhk.stop();
    }
    for ending in ["key", "cer"] {
        std::fs::remove_file(folder.path(&format!("{SID}.{ending}"))).unwrap();
    }

    // Whoever has the root's key is on holiday.
    std::fs::rename(folder.path("cuhk.key"), folder.path("kept.key")).unwrap();
    let settings = folder.read("claim.toml");
    folder.write("claim.toml", settings.replace("[cuhk]\n", "[cuhk]\nroot-elsewhere = true\n"));
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    blackboard.err.shows("The timestamp key signs until ");
    blackboard.err.shows("blackboard.request certified");
    course.enrol(SID);
    let now = |words: &[&str]| folder.run(words);
    assert_eq!(hand_in(folder, "second.receipt", now), first, "the key of before still signs");
    let evidence = || found(folder, &["--only", "evidence"]);
    tells(&evidence(), "evidence warning: ", "timestamp.key signs until ");
    let (key, next) = (folder.read("timestamp.key"), folder.read("timestamp-next.key"));
    let request = folder.read("blackboard.request");
    folder.run(&["blackboard", "request", "--public-url", &course.blackboard]).expect(0);
    assert_eq!(folder.read("blackboard.request"), request, "it is for the next key");

    // An answer that is none changes nothing.
    let answer = folder.read("blackboard.answer");
    folder.write("blackboard.answer", "no certificates");
    blackboard.signal("HUP");
    blackboard.err.shows("the next one cannot take its place yet");
    assert_eq!(hand_in(folder, "third.receipt", now), first);
    folder.write("blackboard.answer", answer);
    assert_eq!(folder.read("timestamp.key"), key);

    // Back from there.
    std::fs::rename(folder.path("kept.key"), folder.path("cuhk.key")).unwrap();
    folder.write("claim.toml", settings);
    folder.run(&["cuhk", "certify", "blackboard.request", "--yes", "--out", "answer"]).expect(0);
    folder.write("blackboard.answer", folder.read("answer"));
    assert_eq!(hand_in(folder, "fourth.receipt", now), first, "until Blackboard looks again");
    blackboard.signal("HUP");
    blackboard.out.shows("The next timestamp key signs from now on");
    let second = hand_in(folder, "fifth.receipt", now);
    assert_ne!(second, first);
    assert_eq!(folder.read("timestamp.key"), next);
    assert!(!folder.has("timestamp-next.key"));
    assert_eq!(evidence(), [""; 0]);
    blackboard.stop();

    // It stays so, and what was stamped by the key of before verifies as ever.
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    assert_eq!(hand_in(folder, "sixth.receipt", now), second);
    for name in ["first", "second", "third", "fourth", "fifth", "sixth"] {
        let receipt = format!("{name}.receipt");
        folder.run(&["verify", &receipt, "--root", "cuhk.cer"]).expect(0);
    }
    blackboard.stop();
    cuhk.stop();
}
