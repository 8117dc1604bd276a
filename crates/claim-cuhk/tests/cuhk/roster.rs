//! Rosters and the invitations of those on them, beside a serving CUHK.

use claim_core::{PersonId, ProblemType};
use claim_cuhk::{AdminError, Clock, Invited, Office, PersonEntry, Progress, Whom};

use crate::fixture::{Hand, SID, TestCuhk, config, key, real_folder, refusal, student};
use crate::renewal::renew;

fn id(text: &str) -> PersonId {
    text.parse().unwrap()
}

async fn imported(office: &Office, csv: &str) {
    let import = office.compare_roster(csv.as_bytes()).await.unwrap();
    office.import_roster(import).await.unwrap();
}

async fn invited(office: &Office, whom: &Whom) -> Vec<Invited> {
    let prepared = office.prepare_invitations(whom, None).await.unwrap();
    office.put_on_record(prepared).await.unwrap()
}

async fn progress(office: &Office) -> Vec<Progress> {
    let people = office.people(None).await.unwrap();
    people.into_iter().map(|person: PersonEntry| person.progress).collect()
}

fn everybody_new() -> Whom {
    Whom::New { role: None }
}

#[tokio::test]
async fn a_second_roster_shows_what_is_different_and_takes_nobody_off() {
    let folder = real_folder().await;
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    let first = "id,name,email,role\n\
        1155000001,Ann,ann@link.example,student\n\
        1155000002,Bob,bob@link.example,student\n\
        1155000003,Cat,cat@link.example,student\n\
        chan.tm,Chan,chan@cuhk.example,staff\n";
    imported(&office, first).await;
    office.remove_people(&[id("1155000003")]).await.unwrap();

    let second = "id;email;role\n\
        1155000001;ann@new.example;PhD\n\
        1155000002;;\n\
        1155000003;cat@link.example;student\n\
        1155000004;ann@NEW.example;student\n";
    let import = office.compare_roster(second.as_bytes()).await.unwrap();
    let difference = import.difference();
    let ids = |ids: Vec<&PersonId>| ids.into_iter().map(PersonId::to_string).collect::<Vec<_>>();
    assert_eq!(ids(difference.added.iter().map(|one| &one.id).collect()), ["1155000004"]);
    let [changed] = &difference.changed[..] else { panic!("{difference:?}") };
    let was = |text: &str| Some(text.to_owned());
    assert_eq!(changed.id, id("1155000001"));
    assert_eq!(
        changed.fields,
        [
            ("email", was("ann@link.example"), "ann@new.example".to_owned()),
            ("role", was("student"), "PhD".to_owned()),
        ]
    );
    assert_eq!(difference.unchanged, 1, "an empty field changes nothing");
    assert_eq!(ids(difference.off.iter().map(|one| &one.id).collect()), ["1155000003"]);
    assert_eq!(ids(difference.missing.iter().map(|one| &one.id).collect()), ["chan.tm"]);
    let [(address, having)] = &difference.shared[..] else { panic!("{difference:?}") };
    assert_eq!(address.as_str(), "ann@new.example");
    assert_eq!(ids(having.iter().collect()), ["1155000001", "1155000004"]);

    // So far nothing has changed.
    assert_eq!(office.person(&id("1155000001")).await.unwrap().email, was("ann@link.example"));
    office.import_roster(import).await.unwrap();
    let ann = office.person(&id("1155000001")).await.unwrap();
    assert_eq!((ann.name, ann.email), (was("Ann"), was("ann@new.example")));
    assert_eq!(office.person(&id("1155000002")).await.unwrap().name, was("Bob"));
    let cat = office.person(&id("1155000003")).await.unwrap();
    assert!(matches!(cat.progress, Progress::Removed { .. }), "{cat:?}");
    assert_eq!(office.person(&id("chan.tm")).await.unwrap().progress, Progress::New);
    // The same again changes nothing at all.
    let again = office.compare_roster(second.as_bytes()).await.unwrap();
    let again = again.difference();
    assert_eq!((again.added.len(), again.changed.len(), again.unchanged), (0, 0, 3));
}

#[tokio::test]
async fn everybody_new_is_invited_once_and_enrols() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let office = cuhk.office().await;
    imported(&office, "id,name,role\n1155000001,Ann,student\n1155000002,Bob,Tutor\n").await;
    let tutors = Whom::New { role: Some("tutor".parse().unwrap()) };
    let prepared = office.prepare_invitations(&tutors, None).await.unwrap();
    let [bob] = prepared.invited() else { panic!("{prepared:?}") };
    assert_eq!((bob.id.as_str(), bob.name.as_deref()), ("1155000002", Some("Bob")));
    // Before it is on record it is good for nothing.
    let early = cuhk.enrol(&bob.invitation.invitee, &bob.invitation.code, &key()).await;
    assert_eq!(refusal(early), ProblemType::CodeRefused);
    assert_eq!(office.put_on_record(prepared).await.unwrap().len(), 1);

    let rest = invited(&office, &everybody_new()).await;
    let ids: Vec<_> = rest.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["1155000001"]);
    assert!(invited(&office, &everybody_new()).await.is_empty(), "nobody is invited twice");
    let ann = &rest[0].invitation;
    let certificate = cuhk.enrol(&ann.invitee, &ann.code, &key()).await.unwrap();
    assert_eq!(certificate.common_name(), Some("Ann"));
    let found = progress(&office).await;
    assert_eq!(found[0], Progress::Enrolled);
    assert!(matches!(found[1], Progress::Invited { .. }));
    let certificates = office.certificates_of(&id("1155000001")).await.unwrap();
    assert_eq!(certificates[0].serial, certificate.serial().to_string());
    cuhk.stop().await;
}

