//! Options, `CLAIM_*`, `claim.toml`, defaults: in this order, and what is wrong with them is told.

use crate::course::{Course, Folder, SID};
use crate::program::Program;

/// The port that CUHK says it listens on.
fn origin_of(program: &Program) -> String {
    program.out.event("listening")["origin"].as_str().unwrap().to_owned()
}

#[test]
fn option_before_environment_before_file() {
    let folder = Folder::new();
    folder.write("roster.csv", "id\n1155123456\n");
    folder.run(&["cuhk", "init"]).expect(0);
    let invite = |variable: Option<&str>, option: Option<&str>| {
        let mut arguments = vec!["cuhk", "invite", "--roster", "roster.csv"];
        arguments.extend(option.iter().flat_map(|url| ["--public-url", url]));
        let mut command = folder.command(&arguments);
        command.envs(variable.map(|url| ("CLAIM_PUBLIC_URL", url)));
        let done = Program::start(command).end().expect(0);
        done.out.split("claim://").nth(1).unwrap().split('/').next().unwrap().to_owned()
    };
    assert_eq!(invite(None, None), "localhost:9335");
    folder.write("claim.toml", "[cuhk]\npublic-url = \"https://file.example:1\"\n");
    assert_eq!(invite(None, None), "file.example:1");
    let variable = Some("https://variable.example:2");
    assert_eq!(invite(variable, None), "variable.example:2");
    assert_eq!(invite(variable, Some("https://option.example:3")), "option.example:3");
}

#[test]
fn every_kind_of_setting_in_the_file_and_the_environment() {
    let folder = Folder::new();
    folder.write("claim.toml", "json = true\n[cuhk]\nlisten = \"127.0.0.1:0\"\n");
    let cuhk = folder.start(&["cuhk"]);
    origin_of(&cuhk);
    cuhk.stop();
    folder.write("claim.toml", "[cuhk.limits]\nmax-connections = 7\nidle-timeout = 1.5\n");
    let mut command = folder.command(&["cuhk"]);
    command.env("CLAIM_LISTEN", "127.0.0.1:0").env("CLAIM_JSON", "1").env("CLAIM_DIR", "elsewhere");
    let cuhk = Program::start(command);
    origin_of(&cuhk);
    cuhk.stop();
    assert!(folder.has("elsewhere/cuhk.cer") && folder.has("cuhk.cer"));
    // The file of another folder, and another file.
    folder.write("elsewhere/claim.toml", "json = true\n");
    let done = folder.run(&["cuhk", "list", "--dir", "elsewhere"]).expect(0);
    assert_eq!(done.documents().len(), 3, "its server, its witness, its timestamps");
    folder.write("other.toml", "dir = \"elsewhere\"\njson = true\n");
    let done = folder.run(&["cuhk", "list", "--config", "other.toml"]).expect(0);
    assert_eq!(done.documents().len(), 3, "its server, its witness, its timestamps");
    let mut command = folder.command(&["student", "enroll"]);
    command.env("CLAIM_SID", SID).env("CLAIM_CUHK", "https://localhost:1");
    Program::start(command).end().explains(3, &["https://localhost:1"]);
}

#[test]
fn a_wrong_file_is_a_usage_error_that_names_it() {
    let wrong = [
        ("nonsense", "line 1 is not valid TOML"),
        ("[cuhk]\n\nlisten = ", "line 3 is not valid TOML"),
        ("nonsense = 1", "no option \"nonsense\""),
        ("[cuhk]\nport = 1", "[cuhk] has no option \"port\""),
        ("[other]\nlisten = \"127.0.0.1:0\"", "\"other\""),
        ("[cuhk.limits]\nmax-conections = 1", "unknown field `max-conections`"),
        ("[cuhk.limits]\nmax-connections = 0", "expected at least 1"),
        ("[blackboard.limits]\nidle-timeout = 0", "[blackboard.limits]"),
        ("[blackboard.quotas]\nrequests-per-minute = 0", "[blackboard.quotas]"),
        ("[cuhk]\nlimits = 3", "[cuhk.limits]"),
        ("[cuhk]\nlisten = \"somewhere\"", "'somewhere' for '--listen"),
        ("[cuhk]\npublic-url = \"http://cuhk.example\"", "must start with https://"),
        ("[cuhk]\ntls-cert = \"a.pem\"", "--tls-cert and --tls-key go together"),
        ("verbose = \"much\"", "--verbose"),
    ];
    let folder = Folder::new();
    for (file, said) in wrong {
        folder.write("claim.toml", file);
        folder.run(&["cuhk"]).explains(2, &["error: claim.toml: ", said, "Correct claim.toml"]);
        folder.write("other.toml", file);
        std::fs::remove_file(folder.path("claim.toml")).unwrap();
        let done = folder.run(&["cuhk", "--config", "other.toml"]);
        done.explains(2, &["error: other.toml: ", said, "Correct other.toml"]);
    }
    std::fs::remove_file(folder.path("other.toml")).unwrap();
    assert_eq!(folder.names(), Vec::<String>::new(), "nothing was started");
    let done = folder.run(&["cuhk", "--config", "missing.toml"]);
    done.explains(2, &["error: missing.toml: cannot be read"]);
    std::fs::create_dir(folder.path("claim.toml")).unwrap();
    folder.run(&["cuhk"]).explains(2, &["error: claim.toml: cannot be read"]);
}

