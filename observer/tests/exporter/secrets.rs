//! TLS and passwords.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use observer::exporter::{Server, ServerConfig, TlsFiles};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::kit::{Running, ask, config, counted, sample, start};
use crate::listening::Dir;

/// A certificate of its own for 127.0.0.1.
fn certificate(dir: &Path, name: &str) -> TlsFiles {
    let files = TlsFiles {
        cert: dir.join(format!("{name}.pem")),
        key: dir.join(format!("{name}.key")),
    };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "1", "-subj", "/CN=observer"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&files.cert)
        .arg("-keyout")
        .arg(&files.key)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    files
}

/// A client that trusts this certificate only.
fn tls(server: &Running, cert: &Path) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(cert).unwrap())
        .unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(server.address().ip());
    let connection = ClientConnection::new(Arc::new(client), name).unwrap();
    StreamOwned::new(connection, server.connect())
}

fn over_tls(server: &Running, cert: &Path) -> Option<u16> {
    let mut stream = tls(server, cert);
    let request = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    Some(crate::kit::answer(&bytes).code)
}

#[test]
fn tls_serves_and_changes_its_certificate() {
    let dir = Dir::new("tls");
    let old = certificate(&dir.0, "old");
    let new = certificate(&dir.0, "new");
    let mut config = ServerConfig {
        tls: Some(old.clone()),
        ..config()
    };
    let server = start(&config);
    assert_eq!(over_tls(&server, &old.cert), Some(200));
    assert_eq!(over_tls(&server, &new.cert), None, "not this one yet");

    config.tls = Some(TlsFiles {
        cert: new.cert.clone(),
        key: old.key.clone(),
    });
    let refused = server.reloader.reload(&config).unwrap_err().to_string();
    assert!(
        refused.contains("new.pem") && refused.contains("old.key"),
        "{refused}"
    );
    assert_eq!(over_tls(&server, &old.cert), Some(200), "the old one stays");
    config.tls = Some(new.clone());
    server.reloader.reload(&config).unwrap();
    assert_eq!(over_tls(&server, &new.cert), Some(200));

    let mut plain = server.connect();
    drop(plain.write_all(b"GET / HTTP/1.1\r\n\r\n"));
    let mut bytes = Vec::new();
    drop(plain.read_to_end(&mut bytes));
    assert!(!bytes.starts_with(b"HTTP"), "no plain answer on a TLS port");
    let series = "observer_http_connections_failed_total{reason=\"tls\"}";
    let failed = || {
        let metrics = ask(tls(&server, &new.cert), "GET /metrics", "");
        sample(metrics.text(), series)
    };
    assert!(counted(2.0, failed) >= 2.0);
}

#[test]
fn files_that_are_wrong_are_named() {
    let dir = Dir::new("wrong");
    let files = certificate(&dir.0, "good");
    let empty = dir.0.join("empty.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    let refusal = |cert: &Path, key: &Path| {
        let config = ServerConfig {
            tls: Some(TlsFiles {
                cert: cert.to_owned(),
                key: key.to_owned(),
            }),
            ..config()
        };
        Server::bind(&config).unwrap_err().to_string()
    };
    let missing = dir.0.join("missing.pem");
    assert!(refusal(&missing, &files.key).contains("missing.pem"));
    assert!(refusal(&empty, &files.key).ends_with("empty.pem: no certificate in PEM form"));
    assert!(refusal(&files.cert, &empty).ends_with("empty.pem: no private key in PEM form"));
}

#[test]
fn a_listener_for_all_never_loses_its_tls() {
    let dir = Dir::new("public");
    let with_tls = ServerConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        tls: Some(certificate(&dir.0, "public")),
        ..config()
    };
    let reloader = Server::bind(&with_tls).unwrap().reloader();
    // The address in the file is another now, the one that is listened on is not.
    let refused = reloader.reload(&config()).unwrap_err().to_string();
    assert!(
        refused.starts_with("0.0.0.0:0 is not a loopback address"),
        "{refused}"
    );
    assert!(reloader.reload(&with_tls).is_ok());
}

fn basic(credentials: &str) -> String {
    let encoded = BASE64_STANDARD.encode(credentials);
    format!("authorization: Basic {encoded}\r\n")
}

#[test]
fn passwords_keep_others_out() {
    let dir = Dir::new("auth");
    let web_config = dir.0.join("web.yml");
    let hash = bcrypt::hash("s3cret", 6).unwrap();
    std::fs::write(&web_config, format!("basic_auth_users:\n  alice: {hash}\n")).unwrap();
    let config = ServerConfig {
        web_config: Some(web_config.clone()),
        ..config()
    };
    let server = start(&config);
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/api/v1/sockets",
        "/nowhere",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.code, 401, "{path}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
        assert!(!answer.text().contains("observer_"));
    }
    let code = |credentials| server.request("GET /metrics", &basic(credentials)).code;
    assert_eq!(code("alice:s3cret"), 200);
    assert_eq!(code("alice:wrong"), 401);
    assert_eq!(code("bob:s3cret"), 401);
    assert_eq!(
        server.request("GET /metrics", &basic("alice:s3cret")).code,
        200
    );

    let other = bcrypt::hash("changed", 6).unwrap();
    std::fs::write(
        &web_config,
        format!("basic_auth_users:\n  alice: {other}\n"),
    )
    .unwrap();
    server.reloader.reload(&config).unwrap();
    assert_eq!(code("alice:s3cret"), 401, "what was right is forgotten");
    assert_eq!(code("alice:changed"), 200);
    std::fs::write(&web_config, "basic_auth_user: {}\n").unwrap();
    let refused = server.reloader.reload(&config).unwrap_err().to_string();
    assert!(
        refused.contains("web.yml") && refused.contains("basic_auth_user"),
        "{refused}"
    );
    assert_eq!(code("alice:changed"), 200, "a bad file changes nothing");
}

#[test]
fn a_scraper_pays_for_its_password_once() {
    let dir = Dir::new("cost");
    let web_config = dir.0.join("web.yml");
    let hash = bcrypt::hash("s3cret", 9).unwrap();
    std::fs::write(&web_config, format!("basic_auth_users:\n  alice: {hash}\n")).unwrap();
    let config = ServerConfig {
        web_config: Some(web_config),
        ..config()
    };
    let server = start(&config);
    let took = || {
        let began = Instant::now();
        let answer = server.request("GET /-/healthy", &basic("alice:s3cret"));
        assert_eq!(answer.code, 200);
        began.elapsed()
    };
    let first = took();
    let later: Vec<Duration> = (0..5).map(|_| took()).collect();
    let later = later.into_iter().min().unwrap();
    assert!(later * 3 < first, "{first:?}, then {later:?}");
}
