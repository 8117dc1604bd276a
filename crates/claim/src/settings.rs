//! From arguments, `CLAIM_*` and `claim.toml` to one set of settings.
//!
//! Precedence: option, environment, file, default. clap knows three of them already; the file's values are handed
//! to it as defaults of the options of the same name, so every option works in the file, is checked by the same
//! parser, and no option can be forgotten here.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use claim_blackboard::Quotas;
use claim_http::Limits;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::cli::{self, BlackboardCommand, Cli, CuhkCommand, LogCommand};

/// The name of the configuration file in the data folder.
pub(crate) const FILE_NAME: &str = "claim.toml";

/// The programs that have a table of their own in the file.
const TABLES: [&str; 9] =
    ["cuhk", "blackboard", "staff", "student", "demo", "verify", "log", "doctor", "bench"];

/// The command with all its settings, and the limits of each server.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) cli: Cli,
    pub(crate) cuhk_limits: Limits,
    pub(crate) cuhk_quotas: claim_cuhk::Quotas,
    pub(crate) cuhk_mail: Option<claim_cuhk::MailSettings>,
    pub(crate) cuhk_sso: Option<claim_cuhk::SsoSettings>,
    pub(crate) blackboard_limits: Limits,
    pub(crate) blackboard_quotas: Quotas,
}

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum SettingsError {
    /// What clap says: usage, or help that was asked for.
    Usage(clap::Error),
    /// The file cannot be used, or a value in it.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Values stay out of it where they may be secrets.
        error: anyhow::Error,
    },
}

/// Reads the command line, the environment and the file.
pub(crate) fn load(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Settings, SettingsError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let File { path, table } = File::read(&arguments)?;
    let wrong = |error| SettingsError::File { path: path.clone(), error };
    let mut options = table;
    let cuhk_limits = take(&mut options, "cuhk", "limits").map_err(wrong)?;
    let cuhk_quotas = take(&mut options, "cuhk", "quotas").map_err(wrong)?;
    let cuhk_mail = take(&mut options, "cuhk", "mail").map_err(wrong)?;
    let cuhk_sso = take(&mut options, "cuhk", "sso").map_err(wrong)?;
    let blackboard_limits = take(&mut options, "blackboard", "limits").map_err(wrong)?;
    let blackboard_quotas = take(&mut options, "blackboard", "quotas").map_err(wrong)?;
    let command = with_defaults(Cli::command(), options).map_err(wrong)?;
    let cli = match read(command, &arguments) {
        Ok(cli) => cli,
        // Where the same command line would do without the file, it is the file that is wrong.
        Err(error) if error.use_stderr() && read(Cli::command(), &arguments).is_ok() => {
            return Err(wrong(anyhow!(bare(&error))));
        }
        Err(error) => return Err(SettingsError::Usage(error)),
    };
    Ok(Settings {
        cli,
        cuhk_limits,
        cuhk_quotas,
        cuhk_mail,
        cuhk_sso,
        blackboard_limits,
        blackboard_quotas,
    })
}

/// Reads the command line with all that is checked about it.
fn read(command: Command, arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from(arguments)?;
    check_places(&matches)?;
    let cli = Cli::from_arg_matches(&matches)?;
    check_tls_pair(&cli)?;
    Ok(cli)
}

/// What clap says, without the word "error" before it and the hint at --help behind it.
fn bare(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split("\n\n").next().unwrap_or_default();
    text.trim().trim_start_matches("error: ").to_owned()
}

/// An option of `claim cuhk` before `list`, say, would have no effect: it belongs to serving.
///
/// Not clap's `args_conflicts_with_subcommands`, which takes the options of every command for such as well.
fn check_places(matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((program, inner)) = matches.subcommand() else { return Ok(()) };
    let Some((subcommand, _)) = inner.subcommand() else { return Ok(()) };
    let command = Cli::command();
    let options = command.find_subcommand(program).into_iter().flat_map(Command::get_arguments);
    let typed = |id: &str| inner.value_source(id) == Some(ValueSource::CommandLine);
    match options
        .filter(|option| !option.is_global_set() && typed(option.get_id().as_str()))
        .find_map(|option| option.get_long())
    {
        None => Ok(()),
        Some(option) => {
            let what = format!(
                "--{option} belongs behind the subcommand: claim {program} {subcommand} --{option} …"
            );
            Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, what))
        }
    }
}

