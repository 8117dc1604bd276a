//! The media types of requests.

use claim_core::{Problem, ProblemType, hand_in};
use http::{HeaderMap, header};

/// A media type that a route takes; as parameter at most `charset=utf-8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`.
    Json,
    /// `text/plain`.
    Text,
    /// `application/cms`.
    Cms,
    /// `application/octet-stream`.
    Octets,
}

impl MediaType {
    fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain",
            Self::Cms => hand_in::CMS,
            Self::Octets => hand_in::OCTETS,
        }
    }

    /// Refuses every other `Content-Type`.
    ///
    /// # Errors
    /// [`ProblemType::UnsupportedMediaType`], naming the one that is taken.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut values = headers.get_all(header::CONTENT_TYPE).iter();
        if let (Some(value), None) = (values.next(), values.next())
            && value.to_str().is_ok_and(|text| self.is(text))
        {
            return Ok(());
        }
        let detail = format!("the Content-Type must be {}", self.essence());
        Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
    }

    /// RFC 9110 §8.3.1: case counts nowhere here, and the value may be quoted.
    fn is(self, text: &str) -> bool {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        essence.eq_ignore_ascii_case(self.essence())
            && parts.all(|parameter| {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                name.eq_ignore_ascii_case("charset")
                    && bare.unwrap_or(value).eq_ignore_ascii_case("utf-8")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_type_itself_and_utf_8() {
        for right in [
            "text/plain",
            "Text/Plain",
            "text/plain; charset=utf-8",
            "text/plain;charset=UTF-8",
            "text/plain ; Charset=\"utf-8\"",
        ] {
            assert!(MediaType::Text.is(right), "{right}");
        }
        for wrong in [
            "",
            "text",
            "text/html",
            "text/plain2",
            "text/plain; charset=latin1",
            "text/plain; charset",
            "text/plain; format=flowed",
            "text/plain; charset=\"utf-8",
            "application/json",
        ] {
            assert!(!MediaType::Text.is(wrong), "{wrong}");
        }
    }
}
