//! Limits that the host sets to programs besides capabilities.

use rustix::thread::CapabilitySet;

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use crate::source::{AttachMode, Hook};

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    vec![memlock(facts), perf_event_paranoid(facts)]
}

fn memlock(facts: &DoctorFacts) -> Check {
    const NAME: &str = "memlock";
    let Some(limit) = facts.memlock_limit else {
        return Check::fine(NAME, "no limit");
    };
    let detail = format!("at most {} KiB", limit / 1024);
    let is_other =
        facts.btf.is_err() || !facts.may_load() || facts.in_first_user_namespace == Some(false);
    if is_other || !facts.maps_refused() {
        return Check::fine(NAME, detail);
    }
    Check::missing(
        NAME,
        format!("{detail}, and the kernel makes no maps"),
        facts.lost_without_programs(),
        "lift the limit, which Linux before 5.11 holds maps to: ulimit -l unlimited, or LimitMEMLOCK=infinity",
    )
    .lost_if(facts.lacks_bpf_scan() || facts.lacks_hooks())
}

/// Debian's and Ubuntu's kernels know the levels 3 and 4, with which attaching to the tracepoints
/// of system calls takes CAP_SYS_ADMIN (`EACCES`).
pub(super) fn is_paranoid(facts: &DoctorFacts) -> bool {
    facts.perf_event_paranoid.is_some_and(|level| level > 2)
        && !facts.holds(CapabilitySet::SYS_ADMIN)
}

fn perf_event_paranoid(facts: &DoctorFacts) -> Check {
    const NAME: &str = "perf-event-paranoid";
    let Some(level) = facts.perf_event_paranoid else {
        return Check::unknown(NAME, "cannot read /proc/sys/kernel/perf_event_paranoid");
    };
    let tried = facts.hooks.as_ref().map(|hooks| hooks.tried.as_ref());
    let Some(Ok(tried)) = tried.filter(|_| is_paranoid(facts) && facts.tracefs.is_ok()) else {
        return Check::fine(NAME, level.to_string());
    };
    let mut refused = tried.hooks.iter().filter(|tried| {
        let is_on_syscalls = matches!(tried.hook, Hook::SetOption | Hook::Accept);
        is_on_syscalls && tried.mode == Some(AttachMode::Tracepoint) && tried.why.is_some()
    });
    let Some(one) = refused.next() else {
        return Check::fine(NAME, level.to_string());
    };
    let hooks = [Some(one), refused.next()].into_iter().flatten();
    let statuses = facts.opened_hooks().map(|hooks| hooks.statuses.as_slice());
    let is_attached = |hook| {
        let mut statuses = statuses.unwrap_or_default().iter();
        statuses.any(|status| status.hook == hook && status.attached)
    };
    let lost: Vec<String> = hooks
        .filter(|tried| !is_attached(tried.hook))
        .map(|tried| format!("{}: {}", tried.hook.name(), tried.hook.consequence()))
        .collect();
    let consequence = if lost.is_empty() {
        super::NOTHING.to_owned()
    } else {
        lost.join("; ")
    };
    Check::missing(
        NAME,
        format!("{level}: no tracepoints of system calls without CAP_SYS_ADMIN"),
        consequence,
        "sysctl kernel.perf_event_paranoid=2, or grant observer CAP_SYS_ADMIN",
    )
    .lost_if(!lost.is_empty())
}