/// clap's `requires` does not see what comes from the file, so the pair is looked at when all is known.
fn check_tls_pair(cli: &Cli) -> Result<(), clap::Error> {
    let server = match &cli.command {
        cli::Command::Cuhk(arguments) => match &arguments.command {
            None => &arguments.serve.server,
            Some(CuhkCommand::Serve(serve)) => &serve.server,
            Some(_) => return Ok(()),
        },
        cli::Command::Blackboard(arguments) => match &arguments.command {
            None => &arguments.serve.server,
            Some(BlackboardCommand::Serve(serve)) => &serve.server,
            Some(_) => return Ok(()),
        },
        cli::Command::Log(arguments) => match &arguments.command {
            LogCommand::Witness(arguments) => &arguments.server,
            LogCommand::Audit(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    let what = if server.tls_cert.is_some() != server.tls_key.is_some() {
        "--tls-cert and --tls-key go together: one of them is missing"
    } else if server.tls_key.is_none() && server.tls_key_passphrase.is_some() {
        "--tls-key-passphrase opens the key of --tls-key, which is missing"
    } else {
        return Ok(());
    };
    Err(Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, what))
}

/// The configuration file, and where it is or would be.
struct File {
    path: PathBuf,
    table: Table,
}

impl File {
    /// Reads the file that `--config` or `--dir` leads to; a missing `claim.toml` is an empty one.
    fn read(arguments: &[OsString]) -> Result<Self, SettingsError> {
        // A first, lenient pass finds the two options that say where the file is; what is wrong is told by the second.
        let matches = Cli::command().ignore_errors(true).try_get_matches_from(arguments);
        let (config, dir) = match &matches {
            Ok(matches) => (deepest(matches, "config"), deepest(matches, "dir")),
            Err(_) => (None, None),
        };
        let (path, required) = match config {
            Some(path) => (path, true),
            None => (dir.unwrap_or_default().join(FILE_NAME), false),
        };
        let table = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound && !required => Ok(Table::new()),
            Err(error) => Err(anyhow::Error::new(error).context("cannot be read")),
        };
        match table {
            Ok(table) => Ok(Self { path, table }),
            Err(error) => Err(SettingsError::File { path, error }),
        }
    }
}

/// Reads TOML. What is wrong is told by line and without the text that stands there: it may be a password.
fn parse(text: &str) -> Result<Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        anyhow!("line {line} is not valid TOML: {}", error.message())
    })
}

/// A global option as the innermost subcommand sees it.
fn deepest(matches: &ArgMatches, id: &str) -> Option<PathBuf> {
    let inner = matches.subcommand().and_then(|(_, inner)| deepest(inner, id));
    inner.or_else(|| matches.try_get_one(id).ok().flatten().cloned())
}

/// Takes a table of budgets, e.g. `[blackboard.limits]`, out of the file; what it leaves out has its default.
fn take<T: DeserializeOwned + Default>(table: &mut Table, program: &str, name: &str) -> Result<T> {
    match table.get_mut(program).and_then(Value::as_table_mut).and_then(|t| t.remove(name)) {
        None => Ok(T::default()),
        Some(budgets) => budgets
            .try_into()
            .with_context(|| format!("[{program}.{name}] has a wrong or unknown entry")),
    }
}

/// Whom to invite is said on the command line alone.
const NEVER: [&str; 7] = ["sid", "server", "roster", "all-new", "resend", "revoke", "mail"];

/// Makes each value of the file the default of the option with its name.
fn with_defaults(mut command: Command, table: Table) -> Result<Command> {
    for (name, value) in table {
        match value {
            Value::Table(options) if TABLES.contains(&name.as_str()) => {
                for (option, value) in options {
                    let mut known = false;
                    command = command.mut_subcommand(&name, |program| {
                        set_everywhere(program, &option, &value, &mut known)
                    });
                    if !known {
                        bail!("[{name}] has no option {option:?}");
                    }
                }
            }
            value => {
                let mut known = false;
                command = set_here(command, &name, &value, &mut known);
                if !known {
                    bail!("there is no option {name:?} that all commands share");
                }
            }
        }
    }
    Ok(command)
}

