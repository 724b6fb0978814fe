//! Clients, a middlebox that forgets silent connections, and a server, each in a network namespace.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use xtask::env;

use super::Forgotten;
use crate::netns::{End, Netns, join};

pub(super) const CLIENT: &str = "192.0.2.1";
/// A host whose sysctl makes keepalive's first probe come early.
pub(super) const TUNED_CLIENT: &str = "203.0.113.1";
pub(super) const SERVER: &str = "198.51.100.1";

const CONNTRACK: &str = "/proc/thread-self/net/nf_conntrack";

pub(super) struct Lab {
    pub(super) client: Netns,
    pub(super) tuned_client: Netns,
    pub(super) server: Netns,
    /// Keeps the namespace; its packets are all it does.
    _middlebox: Netns,
    /// The middlebox's table of connections, from wherever it is read. `None` where the kernel does
    /// not show it.
    table: Option<File>,
}

impl Lab {
    pub(super) fn new(limit_s: u64, forgotten: Forgotten, probe_s: u64) -> Result<Self> {
        let [client, tuned_client, middlebox, server] =
            [Netns::new()?, Netns::new()?, Netns::new()?, Netns::new()?];
        let cables = [
            (&client, "client", CLIENT, "192.0.2.2", 1),
            (&tuned_client, "tuned", TUNED_CLIENT, "203.0.113.2", 2),
            (&server, "server", SERVER, "198.51.100.2", 3),
        ];
        for (netns, name, address, gateway, number) in cables {
            let [near_mac, far_mac] = [1, 2].map(|end| format!("02:00:00:00:{number:02}:{end:02}"));
            let near = End {
                netns,
                device: "wire",
                address,
                mac: &near_mac,
            };
            let far = End {
                netns: &middlebox,
                device: name,
                address: gateway,
                mac: &far_mac,
            };
            join(&near, &far).context("cannot lay a cable (veth) between two namespaces")?;
            netns.ip(&format!("route add default via {gateway}"))?;
        }
        for name in ["time", "intvl"] {
            tuned_client.sysctl(&format!("net/ipv4/tcp_keepalive_{name}"), probe_s)?;
        }
        forget(&middlebox, limit_s, forgotten)?;
        let table = middlebox.inside(|| Ok(File::open(CONNTRACK).ok()))?;
        Ok(Self {
            client,
            tuned_client,
            server,
            _middlebox: middlebox,
            table,
        })
    }

    /// Text of the middlebox's connection table, or `None` where it cannot be read.
    pub(super) fn table(&self) -> Result<Option<String>> {
        let Some(mut table) = self.table.as_ref() else {
            return Ok(None);
        };
        let mut text = String::new();
        table.rewind()?;
        table
            .read_to_string(&mut text)
            .context("cannot read the middlebox's connections")?;
        Ok(Some(text))
    }
}

/// Makes it forward, and forget a connection after `limit_s` seconds of silence.
fn forget(middlebox: &Netns, limit_s: u64, forgotten: Forgotten) -> Result<()> {
    let verdict = match forgotten {
        Forgotten::Drop => "drop",
        Forgotten::Reset => "reject with tcp reset",
    };
    let rules = format!(
        "table inet lab {{
            chain through {{
                type filter hook forward priority filter; policy accept;
                ct state invalid meta l4proto tcp {verdict}
            }}
        }}"
    );
    middlebox.inside(|| nft(&rules))?;
    // All of them: unacknowledged data and retransmissions have limits of their own there.
    for state in ["established", "unacknowledged", "max_retrans"] {
        let name = format!("net/netfilter/nf_conntrack_tcp_timeout_{state}");
        middlebox.sysctl(&name, limit_s)?;
    }
    // A packet without an entry opens no connection.
    middlebox.sysctl("net/netfilter/nf_conntrack_tcp_loose", 0)?;
    middlebox.sysctl("net/ipv4/ip_forward", 1)
}

fn nft(rules: &str) -> Result<()> {
    let nft = env::find_program("nft").context("no nft on PATH: apt-get install nftables")?;
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()?;
    // Its stdin closes at the end of this statement.
    child
        .stdin
        .take()
        .context("nft has no stdin")?
        .write_all(rules.as_bytes())?;
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "nft refuses the middlebox's rules ({status}): this kernel lacks nf_tables, nft_ct or \
             nft_reject_inet; try --guest 6.12"
        );
    }
    Ok(())
}
