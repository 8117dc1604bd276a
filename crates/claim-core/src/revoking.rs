//! Revoking one's own certificates at CUHK (PROTOCOL.md §3 "Revocation by the holder").

use claim_pki::{RevocationReason, SerialNumber};
use serde::{Deserialize, Serialize};

use crate::{DeviceName, DeviceNameError, Timestamp};

/// The address at CUHK.
pub const REVOCATIONS: &str = "/revocations";

/// Which of a person's own certificates are to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeOwn {
    /// All that have not ended.
    All,
    /// The one with this serial number, those of the same key, and all that were re-enrolled from these.
    Serial(SerialNumber),
    /// Those of the device with this name that have not ended.
    Device(DeviceName),
}

/// The content of `POST /revocations`, as JSON: exactly one of `all` (true), `serial` and `device`; a `reason` or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spelled", into = "Spelled")]
pub struct RevocationRequest {
    /// Which.
    pub what: RevokeOwn,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a text is no [`RevocationRequest`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationRequestError {
    /// Not exactly one of the three.
    #[error("exactly one of all (true), serial and device must be there")]
    What,
    /// The serial number is none.
    #[error("the serial number is none: {0}")]
    Serial(#[from] claim_pki::SerialError),
    /// Nobody calls a device so.
    #[error(transparent)]
    Device(#[from] DeviceNameError),
    /// A reason that is none, or is not a person's to give.
    #[error("the reason is none of: {}", names())]
    Reason,
}

/// The answer: what is revoked now, each with since when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationAnswer {
    /// The certificates.
    pub revoked: Vec<OwnRevoked>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRevoked {
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// Since when it is revoked.
    pub revoked_at: Timestamp,
    /// Why: a name of RFC 5280 §5.3.1.
    pub reason: String,
    /// Whether it was revoked before, and stays so as it was.
    pub before: bool,
    /// The device that it is kept on, where it has a name.
    pub device: Option<String>,
    /// When it would have ended.
    pub not_after: Timestamp,
}

/// The reasons that a person may give; without one there is none in the list either.
pub const OWN_REASONS: [RevocationReason; 5] = [
    RevocationReason::KeyCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
    RevocationReason::PrivilegeWithdrawn,
];

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Spelled {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl TryFrom<Spelled> for RevocationRequest {
    type Error = RevocationRequestError;

    fn try_from(spelled: Spelled) -> Result<Self, RevocationRequestError> {
        let Spelled { all, serial, device, reason } = spelled;
        let what = match (all, serial, device) {
            (Some(true), None, None) => RevokeOwn::All,
            (None, Some(serial), None) => RevokeOwn::Serial(serial.parse()?),
            (None, None, Some(device)) => RevokeOwn::Device(device.parse()?),
            _ => return Err(RevocationRequestError::What),
        };
        let reason = match reason {
            None => RevocationReason::Unspecified,
            Some(name) => OWN_REASONS
                .into_iter()
                .find(|reason| reason.as_str() == name)
                .ok_or(RevocationRequestError::Reason)?,
        };
        Ok(Self { what, reason })
    }
}

impl From<RevocationRequest> for Spelled {
    fn from(request: RevocationRequest) -> Self {
        let mut spelled = Self { all: None, serial: None, device: None, reason: None };
        match request.what {
            RevokeOwn::All => spelled.all = Some(true),
            RevokeOwn::Serial(serial) => spelled.serial = Some(serial.to_string()),
            RevokeOwn::Device(device) => spelled.device = Some(device.to_string()),
        }
        if request.reason != RevocationReason::Unspecified {
            spelled.reason = Some(request.reason.as_str().to_owned());
        }
        spelled
    }
}

fn names() -> String {
    OWN_REASONS.map(RevocationReason::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::json;

    #[test]
    fn a_request_has_one_spelling_and_comes_back() {
        for (text, what, reason) in [
            (r#"{"all":true}"#, RevokeOwn::All, RevocationReason::Unspecified),
            (
                r#"{"serial":"5f0c","reason":"keyCompromise"}"#,
                RevokeOwn::Serial("5f0c".parse().unwrap()),
                RevocationReason::KeyCompromise,
            ),
            (
                r#"{"device":"laptop","reason":"superseded"}"#,
                RevokeOwn::Device("laptop".parse().unwrap()),
                RevocationReason::Superseded,
            ),
        ] {
            let request: RevocationRequest = json::from_slice(text.as_bytes()).unwrap();
            assert_eq!(request, RevocationRequest { what, reason });
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_one_clear_wish_is_refused() {
        for text in [
            "{}",
            r#"{"all":false}"#,
            r#"{"all":true,"serial":"5f0c"}"#,
            r#"{"serial":"5f0c","device":"laptop"}"#,
            r#"{"serial":"-1"}"#,
            r#"{"device":""}"#,
            r#"{"all":"true"}"#,
            r#"{"all":true,"reason":"certificateHold"}"#,
            r#"{"all":true,"reason":"removeFromCRL"}"#,
            r#"{"all":true,"reason":"cACompromise"}"#,
            r#"{"all":true,"all":true}"#,
        ] {
            assert!(json::from_slice::<RevocationRequest>(text.as_bytes()).is_err(), "{text}");
        }
        let long = format!(r#"{{"device":"{}"}}"#, "x".repeat(DeviceName::MAX_LENGTH + 1));
        assert!(json::from_slice::<RevocationRequest>(long.as_bytes()).is_err());
    }
}
