//! Effective configuration as a file that reads back the same.
//!
//! Patterns here name every key of each section: one that is not written does not compile.

use std::fmt;
use std::path::Path;

use super::agent::Tls;
use super::alert::SinkEntry;
use super::path::RuleEntry;
use super::{AgentSection, AlertSection, Config, PathSection, ScanSection};

/// Effective configuration as TOML. A password in a URL is `***`; everything else reads back to
/// an equal configuration. What has no value, such as a certificate, is left out.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            scan,
            agent,
            alert,
        } = self;
        write_path(f, path)?;
        write_scan(f, scan)?;
        write_agent(f, agent)?;
        write_alert(f, alert)
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, section: &PathSection) -> fmt::Result {
    let PathSection {
        default,
        rule: rules,
    } = section;
    writeln!(f, "[path]\ndefault = {}", Text(&default.name()))?;
    for rule in rules {
        let RuleEntry {
            remote,
            ports,
            limit,
        } = rule;
        writeln!(f, "\n[[path.rule]]\nremote = \"{remote}\"")?;
        if !ports.is_empty() {
            writeln!(f, "ports = {ports:?}")?;
        }
        writeln!(f, "limit = {}", Text(&limit.name()))?;
    }
    Ok(())
}

fn write_scan(f: &mut fmt::Formatter<'_>, section: &ScanSection) -> fmt::Result {
    let ScanSection { interval, at_risk } = section;
    writeln!(
        f,
        "\n[scan]\ninterval = \"{interval}\"\nat_risk = {at_risk:?}"
    )
}

fn write_agent(f: &mut fmt::Formatter<'_>, section: &AgentSection) -> fmt::Result {
    let AgentSection {
        listen,
        tls,
        allow_plaintext,
        workload,
        workload_limit,
        web_config,
    } = section;
    writeln!(f, "\n[agent]\nlisten = {}", Text(&listen.to_string()))?;
    if let Some(Tls { cert, key }) = tls {
        let (cert, key) = (File(cert), File(key));
        writeln!(f, "tls = {{ cert = {cert}, key = {key} }}")?;
    }
    writeln!(f, "allow_plaintext = {}", allow_plaintext)?;
    writeln!(f, "workload = {}", Text(workload.name()))?;
    writeln!(f, "workload_limit = {}", workload_limit)?;
    if let Some(file) = web_config {
        writeln!(f, "web_config = {}", File(file))?;
    }
    Ok(())
}

fn write_alert(f: &mut fmt::Formatter<'_>, section: &AlertSection) -> fmt::Result {
    let AlertSection {
        hold,
        repeat,
        resolve,
        sink: sinks,
    } = section;
    writeln!(
        f,
        "\n[alert]\nhold = \"{hold}\"\nrepeat = \"{repeat}\"\nresolve = \"{resolve}\""
    )?;
    for sink in sinks {
        let SinkEntry { kind, url, ca } = sink;
        writeln!(f, "\n[[alert.sink]]\nkind = {}", Text(kind.name()))?;
        writeln!(f, "url = {}", Text(&url.to_string()))?;
        if let Some(ca) = ca {
            writeln!(f, "ca = {}", File(ca))?;
        }
    }
    Ok(())
}

/// Basic string of TOML.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                // A terminal that the file is shown on takes no orders from it.
                c if crate::text::escape::is_hostile(c) => {
                    write!(f, "\\U{:08x}", u32::from(c))?;
                }
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Path of a file.
struct File<'a>(&'a Path);

impl fmt::Display for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(&self.0.to_string_lossy()).fmt(f)
    }
}
