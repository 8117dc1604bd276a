//! Help, completions, man pages; colour only where somebody sees it.

use crate::course::{Folder, has_escapes};
use crate::program::Program;

#[test]
fn help_of_every_command() {
    let folder = Folder::new();
    for command in [
        "",
        "demo",
        "cuhk",
        "cuhk serve",
        "cuhk init",
        "cuhk invite",
        "cuhk roster",
        "cuhk roster import",
        "cuhk roster list",
        "cuhk roster show",
        "cuhk roster export",
        "cuhk roster remove",
        "cuhk roster restore",
        "cuhk list",
        "cuhk backup",
        "cuhk restore",
        "blackboard",
        "blackboard serve",
        "blackboard messages",
        "blackboard backup",
        "blackboard restore",
        "student",
        "student enroll",
        "student say",
        "student status",
        "student renew",
        "verify",
        "log",
        "log audit",
        "log witness",
        "bench",
        "bench sessions",
        "completions",
        "man",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let done = folder.run(&arguments).expect(0);
        assert!(done.out.contains(&format!("Usage: claim {command}")), "{command}: {}", done.out);
        assert!(done.out.lines().all(|line| line.chars().count() <= 100), "{}", done.out);
        assert_eq!(done.err, "");
        assert!(!has_escapes(&done.out));
    }
    for command in [
        "",
        "demo",
        "cuhk",
        "cuhk init",
        "cuhk invite",
        "cuhk backup",
        "cuhk restore",
        "blackboard",
        "blackboard backup",
        "blackboard restore",
        "student",
        "student enroll",
        "student say",
        "verify",
        "log",
        "log audit",
        "log witness",
        "bench",
        "completions",
        "man",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = folder.run(&arguments).expect(0).out;
        let (_, examples) = help.split_once("\nExample").expect(command);
        assert!(examples.contains(&format!("  claim {command}")), "{help}");
    }
    let done = folder.run(&["--help"]).expect(0);
    assert!(done.out.contains("Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not reachable"));
}

#[test]
fn what_is_no_command_is_a_usage_error() {
    let folder = Folder::new();
    for arguments in [
        &["nonsense"][..],
        &["cuhk", "nonsense"],
        &["cuhk", "--nonsense"],
        &[],
        &["man"],
        &["completions", "nonsense"],
        &["cuhk", "invite"],
        &["bench"],
        &["cuhk", "invite", "--sid", "1155123456", "--roster", "roster.csv"],
    ] {
        let done = folder.run(arguments).expect(2);
        assert!(done.out.is_empty() && !done.err.is_empty(), "{arguments:?}");
    }
    let done = folder.run(&["--version"]).expect(0);
    assert_eq!(done.out, format!("claim {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = folder.run(&["completions", shell]).expect(0);
        assert!(done.out.contains("claim") && done.out.contains("blackboard"), "{shell}");
        assert_eq!(done.err, "");
    }
}

#[test]
fn man_pages() {
    let folder = Folder::new();
    let done = folder.run(&["man", "share/man/man1"]).expect(0);
    assert!(done.out.contains("man share/man/man1/claim.1"), "{}", done.out);
    for page in
        ["claim", "claim-cuhk-invite", "claim-blackboard", "claim-student-say", "claim-demo"]
    {
        assert!(folder.read(&format!("share/man/man1/{page}.1")).contains(".TH"), "{page}");
    }
    folder.write("file", "");
    folder.run(&["man", "file"]).explains(1, &["cannot make file"]);
}

#[test]
fn errors_have_colour_on_a_terminal_only() {
    let folder = Folder::new();
    for (no_color, colour) in [(None, true), (Some("1"), false)] {
        let mut command = folder.on_a_terminal("cuhk list");
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let done = Program::start(command).end().expect(1);
        assert!(done.out.contains("there is no CUHK in"), "{}", done.out);
        assert_eq!(has_escapes(&done.out), colour, "{:?}", done.out);
    }
    assert!(!has_escapes(&folder.run(&["cuhk", "list"]).expect(1).err));
}
