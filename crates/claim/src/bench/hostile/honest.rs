//! The honest: students who open a session and send a message, students who enrol; every answer is verified.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use bytes::Bytes;
use claim_core::encoding::base64;
use claim_core::invitation::Invitee;
use claim_core::messages::MessageAnswer;
use claim_core::{PersonId, Sid, json};
use claim_cuhk::{Clock, Office};
use claim_http::decode_est_body;
use claim_pki::{SigningKey, Subject, certification_request, decode_certs_only};
use http::{Request, header};
use http_body_util::Full;
use tokio::task::JoinSet;

use super::Victim;
use super::servers::Servers;
use crate::bench::connection::{Ask, Client, read_answer};
use crate::bench::students::Student;

/// What a student does between two visits.
const PAUSE: Duration = Duration::from_millis(10);

/// Where messages go.
pub(super) const MESSAGES: &str = "/v1/messages";

/// What they are.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The most that is told of what went wrong.
const MAX_FAILURES: usize = 3;

/// Those who come.
pub(super) struct Honest {
    blackboard: Client,
    cuhk: Client,
    students: Vec<Student>,
    invited: Vec<Enrolling>,
    next: AtomicUsize,
    at_once: u32,
}

/// Somebody who enrols, again and again with the same key, as whoever lost the answer does.
struct Enrolling {
    authorization: String,
    request: String,
    key: SigningKey,
}

/// What a number of them managed in a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) elapsed: Duration,
    /// How long each visit took; ascending.
    pub(super) latencies: Vec<Duration>,
    pub(super) failures: Vec<String>,
}

impl Work {
    pub(super) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Within this time half of the visits were over.
    pub(super) fn half_within(&self) -> Duration {
        self.latencies.get(self.latencies.len() / 2).copied().unwrap_or_default()
    }
}

impl Honest {
    pub(super) async fn new(
        servers: &Servers,
        dir: &Path,
        students: u32,
        at_once: u32,
    ) -> Result<Arc<Self>> {
        let client = |server: &super::servers::Server| {
            Client::of(Arc::clone(&servers.root), server.origin.clone(), server.address)
        };
        let office = Office::open(dir, None, Clock::system()).await?;
        let mut invited = Vec::new();
        for number in 0..at_once {
            let id = PersonId::Student(format!("{number:010}").parse::<Sid>()?);
            let invitation = office.invite(Invitee::Person(id.clone()), None, None).await?;
            let key = SigningKey::generate()?;
            let user = format!("{}:{}", invitation.invitee.user_id(), invitation.code.expose());
            let subject = Subject::Person { id, name: None };
            invited.push(Enrolling {
                authorization: format!("Basic {}", base64(user.as_bytes())),
                request: base64(&certification_request(&key, &subject)?),
                key,
            });
        }
        office.close().await;
        Ok(Arc::new(Self {
            blackboard: client(&servers.blackboard)?,
            cuhk: client(&servers.cuhk)?,
            students: Student::many(students, &servers.issuer)?,
            invited,
            next: AtomicUsize::new(0),
            at_once,
        }))
    }

    /// So many at once visit the server for so long.
    pub(super) async fn work(self: &Arc<Self>, victim: Victim, time: Duration) -> Result<Work> {
        let begin = Instant::now();
        let mut working = JoinSet::new();
        for _ in 0..self.at_once {
            let honest = Arc::clone(self);
            working.spawn(async move {
                let mut work = Work::default();
                while begin.elapsed() < time {
                    match honest.one(victim).await {
                        Ok(took) => work.latencies.push(took),
                        Err(error) => work.failures.push(format!("{error:#}")),
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                work
            });
        }
        let mut all = Work::default();
        for work in working.join_all().await {
            all.latencies.extend(work.latencies);
            all.failures.extend(work.failures);
        }
        all.elapsed = begin.elapsed();
        all.latencies.sort_unstable();
        all.failures.truncate(MAX_FAILURES);
        Ok(all)
    }

    /// One visit, with a connection of its own.
    pub(super) async fn one(&self, victim: Victim) -> Result<Duration> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let begin = Instant::now();
        match victim {
            Victim::Blackboard => self.say(number).await?,
            Victim::Cuhk => self.enrol(number).await?,
        }
        Ok(begin.elapsed())
    }

    async fn say(&self, number: usize) -> Result<()> {
        let student = self.students.get(number % self.students.len().max(1));
        let student = student.ok_or_else(|| anyhow!("there are no students"))?;
        let mut connection = self.blackboard.connect().await?;
        let session = self.blackboard.open_session(&mut connection, &student.credential).await?;
        let text = Bytes::from(format!("visit {number}"));
        let ask = Ask { method: "POST", target: MESSAGES, content: Some((TEXT, &text)) };
        let (status, content) = self.blackboard.ask(&mut connection, &session, ask).await?;
        ensure!(status == 201, "the message was answered with {status}");
        let answer: MessageAnswer = json::from_slice(&content)?;
        ensure!(answer.sid == student.credential.id, "it was taken for somebody else's");
        connection.close().await;
        Ok(())
    }

    async fn enrol(&self, number: usize) -> Result<()> {
        let enrolling = self.invited.get(number % self.invited.len().max(1));
        let enrolling = enrolling.ok_or_else(|| anyhow!("nobody is invited"))?;
        let mut connection = self.cuhk.connect().await?;
        let request = Request::post(self.cuhk.origin().join("/.well-known/est/simpleenroll"))
            .header(header::CONTENT_TYPE, "application/pkcs10")
            .header(header::AUTHORIZATION, &enrolling.authorization)
            .body(Full::new(Bytes::from(enrolling.request.clone())))?;
        let (head, body) = connection.send(request).await?.into_parts();
        let content = read_answer(body).await?;
        ensure!(head.status == 200, "{}: {}", head.status, String::from_utf8_lossy(&content));
        let certificates = decode_certs_only(&decode_est_body(&content)?)?;
        let [certificate] = &certificates[..] else { bail!("not one certificate") };
        ensure!(certificate.public_key()? == *enrolling.key.public_key(), "for another key");
        connection.close().await;
        Ok(())
    }
}
