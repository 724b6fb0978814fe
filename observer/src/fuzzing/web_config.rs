//! The web configuration file, in YAML.

use std::path::Path;

use crate::exporter::web_config::WebConfig;

/// Reads a file.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match WebConfig::parse(Path::new("/etc/observer/web.yml"), text) {
        Ok(config) => {
            if let Some(tls) = config.tls {
                assert!(tls.cert.is_absolute() && tls.key.is_absolute());
            }
        }
        Err(why) => {
            assert!(!why.is_empty() && !why.contains('\n'), "{why:?}");
            // A hash is a secret, and so is a password that was written in its place.
            assert!(!why.contains("$2b$04$Spt1BZB81"), "{why}");
        }
    }
}
