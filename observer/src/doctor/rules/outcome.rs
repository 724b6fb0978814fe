//! Result of the scan and the hooks in the end.

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use super::super::measure::Scanned;
use super::NO_HOOKS;
use crate::source::{HooksChoice, LOST_TO_DIAG, ScanChoice};

pub(super) fn judge(facts: &DoctorFacts) -> [Check; 2] {
    [scan(facts), hooks(facts)]
}

fn scan(facts: &DoctorFacts) -> Check {
    const NAME: &str = "scan";
    let scan = match &facts.scan {
        Ok(scan) => scan,
        Err(why) => {
            let remedy = match facts.asked.scan {
                ScanChoice::Bpf => "leave out --scan bpf: sock_diag may work",
                _ => "see the lines above",
            };
            return Check::missing(NAME, why, "list cannot show anything", remedy).lost_if(true);
        }
    };
    let lost = lost_to(scan);
    if lost.is_empty() {
        return Check::fine(NAME, scan.name);
    }
    let remedy = match (facts.asked.scan, scan.name) {
        (ScanChoice::Diag, _) => "leave out --scan diag (or unset OBSERVER_SCAN)",
        _ => "see the lines above",
    };
    Check::missing(NAME, scan.name, lost.join("; "), remedy).lost_if(true)
}

fn lost_to(scan: &Scanned) -> Vec<String> {
    let mut lost = Vec::new();
    if scan.name == "diag" {
        lost.push(LOST_TO_DIAG.to_owned());
    }
    lost.extend(scan.notices.iter().cloned());
    let mut fields: Vec<&str> = scan.unknown.iter().map(|unknown| unknown.field).collect();
    fields.dedup();
    if !fields.is_empty() {
        lost.push(format!("unknown now: {}", fields.join(", ")));
    }
    lost
}

fn hooks(facts: &DoctorFacts) -> Check {
    const NAME: &str = "hooks";
    let Some(hooks) = &facts.hooks else {
        return Check::missing(
            NAME,
            "none",
            NO_HOOKS,
            "leave out --hooks none and --no-hooks",
        )
        .lost_if(true);
    };
    let opened = match &hooks.opened {
        Ok(opened) => opened,
        Err(why) => {
            return Check::missing(NAME, why, NO_HOOKS, "see the lines above").lost_if(true);
        }
    };
    let missing: Vec<String> = opened
        .statuses
        .iter()
        .filter(|status| !status.attached)
        .map(|status| format!("{}: {}", status.hook.name(), status.hook.consequence()))
        .collect();
    if missing.is_empty() {
        return Check::fine(
            NAME,
            format!(
                "{}, checked on a socket of observer's own",
                opened.mode.name()
            ),
        );
    }
    let remedy = match facts.asked.hooks {
        HooksChoice::Only(_) => {
            "leave out --hooks: each hook is then attached in the mode that works"
        }
        _ => "see the lines above",
    };
    Check::missing(NAME, opened.mode.name(), missing.join("; "), remedy).lost_if(true)
}
