//! What is in a folder: of which program, and with which settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use claim_core::{Origin, PersonId};
use claim_pki::Root;
use claim_store::{DatabaseUrl, Records};

use super::finding::Findings;
use super::read_public;
use crate::cli::{
    BlackboardCommand, BlackboardServeArgs, Check, Command, CuhkServeArgs, ServerArgs,
};
use crate::settings::{self, SettingsError};

/// One program's things in a folder.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) kind: Kind,
}

/// Whose they are.
pub(super) enum Kind {
    /// A CUHK's, which serves unless it is an offline root.
    Cuhk { serve: Box<CuhkServeArgs>, offline: bool },
    /// A Blackboard's.
    Blackboard(Box<BlackboardServeArgs>),
    /// A stand-alone witness's.
    Witness,
    /// A student's, or a member of staff's.
    Person(PersonId),
}

/// Whether there is anything of Claim in this folder.
pub(super) fn is_anything(dir: &Path) -> bool {
    is_cuhk(dir) || is_blackboard(dir) || is_witness(dir) || !people(dir).is_empty()
}

fn is_cuhk(dir: &Path) -> bool {
    ["cuhk-issuing.cer", "cuhk-issuing.key", "cuhk.key", "cuhk.db", "cuhk.offline-root"]
        .iter()
        .any(|name| dir.join(name).exists())
}

fn is_blackboard(dir: &Path) -> bool {
    ["blackboard.key", "blackboard.cer", "blackboard.db"].iter().any(|name| dir.join(name).exists())
}

fn is_witness(dir: &Path) -> bool {
    ["witness.key", "witness.db"].iter().any(|name| dir.join(name).exists())
}

/// Whose certificates lie here.
fn people(dir: &Path) -> Vec<PersonId> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let id = |name: OsString| {
        let id: PersonId = name.to_str()?.strip_suffix(".cer")?.parse().ok()?;
        dir.join(format!("{id}.key")).exists().then_some(id)
    };
    let mut people: Vec<_> = entries.filter_map(|entry| id(entry.file_name())).collect();
    people.sort_by_key(ToString::to_string);
    // Words that servers use for their own files are ids of staff by their form.
    people.retain(|id| !["cuhk", "blackboard", "witness"].contains(&id.to_string().as_str()));
    people.retain(|id| !id.to_string().starts_with("cuhk-"));
    people
}

impl Place {
    /// All that is in a folder; what is wrong with its settings is found out too.
    pub(super) fn all_in(dir: &Path, findings: &mut Findings) -> Vec<Self> {
        findings.look_at(dir.display().to_string());
        if let Err(error) = std::fs::read_dir(dir) {
            findings.wrong(
                Check::Settings,
                format!("{} cannot be looked at.", dir.display()),
                error.to_string(),
                "Name a folder that is there, and run claim doctor as its owner or as root.",
            );
            return Vec::new();
        }
        let mut kinds = Vec::new();
        if is_cuhk(dir)
            && let Some(serve) = cuhk_settings(dir, findings)
        {
            let offline = dir.join("cuhk.offline-root").exists();
            kinds.push(Kind::Cuhk { serve: Box::new(serve), offline });
        }
        if is_blackboard(dir)
            && let Some(serve) = blackboard_settings(dir, findings)
        {
            kinds.push(Kind::Blackboard(Box::new(serve)));
        }
        if is_witness(dir) {
            kinds.push(Kind::Witness);
        }
        kinds.extend(people(dir).into_iter().map(Kind::Person));
        kinds.into_iter().map(|kind| Self { dir: dir.to_owned(), kind }).collect()
    }

    /// What it is called in the answer.
    pub(super) fn title(&self) -> String {
        let dir = self.dir.display();
        match &self.kind {
            Kind::Cuhk { offline: false, .. } => format!("CUHK in {dir}"),
            Kind::Cuhk { offline: true, .. } => format!("An offline root in {dir}"),
            Kind::Blackboard(_) => format!("Blackboard in {dir}"),
            Kind::Witness => format!("A witness in {dir}"),
            Kind::Person(id) => format!("{}: {id} in {dir}", id.label()),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The root that everybody here trusts, if it is here.
    pub(super) fn root(&self) -> Option<Root> {
        let path = match &self.kind {
            Kind::Blackboard(serve) => serve.root.clone(),
            _ => None,
        };
        Root::from_pem(&read_public(&path.unwrap_or_else(|| self.path("cuhk.cer")))?).ok()
    }

    /// The settings of the server, if it is one of the two.
    pub(super) fn server(&self) -> Option<&ServerArgs> {
        match &self.kind {
            Kind::Cuhk { serve, offline: false } => Some(&serve.server),
            Kind::Blackboard(serve) => Some(&serve.server),
            _ => None,
        }
    }

    /// The origin that the server has.
    pub(super) fn origin(&self) -> Option<Origin> {
        let server = self.server()?;
        if let Some(origin) = &server.public_url {
            return Some(origin.clone());
        }
        let usual = match self.kind {
            Kind::Cuhk { .. } => claim_cuhk::DEFAULT_PORT,
            _ => claim_blackboard::DEFAULT_PORT,
        };
        let port = server.listen.first().map_or(usual, std::net::SocketAddr::port);
        Origin::from_user(&format!("https://localhost:{port}")).ok()
    }

    /// Where the records are, and whose.
    pub(super) fn records(&self) -> Option<(DatabaseUrl, Records)> {
        let (name, records, url) = match &self.kind {
            Kind::Cuhk { serve, .. } => {
                ("cuhk.db", Records::Cuhk, serve.server.database.database.as_ref())
            }
            Kind::Blackboard(serve) => {
                ("blackboard.db", Records::Blackboard, serve.server.database.database.as_ref())
            }
            Kind::Witness => ("witness.db", Records::Witness, None),
            Kind::Person(_) => return None,
        };
        let url = match url {
            Some(text) => text.parse().ok()?,
            None => DatabaseUrl::sqlite(self.path(name)),
        };
        Some((url, records))
    }
}

/// What claim.toml and the environment say of a server in this folder.
fn load(dir: &Path, program: &str, findings: &mut Findings) -> Option<Command> {
    let arguments = ["claim".into(), "--dir".into(), dir.as_os_str().to_owned(), program.into()];
    match settings::load(arguments) {
        Ok(settings) => Some(settings.cli.command),
        Err(error) => {
            let (what, why) = match error {
                SettingsError::Usage(error) => {
                    ("The environment has a wrong CLAIM_… variable.".to_owned(), error.to_string())
                }
                SettingsError::File { path, error } => {
                    (format!("{} cannot be used.", path.display()), format!("{error:#}"))
                }
            };
            let next = "Correct it; claim cuhk --help and claim blackboard --help have every name.";
            findings.wrong(Check::Settings, what, why, next);
            None
        }
    }
}

fn cuhk_settings(dir: &Path, findings: &mut Findings) -> Option<CuhkServeArgs> {
    match load(dir, "cuhk", findings)? {
        Command::Cuhk(arguments) => Some(arguments.serve),
        _ => None,
    }
}

fn blackboard_settings(dir: &Path, findings: &mut Findings) -> Option<BlackboardServeArgs> {
    match load(dir, "blackboard", findings)? {
        Command::Blackboard(arguments) => match arguments.command {
            Some(BlackboardCommand::Serve(serve)) => Some(serve),
            _ => Some(arguments.serve),
        },
        _ => None,
    }
}
