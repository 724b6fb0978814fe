//! The web configuration file of Prometheus's exporters: TLS, and users with passwords.
//!
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::auth::Users;
use super::error::ServeError;
use super::tls::TlsFiles;

/// Contents of the file.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    pub(crate) tls: Option<TlsFiles>,
    pub(super) users: Option<Users>,
}

/// The keys that are understood. One that is not is an error: it might be what keeps others out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Yaml {
    tls_server_config: Option<YamlTls>,
    basic_auth_users: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct YamlTls {
    cert_file: PathBuf,
    key_file: PathBuf,
}

impl WebConfig {
    /// Reads the file.
    pub(super) fn load(path: &Path) -> Result<Self, ServeError> {
        let text = fs::read_to_string(path).map_err(|source| ServeError::Read {
            what: "the web configuration",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text).map_err(|message| ServeError::WebConfig {
            path: path.to_owned(),
            message,
        })
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, String> {
        // A file of nothing but comments asks for nothing.
        let yaml: Option<Yaml> = serde_saphyr::from_str(text).map_err(|error| one_line(&error))?;
        let yaml = yaml.unwrap_or_default();
        // As the exporters do it, paths are relative to the file.
        let beside = path.parent().unwrap_or(Path::new("."));
        let users = yaml.basic_auth_users.unwrap_or_default();
        Ok(Self {
            tls: yaml.tls_server_config.map(|tls| TlsFiles {
                cert: beside.join(tls.cert_file),
                key: beside.join(tls.key_file),
            }),
            users: if users.is_empty() {
                None
            } else {
                Some(Users::new(users).map_err(|error| without_hash(&error))?)
            },
        })
    }
}

fn one_line(error: &serde_saphyr::Error) -> String {
    // What follows quotes the file, secrets and all.
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    without_hash(first.trim_start_matches("error: "))
}

/// Keys and names are quoted, and one may have a hash in it that stands in the wrong place.
fn without_hash(error: &str) -> String {
    match error.split_once('$') {
        Some((before, _)) => format!("{before}***"),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$04$Spt1BZB81DU1KFY4sgx3MOXWCFvnDCbdU5WK8VzA7FGzrSaC91LN6";

    fn parse(text: &str) -> Result<WebConfig, String> {
        WebConfig::parse(Path::new("/etc/observer/web.yml"), text)
    }

    #[test]
    fn users_and_files_are_read() {
        let config = parse(&format!(
            "tls_server_config:\n  cert_file: tls/cert.pem\n  key_file: /etc/key.pem\nbasic_auth_users:\n  alice: {HASH}\n"
        ))
        .unwrap();
        let tls = config.tls.unwrap();
        assert_eq!(tls.cert, Path::new("/etc/observer/tls/cert.pem"));
        assert_eq!(tls.key, Path::new("/etc/key.pem"));
        assert!(config.users.is_some());
    }

    #[test]
    fn a_file_that_asks_for_nothing_is_right() {
        for text in [
            "",
            "# nothing\n",
            "basic_auth_users:\n",
            "basic_auth_users: {}\n",
        ] {
            let config = parse(text).unwrap();
            assert!(config.tls.is_none() && config.users.is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, named) in [
            (
                "http_server_config:\n  http2: false\n",
                "http_server_config",
            ),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n",
                "client_ca_file",
            ),
            ("tls_server_config:\n  cert_file: a\n", "key_file"),
            ("basic_auth_users:\n  bob: secret\n", "\"bob\""),
            ("$2b$04$secret: bob\n", "***"),
            ("tls_server_config:\n  $2b$04$secret: bob\n", "***"),
            ("basic_auth_users:\n  bob $2b$04$secret: x\n", "bob ***"),
            ("basic_auth_users: $2b$04$secret\n", "map"),
            ("basic_auth_users: [$2b$04$secret]\n", "map"),
            ("$2b$04$secret\n", ""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{error}");
            assert!(
                !error.contains('\n') && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
