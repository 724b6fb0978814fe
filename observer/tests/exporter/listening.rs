//! Where the server listens, and where it refuses to.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use observer::config::listen::Listen;
use observer::exporter::{Server, ServerConfig};

use crate::kit::{ask, config, start};

/// A directory of its own, removed at the end.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("observer-{name}-{id}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn unix(path: &Path) -> ServerConfig {
    ServerConfig {
        listen: Listen::Unix(path.to_owned()),
        ..config()
    }
}

fn refusal(config: &ServerConfig) -> String {
    let error = Server::bind(config).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
fn a_unix_socket_is_made_and_removed() {
    let dir = Dir::new("unix");
    let path = dir.0.join("observer.sock");
    let server = start(&unix(&path));
    let found = std::fs::symlink_metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o660);
    let stream = UnixStream::connect(&path).unwrap();
    assert_eq!(ask(stream, "GET /-/healthy", "").code, 200);
    assert!(refusal(&unix(&path)).contains("another process listens there"));
    server.stop();
    assert!(!path.exists());
}

#[test]
fn only_what_a_dead_listener_left_is_replaced() {
    let dir = Dir::new("stale");
    let stale = dir.0.join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    let server = start(&unix(&stale));
    let stream = UnixStream::connect(&stale).unwrap();
    assert_eq!(ask(stream, "GET /-/healthy", "").code, 200);
    server.stop();

    let file = dir.0.join("precious");
    std::fs::write(&file, "data").unwrap();
    assert!(refusal(&unix(&file)).contains("no socket"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "data");
    let nowhere = unix(&dir.0.join("no/such.sock"));
    assert!(refusal(&nowhere).contains("cannot listen on unix:"));
}

#[test]
fn plaintext_off_loopback_needs_a_word() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let config = ServerConfig {
            listen: listen.parse().unwrap(),
            ..config()
        };
        let refusal = refusal(&config);
        assert!(refusal.contains("allow_plaintext"), "{refusal}");
    }
    let allowed = ServerConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        allow_plaintext: true,
        ..config()
    };
    assert!(Server::bind(&allowed).is_ok());
    let mapped = ServerConfig {
        listen: "[::ffff:127.0.0.1]:0".parse().unwrap(),
        ..config()
    };
    assert!(Server::bind(&mapped).is_ok(), "loopback in another form");
}

#[test]
fn an_address_in_use_is_named() {
    let server = start(&config());
    let again = ServerConfig {
        listen: Listen::Tcp(server.address()),
        ..config()
    };
    let refusal = refusal(&again);
    assert!(refusal.contains(&server.address().to_string()), "{refusal}");
    assert!(refusal.contains("in use"), "{refusal}");
}
