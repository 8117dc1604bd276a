//! What browsers bring: the fields of a form, and the query with which the sign-in service sends them back.

use claim_core::{Problem, ProblemType};
use url::form_urlencoded;

/// What a form or a query sends.
pub(crate) struct Fields(Vec<(String, String)>);

/// What came back through the browser (RFC 6749 §4.1.2, RFC 9207 §2). A stranger may have made all of it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInReturn {
    /// By which the visit knows that it is its own.
    pub state: Option<String>,
    /// The authorization code.
    pub code: Option<String>,
    /// What the service says instead of a code.
    pub error: Option<String>,
    /// The service, where it names itself.
    pub iss: Option<String>,
}

impl Fields {
    pub(crate) fn read(content: &[u8]) -> Result<Self, Problem> {
        /// More than any of these has.
        const MOST: usize = 16;
        let fields: Vec<_> = form_urlencoded::parse(content).into_owned().take(MOST + 1).collect();
        if fields.len() > MOST {
            return Err(Problem::new(
                ProblemType::MalformedRequest,
                "there are too many parameters",
            ));
        }
        Ok(Self(fields))
    }

    /// RFC 6749 §3.1: "parameters MUST NOT be included more than once".
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (found, None) => Ok(found.map(|(_, value)| value.as_str())),
            _ => {
                let detail = format!("the parameter {name} is there more than once");
                Err(Problem::new(ProblemType::MalformedRequest, detail))
            }
        }
    }
}

impl SignInReturn {
    /// Reads the query of the address to which the browser was sent.
    ///
    /// # Errors
    /// [`ProblemType::MalformedRequest`] when a parameter is there twice, or there are too many.
    pub fn from_query(query: &str) -> Result<Self, Problem> {
        let fields = Fields::read(query.as_bytes())?;
        let one = |name| fields.one(name).map(|value| value.map(str::to_owned));
        Ok(Self {
            state: one("state")?,
            code: one("code")?,
            error: one("error")?,
            iss: one("iss")?,
        })
    }
}
