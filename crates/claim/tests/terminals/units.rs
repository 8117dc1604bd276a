//! The units in `contrib/systemd/`: systemd understands them, they shut their service in, and the program knows what
//! they start it with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::course::Folder;

/// The most that `systemd-analyze security` may say, in tenths: it calls this "OK".
const MOST_EXPOSED: &str = "20";

/// Where the units say that the program is.
const INSTALLED: &str = "/usr/local/bin/claim";

fn units() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/systemd");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut units: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "service")).collect();
    units.sort();
    let names: Vec<_> = units.iter().map(|unit| unit.file_name().unwrap()).collect();
    assert_eq!(names, ["claim-blackboard.service", "claim-cuhk.service"]);
    units
}

/// All values of a setting.
fn settings<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

fn analyze(arguments: &[&str], unit: &Path) -> String {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    let output = output.expect("systemd-analyze is installed");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}: {said:?}", unit.display());
    said.concat()
}

#[test]
fn systemd_understands_them_and_finds_little_exposed() {
    for unit in units() {
        // The program need not be installed here: the one that is tested stands in for it.
        let folder = Folder::new();
        let text = fs::read_to_string(&unit).unwrap();
        let name = unit.file_name().unwrap().to_str().unwrap();
        folder.write(name, text.replace(INSTALLED, env!("CARGO_BIN_EXE_claim")));
        // With what may be put beside it.
        let drop_in = unit.parent().unwrap().join("postgres.conf");
        fs::create_dir(folder.path(&format!("{name}.d"))).unwrap();
        fs::copy(drop_in, folder.path(&format!("{name}.d/postgres.conf"))).unwrap();
        let said = analyze(&["--man=no", "verify"], &folder.path(name));
        assert!(!said.contains(name), "{said}");
        analyze(&["security", "--offline=true", "--threshold", MOST_EXPOSED], &unit);
    }
}

#[test]
fn the_program_knows_what_they_start_it_with() {
    let folder = Folder::new();
    for unit in units() {
        let text = fs::read_to_string(&unit).unwrap();
        let [start] = settings(&text, "ExecStart")[..] else { panic!("{text}") };
        let arguments = start.strip_prefix(INSTALLED).unwrap();
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        // Whatever it does not know it names before it comes to the help.
        arguments.push("--help");
        let done = folder.run(&arguments).expect(0);
        assert!(done.out.contains("--listen"), "{}", done.out);
        assert_eq!(settings(&text, "Type"), ["notify"]);
        assert_eq!(settings(&text, "ExecReload"), ["/bin/kill -HUP $MAINPID"]);
        // The exit code of a wrong option or file.
        assert_eq!(settings(&text, "RestartPreventExitStatus"), ["2"]);
        let user = unit.file_stem().unwrap().to_str().unwrap();
        for setting in ["User", "Group", "StateDirectory"] {
            assert_eq!(settings(&text, setting), [user]);
        }
        assert_eq!(settings(&text, "WorkingDirectory"), [format!("/var/lib/{user}")]);
    }
}

#[test]
fn systemd_has_longer_patience_than_the_program() {
    let drain_timeout = claim_http::Limits::default().drain_timeout.as_secs();
    for unit in units() {
        let text = fs::read_to_string(&unit).unwrap();
        let [patience] = settings(&text, "TimeoutStopSec")[..] else { panic!("{text}") };
        assert!(patience.parse::<u64>().unwrap() > drain_timeout + 5);
    }
}
