//! What a browser and the people who run CUHK find.

use std::net::Ipv4Addr;

use claim_core::ProblemType;
use claim_cuhk::Config;
use claim_pki::Root;

use crate::curl::run;
use crate::fixture::{TestCuhk, config, folder, real_folder};

#[tokio::test]
async fn the_start_page_says_what_this_is() {
    for (folder, said) in [(folder(), "Local demonstration"), (real_folder().await, "invited")] {
        let cuhk = TestCuhk::start(folder.path()).await;
        let answer = cuhk.send(cuhk.client().get(cuhk.origin.join("/"))).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert!(
            answer.body.contains(said) && answer.body.contains(cuhk.origin.as_str()),
            "{}",
            answer.body
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(
            answer.headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
        cuhk.stop().await;
    }
}

#[tokio::test]
async fn the_root_can_be_downloaded() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let answer = cuhk.send(cuhk.client().get(cuhk.origin.join("/cuhk.cer"))).await;
    assert_eq!(answer.headers["content-type"], "application/x-pem-file");
    assert_eq!(Root::from_pem(&answer.body).unwrap().hash(), cuhk.root.hash());
    assert_eq!(answer.body, std::fs::read_to_string(folder.path().join("cuhk.cer")).unwrap());
    cuhk.stop().await;
}

#[tokio::test]
async fn every_problem_has_its_page() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    for problem_type in ProblemType::ALL {
        let answer = cuhk.send(cuhk.client().get(problem_type.uri(&cuhk.origin))).await;
        assert_eq!(answer.status, 200, "{}", problem_type.slug());
    }
    cuhk.stop().await;
}

#[tokio::test]
async fn health_and_metrics_are_served_on_their_own_listener() {
    let folder = folder();
    let metrics = Some((Ipv4Addr::LOCALHOST, 0).into());
    let cuhk = TestCuhk::start_with(Config { metrics, ..config(folder.path()) }).await;
    let answer = cuhk.send(cuhk.client().get(cuhk.origin.join("/nothing"))).await;
    cuhk.assert_problem(&answer, ProblemType::NotFound);
    let address = cuhk.health.unwrap();
    for (path, said) in [
        ("healthz", "ok"),
        ("readyz", "ready"),
        ("metrics", "claim_problems_total{slug=\"not-found\"} 1"),
    ] {
        let url = format!("http://{address}/{path}");
        let told = run("curl", &["--silent", "--fail", "--noproxy", "*", &url]).await;
        assert!(told.contains(said), "{path}: {told}");
    }
    cuhk.stop().await;
}