#[tokio::test]
async fn a_new_code_ends_the_old_one_and_a_code_can_be_ended() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let office = cuhk.office().await;
    imported(&office, "id\n1155000001\n1155000002\n1155000003\n").await;
    let first = invited(&office, &everybody_new()).await;
    let enrol = |one: &Invited| {
        let invitation = one.invitation.clone();
        let cuhk = &cuhk;
        async move { cuhk.enrol(&invitation.invitee, &invitation.code, &key()).await }
    };
    enrol(&first[0]).await.unwrap();
    // Whoever has enrolled is left alone.
    let second = invited(&office, &Whom::NotEnrolled).await;
    let ids: Vec<_> = second.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["1155000002", "1155000003"]);
    assert_eq!(refusal(enrol(&first[1]).await), ProblemType::CodeExpired);
    enrol(&second[0]).await.unwrap();

    assert_eq!(office.end_invitations(&[id("1155000003")]).await.unwrap(), 1);
    assert_eq!(refusal(enrol(&second[1]).await), ProblemType::CodeExpired);
    assert_eq!(progress(&office).await[2], Progress::Lapsed);
    // By name also those who have enrolled: a second device.
    let third = invited(&office, &Whom::These(vec![id("1155000001"), id("1155000003")])).await;
    enrol(&third[0]).await.unwrap();
    assert_eq!(office.end_all_invitations().await.unwrap(), 1);
    assert_eq!(refusal(enrol(&third[1]).await), ProblemType::CodeExpired);
    let unknown = office.end_invitations(&[id("1155000009")]).await.unwrap_err();
    assert!(matches!(unknown, AdminError::NotOnRecord { .. }), "{unknown}");
    cuhk.stop().await;
}

#[tokio::test]
async fn who_is_off_the_roster_neither_enrols_nor_renews_nor_is_invited() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let office = cuhk.office().await;
    let spent = cuhk.invite(student(SID)).await;
    let key = key();
    let certificate = cuhk.enrol(&spent.invitee, &spent.code, &key).await.unwrap();
    let open = cuhk.invite(student(SID)).await;
    let chain = [certificate, cuhk.issuing().await];
    assert_eq!(office.remove_people(&[id(SID)]).await.unwrap(), 1);

    for code in [&open.code, &spent.code] {
        let refused = cuhk.enrol(&open.invitee, code, &key).await;
        assert_eq!(refusal(refused), ProblemType::NotOnRoster);
    }
    let refused = renew(&cuhk, &chain, &key, &open.invitee, &key).await;
    assert_eq!(refusal(refused), ProblemType::NotOnRoster);
    for whom in [everybody_new(), Whom::NotEnrolled] {
        assert!(invited(&office, &whom).await.is_empty());
    }
    let named = office.prepare_invitations(&Whom::These(vec![id(SID)]), None).await.unwrap_err();
    assert!(matches!(named, AdminError::OffRoster { .. }), "{named}");
    let one = office.invite(student(SID), None, None).await.unwrap_err();
    assert!(
        matches!(one, AdminError::OffRoster { .. }) && one.advice().contains("restore"),
        "{one}"
    );
    let csv = format!("id\n1155000001\n{SID}\n");
    let all = office.invite_roster(csv.as_bytes(), None).await.unwrap_err();
    assert!(matches!(all, AdminError::OffRoster { .. }), "{all}");
    assert!(office.person(&id("1155000001")).await.is_err(), "all or nobody");

    assert_eq!(office.restore_people(&[id(SID)]).await.unwrap(), 1);
    renew(&cuhk, &chain, &key, &open.invitee, &key).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn codes_live_as_long_as_the_office_says() {
    let (folder, hand) = (real_folder().await, Hand::now());
    let cuhk =
        TestCuhk::start_with(claim_cuhk::Config { clock: hand.clock(), ..config(folder.path()) })
            .await;
    let office = cuhk.office().await.with_code_life(3600);
    imported(&office, "id\n1155000001\n").await;
    let [one] = invited(&office, &everybody_new()).await.try_into().unwrap();
    assert_eq!(one.expires_at.as_seconds(), hand.clock().now().as_seconds() + 3600);
    hand.move_by(3600);
    let late = cuhk.enrol(&one.invitation.invitee, &one.invitation.code, &key()).await;
    assert_eq!(refusal(late), ProblemType::CodeExpired);
    assert_eq!(progress(&office).await, [Progress::Lapsed]);
    cuhk.stop().await;
}
