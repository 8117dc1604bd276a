//! A person's devices: named, counted, and shown to their owner alone; and what renews nothing.

use std::num::NonZeroU32;

use claim_core::certificates::{CERTIFICATES, CertificateList};
use claim_core::invitation::{Code, Invitee};
use claim_core::{DeviceName, ProblemType};
use claim_cuhk::{Config, Revoking};
use claim_http::{EstError, ServerTrust, TlsIdentity};
use claim_pki::{Certificate, RevocationReason, SigningKey};

use crate::evidence::{BLACKBOARD, Keys};
use crate::fixture::{
    Answer, Hand, SID, TestCuhk, client, config, folder, key, real_folder, refusal, request,
    server, some_code, student,
};
use crate::renewal::renew;

const DAY: i64 = 86_400;

/// A certificate and its key, on a device.
struct Device {
    chain: [Certificate; 2],
    key: SigningKey,
}

impl Device {
    async fn new(cuhk: &TestCuhk, who: &Invitee, name: &str) -> Self {
        let invitation = cuhk.invite(who.clone()).await;
        Self::by_code(cuhk, who, &invitation.code, name).await.unwrap()
    }

    async fn by_code(
        cuhk: &TestCuhk,
        who: &Invitee,
        code: &Code,
        name: &str,
    ) -> Result<Self, EstError> {
        let key = key();
        let device: DeviceName = name.parse().unwrap();
        let (origin, der) = (&cuhk.origin, request(who, &key));
        let client = client(&ServerTrust::Unverified, None);
        let enrolling =
            claim_http::simple_enroll_on(&client, origin, who, code, Some(&device), &der);
        let chain = [enrolling.await?, cuhk.issuing_on_file()];
        Ok(Self { chain, key })
    }

    fn serial(&self) -> String {
        self.chain[0].serial().to_string()
    }

    async fn renew(&mut self, cuhk: &TestCuhk, who: &Invitee) {
        let renewed = renew(cuhk, &self.chain, &self.key, who, &self.key).await.unwrap();
        self.chain[0] = renewed;
    }

    async fn ask(&self, cuhk: &TestCuhk) -> Answer {
        asked_by(cuhk, &self.chain, &self.key).await
    }

    async fn list(&self, cuhk: &TestCuhk) -> CertificateList {
        let answer = self.ask(cuhk).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        serde_json::from_str(&answer.body).unwrap()
    }
}

async fn asked_by(cuhk: &TestCuhk, chain: &[Certificate], key: &SigningKey) -> Answer {
    let identity = TlsIdentity::from_pki(chain, key).unwrap();
    let client = client(&ServerTrust::Unverified, Some(&identity));
    cuhk.send(client.get(cuhk.origin.join(CERTIFICATES))).await
}

async fn revoke(cuhk: &TestCuhk, device: &Device) {
    let what = Revoking::Serial(device.chain[0].serial().clone());
    cuhk.office().await.revoke(&what, RevocationReason::KeyCompromise).await.unwrap();
}

#[tokio::test]
async fn a_person_sees_every_certificate_and_which_device_it_is() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let who = student(SID);
    let mut laptop = Device::new(&cuhk, &who, "laptop").await;
    let first = laptop.serial();
    let tablet = Device::new(&cuhk, &who, "Tablet 2").await;
    laptop.renew(&cuhk, &who).await;
    let list = tablet.list(&cuhk).await;
    assert_eq!(list, laptop.list(&cuhk).await, "whichever device asks");
    assert_eq!(list.limit, Some(3));
    let [newest, middle, oldest] = &list.certificates[..] else { panic!("{list:?}") };
    let name = |one: &claim_core::certificates::ListedCertificate| {
        one.device.as_ref().unwrap().to_string()
    };
    assert_eq!([name(newest), name(middle), name(oldest)], ["laptop", "Tablet 2", "laptop"]);
    assert_eq!((&newest.serial, &oldest.serial), (&laptop.serial(), &first));
    assert_eq!(newest.predecessor.as_ref(), Some(&first));
    assert_eq!(oldest.renewed_by.as_ref(), Some(&newest.serial));
    assert_eq!(newest.authenticated_by.as_deref(), Some("certificate"));
    assert_eq!(oldest.authenticated_by.as_deref(), Some("code"));
    assert_eq!(newest.not_after, laptop.chain[0].not_after());

    // What is revoked is shown too.
    revoke(&cuhk, &laptop).await;
    let list = tablet.list(&cuhk).await;
    assert!(list.certificates[0].revoked_at.is_some());
    assert_eq!(list.certificates[0].revocation_reason.as_deref(), Some("keyCompromise"));
    let listed = cuhk.issued().await;
    let devices: Vec<_> = listed.iter().map(|one| one.device.as_ref().unwrap().as_str()).collect();
    assert_eq!(devices, ["laptop", "Tablet 2", "laptop"]);
    cuhk.stop().await;
}

