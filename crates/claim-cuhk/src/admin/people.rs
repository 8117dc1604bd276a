//! The people on record: a roster compared and taken over, who left, how far each is.

use std::collections::HashMap;

use claim_core::{PersonId, Timestamp};
use claim_store::cuhk::{PersonRecord, PersonStanding};

use super::roster::{EmailAddress, Role, RosterEntry, read_roster};
use super::{AdminError, Office, PAGE};
use crate::mode::Mode;

/// What a roster would change, and what else whoever imports it wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterDifference {
    /// Who is not on record yet.
    pub added: Vec<RosterEntry>,
    /// Who is, and of whom the roster tells something else.
    pub changed: Vec<ChangedPerson>,
    /// How many stay as they are.
    pub unchanged: usize,
    /// Who was taken off the roster before, and stays off it though this one names them.
    pub off: Vec<PersonRecord>,
    /// Who is on the roster and not in this one; they stay on it.
    pub missing: Vec<PersonRecord>,
    /// Addresses that more than one person of this roster has, with these persons.
    pub shared: Vec<(EmailAddress, Vec<PersonId>)>,
}

/// A person of whom a roster tells something else than the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPerson {
    /// Who.
    pub id: PersonId,
    /// What: `name`, `email` or `role`; what it was, if it was known; what it will be.
    pub fields: Vec<(&'static str, Option<String>, String)>,
}

/// A roster that was read and compared, and can be taken over.
#[derive(Clone, Debug)]
pub struct RosterImport {
    difference: RosterDifference,
    people: Vec<PersonRecord>,
}

/// How far a person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody has invited the person yet.
    New,
    /// The last invitation surely did not leave by mail.
    MailFailed {
        /// Why.
        why: String,
    },
    /// Whether the last invitation left by mail is not known: the program was cut off.
    Doubtful {
        /// When it was begun.
        since: Timestamp,
    },
    /// There is an open invitation.
    Invited {
        /// Its end.
        until: Timestamp,
    },
    /// There was one, and it has ended unused.
    Lapsed,
    /// A certificate was issued.
    Enrolled,
    /// Off the roster.
    Removed {
        /// Since when.
        since: Timestamp,
    },
}

/// A person on record, and how far the person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonEntry {
    /// The id.
    pub id: PersonId,
    /// The name, where it is known.
    pub name: Option<String>,
    /// Where mail goes, where it is known.
    pub email: Option<String>,
    /// What the person is, where it is known.
    pub role: Option<String>,
    /// When the person was first put on record.
    pub added_at: Timestamp,
    /// When a mail server last took an invitation.
    pub mailed_at: Option<Timestamp>,
    /// How many certificates were issued.
    pub certificates: u64,
    /// How far the person is.
    pub progress: Progress,
}

impl RosterImport {
    /// What it changes.
    pub fn difference(&self) -> &RosterDifference {
        &self.difference
    }
}

impl Office {
    /// Reads a roster and compares it with the people on record; changes nothing.
    ///
    /// What the roster does not tell of a person stays as it is on record.
    ///
    /// # Errors
    /// [`AdminError::Roster`] names every bad line; [`AdminError::LocalDemo`] where nobody is on record.
    pub async fn compare_roster(&self, csv: &[u8]) -> Result<RosterImport, AdminError> {
        self.check_rostered()?;
        let entries = read_roster(csv)?;
        let mut difference = RosterDifference { shared: shared(&entries), ..Default::default() };
        let mut people = Vec::new();
        let now = self.clock.now();
        let mut new: HashMap<PersonId, RosterEntry> =
            entries.iter().map(|entry| (entry.id.clone(), entry.clone())).collect();
        let mut page = self.store.people(None, PAGE).await?;
        while let Some(last) = page.last().map(|last| last.id.clone()) {
            for known in page {
                match new.remove(&known.id) {
                    None if known.removed_at.is_none() => difference.missing.push(known),
                    None => {}
                    Some(_) if known.removed_at.is_some() => difference.off.push(known),
                    Some(entry) => {
                        let fields = changes(&known, &entry);
                        if fields.is_empty() {
                            difference.unchanged += 1;
                        } else {
                            people.push(record(entry, now));
                            difference.changed.push(ChangedPerson { id: known.id, fields });
                        }
                    }
                }
            }
            page = self.store.people(Some(&last), PAGE).await?;
        }
        // In the order of the file.
        difference.added =
            entries.into_iter().filter(|entry| new.contains_key(&entry.id)).collect();
        people.extend(difference.added.iter().cloned().map(|entry| record(entry, now)));
        Ok(RosterImport { difference, people })
    }

    /// Takes a roster over: all of it, or on any error nothing. Nobody is taken off by it, and nobody comes back.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be written.
    pub async fn import_roster(&self, import: RosterImport) -> Result<(), AdminError> {
        Ok(self.store.put_people(&import.people).await?)
    }

    /// Takes people off the roster: their open codes end, and they neither enrol nor renew any more.
    ///
    /// They stay on record. Certificates that they hold stay good until they end or are revoked.
    /// Returns how many were on the roster until now.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`]; nobody was taken off then.
    pub async fn remove_people(&self, ids: &[PersonId]) -> Result<u64, AdminError> {
        self.records_of(ids).await?;
        Ok(self.store.remove_people(ids, self.clock.now()).await?)
    }

