//! Certificate and users, which can change while the server runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;

use super::ServerConfig;
use crate::config::listen::Listen;
use crate::exporter::auth::Users;
use crate::exporter::error::ServeError;
use crate::exporter::tls;
use crate::exporter::web_config::WebConfig;

/// Certificate and users in force now, shared by all connections.
#[derive(Debug, Clone)]
pub(super) struct Secrets(Arc<RwLock<Loaded>>);

#[derive(Clone)]
struct Loaded {
    tls: Option<TlsAcceptor>,
    users: Option<Arc<Users>>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

impl Secrets {
    pub(super) fn load(config: &ServerConfig) -> Result<Self, ServeError> {
        Ok(Self(Arc::new(RwLock::new(read(&config.listen, config)?))))
    }

    /// Reads all files again, for a listener that stays where it is `bound`. What is wrong with them
    /// leaves everything as it was.
    pub(super) fn reload(&self, bound: &Listen, config: &ServerConfig) -> Result<(), ServeError> {
        let loaded = read(bound, config)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.get().tls
    }

    pub(super) fn users(&self) -> Option<Arc<Users>> {
        self.get().users
    }

    fn get(&self) -> Loaded {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn read(bound: &Listen, config: &ServerConfig) -> Result<Loaded, ServeError> {
    let web = match &config.web_config {
        Some(path) => WebConfig::load(path)?,
        None => WebConfig::default(),
    };
    let files = match (&config.tls, web.tls) {
        (Some(_), Some(_)) => {
            let path: PathBuf = config.web_config.clone().unwrap_or_default();
            return Err(ServeError::TlsTwice(path));
        }
        (agents, webs) => agents.clone().or(webs),
    };
    if let Listen::Tcp(address) = bound
        && files.is_none()
        && !config.allow_plaintext
        && !address.ip().to_canonical().is_loopback()
    {
        return Err(ServeError::Plaintext(bound.clone()));
    }
    let tls = files.as_ref().map(tls::load).transpose()?;
    Ok(Loaded {
        tls: tls.map(TlsAcceptor::from),
        users: web.users.map(Arc::new),
    })
}
