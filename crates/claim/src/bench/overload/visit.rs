//! One student's hand-in where the server may be busy: whoever is refused waits as long as it says, and comes again.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use claim_core::hand_in::{Assignments, CMS, OCTETS};
use claim_core::json;
use claim_core::student::Session;
use http::StatusCode;
use rand_core::Rng;

use super::super::connection::{Ask, Client, Connection, Try};
use super::super::hand_in::{claim, expect, has_both_proofs, random_file};
use super::super::students::{Student, system_rng};

/// The pause after the first failure, and the longest one: those of the student program.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a student does, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To connect and to open a session.
    Session,
    /// To ask for what is due, and to lodge.
    Lodging,
    /// To send the file.
    Upload,
    /// To fetch the receipt.
    Receipt,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Session, Self::Lodging, Self::Upload, Self::Receipt];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Session => "sessions",
            Self::Lodging => "lodgings",
            Self::Upload => "uploads",
            Self::Receipt => "receipts",
        }
    }
}

/// How often what happened, of all students together.
#[derive(Default)]
pub(super) struct Tally {
    steps: [Counts; 4],
    /// What the first failure was that is no refusal.
    first_failure: Mutex<Option<String>>,
}

/// Of one step.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) served: AtomicU64,
    /// Refused, and told when to come again.
    pub(super) refused: AtomicU64,
    /// Refused, and told nothing.
    pub(super) refused_bare: AtomicU64,
    /// The connection broke, or could not be made.
    pub(super) broken: AtomicU64,
}

impl Tally {
    pub(super) fn of(&self, step: Step) -> &Counts {
        &self.steps[step as usize]
    }

    pub(super) fn first_failure(&self) -> Option<String> {
        self.first_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A student on the way.
pub(super) struct Visit<'a> {
    pub(super) client: &'a Client,
    pub(super) tally: &'a Tally,
    pub(super) student: &'a Student,
    /// The address that the student comes from.
    pub(super) from: Ipv4Addr,
    connection: Option<Connection>,
    pause: Duration,
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        client: &'a Client,
        tally: &'a Tally,
        student: &'a Student,
        from: Ipv4Addr,
    ) -> Self {
        Self { client, tally, student, from, connection: None, pause: FIRST_PAUSE }
    }

    /// Lodges a claim for a file, however often it takes; returns what the rest needs.
    pub(super) async fn lodge(&mut self) -> Result<Lodged> {
        let session = self.session().await;
        let target = "/v1/assignments";
        let list = Ask { method: "GET", target, content: None };
        let content = self.ask(Step::Lodging, &session, list, StatusCode::OK, false).await;
        let assignments: Assignments = json::from_slice(&content)?;
        let file = random_file();
        let (claim, cms) = claim(&session, self.student, &assignments, &file)?;
        let cms = Bytes::from(cms);
        let ask = Ask { method: "POST", target: "/v1/claims", content: Some((CMS, &cms)) };
        self.ask(Step::Lodging, &session, ask, StatusCode::CREATED, true).await;
        Ok(Lodged { session, claim: claim.to_string(), file })
    }

    /// Sends the file and fetches the receipt.
    pub(super) async fn complete(&mut self, lodged: &Lodged) {
        let Lodged { session, claim, file } = lodged;
        let target = format!("/v1/claims/{claim}/files/0/0");
        let ask = Ask { method: "PUT", target: &target, content: Some((OCTETS, file)) };
        self.ask(Step::Upload, session, ask, StatusCode::NO_CONTENT, true).await;
        let target = format!("/v1/claims/{claim}/receipt?wait=20");
        let ask = Ask { method: "GET", target: &target, content: None };
        loop {
            let receipt = self.ask(Step::Receipt, session, ask, StatusCode::OK, false).await;
            if has_both_proofs(&receipt) {
                self.tally.of(Step::Receipt).served.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn end(self) {
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }

    async fn session(&mut self) -> Session {
        loop {
            let tried = self.try_session().await;
            if let Some(session) = self.judged(Step::Session, tried, true).await {
                return session;
            }
        }
    }

    async fn try_session(&mut self) -> Result<Try<Session>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect_from(self.from).await?,
        };
        let tried = self.client.try_open_session(&mut connection, &self.student.credential).await?;
        self.connection = Some(connection);
        Ok(tried)
    }

    async fn ask(
        &mut self,
        step: Step,
        session: &Session,
        ask: Ask<'_>,
        expected: StatusCode,
        completes: bool,
    ) -> Bytes {
        loop {
            let tried = self.try_ask(session, ask, expected).await;
            if let Some(content) = self.judged(step, tried, completes).await {
                return content;
            }
        }
    }

    async fn try_ask(
        &mut self,
        session: &Session,
        ask: Ask<'_>,
        expected: StatusCode,
    ) -> Result<Try<Bytes>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect_from(self.from).await?,
        };
        let tried = self.client.try_ask(&mut connection, session, ask).await?;
        self.connection = Some(connection);
        Ok(match tried {
            Try::Answered((status, content)) => {
                // A lodging whose answer was lost is there already.
                let again = expected == StatusCode::CREATED && status == StatusCode::OK;
                if !again {
                    expect(status, expected, &content)?;
                }
                Try::Answered(content)
            }
            Try::Busy(after) => Try::Busy(after),
        })
    }

    /// Counts what came of it; where it is to be tried again, after the pause before that.
    async fn judged<T>(&mut self, step: Step, tried: Result<Try<T>>, completes: bool) -> Option<T> {
        let counts = self.tally.of(step);
        let (counter, after) = match tried {
            Ok(Try::Answered(answer)) => {
                if completes {
                    counts.served.fetch_add(1, Ordering::Relaxed);
                }
                self.pause = FIRST_PAUSE;
                return Some(answer);
            }
            Ok(Try::Busy(Some(after))) => (&counts.refused, after),
            Ok(Try::Busy(None)) => (&counts.refused_bare, 0),
            Err(error) => {
                let first = &self.tally.first_failure;
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| format!("{}: {error:#}", step.name()));
                self.connection = None;
                (&counts.broken, 0)
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(after) + jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        None
    }
}

/// A claim on record.
pub(super) struct Lodged {
    session: Session,
    claim: String,
    file: Bytes,
}

/// Between half of the pause and the whole.
fn jittered(pause: Duration) -> Duration {
    let share = f64::from(system_rng().next_u32()) / f64::from(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(share)
}

/// The address with this number.
pub(super) fn address(number: u32) -> Result<Ipv4Addr> {
    ensure!(number < 60_000, "127.0.0.0/8 is not used further than that");
    let number = number + 0x102;
    Ok(Ipv4Addr::from(0x7f00_0000 | number))
}