    /// Puts people back on the roster; returns how many had been taken off it.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`]; nobody was put back then.
    pub async fn restore_people(&self, ids: &[PersonId]) -> Result<u64, AdminError> {
        self.records_of(ids).await?;
        Ok(self.store.restore_people(ids).await?)
    }

    /// Up to a thousand people on record and how far each is, by id, from the first or `after` another one.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn people(&self, after: Option<&PersonId>) -> Result<Vec<PersonEntry>, AdminError> {
        let now = self.clock.now();
        let page = self.store.standings(after, PAGE).await?;
        Ok(page.into_iter().map(|standing| entry(standing, now)).collect())
    }

    /// A person on record.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`].
    pub async fn person(&self, id: &PersonId) -> Result<PersonEntry, AdminError> {
        let now = self.clock.now();
        let standing = self.store.standing(id).await?;
        let unknown = || AdminError::NotOnRecord { ids: vec![id.clone()] };
        standing.map(|standing| entry(standing, now)).ok_or_else(unknown)
    }

    /// The records of these people, in this order.
    pub(super) async fn records_of(
        &self,
        ids: &[PersonId],
    ) -> Result<Vec<PersonRecord>, AdminError> {
        let found = self.store.people_of(ids).await?;
        let mut known: HashMap<PersonId, PersonRecord> =
            found.into_iter().map(|record| (record.id.clone(), record)).collect();
        let (mut records, mut unknown) = (Vec::new(), Vec::new());
        for id in ids {
            match known.remove(id) {
                Some(record) => records.push(record),
                // Whoever is named twice is meant once.
                None if records.iter().any(|record: &PersonRecord| record.id == *id) => {}
                None => unknown.push(id.clone()),
            }
        }
        if unknown.is_empty() { Ok(records) } else { Err(AdminError::NotOnRecord { ids: unknown }) }
    }

    /// A local demonstration knows nobody, and certifies whoever asks.
    pub(super) fn check_rostered(&self) -> Result<(), AdminError> {
        match self.mode {
            Mode::LocalDemo => Err(AdminError::LocalDemo { dir: self.folder.path().to_owned() }),
            Mode::Rostered => Ok(()),
        }
    }
}

/// What goes on record of a roster's line.
pub(super) fn record(entry: RosterEntry, now: Timestamp) -> PersonRecord {
    PersonRecord {
        name: entry.name.map(|name| name.as_str().to_owned()),
        email: entry.email.map(|email| email.as_str().to_owned()),
        role: entry.role.map(|role| role.as_str().to_owned()),
        ..PersonRecord::new(entry.id, now)
    }
}

/// Of each field that the roster tells: what it was and what it will be, where these differ.
fn changes(
    known: &PersonRecord,
    entry: &RosterEntry,
) -> Vec<(&'static str, Option<String>, String)> {
    let told = [
        ("name", &known.name, entry.name.as_ref().map(|name| name.as_str())),
        ("email", &known.email, entry.email.as_ref().map(EmailAddress::as_str)),
        ("role", &known.role, entry.role.as_ref().map(Role::as_str)),
    ];
    told.into_iter()
        .filter_map(|(field, old, new)| Some((field, old, new?)))
        .filter(|(_, old, new)| old.as_deref() != Some(new))
        .map(|(field, old, new)| (field, old.clone(), new.to_owned()))
        .collect()
}

/// Whoever reads a mail that was meant for somebody else can enrol in that name: a column that slipped is worth a word.
fn shared(entries: &[RosterEntry]) -> Vec<(EmailAddress, Vec<PersonId>)> {
    let mut having: HashMap<String, Vec<&RosterEntry>> = HashMap::new();
    for entry in entries {
        if let Some(email) = &entry.email {
            having.entry(email.as_str().to_lowercase()).or_default().push(entry);
        }
    }
    let mut shared: Vec<_> = having
        .into_values()
        .filter(|several| several.len() > 1)
        .filter_map(|several| {
            let address = several.first()?.email.clone()?;
            Some((address, several.iter().map(|entry| entry.id.clone()).collect()))
        })
        .collect();
    shared.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    shared
}

fn entry(standing: PersonStanding, now: Timestamp) -> PersonEntry {
    let progress = progress(&standing, now);
    let PersonStanding { person, mailed_at, certificates, .. } = standing;
    PersonEntry {
        id: person.id,
        name: person.name,
        email: person.email,
        role: person.role,
        added_at: person.added_at,
        mailed_at,
        certificates,
        progress,
    }
}

fn progress(standing: &PersonStanding, now: Timestamp) -> Progress {
    if let Some(since) = standing.person.removed_at {
        return Progress::Removed { since };
    }
    if standing.certificates > 0 {
        return Progress::Enrolled;
    }
    // A later invitation, by mail or not, settles the doubt about an earlier one.
    if let Some(since) =
        standing.doubtful_at.filter(|_| standing.doubtful_at == standing.invited_at)
    {
        return Progress::Doubtful { since };
    }
    if let Some(until) = standing.open_until.filter(|until| *until > now) {
        return Progress::Invited { until };
    }
    if let Some(why) = &standing.mail_fault {
        return Progress::MailFailed { why: why.clone() };
    }
    if standing.invited_at.is_some() { Progress::Lapsed } else { Progress::New }
}
