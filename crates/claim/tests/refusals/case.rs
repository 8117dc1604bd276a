//! One row of the table at one server: caused for real, answered as the row says, and nothing changed.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;

use claim_core::signing::AnswerParts;
use claim_core::student::ExpectAnswer;
use claim_core::{Origin, ProblemType};
use claim_http::Answer;
use serde_json::Value;
use sqlx::sqlite::SqlitePool;

use crate::program::count;
use crate::wire::{Ask, Client, Version};

/// A server with its records and somebody who asks it, showing no certificate.
pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) records: Records,
    pub(crate) metrics: SocketAddr,
}

/// A row that is being caused.
pub(crate) struct Case<'s> {
    site: &'s Site,
    row: ProblemType,
    told_before: u64,
    refused: Cell<u64>,
    passed: Cell<bool>,
}

/// Shows that a row was refused as it must be, and that the nearest valid input passed.
pub(crate) struct Ended(());

impl Site {
    pub(crate) fn origin(&self) -> &Origin {
        &self.client.origin
    }

    pub(crate) async fn case(&self, row: ProblemType) -> Case<'_> {
        let told_before = self.told(row).await;
        Case { site: self, row, told_before, refused: Cell::new(0), passed: Cell::new(false) }
    }

    /// How often the server says that it gave this answer.
    async fn told(&self, row: ProblemType) -> u64 {
        count(self.metrics, &format!("claim_problems_total{{slug=\"{}\"}}", row.slug())).await
    }
}

