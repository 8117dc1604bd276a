//! A course with everything in it, made by the requests that people make.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use claim_core::claim::{ClaimId, FileHasher, FileName, Files};
use claim_core::hand_in::{Assignment, Assignments};
use claim_core::late::{LatePolicy, PenaltyStep, PenaltySteps};
use claim_core::messages::JSON;
use claim_core::student::Session;
use claim_core::{PersonId, Sid, json};
use claim_course::api::Courses;
use claim_course::{AssignmentPlan, Change, Changes, Enrolled, GroupPlace, Role};
use http::StatusCode;
use rand_core::Rng;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::{COURSE, GROUP, TEACHER};
use crate::bench::connection::{Ask, Client, Connection};
use crate::bench::hand_in::{expect, lodge, sign};
use crate::bench::load::deal;
use crate::bench::now;
use crate::bench::students::{Student, system_rng};
use crate::cli::CourseBenchArgs;

/// The set of groups.
const GROUPS: &str = "groups";

/// The size of the file in each claim, in bytes.
const FILE: usize = 2_000;

/// How long it took to hand everything in, and how much it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeded {
    pub(super) claims: usize,
    pub(super) took: Duration,
}

/// The name of the assignment with this number, counted from one.
pub(super) fn assignment(number: u32) -> String {
    format!("lab{number:02}")
}

/// Adds the course on Blackboard's machine, where that is done.
pub(super) async fn add_course(dir: &Path) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.args(["blackboard", "course", "add", COURSE, "--title", "Everything at once"]);
    command.args(["--zone", "Asia/Hong_Kong", "--owner", TEACHER, "--dir"]).arg(dir);
    let output = command.stdin(Stdio::null()).output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the course could not be added: {errors}");
    Ok(())
}

/// The teacher, who owns the course, puts everybody on the roster and into groups, and sets the assignments up: in one list
/// of changes.
pub(super) async fn set_up(
    client: &Client,
    teacher: &Student,
    arguments: &CourseBenchArgs,
    students: &[PersonId],
    assistants: &[PersonId],
) -> Result<()> {
    let sids: Vec<Sid> = students
        .iter()
        .map(|id| id.as_str().parse().context("a student without SID"))
        .collect::<Result<_>>()?;
    let enrolled = |(number, sid): (usize, &Sid)| Enrolled {
        sid: sid.clone(),
        name: format!("Student {number}"),
        email: format!("{sid}@example.edu"),
        extra: vec![("Section".to_owned(), format!("Section {}", number % 20))],
    };
    let place = |(number, sid): (usize, &Sid)| {
        let group = Some(format!("Group {}", number / GROUP).parse()?);
        Ok(GroupPlace { sid: sid.clone(), group })
    };
    let mut changes = vec![
        Change::Members { members: sids.iter().enumerate().map(enrolled).collect() },
        Change::Groups {
            set: GROUPS.parse()?,
            places: sids.iter().enumerate().map(place).collect::<Result<_>>()?,
        },
    ];
    changes.extend(
        assistants
            .iter()
            .map(|person| Change::Staff { person: person.clone(), role: Some(Role::Assistant) }),
    );
    for number in 1..=arguments.assignments {
        changes.push(Change::Assignment(plan(number, arguments.assignments)?));
    }
    let mut connection = client.connect().await?;
    let session = client.open_session(&mut connection, &teacher.credential).await?;
    let ask = Ask { method: "GET", target: "/v1/courses", content: None };
    let (status, content) = client.ask(&mut connection, &session, ask).await?;
    expect(status, StatusCode::OK, &content)?;
    let courses = json::from_slice::<Courses>(&content)?.courses;
    let revision = courses.first().context("the teacher has no course")?.course.revision;
    let content = Bytes::from(serde_json::to_vec(&Changes { revision, changes })?);
    let target = format!("/v1/courses/{COURSE}/changes");
    let ask = Ask { method: "POST", target: &target, content: Some((JSON, &content)) };
    let (status, content) = client.ask(&mut connection, &session, ask).await?;
    expect(status, StatusCode::OK, &content)?;
    connection.close().await;
    Ok(())
}

