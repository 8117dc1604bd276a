//! Inviting: a code for each, shown once and kept as a hash.

use claim_core::invitation::{Invitation, Invitee};
use claim_core::{Origin, PersonId, Timestamp};
use claim_store::cuhk::{Invitation as Record, PersonRecord};

use super::people::record;
use super::roster::{PersonName, Role, RosterEntry, read_roster};
use super::{AdminError, Office, PAGE};
use crate::invite::Invitations;

/// An invitation for a person, to be shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// Who is invited.
    pub id: PersonId,
    /// The name, where it is known.
    pub name: Option<String>,
    /// Where mail goes, where it is known.
    pub email: Option<String>,
    /// What the person is, where it is known.
    pub role: Option<String>,
    /// The invitation, code included.
    pub invitation: Invitation,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

/// Whom to invite, of those on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Who has no certificate and was never invited.
    New {
        /// Only those who have this role, in upper or lower case.
        role: Option<Role>,
    },
    /// Who was invited and has no certificate.
    NotEnrolled,
    /// These.
    These(Vec<PersonId>),
}

/// Invitations that were made and are not on record yet: nobody can enrol by them.
///
/// So that they can be written to a safe place first: what is on record is then also there.
#[derive(Debug)]
pub struct PreparedInvitations {
    invited: Vec<Invited>,
    records: Vec<Record>,
}

impl PreparedInvitations {
    /// The invitations.
    pub fn invited(&self) -> &[Invited] {
        &self.invited
    }
}

impl Office {
    /// Puts a person on record, or a server, and makes an invitation.
    ///
    /// `cuhk` is the origin in the invitation; without it the one that CUHK served under last.
    /// A name without which a person was put on record stays as it is when none is given now.
    /// Codes that the person has already stay good.
    ///
    /// # Errors
    /// [`AdminError::LocalDemo`] in the folder of a local demonstration, which has no use for invitations;
    /// [`AdminError::OffRoster`] for a person who was taken off the roster.
    pub async fn invite(
        &self,
        invitee: Invitee,
        name: Option<PersonName>,
        cuhk: Option<Origin>,
    ) -> Result<Invitation, AdminError> {
        let invitations = self.invitations(cuhk)?;
        let now = self.clock.now();
        match &invitee {
            Invitee::Person(id) => {
                self.check_on_roster(std::slice::from_ref(id)).await?;
                let entry = RosterEntry { id: id.clone(), name, email: None, role: None };
                let (invitation, code) = invitations.make(invitee, now);
                self.store.put_people_with_invitations(&[(record(entry, now), code)]).await?;
                Ok(invitation)
            }
            Invitee::Server(origin) => {
                check_host(origin)?;
                let (invitation, record) = invitations.make(invitee, now);
                self.store.put_invitation(&record).await?;
                Ok(invitation)
            }
        }
    }

    /// Puts everybody in a CSV file on record and makes an invitation for each: all, or on any error none.
    ///
    /// Codes that they have already stay good.
    ///
    /// # Errors
    /// [`AdminError::Roster`] names every bad line, [`AdminError::OffRoster`] who was taken off the roster.
    pub async fn invite_roster(
        &self,
        csv: &[u8],
        cuhk: Option<Origin>,
    ) -> Result<Vec<Invited>, AdminError> {
        let invitations = self.invitations(cuhk)?;
        let now = self.clock.now();
        let entries = read_roster(csv)?;
        let ids: Vec<PersonId> = entries.iter().map(|entry| entry.id.clone()).collect();
        self.check_on_roster(&ids).await?;
        let mut invited = Vec::new();
        let mut people: Vec<(PersonRecord, Record)> = Vec::new();
        for entry in entries {
            let (invitation, code) = invitations.make(Invitee::Person(entry.id.clone()), now);
            let person = record(entry, now);
            invited.push(shown(person.clone(), invitation, &code));
            people.push((person, code));
        }
        self.store.put_people_with_invitations(&people).await?;
        Ok(invited)
    }

