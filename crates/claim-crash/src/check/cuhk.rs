//! CUHK: certificates, codes, revocations, and what it saw of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use claim_core::Digest;
use claim_pki::{Certificate, RevocationList};
use claim_store::cuhk::CuhkStore;

use super::rows;
use crate::wire::{now, shown};
use crate::world::{Scene, Side};

pub(super) async fn check(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = certificates(scene).await?;
    wrong.extend(revocations(scene).await?);
    wrong.extend(witness(scene).await?);
    wrong.extend(audit(scene).await?);
    Ok(wrong)
}

async fn certificates(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = scene.database(Side::Cuhk);
    let mut issued = BTreeMap::new();
    let mut spent: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    let sql = "SELECT serial, code_hash, certificate FROM certificates";
    for row in rows(&database, sql).await? {
        let serial = row.text("serial").unwrap_or_default();
        if let Some(code) = row.bytes("code_hash") {
            spent.entry(code).or_default().push(serial.clone());
        }
        let Some(der) = row.bytes("certificate") else { continue };
        match Certificate::from_der(&der) {
            Ok(read) if read.serial().to_string() == serial => {}
            _ => wrong.push(format!("the certificate on record as {serial} is another one")),
        }
        issued.insert(serial, der);
    }
    let invited: BTreeSet<Vec<u8>> = rows(&database, "SELECT code_hash FROM invitations")
        .await?
        .iter()
        .filter_map(|row| row.bytes("code_hash"))
        .collect();
    let people = rows(&database, "SELECT id FROM people").await?;
    let record = scene.record();
    for (serial, der) in &record.certificates {
        if issued.get(serial) != Some(der) {
            wrong.push(format!("certificate {serial} was given out and is not on record"));
        }
    }
    for (code, serials) in &spent {
        if serials.len() > 1 {
            wrong.push(format!("code {code:02x?} was spent for {serials:?}"));
        }
    }
    for (code, serial) in &record.codes {
        if spent.get(code.as_bytes().as_slice()).is_none_or(|known| !known.contains(serial)) {
            wrong.push(format!("the code of certificate {serial} is not on record as spent"));
        }
    }
    let lost = |code: &&Digest| !invited.contains(code.as_bytes().as_slice());
    wrong.extend(record.invited.iter().filter(lost).map(|code| format!("code {code} is lost")));
    let people: BTreeSet<String> = people.iter().filter_map(|row| row.text("id")).collect();
    let missing = record.rostered.difference(&people);
    wrong.extend(missing.map(|id| format!("{id} was imported, and is not on the roster")));
    Ok(wrong)
}

async fn revocations(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let on_record: BTreeSet<String> =
        rows(&scene.database(Side::Cuhk), "SELECT serial FROM revocations")
            .await?
            .iter()
            .filter_map(|row| row.text("serial"))
            .collect();
    let issuing = scene.issuing()?;
    let key_id = issuing.subject_key_id().ok_or_else(|| anyhow!("no key id"))?;
    let mut path = "/crl/".to_owned();
    for byte in key_id {
        write!(path, "{byte:02x}")?;
    }
    let answer = scene.cuhk.fetch(&format!("{path}.crl")).await?;
    if !answer.status.is_success() {
        return Ok(vec![format!("there is no revocation list: {}", shown(&answer))]);
    }
    let list = RevocationList::from_der(&answer.body)?;
    let list = scene.root.verify_issuer(issuing.der(), now())?.verify_revocation_list(&list)?;
    let mut record = scene.record();
    for serial in &record.revoked {
        if !on_record.contains(serial) {
            wrong.push(format!("the revocation of {serial} is lost"));
        }
        if serial.parse().is_ok_and(|serial| list.revoked(&serial).is_none()) {
            wrong.push(format!("{serial} is revoked and not on the list"));
        }
    }
    for serial in on_record.difference(&record.to_be_revoked) {
        wrong.push(format!("{serial} is revoked, and nobody has asked for it"));
    }
    if list.number() < record.list {
        wrong.push(format!("list {} was there before list {}", record.list, list.number()));
    }
    record.list = record.list.max(list.number());
    Ok(wrong)
}

async fn witness(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    // Blackboard's records first: whatever they have of the witness, the witness has had before.
    let cosigned = largest(scene, Side::Blackboard, "SELECT MAX(size) AS size FROM log_cosigned");
    let cosigned = cosigned.await?.max(scene.record().cosigned);
    let witnessed = largest(scene, Side::Cuhk, "SELECT MAX(size) AS size FROM witnessed_logs");
    let witnessed = witnessed.await?;
    let kept: BTreeSet<i64> = rows(&scene.database(Side::Cuhk), "SELECT size FROM split_views")
        .await?
        .iter()
        .filter_map(|row| row.int("size"))
        .collect();
    let mut record = scene.record();
    record.cosigned = cosigned;
    if witnessed < cosigned {
        wrong.push(format!("{cosigned} is cosigned, and the witness knows {witnessed} only"));
    }
    for size in &record.splits {
        if !kept.contains(&i64::try_from(*size)?) {
            wrong.push(format!("the proof that two trees of {size} were signed is lost"));
        }
    }
    Ok(wrong)
}

async fn largest(scene: &Scene, side: Side, sql: &'static str) -> Result<u64> {
    let rows = rows(&scene.database(side), sql).await?;
    let size = rows.first().and_then(|row| row.int("size")).unwrap_or_default();
    Ok(u64::try_from(size)?)
}

/// Whether the audit log has exactly one entry for each deed, and is what was appended.
async fn audit(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = scene.database(Side::Cuhk);
    // Deeds first, then entries: what is done in between has its entry too, and is not looked for.
    let issued =
        keys(&database, "SELECT serial AS key FROM certificates WHERE certificate IS NOT NULL")
            .await?;
    let revoked = keys(&database, "SELECT serial AS key FROM revocations").await?;
    let invited =
        keys(&database, "SELECT invitee AS key FROM invitations WHERE invitee_kind = 'person'")
            .await?;
    let store = CuhkStore::open(&database.parse()?).await?;
    let entries = super::audit::entries(store.audit(), &mut wrong).await?;
    store.close().await;
    for (deed, keys) in [("issued", issued), ("revoked", revoked), ("invited", invited)] {
        for (key, count) in keys {
            let found = entries.get(&(deed.to_owned(), key.clone())).copied().unwrap_or_default();
            // Somebody may be invited once more in between.
            if found < count || (deed != "invited" && found > count) {
                wrong.push(format!("{key} was {deed} {count} times, and has {found} entries"));
            }
        }
    }
    Ok(wrong)
}

/// How often each key is there.
async fn keys(database: &str, sql: &'static str) -> Result<BTreeMap<String, u64>> {
    let mut keys = BTreeMap::new();
    for key in rows(database, sql).await?.iter().filter_map(|row| row.text("key")) {
        *keys.entry(key).or_default() += 1;
    }
    Ok(keys)
}
