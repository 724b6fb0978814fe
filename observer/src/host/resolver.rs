//! Name lookup of a process: `resolv.conf` and `nsswitch.conf` below its own root folder.
//!
//! Limits are those of glibc (resolv.conf(5), `resolv/res_send.c`, `resolv/res_query.c`).

use std::net::IpAddr;

use super::root::Root;

/// `MAXNS`: further nameservers are ignored.
const MAX_NAMESERVERS: usize = 3;
/// `RES_MAXRETRANS`, in seconds.
const MAX_TIMEOUT_S: u32 = 30;
/// `RES_MAXRETRY`
const MAX_ATTEMPTS: u32 = 5;
const MAX_FILE: u64 = 64 * 1024;

/// `resolv.conf`, as glibc takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// Nameservers asked, 1 to 3. Where none is given, this host's own is.
    pub nameservers: usize,
    /// `options timeout:`, in seconds, at most 30.
    pub timeout_s: u32,
    /// `options attempts:`, at most 5.
    pub attempts: u32,
    /// `options rotate`: the servers take turns at being first.
    pub rotate: bool,
    /// `options use-vc`: asked by TCP, whose connect has a limit of its own.
    pub use_vc: bool,
    /// Domains of `search` or `domain`, the later line of both; `None` where there is neither.
    pub search: Option<usize>,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            nameservers: 1,
            timeout_s: 5,
            attempts: 2,
            rotate: false,
            use_vc: false,
            search: None,
        }
    }
}

impl ResolvConf {
    /// Reads the file's text. Lines that glibc ignores are ignored.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut conf = Self::default();
        let mut nameservers = 0;
        for line in text.lines() {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            // A keyword begins its line.
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().unwrap_or_default();
                    let (address, _scope) = address.split_once('%').unwrap_or((address, ""));
                    nameservers += usize::from(address.parse::<IpAddr>().is_ok());
                }
                Some("domain") => conf.search = words.next().map(|_| 1),
                Some("search") => conf.search = Some(words.count()).filter(|count| *count > 0),
                Some("options") => words.for_each(|option| conf.set(option)),
                _ => {}
            }
        }
        conf.nameservers = nameservers.clamp(1, MAX_NAMESERVERS);
        conf
    }

    fn set(&mut self, option: &str) {
        match option.split_once(':') {
            Some(("timeout", value)) => self.timeout_s = leading_number(value).min(MAX_TIMEOUT_S),
            Some(("attempts", value)) => self.attempts = leading_number(value).min(MAX_ATTEMPTS),
            _ => match option {
                "rotate" => self.rotate = true,
                "use-vc" => self.use_vc = true,
                _ => {}
            },
        }
    }

    /// Time that one name takes when no nameserver answers, in milliseconds: in each attempt, each
    /// server is waited for `timeout`, doubled from one server to the next and, from the second
    /// on, shared by their number, whole seconds and at least 1. A and AAAA go out together.
    #[must_use]
    pub fn one_name_ms(&self) -> u64 {
        let servers = u32::try_from(self.nameservers).unwrap_or(1).max(1);
        let one_round_s: u64 = (0..servers)
            .map(|server| {
                let doubled = self.timeout_s << server;
                let seconds = if server == 0 {
                    doubled
                } else {
                    doubled / servers
                };
                u64::from(seconds.max(1))
            })
            .sum();
        one_round_s * u64::from(self.attempts) * 1000
    }

    /// Number of forms of a name that are asked for when no nameserver answers: as it is, and with the
    /// first domain of the search list. Silence ends the search (`TRY_AGAIN` in
    /// `__res_context_search`).
    #[must_use]
    pub fn names_asked(&self) -> u64 {
        1 + u64::from(self.search.is_some())
    }
}

/// As C's `atoi`, but negative numbers are 0.
fn leading_number(text: &str) -> u32 {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let digits = text.get(..digits.unwrap_or(text.len())).unwrap_or_default();
    match digits.parse() {
        Ok(number) => number,
        Err(_) if digits.is_empty() => 0,
        Err(_) => u32::MAX,
    }
}

/// The services of `hosts:` in `nsswitch.conf`, without their `[actions]`; `None` where there is
/// no such line.
#[must_use]
pub fn hosts_services(text: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let rest = lines.find_map(|line| line.trim_start().strip_prefix("hosts:"))?;
    let mut services = Vec::new();
    let mut in_action = false;
    for word in rest.split_whitespace() {
        in_action |= word.starts_with('[');
        if !in_action {
            services.push(word.to_owned());
        }
        in_action &= !word.ends_with(']');
    }
    Some(services)
}

/// Settings of a process's resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// `/etc/resolv.conf`; the default where there is none.
    pub conf: ResolvConf,
    /// `hosts:` of `/etc/nsswitch.conf`; `None` where it does not say: glibc then asks files and
    /// DNS.
    pub services: Option<Vec<String>>,
}

impl Resolver {
    /// Reads that of a process; `None` where its root folder may not be looked into.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let root = Root::of(pid).ok()?;
        let read = |path| match root.read(path, MAX_FILE) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
            Err(_) => None,
        };
        let mut conf = ResolvConf::parse(&read("/etc/resolv.conf")?);
        if conf.search.is_none() && own_name_has_domain(pid) == Some(true) {
            conf.search = Some(1);
        }
        Some(Self {
            conf,
            services: read("/etc/nsswitch.conf").and_then(|text| hosts_services(&text)),
        })
    }

    /// Presence of this service in `hosts:`.
    #[must_use]
    pub fn asks(&self, service: &str) -> bool {
        match &self.services {
            None => matches!(service, "files" | "dns"),
            Some(services) => services.iter().any(|s| s == service),
        }
    }
}

/// Test for a domain in the host's name, which is then the search list. `None` for a process with
/// a host name of its own (UTS namespace), which cannot be read from here.
fn own_name_has_domain(pid: u32) -> Option<bool> {
    let uts = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/uts")).ok();
    if uts(&pid.to_string())? != uts("self")? {
        return None;
    }
    let name = rustix::system::uname();
    Some(name.nodename().to_bytes().contains(&b'.'))
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