#[tokio::test]
async fn only_the_person_sees_the_list() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let chan = Device::new(&cuhk, &student(SID), "laptop").await;
    let other = Device::new(&cuhk, &student("1155000001"), "laptop").await;
    let serials: Vec<_> =
        other.list(&cuhk).await.certificates.into_iter().map(|one| one.serial).collect();
    assert_eq!(serials, [other.serial()], "nobody else's");

    let answer = cuhk.send(cuhk.client().get(cuhk.origin.join(CERTIFICATES))).await;
    cuhk.assert_problem(&answer, ProblemType::ClientCertificateRequired);
    let basic = cuhk.client().get(cuhk.origin.join(CERTIFICATES)).basic_auth(SID, Some("x"));
    cuhk.assert_problem(&cuhk.send(basic).await, ProblemType::ClientCertificateRequired);
    let (who, key) = (server("https://localhost:3141"), key());
    let invitation = cuhk.invite(who.clone()).await;
    let leaf = cuhk.enrol(&who, &invitation.code, &key).await.unwrap();
    let answer = asked_by(&cuhk, &[leaf, cuhk.issuing().await], &key).await;
    cuhk.assert_problem(&answer, ProblemType::CertificateProfile);

    revoke(&cuhk, &chan).await;
    cuhk.assert_problem(&chan.ask(&cuhk).await, ProblemType::CertificateRevoked);
    let office = cuhk.office().await;
    office.remove_people(&["1155000001".parse().unwrap()]).await.unwrap();
    cuhk.assert_problem(&other.ask(&cuhk).await, ProblemType::NotOnRoster);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_person_holds_so_many_and_a_renewal_is_none_more() {
    let folder = real_folder().await;
    let most = NonZeroU32::new(1).unwrap();
    let config = Config { certificates_per_person: most, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    let who = student(SID);
    let mut laptop = Device::new(&cuhk, &who, "laptop").await;
    laptop.renew(&cuhk, &who).await;
    let invitation = cuhk.invite(who.clone()).await;
    let second = Device::by_code(&cuhk, &who, &invitation.code, "tablet").await;
    let Err(EstError::Refused(problem)) = second.map(|_| ()) else { panic!("not refused") };
    assert_eq!(problem.problem_type, Some(ProblemType::TooManyCertificates));
    let detail = problem.detail.unwrap();
    assert!(detail.contains("laptop") && detail.contains(&laptop.serial()), "{detail}");
    laptop.renew(&cuhk, &who).await;
    // The code was not used up by the refusal.
    revoke(&cuhk, &laptop).await;
    Device::by_code(&cuhk, &who, &invitation.code, "tablet").await.unwrap();
    // Servers are not counted.
    for _ in 0..2 {
        let who = server("https://localhost:3141");
        let invitation = cuhk.invite(who.clone()).await;
        cuhk.enrol(&who, &invitation.code, &key()).await.unwrap();
    }
    cuhk.stop().await;
}

#[tokio::test]
async fn only_a_persons_or_a_servers_own_certificate_renews() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (person, machine) = (student(SID), server(BLACKBOARD));
    let mine = Device::new(&cuhk, &person, "laptop").await;
    let (invitation, server_key) = (cuhk.invite(machine.clone()).await, key());
    let leaf = cuhk.enrol(&machine, &invitation.code, &server_key).await.unwrap();
    let servers = [leaf, cuhk.issuing().await];

    // A server as a person, and a person as a server, and as another person.
    for (chain, key, who) in [
        (&servers, &server_key, &person),
        (&mine.chain, &mine.key, &machine),
        (&mine.chain, &mine.key, &student("1155000001")),
    ] {
        let outcome = renew(&cuhk, chain, key, who, key).await;
        assert_eq!(refusal(outcome), ProblemType::RequestSubject, "{who}");
    }
    // A certificate of evidence is under the root itself.
    let keys = Keys::new();
    let answer = cuhk.office().await.certify(&keys.request(BLACKBOARD)).await.unwrap();
    let outcome = renew(&cuhk, &[answer.timestamp], &keys.timestamp, &machine, &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateUntrusted);
    // Those who issue renew nothing, though they may sign anything.
    for (certificate, key_file) in
        [("cuhk.cer", "cuhk.key"), ("cuhk-issuing.cer", "cuhk-issuing.key")]
    {
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let certificate = Certificate::from_pem(&read(certificate)).unwrap();
        let authority = SigningKey::from_pkcs8_pem(&read(key_file)).unwrap();
        let outcome = renew(&cuhk, &[certificate], &authority, &person, &key()).await;
        assert_eq!(refusal(outcome), ProblemType::CertificateUntrusted, "{key_file}");
    }
    // A root of the same name that others have made, also with the right issuing certificate behind it.
    let elsewhere = real_folder().await;
    let other = TestCuhk::start(elsewhere.path()).await;
    assert_eq!(other.issuing().await.common_name(), cuhk.issuing().await.common_name());
    let foreign = Device::new(&other, &person, "laptop").await;
    for chain in [foreign.chain.clone(), [foreign.chain[0].clone(), mine.chain[1].clone()]] {
        let outcome = renew(&cuhk, &chain, &foreign.key, &person, &foreign.key).await;
        assert_eq!(refusal(outcome), ProblemType::CertificateUntrusted);
    }
    other.stop().await;
    let issued = cuhk.issued().await;
    let of: Vec<_> = issued.iter().map(|one| one.holder.as_str()).collect();
    assert_eq!(of.iter().filter(|holder| **holder == SID).count(), 1, "{of:?}");
    assert!(!of.contains(&"1155000001"), "{of:?}");
    cuhk.stop().await;
}

