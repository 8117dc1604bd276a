//! What people see when the disk is full: students, and whoever runs Blackboard.

use claim_crash::small_disk::SmallDisk;

use crate::course::free_port;
use crate::health::Health;
use crate::outages::{course_with, told};

/// The disk, in MiB. Everything is on it, so what students need must stay.
const DISK: u32 = 160;

/// Pieces are refused below so many MiB, claims below an eighth of it.
const KEEP: u64 = 64;

const MIB: u64 = 1 << 20;

#[test]
fn uploads_wait_for_room_and_a_claim_is_stamped_by_cuhk() {
    let name = "full_disk::uploads_wait_for_room_and_a_claim_is_stamped_by_cuhk";
    let Some(disk) = SmallDisk::within(name, DISK).unwrap() else { return };
    let port = free_port();
    let settings = format!("keep-free = {KEEP}\nmetrics = \"127.0.0.1:{port}\"\n");
    let (course, _cuhk, blackboard) = course_with(&settings);
    let health = Health::on(port);
    told(&course);
    health.shows("metrics", &format!("claim_disk_keep_bytes {}", KEEP * MIB));

    // It is told before anything is refused, and again when uploads are.
    disk.leave(100 * MIB).unwrap();
    blackboard.signal("HUP");
    blackboard.err.shows("make room before uploads are refused");
    disk.leave(40 * MIB).unwrap();
    blackboard.signal("HUP");
    blackboard.err.shows("uploads are refused; make room");
    health.shows("readyz", "HTTP/1.1 200 ");
    let hand_in = ["student", "hand-in", "report.pdf", "--to", "IEMS5710/lab1", "--yes"];
    let student = course.folder.start(&hand_in);
    student.out.shows("The proof of that is lab1.lodged");
    student.out.shows("The server's disk is full");
    disk.make_room().unwrap();
    let done = student.end().expect(0);
    assert!(done.out.contains("counts"), "{}", done.out);

    // Not even claims are taken. CUHK says when it had this one, and the program does the rest.
    disk.leave(4 * MIB).unwrap();
    course.folder.write("other.txt", "other");
    let hand_in = ["student", "hand-in", "other.txt", "--to", "IEMS5710/lab1", "--yes"];
    let student = course.folder.start(&[&hand_in[..], &["--receipt", "other.receipt"]].concat());
    student.out.shows("Blackboard takes no claims at present");
    student.out.shows("stamped by CUHK at ");
    student.out.shows("keep other.pending");
    health.shows("readyz", "the disk has no room for claims");
    disk.make_room().unwrap();
    let done = student.end().expect(0);
    for words in ["judged by CUHK's time", "other.receipt", "counts"] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }
    health.shows("readyz", "HTTP/1.1 200 ");
    for (receipt, file) in [("lab1.receipt", "report.pdf"), ("other.receipt", "other.txt")] {
        course.folder.run(&["verify", receipt, file, "--root", "cuhk.cer"]).expect(0);
    }
    let outages = course.folder.run(&["blackboard", "outage", "list"]).expect(0);
    assert!(outages.out.contains("by the minute marks"), "{}", outages.out);
}

#[test]
fn a_server_that_finds_no_room_to_start_says_so_and_starts_when_there_is() {
    let name = "full_disk::a_server_that_finds_no_room_to_start_says_so_and_starts_when_there_is";
    let Some(disk) = SmallDisk::within(name, DISK).unwrap() else { return };
    let (course, cuhk, blackboard) = course_with("");
    told(&course);
    blackboard.stop();
    cuhk.stop();
    // Stopped in order, both have put away the files that they keep beside their records.
    disk.leave(0).unwrap();
    course.folder.run(&["cuhk"]).explains(1, &["full", "Make room on the disk"]);
    disk.make_room().unwrap();
    let _servers = course.servers();
    told(&course);
}
