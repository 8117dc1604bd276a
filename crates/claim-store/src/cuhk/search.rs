//! Looking for certificates, a page at a time, however many there are.

use claim_pki::Timestamp;
use sqlx::AssertSqlSafe;

use super::audit::Authentication;
use super::certificates::{self, CertificateRecord};
use super::revocations::{self, Revocation};
use super::{CuhkStore, StoreError};
use crate::batch::{BATCH, parameters};
use crate::readers::Read;

/// Which certificates are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// Those that name this holder: a person's id, an origin, a witness's name.
    pub holder: Option<String>,
    /// Those with one of these serial numbers, lower-case hexadecimal.
    pub serials: Option<Vec<String>>,
    /// Those of this profile.
    pub profile: Option<String>,
    /// Those whose holder was known in this way.
    pub authenticated_by: Option<Authentication>,
    /// Those of the device of this name.
    pub device: Option<String>,
    /// Those reserved at this moment or later.
    pub from: Option<Timestamp>,
    /// Those reserved before this moment.
    pub until: Option<Timestamp>,
}

impl CuhkStore {
    /// Up to `limit` certificates that are asked for, in the order of their reservation, from the first or after the one with
    /// this time and serial number.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn certificates_matching(
        &self,
        filter: &CertificateFilter,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let (mut sql, mut texts) = (String::new(), Vec::new());
        let mut add = |column: &str, among: &[String]| {
            let these = parameters(texts.len() + 6, among.len());
            sql.push_str(&format!(" AND {column} IN ({these})"));
            texts.extend_from_slice(among);
        };
        if let Some(holder) = &filter.holder {
            add("name", std::slice::from_ref(holder));
        }
        if let Some(profile) = &filter.profile {
            add("profile", std::slice::from_ref(profile));
        }
        if let Some(authentication) = filter.authenticated_by {
            add("authenticated_by", &[authentication.name().to_owned()]);
        }
        if let Some(device) = &filter.device {
            add("device", std::slice::from_ref(device));
        }
        match filter.serials.as_deref() {
            Some([]) => return Ok(Vec::new()),
            Some(serials) => add("serial", serials),
            None => {}
        }
        let sql = format!(
            "SELECT * FROM certificates WHERE (reserved_at, serial) > ($1, $2) \
             AND reserved_at >= $3 AND reserved_at < $4{sql} ORDER BY reserved_at, serial LIMIT $5"
        );
        let (time, serial) = after.map_or((i64::MIN, ""), |(at, serial)| (at.as_millis(), serial));
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(time)
            .bind(serial)
            .bind(filter.from.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
            .bind(i64::from(limit));
        for text in texts {
            query = query.bind(text);
        }
        let rows = query.read_all(&self.database).await?;
        rows.iter().map(certificates::read).collect()
    }

    /// Of these serial numbers those that are revoked, in no particular order.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn revocations_among(&self, serials: &[&str]) -> Result<Vec<Revocation>, StoreError> {
        let mut found = Vec::new();
        for some in serials.chunks(BATCH) {
            let these = parameters(1, some.len());
            let sql = format!("SELECT * FROM revocations WHERE serial IN ({these})");
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for serial in some {
                query = query.bind((*serial).to_owned());
            }
            for row in query.read_all(&self.database).await? {
                found.push(revocations::read(&row)?);
            }
        }
        Ok(found)
    }
}
