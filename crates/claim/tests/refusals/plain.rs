//! What CUHK refuses whatever is asked: methods, targets, contents, and whoever was refused too often.

use claim_core::ProblemType;

use super::{Setting, enrols};
use crate::authority::fresh;
use crate::blackboard::broken_chunks;
use crate::case::{Ended, header};
use crate::enrolment::{CACERTS, ENROLL, REENROLL, enroll, issued, reenroll, request};
use crate::wire::{Ask, Version};

/// The longest content of any request, in bytes.
const LIMIT: usize = 64 * 1024;

/// Whoever shares the address of somebody who was refused too often can renew, and not enrol.
pub(super) async fn too_many_refusals(row: ProblemType) -> Ended {
    let mut setting = Setting::with("[cuhk.limits]\nrefusals-per-minute = 2\n").await;
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let person = setting.person(fresh()).await;
    case.passes(&invited.ask()).await;
    let guess = enroll(invited.id.as_str(), "AQEBAQEBAQEBAQEBAQEBAQ", &invited.request());
    for _ in 0..2 {
        let answer = setting.site.client.ask(Version::Http1, &guess).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    case.refused(&invited.ask()).await;
    let ask = reenroll(&request(&person.id, &person.key));
    case.refused(&ask).await;
    case.passes(&Ask::get(CACERTS)).await;
    setting.renews(&case, &person, &ask).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

pub(super) async fn malformed_request(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let broken = broken_chunks(&invited.ask(), &setting.site.client);
    let answering = async { setting.site.client.raw(&broken).await.unwrap() };
    case.refused_once(answering, None).await;
    enrols(&case, &invited).await;
    case.end().await
}

pub(super) async fn not_found(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    for target in [
        "/.well-known/est/serverkeygen",
        "/.well-known/est/",
        "/.well-known/est/simpleenroll/",
        "/cuhk.key",
        "/cuhk.db",
        "/problems/no-such-problem",
    ] {
        case.refused(&Ask::get(target)).await;
    }
    let invited = setting.invited().await;
    case.refused(&Ask { target: "/.well-known/est/fullcmc".to_owned(), ..invited.ask() }).await;
    case.passes(&Ask::get(CACERTS)).await;
    enrols(&case, &invited).await;
    case.end().await
}

pub(super) async fn method_not_allowed(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    for target in [ENROLL, REENROLL] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer =
                case.refused(&Ask { target: target.to_owned(), ..invited.ask().by(method) }).await;
            assert_eq!(header(&answer, "allow"), Some("POST"));
        }
    }
    for target in [CACERTS, "/", "/cuhk.cer", "/problems/"] {
        let answer = case.refused(&Ask::get(target).by("DELETE")).await;
        assert_eq!(header(&answer, "allow"), Some("GET,HEAD"));
        case.passes(&Ask::get(target)).await;
        case.passes(&Ask::get(target).by("HEAD")).await;
    }
    enrols(&case, &invited).await;
    case.end().await
}

pub(super) async fn request_timeout(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let ask = invited.ask();
    for version in Version::BOTH {
        // All but the last byte.
        let answering = setting.site.client.ask_partly(version, &ask, ask.body.len() - 1);
        case.refused_once(answering, None).await;
    }
    enrols(&case, &invited).await;
    case.end().await
}

pub(super) async fn content_too_large(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let padded = |length: usize| {
        let mut ask = invited.ask();
        ask.body.resize(length, b'\n');
        ask
    };
    case.refused(&padded(LIMIT + 1)).await;
    case.refused(&padded(10 * LIMIT)).await;
    issued(&case.passes(&padded(LIMIT)).await);
    enrols(&case, &invited).await;
    case.end().await
}

pub(super) async fn unsupported_media_type(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/pkcs10x", ""]
    {
        case.refused(&invited.ask().with("content-type", media_type)).await;
    }
    case.refused(&invited.ask().without("content-type")).await;
    case.refused(&invited.ask().with("content-encoding", "gzip")).await;
    let ask = invited.ask().with("content-type", "Application/PKCS10; charset=us-ascii");
    case.passes(&ask.with("content-transfer-encoding", "base64")).await;
    enrols(&case, &invited).await;
    case.end().await
}