/// Sets the option's default in the program's command and those of its subcommands that have it.
fn set_everywhere(command: Command, option: &str, value: &Value, known: &mut bool) -> Command {
    let subcommands: Vec<String> =
        command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = set_here(command, option, value, known);
    subcommands.into_iter().fold(command, |command, inner| {
        command.mut_subcommand(inner, |inner| set_everywhere(inner, option, value, known))
    })
}

fn set_here(command: Command, option: &str, value: &Value, known: &mut bool) -> Command {
    // That something is erased is said on the command line alone, too.
    let never = option == "config" || (command.get_name() == "retention" && option == "apply");
    if never || (command.get_name() == "invite" && NEVER.contains(&option)) {
        return command;
    }
    let found = command.get_arguments().find(|arg| arg.get_long() == Some(option));
    let Some(id) = found.map(|arg| arg.get_id().clone()) else { return command };
    *known = true;
    let values = texts(value);
    command.mut_arg(id, |arg| arg.required(false).default_values(values))
}

/// A TOML value as an argument would spell it.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]
    use super::*;

    fn matches(toml: &str, arguments: &[&str]) -> Result<Cli> {
        let command = with_defaults(Cli::command(), toml.parse()?)?;
        Ok(Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)?)
    }

    fn blackboard(cli: Cli) -> cli::BlackboardServeArgs {
        match cli.command {
            cli::Command::Blackboard(args) => match args.command {
                Some(cli::BlackboardCommand::Serve(serve)) => serve,
                _ => args.serve,
            },
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_file_sets_what_the_command_line_does_not() {
        let toml = "explain = true\n[blackboard]\nlisten = [\"127.0.0.1:4000\", \"[::1]:4000\"]\ncuhk = \"https://a.example\"\n";
        for command in [vec!["claim", "blackboard"], vec!["claim", "blackboard", "serve"]] {
            let cli = matches(toml, &command).unwrap();
            assert!(cli.global.explain);
            let serve = blackboard(cli);
            assert_eq!(serve.server.listen.len(), 2);
            assert_eq!(serve.cuhk.as_str(), "https://a.example");
        }
        let given = ["claim", "blackboard", "--cuhk", "https://b.example"];
        assert_eq!(blackboard(matches(toml, &given).unwrap()).cuhk.as_str(), "https://b.example");
    }

    #[test]
    fn what_the_file_gets_wrong_is_told() {
        for (toml, said) in [
            ("nonsense = 1", "nonsense"),
            ("[cuhk]\nno-such-option = 1", "no-such-option"),
            ("[other]\nlisten = \"x\"", "other"),
            ("[cuhk]\nlisten = \"nowhere\"", "nowhere"),
            ("[cuhk]\nroster = \"roster.csv\"", "roster"),
            ("config = \"other.toml\"", "config"),
        ] {
            let error = matches(toml, &["claim", "cuhk"]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_option_of_serving_has_no_place_before_a_subcommand() {
        let command = with_defaults(Cli::command(), Table::new()).unwrap();
        let arguments = ["claim", "cuhk", "--listen", "127.0.0.1:1", "list"];
        let matches = command.clone().try_get_matches_from(arguments).unwrap();
        assert!(
            check_places(&matches).unwrap_err().to_string().contains("--listen belongs behind")
        );
        let matches =
            command.try_get_matches_from(["claim", "cuhk", "--dir", "x", "list"]).unwrap();
        assert!(check_places(&matches).is_ok());
    }

    #[test]
    fn global_options_stand_anywhere() {
        for arguments in [
            ["claim", "--dir", "x", "cuhk", "list"],
            ["claim", "cuhk", "--dir", "x", "list"],
            ["claim", "cuhk", "list", "--dir", "x"],
        ] {
            assert_eq!(
                matches("", &arguments).unwrap().global.dir,
                Some("x".into()),
                "{arguments:?}"
            );
        }
    }
}
