//! Handing in, as people do it: against both real servers, to a receipt that stock tools check.

use std::process::Command;

use crate::course::{Course, OTHER_SID, SID};
use crate::program::{Done, Program};

/// Both servers ready for claims, one assignment with a due time, one student.
fn course() -> (Course, Program, Program) {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"];
    let zone = ["--zone", "Asia/Hong_Kong"];
    course.folder.run(&[&add[..], &zone].concat()).expect(0);
    course.enrol(SID);
    course.folder.write("report.pdf", vec![7; 5 * 1024 * 1024]);
    std::fs::create_dir(course.folder.path("data")).unwrap();
    course.folder.write("data/a.txt", "hello");
    course.folder.write("data/empty", "");
    (course, cuhk, blackboard)
}

fn hand_in(course: &Course) -> Done {
    let command = ["student", "hand-in", "report.pdf", "data", "--to", "IEMS5710/lab1", "--yes"];
    course.folder.run(&command)
}

#[test]
fn a_report_its_receipt_and_what_that_proves() {
    let (course, cuhk, blackboard) = course();
    let done = hand_in(&course).expect(0);
    for words in ["lodged ", " before the deadline", "lab1.lodged", "lab1.receipt", "counts"] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }
    blackboard.out.shows("lodged a claim for IEMS5710/lab1");
    blackboard.out.shows("handed in 3 files for IEMS5710/lab1");

    // Whoever has the receipt, the files and cuhk.cer needs neither server.
    drop((cuhk, blackboard));
    let verified = course
        .folder
        .run(&["verify", "lab1.receipt", "report.pdf", "data", "--root", "cuhk.cer"])
        .expect(0);
    for words in ["verified. Every check holds.", "IEMS5710/lab1", SID, "in time", "witnessed by"] {
        let plain: String = verified.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "{words}:\n{}", verified.out);
    }
    course.folder.run(&["verify", "lab1.lodged", "--root", "cuhk.cer"]).expect(5);
    course.folder.write("report.pdf", vec![8; 5 * 1024 * 1024]);
    course.folder.run(&["verify", "lab1.receipt", "report.pdf", "--root", "cuhk.cer"]).expect(4);
    assert!(openssl_agrees(&course));
}

/// The commands of the receipt's README.txt, as they stand there.
fn openssl_agrees(course: &Course) -> bool {
    let unpacked = course.folder.path("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    std::fs::copy(course.folder.path("cuhk.cer"), unpacked.join("cuhk.cer")).unwrap();
    let unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let mut python = Command::new("python3");
    python.args(["-c", unzip]).arg(course.folder.path("lab1.receipt")).arg(&unpacked);
    assert!(python.status().unwrap().success());
    let readme = std::fs::read_to_string(unpacked.join("README.txt")).unwrap();
    let commands = readme.lines().map(str::trim).filter(|line| line.starts_with("openssl "));
    let mut run = 0;
    for command in commands {
        let ended =
            Command::new("sh").args(["-c", command]).current_dir(&unpacked).output().unwrap();
        assert!(ended.status.success(), "{command}: {ended:?}");
        run += 1;
    }
    run == 2 && unpacked.join("manifest.json").exists()
}

#[test]
fn again_and_what_the_student_sees_of_it() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course).expect(0);
    // The same files again are the same claim, and its receipt is there.
    let again = hand_in(&course).expect(0);
    assert!(again.out.contains("going on with that claim"), "{}", again.out);
    assert!(again.out.contains("lab1.receipt"), "{}", again.out);
    for second in ["lab1-2.receipt", "lab1-2.lodged"] {
        assert!(!course.folder.has(second), "{second}: {}", again.out);
    }
    let list = ["blackboard", "list", "IEMS5710/lab1", "--json"];
    assert_eq!(course.folder.run(&list).expect(0).documents().len(), 1);

    course.folder.write("data/a.txt", "hello again");
    hand_in(&course).expect(0);
    let listed = course.folder.run(&list).expect(0).documents();
    let counting: Vec<_> = listed.iter().map(|claim| claim["counts"].as_bool().unwrap()).collect();
    assert_eq!(counting, [false, true]);

    let status = course.folder.run(&["student", "status"]).expect(0);
    assert!(
        status.out.contains("IEMS5710/lab1") && status.out.contains("+08:00"),
        "{}",
        status.out
    );
    let receipts = course.folder.run(&["student", "receipts"]).expect(0);
    assert!(receipts.out.matches("IEMS5710/lab1").count() >= 2, "{}", receipts.out);

    course.folder.run(&["student", "fetch", "IEMS5710/lab1", "--out", "back"]).expect(0);
    assert_eq!(course.folder.read("back/lab1/data/a.txt"), "hello again");
    assert_eq!(std::fs::read(course.folder.path("back/lab1/report.pdf")).unwrap().len(), 5 << 20);

    course.folder.run(&["student", "withdraw", "IEMS5710/lab1", "--yes"]).expect(0);
    let listed = course.folder.run(&list).expect(0).documents();
    let states: Vec<_> = listed.iter().map(|claim| claim["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["received", "withdrawn"]);
    assert_eq!(listed[0]["counts"], true, "the one before counts again");
}

#[test]
fn what_is_acknowledged_survives_a_killed_server() {
    let (course, _cuhk, blackboard) = course();
    hand_in(&course).expect(0);
    let receipt = std::fs::read(course.folder.path("lab1.receipt")).unwrap();
    blackboard.signal("KILL");
    blackboard.end();
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    std::fs::rename(course.folder.path("lab1.receipt"), course.folder.path("kept")).unwrap();
    hand_in(&course).expect(0);
    assert_eq!(std::fs::read(course.folder.path("lab1.receipt")).unwrap(), receipt);
    // And the log goes on where it was.
    course.folder.write("data/a.txt", "another");
    hand_in(&course).expect(0);
    course.folder.run(&["verify", "lab1-2.receipt", "data", "--root", "cuhk.cer"]).expect(0);
}

#[test]
fn others_see_nothing_of_it() {
    let (course, _cuhk, _blackboard) = course();
    let done = hand_in(&course).expect(0);
    let claim = course.folder.run(&["blackboard", "list", "IEMS5710/lab1", "--json"]).expect(0);
    let claim = claim.documents()[0]["claim"].as_str().unwrap().to_owned();
    assert!(done.out.contains(&claim[..12]), "{}", done.out);
    course.enrol(OTHER_SID);
    let fetch = ["student", "fetch", &claim, "--sid", OTHER_SID, "--out", "stolen"];
    course.folder.run(&fetch).explains(2, &["you have no such claim"]);
    assert!(!course.folder.has("stolen"));
}
