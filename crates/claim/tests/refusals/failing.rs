//! What CUHK answers while its records fail it, have no room, or are not what it wrote.

use claim_core::ProblemType;

use super::{Setting, enrols};
use crate::case::Ended;
use crate::enrolment::CACERTS;
use crate::wire::{Ask, Version};

pub(super) async fn storage_unavailable(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let (invited, records) = (setting.invited().await, &setting.site.records);
    // Before the serial number is on record.
    records
        .execute("CREATE TRIGGER stuck BEFORE INSERT ON certificates BEGIN SELECT RAISE(ABORT, 'stuck'); END")
        .await;
    case.refused(&invited.ask()).await;
    records.execute("DROP TRIGGER stuck").await;
    enrols(&case, &invited).await;
    // Where the code is looked for.
    records.execute("ALTER TABLE people RENAME TO gone").await;
    let answers = [
        setting.site.client.ask(Version::Http1, &invited.ask()).await,
        setting.site.client.ask(Version::Http2, &invited.ask()).await,
    ];
    records.execute("ALTER TABLE gone RENAME TO people").await;
    for answer in answers {
        case.refused_once(async { answer }, None).await;
    }
    enrols(&case, &invited).await;
    case.end().await
}

/// More is to be kept free than any disk has: nothing is issued, and what was is given out.
pub(super) async fn storage_full(row: ProblemType) -> Ended {
    let mut setting = Setting::with(&format!("[cuhk]\nkeep-free = {}\n", u32::MAX)).await;
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let answer = case.refused(&invited.ask()).await;
    assert_eq!(answer.headers["retry-after"], "20");
    case.passes(&Ask::get(CACERTS)).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

pub(super) async fn internal_error(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let (invited, records) = (setting.invited().await, &setting.site.records);
    let first = enrols(&case, &invited).await;
    let id = invited.id.as_str();
    let stored = records.bytes("SELECT certificate FROM certificates WHERE name = $1", id).await;
    assert_eq!(stored, first.der());
    let spoil = "UPDATE certificates SET certificate = X'00' WHERE certificate = $1";
    assert_eq!(records.execute_with(spoil, &stored).await, 1);
    case.refused(&invited.ask()).await;
    let mend = "UPDATE certificates SET certificate = $1 WHERE certificate = X'00'";
    assert_eq!(records.execute_with(mend, &stored).await, 1);
    assert_eq!(enrols(&case, &invited).await, first);
    case.end().await
}
