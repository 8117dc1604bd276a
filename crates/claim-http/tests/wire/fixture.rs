//! A certification authority, a server and a bare TLS client for the tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use claim_core::Origin;
use claim_http::{
    CertificateSwitch, ClientCertificates, Limits, Metrics, Server, ServerTrust, Stopped,
    TlsIdentity, Urgency, bind, https_client, server_tls,
};
use claim_pki::Root;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// More than any test takes on any machine: what is waited for comes, or the test has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A certification authority of another make.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn root(&self) -> Arc<Root> {
        Arc::new(Root::from_der(self.0.der()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names, and its key, in PEM.
    pub(crate) fn certify(&self, names: &[&str]) -> (String, String) {
        self.certify_with(names, |_| {})
    }

    pub(crate) fn certify_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn identity(&self, names: &[&str]) -> TlsIdentity {
        let (chain, key) = self.certify(names);
        TlsIdentity::from_pem(&chain, &key).unwrap()
    }
}

/// A server on a port of its own, with a certificate for `localhost`.
pub(crate) struct TestServer {
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) origin: Origin,
    pub(crate) metrics: Metrics,
    pub(crate) certificate: Arc<CertificateSwitch>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Stopped>,
}

impl TestServer {
    pub(crate) fn start(app: Router) -> Self {
        Self::start_with(Limits::default(), ClientCertificates::None, app)
    }

    pub(crate) fn start_limited(limits: Limits, app: Router) -> Self {
        Self::start_with(limits, ClientCertificates::None, app)
    }

    pub(crate) fn start_with(limits: Limits, clients: ClientCertificates, app: Router) -> Self {
        let authority = Authority::new("Test root");
        let certificate = CertificateSwitch::new(&authority.identity(&["localhost"]));
        let tls = server_tls(Arc::clone(&certificate), clients).unwrap();
        let listeners = bind(&[([127, 0, 0, 1], 0).into()]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let origin: Origin = format!("https://localhost:{}", address.port()).parse().unwrap();
        let metrics = Metrics::new();
        let (stop, stopped) = oneshot::channel();
        let urgency = |_: &http::Method, route: &str| match route {
            "/deadline" => Urgency::Deadline,
            "/beginning" => Urgency::Beginning,
            "/content" => Urgency::Content,
            _ => Urgency::Other,
        };
        let server = Server {
            listeners,
            tls,
            app,
            urgency,
            origin: origin.clone(),
            limits,
            metrics: metrics.clone(),
        };
        let task = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Self { authority, address, origin, metrics, certificate, stop, task }
    }

    /// Tells the server to stop; the result comes when it has.
    pub(crate) fn stop(self) -> JoinHandle<Stopped> {
        self.stop.send(()).unwrap();
        self.task
    }

    /// The value of a counter in the metrics; a counter that was never touched is zero.
    pub(crate) fn count(&self, sample: &str) -> u64 {
        count(&self.metrics, sample)
    }

    /// Waits until the counter has this value.
    pub(crate) async fn counted(&self, sample: &str, value: u64) {
        let reached = async {
            while self.count(sample) != value {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, reached)
            .await
            .unwrap_or_else(|_| panic!("{sample} never became {value}:\n{}", self.metrics.text()));
    }

    pub(crate) fn trust(&self) -> ServerTrust {
        ServerTrust::Root(self.authority.root())
    }

    pub(crate) fn client(&self) -> reqwest::Client {
        https_client(&self.trust(), None, LONG).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.origin.join(path)
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A TLS connection with this protocol, and none of our own code in it.
    pub(crate) async fn tls(&self, alpn: &[u8]) -> TlsStream<TcpStream> {
        self.tls_as(alpn, None).await.unwrap()
    }

    pub(crate) async fn tls_as(
        &self,
        alpn: &[u8],
        client: Option<(String, String)>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap())
            .unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(
                    CertificateDer::pem_slice_iter(chain.as_bytes())
                        .collect::<Result<_, _>>()
                        .unwrap(),
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp().await).await
    }

    /// Sends bytes of HTTP/1.1 and reads until the server closes the connection.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut tls = self.tls(b"http/1.1").await;
        tls.write_all(request.as_bytes()).await.unwrap();
        read_to_close(&mut tls).await
    }

    /// The root in a file, for programs that want one.
    pub(crate) fn root_file(&self, folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("root.pem");
        std::fs::write(&path, self.authority.pem()).unwrap();
        path
    }
}

/// Set in a process that [`rerun`] started.
const RERUN: &str = "CLAIM_TEST_RERUN";

/// Whether this process was started by [`rerun`].
pub(crate) fn is_rerun() -> bool {
    std::env::var_os(RERUN).is_some()
}

/// Runs one test of this program again in a process of its own, whose environment and limits may differ.
pub(crate) async fn rerun(test: &str, before: &str, environment: &[(&str, &str)]) {
    let output = tokio::process::Command::new("sh")
        .args(["-c", &format!("{before} exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(RERUN, "1")
        .envs(environment.iter().copied())
        .output()
        .await
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

pub(crate) fn count(metrics: &Metrics, sample: &str) -> u64 {
    let text = metrics.text();
    let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// All that comes until the other side closes, however it does that.
pub(crate) async fn read_to_close(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
        }
    };
    tokio::time::timeout(LONG, reading).await.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer's header and its body of the length that the header tells.
pub(crate) async fn read_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    let reading = async {
        loop {
            let byte = stream.read_u8().await.unwrap();
            text.push(char::from(byte));
            if let Some((header, body)) = text.split_once("\r\n\r\n") {
                let header = header.to_ascii_lowercase();
                let length = header
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                if body.len() >= length {
                    break;
                }
            }
        }
    };
    tokio::time::timeout(LONG, reading).await.expect("no whole answer");
    text
}
