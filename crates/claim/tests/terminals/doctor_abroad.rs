//! `claim doctor` and what is elsewhere: TLS certificates, witnesses, databases.

use std::fs;
use std::process::Command;

use crate::course::{Folder, free_port};
use crate::doctor::{course, found, found_at, found_by, served, tells};
use crate::postgres::Cluster;
use crate::program::Program;
use crate::reloading::make;

/// Writes a line into the table of a program in `claim.toml`.
fn set(folder: &Folder, program: &str, line: &str) {
    let (toml, table) = (folder.read("claim.toml"), format!("[{program}]\n"));
    assert!(toml.contains(&table), "{toml}");
    folder.write("claim.toml", toml.replacen(&table, &format!("{table}{line}\n"), 1));
}

/// What is found where the system trusts these roots and no others.
fn looked(folder: &Folder, roots: &str, arguments: &[&str]) -> Command {
    let mut command = folder.command(&[&["doctor"], arguments].concat());
    command.env("SSL_CERT_FILE", folder.path(roots)).env("SSL_CERT_DIR", folder.path("nowhere"));
    command
}

#[test]
fn a_tls_certificate_from_elsewhere_is_looked_at_by_the_systems_roots() {
    let course = course();
    let folder = &course.folder;
    let (certificate, _) = make(folder, "shown");
    make(folder, "another");
    set(folder, "blackboard", "tls-cert = \"shown.pem\"\ntls-key = \"shown.key\"");
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");

    let mut program =
        Program::start(looked(folder, "shown.pem", &["--only", "reach,certificates"]));
    program.end_input();
    let well = program.end().expect(0);
    for told in [
        format!(
            "Blackboard answers at {}, with a certificate that this system trusts.",
            course.blackboard
        ),
        format!("CUHK answers at {}, with a certificate that leads to cuhk.cer.", course.cuhk),
        "shown.pem is valid until ".to_owned(),
    ] {
        assert!(well.out.contains(&told), "{told} is not in\n{}", well.out);
    }
    let json = ["--json", "--quiet", "--only", "reach"];
    let reach = found_by(looked(folder, "another.pem", &json));
    tells(&reach, "reach wrong: ", "shows a certificate that this system does not trust");
    assert_eq!(reach.len(), 1, "{reach:?}");
    blackboard.stop();
    cuhk.stop();

    let only = ["--only", "certificates"];
    let soon = found_at(folder, Some("+12d"), &only);
    tells(&soon, "certificates warning: ", "shown.pem ends on ");
    tells(&found_at(folder, Some("+28d"), &only), "certificates wrong: ", "shown.pem ends on ");
    tells(&found_at(folder, Some("+31d"), &only), "certificates wrong: ", "shown.pem ended on ");
    folder.write("shown.pem", &certificate[..certificate.len() / 2]);
    tells(&found(folder, &only), "certificates wrong: ", "shown.pem is not a certificate");
    fs::remove_file(folder.path("shown.pem")).unwrap();
    tells(&found(folder, &only), "certificates wrong: ", "shown.pem is not a certificate");
}

#[test]
fn a_witness_that_cannot_be_reached_is_told() {
    let course = course();
    let folder = &course.folder;
    let witness = format!("https://localhost:{}", free_port());
    set(folder, "blackboard", &format!("ask-witness = [\"{witness}\"]"));
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    let reach = found(folder, &["--only", "reach"]);
    assert_eq!(reach, [format!("reach wrong: The witness does not answer at {witness}.")]);
    let said = folder.run(&["doctor", "--only", "reach"]).expect(1);
    assert!(said.out.contains("receipts go on with the others"), "{}", said.out);
    blackboard.stop();
    cuhk.stop();
}

#[test]
fn a_database_that_is_down_is_told_without_its_password() {
    let course = course();
    let folder = &course.folder;
    let cluster = Cluster::start();
    for program in ["cuhk", "blackboard"] {
        set(folder, program, &format!("database = \"{}\"", cluster.url(program)));
    }
    let (cuhk, blackboard) = served(&course);
    let only = ["--only", "records,log,roster"];
    assert_eq!(found(folder, &only), [""; 0]);
    blackboard.stop();
    cuhk.stop();
    drop(cluster);
    let down = found(folder, &only);
    assert_eq!(down, ["records wrong: The records cannot be read."; 2]);
    let said = folder.run(&["doctor", "--only", "records"]).expect(1);
    assert!(said.out.contains("See that the database server runs"), "{}", said.out);

    let port = free_port();
    let toml = folder.read("claim.toml");
    let lines = toml.lines().map(|line| match line.starts_with("database = ") {
        true => format!("database = \"postgres://claim:hunter2@127.0.0.1:{port}/claim\""),
        false => line.to_owned(),
    });
    folder.write("claim.toml", lines.collect::<Vec<_>>().join("\n") + "\n");
    let said = folder.run(&["doctor", "--only", "records"]).expect(1);
    assert!(said.out.contains("The records cannot be read."), "{}", said.out);
    assert!(!format!("{}{}", said.out, said.err).contains("hunter2"), "{}{}", said.out, said.err);
}
