//! The lists that staff and students look at, and how long each takes.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use claim_core::student::Session;
use claim_core::{Sid, json};
use claim_course::api::{HandIns, MAX_PAGE, Members};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::report::Row;
use super::seed::assignment;
use super::{COURSE, GROUP};
use crate::bench::connection::{Ask, Client, Connection};
use crate::bench::cpu::CpuTime;
use crate::bench::hand_in::expect;
use crate::bench::site::Site;
use crate::bench::students::Student;
use crate::cli::CourseBenchArgs;

/// A page as a screen shows it.
const SCREEN: u32 = 50;

/// Requests of each kind that do not count.
const WARM_UP: u32 = 3;

/// A list that somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// The courses of a teacher: the smallest signed answer, with which the others are compared.
    Courses,
    /// How the course is set up.
    Course,
    /// A page of the roster.
    Members { limit: u32 },
    /// A page of who has handed in, of one assignment.
    HandIns { assignment: u32, limit: u32, groups: bool },
    /// All that a student may hand in to, and has.
    Assignments,
}

/// What is measured, the smallest first.
pub(super) fn all(arguments: &CourseBenchArgs) -> Vec<List> {
    let last = arguments.assignments;
    let hand_ins =
        |assignment, limit| List::HandIns { assignment, limit, groups: assignment == last };
    let mut lists = vec![
        List::Courses,
        List::Course,
        List::Assignments,
        List::Members { limit: SCREEN },
        List::Members { limit: MAX_PAGE },
    ];
    if last > 1 {
        lists.extend([hand_ins(1, SCREEN), hand_ins(1, MAX_PAGE)]);
    }
    lists.extend([hand_ins(last, SCREEN), hand_ins(last, MAX_PAGE)]);
    lists
}

impl List {
    /// Whether students look at it.
    pub(super) fn is_students(&self) -> bool {
        *self == Self::Assignments
    }

    fn target(&self) -> String {
        match self {
            Self::Courses => "/v1/courses".to_owned(),
            Self::Course => format!("/v1/courses/{COURSE}"),
            Self::Assignments => "/v1/assignments".to_owned(),
            Self::Members { limit } => format!("/v1/courses/{COURSE}/members?limit={limit}"),
            Self::HandIns { assignment: number, limit, .. } => format!(
                "/v1/courses/{COURSE}/assignments/{}/hand-ins?limit={limit}",
                assignment(*number)
            ),
        }
    }

    /// Where the next page begins; `None` for lists without pages, and on the last page.
    fn next(&self, content: &[u8]) -> Result<Option<Sid>> {
        Ok(match self {
            Self::Courses | Self::Course | Self::Assignments => None,
            Self::Members { .. } => json::from_slice::<Members>(content)?.next,
            Self::HandIns { .. } => json::from_slice::<HandIns>(content)?.next,
        })
    }
}

/// Somebody's session over a kept connection.
struct Reader<'a> {
    client: &'a Client,
    connection: Connection,
    session: Session,
}

impl<'a> Reader<'a> {
    async fn open(client: &'a Client, who: &Student) -> Result<Self> {
        let mut connection = client.connect().await?;
        let session = client.open_session(&mut connection, &who.credential).await?;
        Ok(Self { client, connection, session })
    }

    async fn get(&mut self, target: &str) -> Result<Bytes> {
        let ask = Ask { method: "GET", target, content: None };
        let (status, content) = self.client.ask(&mut self.connection, &self.session, ask).await?;
        expect(status, StatusCode::OK, &content)?;
        Ok(content)
    }

    async fn read<T: DeserializeOwned>(&mut self, target: &str) -> Result<T> {
        Ok(json::from_slice(&self.get(target).await?)?)
    }
}

/// Turns pages, from the first to the last and over again, one request after the other.
pub(super) async fn measure(
    client: &Client,
    site: &Site,
    who: &Student,
    list: &List,
    arguments: &CourseBenchArgs,
) -> Result<Row> {
    let (mut reader, first) = (Reader::open(client, who).await?, list.target());
    let (mut target, mut latencies, mut bytes) = (first.clone(), Vec::new(), 0);
    let mut server = site.cpu()?;
    for number in 0..WARM_UP + arguments.requests {
        if number == WARM_UP {
            server = site.cpu()?;
        }
        let begun = Instant::now();
        let content = reader.get(&target).await?;
        let took = begun.elapsed();
        if number >= WARM_UP {
            latencies.push(took);
            bytes = bytes.max(content.len());
        }
        target = match list.next(&content)? {
            Some(sid) => format!("{first}&after={sid}"),
            None => first.clone(),
        };
    }
    let server = site.cpu()?.since(server);
    reader.connection.close().await;
    latencies.sort_unstable();
    Ok(Row::new(list.to_string(), &latencies, bytes, each(server, arguments.requests)))
}

fn each(server: CpuTime, requests: u32) -> Duration {
    (server.user + server.system) / requests.max(1)
}

/// Reads every page of every list: each student is there once, and every claim that was handed in.
pub(super) async fn whole_course(
    client: &Client,
    teacher: &Student,
    arguments: &CourseBenchArgs,
) -> Result<()> {
    let CourseBenchArgs { students, assignments, claims, .. } = *arguments;
    let mut reader = Reader::open(client, teacher).await?;
    let (mut seen, mut after) = (0, None::<Sid>);
    let list = List::Members { limit: MAX_PAGE };
    loop {
        let page: Members = reader.read(&from(&list, after.as_ref())).await?;
        ensure!(page.members.iter().all(|one| Some(&one.sid) > after.as_ref()), "out of order");
        seen += page.members.len();
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    ensure!(seen == students as usize, "the roster has {seen} students of {students}");
    for assignment in 1..=assignments {
        let groups = assignment == assignments;
        let list = List::HandIns { assignment, limit: MAX_PAGE, groups };
        let (mut rows, mut after) = (0, None::<Sid>);
        loop {
            let page: HandIns = reader.read(&from(&list, after.as_ref())).await?;
            for row in &page.hand_ins {
                let group = if groups { GROUP } else { 1 };
                let there = row.claims.len();
                let most = claims as usize * group;
                // The last group may have fewer members.
                let complete = there == most || groups && (claims as usize..most).contains(&there);
                ensure!(complete, "{} has {there} claims of {most}", row.sid);
                let late = row.claims.iter().all(|claim| claim.late_ms > 0);
                let counts = row.counting.is_some();
                ensure!(counts != late, "{} has claims, and none that counts", row.sid);
                rows += 1;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        ensure!(rows == students, "the list {assignment} has {rows} students of {students}");
    }
    reader.connection.close().await;
    Ok(())
}

fn from(list: &List, after: Option<&Sid>) -> String {
    let mut target = list.target();
    if let Some(sid) = after {
        target.push_str(&format!("&after={sid}"));
    }
    target
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Courses => f.write_str("a teacher's courses"),
            Self::Course => f.write_str("the course"),
            Self::Members { limit } => write!(f, "the roster, {limit} a page"),
            Self::HandIns { limit, groups: false, .. } => {
                write!(f, "who has handed in, {limit} a page")
            }
            Self::HandIns { limit, groups: true, .. } => {
                write!(f, "the same for groups, {limit} a page")
            }
            Self::Assignments => f.write_str("a student's assignments"),
        }
    }
}
