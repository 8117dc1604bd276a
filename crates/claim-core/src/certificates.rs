//! What CUHK tells a person about the certificates that were issued to them.

use serde::{Deserialize, Serialize};

use crate::{DeviceName, Timestamp};

/// Where CUHK answers it, to whoever shows a certificate of theirs in the TLS handshake.
pub const CERTIFICATES: &str = "/v1/certificates";

/// The certificates of one person, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateList {
    /// How many live ones a person may hold; `None` where nobody counts.
    pub limit: Option<u32>,
    /// Those that have not ended long ago.
    pub certificates: Vec<ListedCertificate>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCertificate {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// The device that keeps it, where one was named.
    pub device: Option<DeviceName>,
    /// How whoever asked for it was known: `code`, `certificate`, `single-sign-on` or `local-demo`; others may come.
    pub authenticated_by: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// Serial number of the certificate that it renewed.
    pub predecessor: Option<String>,
    /// Serial number of the certificate by which it was renewed.
    pub renewed_by: Option<String>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why, in the words of RFC 5280 §5.3.1.
    pub revocation_reason: Option<String>,
}

impl ListedCertificate {
    /// Whether it counts among those that a person may hold: a renewal takes the place of what it renews.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.not_after >= now && self.revoked_at.is_none() && self.renewed_by.is_none()
    }
}

impl CertificateList {
    /// The serial numbers from which this one descends by renewals, with itself.
    pub fn lineage<'l>(&'l self, serial: &'l str) -> Vec<&'l str> {
        let of = |serial: &str| self.certificates.iter().find(|one| one.serial == serial);
        let mut lineage = vec![serial];
        while let Some(before) =
            lineage.last().and_then(|last| of(last)).and_then(|one| one.predecessor.as_deref())
            // What somebody else's server says may go in circles.
            && lineage.len() <= self.certificates.len()
        {
            lineage.push(before);
        }
        lineage
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn listed(serial: &str, predecessor: Option<&str>) -> ListedCertificate {
        ListedCertificate {
            serial: serial.to_owned(),
            device: Some("laptop".parse().unwrap()),
            authenticated_by: Some("code".to_owned()),
            issued_at: Timestamp::from_seconds(0),
            not_after: Timestamp::from_seconds(10),
            predecessor: predecessor.map(str::to_owned),
            renewed_by: None,
            revoked_at: None,
            revocation_reason: None,
        }
    }

    #[test]
    fn a_lineage_goes_back_to_the_first_and_ends_in_a_circle() {
        let certificates = vec![
            listed("c", Some("b")),
            listed("x", None),
            listed("b", Some("a")),
            listed("a", None),
        ];
        let list = CertificateList { limit: Some(3), certificates };
        assert_eq!(list.lineage("c"), ["c", "b", "a"]);
        assert_eq!(list.lineage("x"), ["x"]);
        assert_eq!(list.lineage("none"), ["none"]);
        let certificates = vec![listed("b", Some("a")), listed("a", Some("b"))];
        assert!(CertificateList { limit: None, certificates }.lineage("a").len() <= 4);
    }

    #[test]
    fn a_device_name_that_is_none_is_not_read() {
        let text = serde_json::to_string(&listed("a", None)).unwrap();
        assert_eq!(serde_json::from_str::<ListedCertificate>(&text).unwrap(), listed("a", None));
        let hostile = text.replace("laptop", "\\u001b[2J");
        assert!(serde_json::from_str::<ListedCertificate>(&hostile).is_err());
    }

    #[test]
    fn what_is_renewed_revoked_or_over_is_not_live() {
        let now = Timestamp::from_seconds(10);
        assert!(listed("a", None).is_live(now));
        assert!(!listed("a", None).is_live(Timestamp::from_seconds(11)));
        let renewed = ListedCertificate { renewed_by: Some("b".to_owned()), ..listed("a", None) };
        let revoked = ListedCertificate { revoked_at: Some(now), ..listed("a", None) };
        assert!(!renewed.is_live(now) && !revoked.is_live(now));
    }
}
