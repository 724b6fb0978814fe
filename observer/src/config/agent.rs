//! `[agent]`: the daemon's HTTP server and its workloads.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::read::{file, parsed, some_file};
use crate::config::listen::Listen;

/// `[agent]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentSection {
    /// Address at which HTTP is served.
    #[serde(deserialize_with = "parsed")]
    pub listen: Listen,
    /// The certificate to serve HTTPS with.
    pub tls: Option<Tls>,
    /// A listener that others reach may do without TLS.
    pub allow_plaintext: bool,
    /// Property that sockets are grouped by.
    pub workload: Workload,
    /// Number of workloads that are counted on their own, 1 to 1000; the others together.
    #[serde(deserialize_with = "workload_limit")]
    pub workload_limit: u32,
    /// A web configuration file of Prometheus' exporter-toolkit, for basic authentication.
    #[serde(deserialize_with = "some_file")]
    pub web_config: Option<PathBuf>,
}

impl Default for AgentSection {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            tls: None,
            allow_plaintext: false,
            workload: Workload::Unit,
            workload_limit: 50,
            web_config: None,
        }
    }
}

impl AgentSection {
    /// Checks that what is served stays on this host, or is encrypted, or is allowed not to be. The
    /// file was checked when it was read; check again after a flag has changed the section.
    pub fn check(&self) -> Result<(), OpenListener> {
        match self.listen {
            Listen::Tcp(address)
                if !address.ip().to_canonical().is_loopback()
                    && self.tls.is_none()
                    && !self.allow_plaintext =>
            {
                Err(OpenListener { address })
            }
            Listen::Tcp(_) | Listen::Unix(_) => Ok(()),
        }
    }
}

/// Sockets of every process would be shown to whoever listens on the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} can be reached from other hosts, without encryption: set tls, or allow_plaintext = true, or listen on 127.0.0.1"
)]
pub struct OpenListener {
    /// Address that it would listen on.
    pub address: SocketAddr,
}

/// `agent.tls`: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, with those that it hangs on.
    #[serde(deserialize_with = "file")]
    pub cert: PathBuf,
    /// Its private key.
    #[serde(deserialize_with = "file")]
    pub key: PathBuf,
}

/// Property that sockets are grouped by, in metrics and alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// The systemd unit.
    Unit,
    /// The name of the process.
    Comm,
    /// The container.
    Container,
}

impl Workload {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Unit, Self::Comm, Self::Container];

    /// The name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Comm => "comm",
            Self::Container => "container",
        }
    }
}

fn workload_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let limit = i64::deserialize(deserializer)?;
    let limit = u32::try_from(limit).ok();
    limit
        .filter(|limit| (1..=1000).contains(limit))
        .ok_or_else(|| D::Error::custom("workload_limit is a whole number from 1 to 1000"))
}
