//! A student with a folder.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claim_core::{Origin, PersonId, Sid, Timestamp};
use claim_http::Clock;
use claim_pki::SigningKey;
use claim_student::{Config, Event, Explained, Student, Timeouts};
use tempfile::TempDir;

use super::pki::{Authority, now};

/// A student's folder and settings, from which programs are started as from a terminal.
pub(crate) struct Person {
    _folder: TempDir,
    pub(crate) config: Config,
    pub(crate) events: RecordedEvents,
}

/// What the program told.
#[derive(Clone, Default)]
pub(crate) struct RecordedEvents(Arc<Mutex<Vec<Event>>>);

impl RecordedEvents {
    /// The names of the events since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        let events = std::mem::take(&mut *self.0.lock().unwrap());
        let name = |event| {
            let text = format!("{event:?}");
            text.split([' ', '{', '(']).next().unwrap().to_owned()
        };
        events.into_iter().map(name).collect()
    }

    /// What is made of the first event that fits.
    pub(crate) fn find<T>(&self, fits: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().find_map(fits)
    }

    /// How many events fit.
    pub(crate) fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| fits(event)).count()
    }
}

pub(crate) fn sid() -> Sid {
    "1155123456".parse().unwrap()
}

/// Everything that an error tells a person, in one text.
pub(crate) fn text_of(error: &dyn Explained) -> String {
    format!("{error} | {} | {}", error.why().unwrap_or_default(), error.advice())
}

impl Person {
    /// With an empty folder.
    pub(crate) fn new(cuhk: &Origin, blackboard: &Origin) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("claim"), cuhk.clone(), blackboard.clone());
        config.timeouts = Timeouts {
            exchange: Duration::from_secs(20),
            patience: Duration::from_secs(20),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(4),
            lock: Duration::from_secs(20),
        };
        Self { _folder: folder, config, events: RecordedEvents::default() }
    }

    /// With the root and a certificate in the folder.
    pub(crate) fn enrolled(authority: &Authority, cuhk: &Origin, blackboard: &Origin) -> Self {
        let person = Self::new(cuhk, blackboard);
        person.write_root(authority);
        person.write_identity(authority, &sid().into(), now().plus_seconds(-10_000), 100_000);
        person
    }

    pub(crate) fn write_root(&self, authority: &Authority) {
        self.write("cuhk.cer", &authority.root.certificate().to_pem());
    }

    /// A key and a certificate that is valid from `from` for `life` seconds.
    pub(crate) fn write_identity(
        &self,
        authority: &Authority,
        id: &PersonId,
        from: Timestamp,
        life: i64,
    ) {
        let key = SigningKey::generate().unwrap();
        let leaf = authority.person_at(id, key.public_key(), from, life);
        let chain = leaf.to_pem() + &authority.issuing.certificate().to_pem();
        self.write(&format!("{id}.key"), &key.to_pkcs8_pem());
        self.write(&format!("{id}.cer"), &chain);
    }

    /// A file, readable by its owner only.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(&self.config.dir).unwrap();
        let _ = fs::remove_file(self.path(name));
        claim_files::write_new(&self.path(name), content.as_bytes(), claim_files::Mode::Private)
            .unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.config.dir.join(name)
    }

    /// The names of the files, without locks.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.config.dir) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.ends_with(".lock"));
        names.sort();
        names
    }

    /// Puts this person's clock so many seconds ahead.
    pub(crate) fn set_clock_ahead(&mut self, seconds: i64) {
        self.config.clock = Clock::new(move || now().plus_seconds(seconds));
    }

    /// Gives up at the first failure.
    pub(crate) fn impatient(&mut self) {
        self.config.timeouts.patience = Duration::ZERO;
    }

    /// Starts the program.
    pub(crate) fn start(&self) -> Student {
        let events = Arc::clone(&self.events.0);
        let observer = Arc::new(move |event| events.lock().unwrap().push(event));
        Student::new(self.config.clone(), observer)
    }
}
