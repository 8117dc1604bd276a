//! The rows of CUHK's timestamps, each caused at the real program.

use claim_core::outage::{QUERY, TSA};
use claim_core::{ProblemType, Timestamp};
use claim_files::{Mode, write_new};
use claim_pki::{TimestampRequest, TimestampToken};

use crate::authority::{fresh, now, shown};
use crate::case::{Case, Ended};
use crate::cuhk::Setting;
use crate::wire::{Ask, Client};

const DIGEST: [u8; 32] = [7; 32];

/// For a timestamp, by somebody who shows a certificate.
pub(crate) fn ask() -> Ask {
    Ask::post(TSA, QUERY, TimestampRequest::new(DIGEST).to_der().unwrap())
}

/// Somebody on the roster with a good certificate.
async fn client(setting: &Setting) -> Client {
    setting.showing(&shown(&setting.person(fresh()).await))
}

/// Over both versions, of now.
async fn stamps(case: &Case<'_>, client: &Client) {
    let answer = case.passes_to(client, &ask()).await;
    let token = TimestampToken::from_der(&answer.body).unwrap();
    let age = |at: Timestamp| now().millis_since(at).abs();
    assert!(age(token.unverified_gen_time()) < 600_000, "{token:?}");
}

pub(crate) async fn request(row: ProblemType, setting: &Setting) -> Ended {
    let client = client(setting).await;
    let case = setting.site().case(row).await;
    let der = ask().body;
    let mut sha1 = der.clone();
    // The last arc of id-sha256, which makes it another algorithm.
    let end = sha1.windows(2).position(|two| two == [2, 1]).unwrap();
    sha1[end + 1] ^= 3;
    for wrong in [Vec::new(), der[..der.len() - 1].to_vec(), sha1, b"claim.p7s".to_vec()] {
        case.refused_to(&client, &ask().carrying(wrong), None).await;
    }
    stamps(&case, &client).await;
    case.end().await
}

/// One person gets so many in a minute, and takes nothing from others.
pub(crate) async fn overloaded(row: ProblemType) -> Ended {
    let mut setting = Setting::with("[cuhk.quotas]\ntimestamps-per-minute = 2\n").await;
    let case = setting.site().case(row).await;
    let greedy = client(&setting).await;
    stamps(&case, &greedy).await;
    case.refused_to(&greedy, &ask(), None).await;
    stamps(&case, &client(&setting).await).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

/// A CUHK whose timestamp key is spoilt does all else.
pub(crate) async fn unavailable(row: ProblemType) -> Ended {
    let spoil = |dir: &std::path::Path| {
        write_new(&dir.join("cuhk-timestamp.key"), b"no key", Mode::Private).unwrap();
    };
    let mut setting = Setting::prepared("", spoil).await;
    let case = setting.site().case(row).await;
    let client = client(&setting).await;
    case.refused_to(&client, &ask(), None).await;
    case.passes_to(&client, &Ask::get("/cuhk.cer")).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}