impl Case<'_> {
    /// Over both versions, unsigned.
    pub(crate) async fn refused(&self, ask: &Ask) -> Answer {
        self.refused_to(&self.site.client, ask, None).await
    }

    /// Over both versions; the answer is signed.
    pub(crate) async fn refused_signed(&self, ask: &Ask, expected: &ExpectAnswer<'_>) -> Answer {
        self.refused_to(&self.site.client, ask, Some(expected)).await
    }

    /// Over both versions, to this client.
    pub(crate) async fn refused_to(
        &self,
        client: &Client,
        ask: &Ask,
        expected: Option<&ExpectAnswer<'_>>,
    ) -> Answer {
        self.refused_once(client.ask(Version::Http1, ask), expected).await;
        self.refused_once(client.ask(Version::Http2, ask), expected).await
    }

    /// Over both versions, where something has led to the same answer already.
    pub(crate) async fn refused_after_one(&self, ask: &Ask) -> Answer {
        self.refused.set(self.refused.get() + 1);
        self.refused(ask).await
    }

    /// Whatever leads to this answer.
    pub(crate) async fn refused_once(
        &self,
        answering: impl Future<Output = Answer>,
        expected: Option<&ExpectAnswer<'_>>,
    ) -> Answer {
        let before = self.site.records.all().await;
        let answer = answering.await;
        self.check(&answer, expected);
        assert_eq!(before, self.site.records.all().await, "something changed");
        self.refused.set(self.refused.get() + 1);
        self.passed.set(false);
        answer
    }

    /// The nearest valid input, over both versions.
    pub(crate) async fn passes(&self, ask: &Ask) -> Answer {
        self.passes_to(&self.site.client, ask).await
    }

    /// The same for an authentic request, whose answer is signed.
    pub(crate) async fn passes_signed(&self, ask: &Ask, expected: &ExpectAnswer<'_>) -> Answer {
        for version in Version::BOTH {
            let answer = self.site.client.ask(version, ask).await;
            assert!(answer.status.is_success(), "{}: {answer:?}", self.row.slug());
            assert!(is_signed(&answer, expected), "{answer:?}");
        }
        self.passes(ask).await
    }

    /// The same to this client.
    pub(crate) async fn passes_to(&self, client: &Client, ask: &Ask) -> Answer {
        let mut last = None;
        for version in Version::BOTH {
            let answer = client.ask(version, ask).await;
            assert!(answer.status.is_success(), "{}: {answer:?}", self.row.slug());
            last = Some(answer);
        }
        self.passed.set(true);
        last.unwrap()
    }

    /// The end: the valid input came last, the server counted what it refused, and has a page about it.
    pub(crate) async fn end(self) -> Ended {
        assert!(self.refused.get() > 0 && self.passed.get(), "{} is not done", self.row.slug());
        let told = self.site.told(self.row).await - self.told_before;
        assert_eq!(told, self.refused.get(), "{} is not counted", self.row.slug());
        for version in Version::BOTH {
            let page = format!("/problems/{}", self.row.slug());
            let answer = self.site.client.ask(version, &Ask::get(&page)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.media_type(), "text/html");
            let text = plain(std::str::from_utf8(&answer.body).unwrap());
            for part in [self.row.title(), self.row.why(), self.row.what_to_do()] {
                assert!(text.contains(&part.replace('`', "")), "{part:?} is not in {text}");
            }
        }
        Ended(())
    }

    /// The answer is the row's.
    fn check(&self, answer: &Answer, expected: Option<&ExpectAnswer<'_>>) {
        let (row, status) = (self.row, answer.status.as_u16());
        let document: Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {answer:?}", row.slug()));
        assert_eq!(document["type"], row.uri(self.site.origin()), "{document}");
        assert_eq!((status, &document["status"]), (row.status(), &status.into()), "{document}");
        assert_eq!(document["title"], row.title());
        assert!(document["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        let header = |name: &str| header(answer, name);
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("x-request-id").map(str::len), Some(16));
        let wait = header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        let must_wait = [429, 503, 507].contains(&status);
        assert_eq!(wait.is_some_and(|seconds| seconds > 0), must_wait, "{answer:?}");
        assert_eq!(wait.is_some(), must_wait, "{answer:?}");
        let authenticate = (status == 401).then_some(r#"Basic realm="CUHK", charset="UTF-8""#);
        assert_eq!(header("www-authenticate"), authenticate);
        assert_eq!(header("allow").is_some_and(|it| !it.is_empty()), status == 405, "{answer:?}");
        match expected {
            Some(expected) => assert!(is_signed(answer, expected), "not signed: {answer:?}"),
            None => assert_eq!(header("signature"), None, "{answer:?}"),
        }
    }
}

/// Whether Blackboard signed this answer for that request.
pub(crate) fn is_signed(answer: &Answer, expected: &ExpectAnswer<'_>) -> bool {
    let parts = AnswerParts {
        status: answer.status.as_u16(),
        content_digest: header(answer, "content-digest"),
        content_type: header(answer, "content-type"),
        signature_input: header(answer, "signature-input").unwrap_or_default(),
        signature: header(answer, "signature").unwrap_or_default(),
    };
    expected.receive(&parts, &answer.body).is_ok()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

/// What a page says, without how it looks.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, after)| after));
    }
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

/// The database of a server, opened beside it.
pub(crate) struct Records {
    database: SqlitePool,
    query: &'static str,
}

/// Everything that enrolment leaves on record.
const CUHK: &str = "SELECT 'certificate ' || serial || ' ' || name || ' ' || hex(key_digest) || ' ' || \
     hex(coalesce(code_hash, '')) || ' ' || hex(coalesce(certificate, '')) AS line FROM certificates \
     UNION ALL SELECT 'person ' || id || ' ' || coalesce(name, '') FROM people \
     UNION ALL SELECT 'code ' || hex(code_hash) || ' ' || expires_at FROM invitations ORDER BY 1";

/// Everything that a message or a claim leaves on record; which leaf an entry gets is a matter of moments.
const BLACKBOARD: &str = "SELECT 'message ' || id || ' ' || hex(session) || ' ' || hex(nonce) || ' ' || person || ' ' || \
     received_at || ' ' || hex(content) AS line FROM messages \
     UNION ALL SELECT 'claim ' || id || ' ' || state || ' ' || durable || ' ' || hex(token) FROM claims \
     UNION ALL SELECT 'piece ' || claim || ' ' || file || ' ' || piece FROM pieces \
     UNION ALL SELECT 'entry ' || hex(entry) FROM log_entries ORDER BY 1";

impl Records {
    pub(crate) async fn of_cuhk(dir: &Path) -> Self {
        Self::open(&dir.join("cuhk.db"), CUHK).await
    }

    pub(crate) async fn of_blackboard(dir: &Path) -> Self {
        Self::open(&dir.join("blackboard.db"), BLACKBOARD).await
    }

    /// What this query tells of courses.
    pub(crate) async fn of_courses(dir: &Path, query: &'static str) -> Self {
        Self::open(&dir.join("blackboard.db"), query).await
    }

    async fn open(path: &Path, query: &'static str) -> Self {
        let database = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        Self { database, query }
    }

    /// What is on record, a line for each row.
    pub(crate) async fn all(&self) -> Vec<String> {
        sqlx::query_scalar(self.query).fetch_all(&self.database).await.unwrap()
    }

    /// Does to the database what the program never would.
    pub(crate) async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.database).await.unwrap();
    }

    /// The same with one value.
    pub(crate) async fn execute_with(&self, statement: &'static str, value: &[u8]) -> u64 {
        let query = sqlx::query(statement).bind(value.to_vec());
        query.execute(&self.database).await.unwrap().rows_affected()
    }

    /// One value.
    pub(crate) async fn bytes(&self, query: &'static str, value: &str) -> Vec<u8> {
        sqlx::query_scalar(query).bind(value.to_owned()).fetch_one(&self.database).await.unwrap()
    }
}