    /// Makes invitations for people on record, which [`Self::put_on_record`] makes good.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`] and [`AdminError::OffRoster`] for people who are named.
    pub async fn prepare_invitations(
        &self,
        whom: &Whom,
        cuhk: Option<Origin>,
    ) -> Result<PreparedInvitations, AdminError> {
        let invitations = self.invitations(cuhk)?;
        let now = self.clock.now();
        let people = self.people_to_invite(whom, None).await?;
        let (mut invited, mut records) = (Vec::new(), Vec::new());
        for person in people {
            let (invitation, code) = invitations.make(Invitee::Person(person.id.clone()), now);
            invited.push(shown(person, invitation, &code));
            records.push(code);
        }
        Ok(PreparedInvitations { invited, records })
    }

    /// Makes prepared invitations good, and ends the open codes that these people had: all at once.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be written; nobody was invited then.
    pub async fn put_on_record(
        &self,
        prepared: PreparedInvitations,
    ) -> Result<Vec<Invited>, AdminError> {
        self.store.replace_invitations(&prepared.records).await?;
        Ok(prepared.invited)
    }

    /// Ends the open codes of these people; returns how many there were.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`]; nothing was ended then.
    pub async fn end_invitations(&self, ids: &[PersonId]) -> Result<u64, AdminError> {
        self.records_of(ids).await?;
        Ok(self.store.end_invitations(ids, self.clock.now()).await?)
    }

    /// Ends the open codes of all people, not those of servers; returns how many there were.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be written.
    pub async fn end_all_invitations(&self) -> Result<u64, AdminError> {
        Ok(self.store.end_all_invitations(self.clock.now()).await?)
    }

    /// Who is meant, as the records are now; with a time, without those to whom a mail was begun since.
    pub(super) async fn people_to_invite(
        &self,
        whom: &Whom,
        mailed_before: Option<Timestamp>,
    ) -> Result<Vec<PersonRecord>, AdminError> {
        if let Whom::These(ids) = whom {
            self.check_on_roster(ids).await?;
            return self.records_of(ids).await;
        }
        let mut people: Vec<PersonRecord> = Vec::new();
        loop {
            let after = people.last().map(|last| last.id.clone());
            let page = match whom {
                Whom::New { .. } => self.store.never_invited(after.as_ref(), PAGE).await?,
                _ => self.store.not_enrolled(after.as_ref(), PAGE, mailed_before).await?,
            };
            if page.is_empty() {
                break;
            }
            people.extend(page);
        }
        if let Whom::New { role: Some(role) } = whom {
            people.retain(|person| person.role.as_deref().is_some_and(|has| role.is(has)));
        }
        Ok(people)
    }

    pub(super) fn invitations(&self, cuhk: Option<Origin>) -> Result<Invitations, AdminError> {
        self.check_rostered()?;
        let cuhk = cuhk.map_or_else(|| self.origin(), Ok)?;
        Ok(Invitations { cuhk, pin: self.pin, life: self.code_life })
    }

    /// Nobody who was taken off the roster is invited by the way.
    async fn check_on_roster(&self, ids: &[PersonId]) -> Result<(), AdminError> {
        let found = self.store.people_of(ids).await?;
        let mut off: Vec<_> =
            found.into_iter().filter_map(|one| Some((one.id, one.removed_at?))).collect();
        off.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        if off.is_empty() { Ok(()) } else { Err(AdminError::OffRoster { people: off }) }
    }
}

pub(super) fn shown(person: PersonRecord, invitation: Invitation, code: &Record) -> Invited {
    let PersonRecord { id, name, email, role, .. } = person;
    Invited { id, name, email, role, invitation, expires_at: code.expires_at }
}

/// The host becomes the common name of the server's certificate (RFC 5280 Appendix A: 64 characters).
fn check_host(origin: &Origin) -> Result<(), AdminError> {
    const MAX: usize = 64;
    match origin.host().to_string().chars().count() {
        0..=MAX => Ok(()),
        found => Err(AdminError::HostTooLong { origin: origin.clone(), found, max: MAX }),
    }
}