#[test]
fn what_is_wrong_on_the_command_line_is_not_the_files_fault() {
    let folder = Folder::new();
    folder.write("claim.toml", "[cuhk]\nlisten = \"127.0.0.1:0\"\n");
    for arguments in [&["cuhk", "--listen", "somewhere"][..], &["cuhk", "--nonsense"]] {
        let done = folder.run(arguments).expect(2);
        assert!(!done.err.contains("claim.toml"), "{}", done.err);
        assert!(done.err.contains(arguments.last().unwrap()), "{}", done.err);
    }
    let help = folder.run(&["cuhk", "--help"]).expect(0);
    assert!(help.out.contains("--listen"), "{}", help.out);
}

#[test]
fn a_password_in_the_file_is_not_repeated() {
    let folder = Folder::new();
    for file in [
        "[cuhk]\ndatabase = \"postgres://cuhk:swordfish@db/cuhk\n",
        "[cuhk]\ndatabase = postgres://cuhk:swordfish@db/cuhk\n",
        "[cuhk]\ndatabase = \"nonsense://cuhk:swordfish@db/cuhk\"\n",
    ] {
        folder.write("claim.toml", file);
        let done = folder.run(&["cuhk", "-vv"]);
        assert_ne!(done.code, 0);
        assert!(!done.err.contains("swordfish"), "{}", done.err);
        assert!(!done.out.contains("swordfish"), "{}", done.out);
    }
}

#[test]
fn a_wrong_variable_is_a_usage_error() {
    let folder = Folder::new();
    for (name, value) in [
        ("CLAIM_LISTEN", "somewhere"),
        ("CLAIM_PUBLIC_URL", "http://cuhk.example"),
        ("CLAIM_METRICS", "9090"),
        ("CLAIM_TLS_CERT", "a.pem"),
    ] {
        let mut command = folder.command(&["cuhk"]);
        command.env(name, value);
        let done = Program::start(command).end().expect(2);
        let option = name["CLAIM_".len()..].to_lowercase().replace('_', "-");
        assert!(
            done.err.contains(&format!("--{}", option.trim_end_matches("-cert"))),
            "{}",
            done.err
        );
    }
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn errors_in_json_are_documents_too() {
    let folder = Folder::new();
    for arguments in [
        &["cuhk", "list"][..],
        &["blackboard", "messages"],
        &["student", "say", "x"],
        &["student", "enroll", "--sid", SID],
    ] {
        let done = folder.run(&[arguments, &["--json"]].concat());
        let [document] = &done.documents()[..] else { panic!("{arguments:?}: {}", done.out) };
        assert!(document["error"].is_string() && document["advice"].is_string(), "{document}");
        assert_eq!(document["level"], "ERROR");
        assert_ne!(done.code, 0);
    }
}

#[test]
fn quiet_is_results_and_errors() {
    let course = Course::new();
    let cuhk = course.folder.start(&["cuhk", "--quiet"]);
    let blackboard = course.blackboard();
    let done = course.folder.run(&["student", "enroll", "--sid", SID, "--quiet"]).expect(0);
    assert!(done.out.starts_with("Certificate ") && done.out.lines().count() == 1, "{}", done.out);
    let listed = course.folder.run(&["cuhk", "list", "--quiet"]).expect(0).out;
    let of = |profile: &str| listed.lines().filter(|line| line.contains(profile)).count();
    assert_eq!((of(" server "), of(" person ")), (2, 1), "results are shown: {listed}");
    blackboard.stop();
    course.folder.run(&["student", "say", "--quiet", "x"]).explains(3, &["nothing listens there"]);
    let done = cuhk.stop();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
}