/// One in three has no due time, one is over and takes late claims, one is still to come. The last is for groups.
fn plan(number: u32, last: u32) -> Result<AssignmentPlan> {
    let due = match number % 3 {
        0 => Some(now().plus_seconds(-5 * 3600)),
        1 => Some(now().plus_seconds(5 * 24 * 3600)),
        _ => None,
    };
    let steps = [(0, 10), (240, 50)];
    let steps = steps.map(|(after_minutes, percent)| PenaltyStep { after_minutes, percent });
    Ok(AssignmentPlan {
        course: COURSE.parse()?,
        assignment: assignment(number).parse()?,
        title: format!("Laboratory {number}"),
        visible_from: None,
        due,
        until: None,
        late: LatePolicy::Penalty { steps: PenaltySteps::new(steps.to_vec())? },
        upload_seconds: claim_blackboard::DEFAULT_UPLOAD_SECONDS,
        limits: claim_blackboard::DEFAULT_LIMITS,
        groups: (number == last).then(|| GROUPS.parse()).transpose()?,
    })
}

/// Everybody hands everything in; those of one group one after the other, so that nobody is second to lodge.
pub(super) async fn hand_in(
    client: &Client,
    students: Vec<Student>,
    arguments: &CourseBenchArgs,
) -> Result<Seeded> {
    let (begin, claims) = (Instant::now(), arguments.claims);
    let mut groups: Vec<Vec<Student>> = Vec::new();
    for student in students {
        match groups.last_mut() {
            Some(group) if group.len() < GROUP => group.push(student),
            _ => groups.push(vec![student]),
        }
    }
    let mut at_work = JoinSet::new();
    for hand in deal(groups, arguments.concurrency as usize) {
        let client = client.clone();
        at_work.spawn(async move {
            let mut connection = client.connect().await?;
            let mut done = 0;
            for student in hand.iter().flatten() {
                done += everything(&client, &mut connection, student, claims).await?;
            }
            connection.close().await;
            anyhow::Ok(done)
        });
    }
    let mut all = 0;
    while let Some(done) = at_work.join_next().await {
        all += done.map_err(|_| anyhow!("a student was lost"))??;
    }
    Ok(Seeded { claims: all, took: begin.elapsed() })
}

/// One student's claims: so many for each assignment, each in the place of the one before it.
async fn everything(
    client: &Client,
    connection: &mut Connection,
    student: &Student,
    claims: u32,
) -> Result<usize> {
    let session = client.open_session(connection, &student.credential).await?;
    let ask = Ask { method: "GET", target: "/v1/assignments", content: None };
    let (status, content) = client.ask(connection, &session, ask).await?;
    expect(status, StatusCode::OK, &content)?;
    let offered: Assignments = json::from_slice(&content)?;
    let mut done = 0;
    for mut wanted in offered.assignments {
        // Everybody may hand in to another course too.
        if wanted.course.as_str() != COURSE {
            continue;
        }
        for _ in 0..claims {
            let (claim, file) = signed(&session, student, &wanted)?;
            let claim = lodge(client, connection, &session, claim, &file).await?;
            wanted.last_claim = Some(claim);
            done += 1;
        }
    }
    Ok(done)
}

/// A claim with its one file.
fn signed(
    session: &Session,
    student: &Student,
    wanted: &Assignment,
) -> Result<((ClaimId, Vec<u8>), Bytes)> {
    let mut file = vec![0; FILE];
    system_rng().fill_bytes(&mut file);
    let mut hasher = FileHasher::new();
    hasher.update(&file);
    let files = Files::new(vec![hasher.finish(FileName::normalised("report.pdf")?)?])?;
    Ok((sign(session, student, wanted, files)?, Bytes::from(file)))
}

/// The size of the database's files in a folder, in bytes.
pub(super) fn size_of(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for suffix in ["", "-wal"] {
        match std::fs::metadata(dir.join(format!("{}{suffix}", claim_blackboard::DATABASE_FILE))) {
            Ok(file) => bytes += file.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("cannot look at the database"),
        }
    }
    Ok(bytes)
}
