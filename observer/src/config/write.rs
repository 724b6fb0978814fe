//! Writes the configuration that holds, every value of it, as a file that reads back the same.

use std::fmt;
use std::path::Path;

use super::{AgentSection, AlertSection, Config, PathSection, ScanSection};

/// The effective configuration as TOML. A password in a URL is `***`; everything else reads back to
/// an equal configuration. What has no value, such as a certificate, is left out.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        path(f, &self.path)?;
        scan(f, &self.scan)?;
        agent(f, &self.agent)?;
        alert(f, &self.alert)
    }
}

fn path(f: &mut fmt::Formatter<'_>, section: &PathSection) -> fmt::Result {
    writeln!(f, "[path]\ndefault = {}", Text(&section.default.name()))?;
    for rule in &section.rule {
        writeln!(f, "\n[[path.rule]]\nremote = \"{}\"", rule.remote)?;
        if !rule.ports.is_empty() {
            writeln!(f, "ports = {:?}", rule.ports)?;
        }
        writeln!(f, "limit = {}", Text(&rule.limit.name()))?;
    }
    Ok(())
}

fn scan(f: &mut fmt::Formatter<'_>, section: &ScanSection) -> fmt::Result {
    let ScanSection { interval, at_risk } = section;
    writeln!(
        f,
        "\n[scan]\ninterval = \"{interval}\"\nat_risk = {at_risk:?}"
    )
}

fn agent(f: &mut fmt::Formatter<'_>, section: &AgentSection) -> fmt::Result {
    writeln!(
        f,
        "\n[agent]\nlisten = {}",
        Text(&section.listen.to_string())
    )?;
    if let Some(tls) = &section.tls {
        let (cert, key) = (File(&tls.cert), File(&tls.key));
        writeln!(f, "tls = {{ cert = {cert}, key = {key} }}")?;
    }
    writeln!(f, "allow_plaintext = {}", section.allow_plaintext)?;
    writeln!(f, "workload = {}", Text(section.workload.name()))?;
    writeln!(f, "workload_limit = {}", section.workload_limit)?;
    if let Some(file) = &section.web_config {
        writeln!(f, "web_config = {}", File(file))?;
    }
    Ok(())
}

fn alert(f: &mut fmt::Formatter<'_>, section: &AlertSection) -> fmt::Result {
    let AlertSection {
        hold,
        repeat,
        resolve,
        sink,
    } = section;
    writeln!(
        f,
        "\n[alert]\nhold = \"{hold}\"\nrepeat = \"{repeat}\"\nresolve = \"{resolve}\""
    )?;
    for sink in sink {
        writeln!(f, "\n[[alert.sink]]\nkind = {}", Text(sink.kind.name()))?;
        writeln!(f, "url = {}", Text(&sink.url.to_string()))?;
        if let Some(ca) = &sink.ca {
            writeln!(f, "ca = {}", File(ca))?;
        }
    }
    Ok(())
}

/// A basic string of TOML.
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

/// The path of a file.
struct File<'a>(&'a Path);

impl fmt::Display for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(&self.0.to_string_lossy()).fmt(f)
    }
}