#[tokio::test]
async fn a_certificate_that_has_ended_renews_itself_and_stamps_nothing() {
    let folder = folder();
    let hand = Hand::now();
    let cuhk = TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await;
    let who = student(SID);
    let mut laptop = Device::by_code(&cuhk, &who, &some_code(), "laptop").await.unwrap();
    hand.move_by(185 * DAY);
    assert_eq!(laptop.list(&cuhk).await.limit, None, "a local demonstration counts nobody's");
    let identity = TlsIdentity::from_pki(&laptop.chain, &laptop.key).unwrap();
    let stamping = client(&ServerTrust::Unverified, Some(&identity))
        .post(cuhk.origin.join(claim_core::outage::TSA))
        .header("content-type", claim_core::outage::QUERY)
        .body("x");
    cuhk.assert_problem(&cuhk.send(stamping).await, ProblemType::CertificateExpired);
    laptop.renew(&cuhk, &who).await;
    assert!(laptop.chain[0].validity().contains(hand.clock().now()));
    cuhk.stop().await;
}

#[tokio::test]
async fn without_a_grace_what_has_ended_has_ended() {
    let folder = folder();
    let hand = Hand::now();
    let config = Config { clock: hand.clock(), renewal_grace: 0, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    let who = student(SID);
    let laptop = Device::by_code(&cuhk, &who, &some_code(), "laptop").await.unwrap();
    hand.move_by(180 * DAY);
    let outcome = renew(&cuhk, &laptop.chain, &laptop.key, &who, &laptop.key).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateExpired);
    cuhk.stop().await;
}
