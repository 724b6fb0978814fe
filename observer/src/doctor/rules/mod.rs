//! Rules that judge the facts. Causes come before what follows from them: the first thing that is lost is
//! the one to begin with.

mod capability;
mod host;
mod limits;
mod outcome;
mod programs;
mod sight;
#[cfg(test)]
mod tests;

use super::check::Check;
use super::facts::DoctorFacts;
use crate::source::{HooksChoice, ScanChoice};

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    let mut checks = host::judge(facts);
    checks.extend(capability::judge(facts));
    checks.extend(programs::judge(facts));
    checks.extend(sight::judge(facts));
    checks.extend(outcome::judge(facts));
    checks
}

impl DoctorFacts {
    /// `true` where a scan by bpf was wanted and does not work.
    fn lacks_bpf_scan(&self) -> bool {
        self.asked.scan != ScanChoice::Diag && !self.scans_by_bpf()
    }

    /// `true` where hooks were wanted and one of them cannot be attached.
    fn lacks_hooks(&self) -> bool {
        let all = |hooks: &super::programs::OpenedHooks| hooks.statuses.iter().all(|s| s.attached);
        self.asked.hooks != HooksChoice::None && !self.opened_hooks().is_some_and(all)
    }

    /// Losses where the kernel takes no programs.
    fn lost_without_programs(&self) -> String {
        let mut lost = Vec::new();
        if self.lacks_bpf_scan() {
            lost.push(match self.scan_name() {
                Some(_) => format!("the scan is by sock_diag: {}", crate::source::LOST_TO_DIAG),
                None => "no scan".to_owned(),
            });
        }
        if self.lacks_hooks() {
            lost.push(match self.opened_hooks() {
                Some(_) => "some events".to_owned(),
                None => NO_HOOKS.to_owned(),
            });
        }
        if lost.is_empty() {
            return NOTHING.to_owned();
        }
        lost.join("; ")
    }
}

const NOTHING: &str = "nothing is lost here";
const NO_HOOKS: &str = "no events for trace, no last_set, age_ms and keepalive.sent";
