//! Several devices of one person, and a certificate that was renewed.

use claim_core::invitation::Invitee;
use claim_core::{PersonId, ProblemType};
use claim_cuhk::{Clock, Office, Revoking};
use claim_pki::{RevocationReason, SigningKey};

use super::{Invited, Setting, enrols};
use crate::authority::{fresh, shown};
use crate::case::Ended;
use crate::enrolment::{issued, reenroll, request};
use crate::wire::Version;

impl Setting {
    /// The same person with another code and key.
    async fn invited_again(&self, id: &PersonId) -> Invited {
        let office = Office::open(self.folder.path(), None, Clock::system()).await.unwrap();
        let invitation = office.invite(Invitee::Person(id.clone()), None, None).await.unwrap();
        office.close().await;
        let code = invitation.code.expose();
        Invited { id: id.clone(), code, key: SigningKey::generate().unwrap() }
    }
}

/// The same key gets the same certificate, and another gets none.
pub(super) async fn renewed(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let right = setting.person(fresh()).await;
    let ask = reenroll(&request(&right.id, &right.key));
    setting.renews(&case, &right, &ask).await;
    let other = reenroll(&request(&right.id, &SigningKey::generate().unwrap()));
    case.refused_to(&setting.showing(&shown(&right)), &other, None).await;
    setting.renews(&case, &right, &ask).await;
    case.end().await
}

/// Three devices are as many as one may have; the fourth's code is as good as before, once one of them is revoked.
pub(super) async fn too_many(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let fourth = setting.invited().await;
    let mut serials = Vec::new();
    for device in ["laptop", "tablet", "Lab PC 3"] {
        let other = setting.invited_again(&fourth.id).await;
        let ask = other.ask().with("claim-device", device);
        let answer = setting.site.client.ask(Version::Http2, &ask).await;
        serials.push(issued(&answer).serial().clone());
    }
    let refused = case.refused(&fourth.ask()).await;
    let detail = String::from_utf8(refused.body.to_vec()).unwrap();
    for device in ["laptop", "tablet", "Lab PC 3", &serials[1].to_string()] {
        assert!(detail.contains(device), "{detail}");
    }
    let office = Office::open(setting.folder.path(), None, Clock::system()).await.unwrap();
    let lost = Revoking::Serial(serials[1].clone());
    office.revoke(&lost, RevocationReason::KeyCompromise).await.unwrap();
    office.close().await;
    enrols(&case, &fourth).await;
    case.end().await
}
