//! The kernel, and the namespaces that observer runs in.

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use super::super::host::{BtfFacts, Lockdown};
use crate::kernel::unknown_fields;

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    vec![
        Check::fine("kernel", facts.kernel.clone()),
        btf(facts),
        lockdown(facts),
        user_namespace(facts),
        pid_namespace(facts),
        clock(facts.clock_offset_s),
    ]
}

fn btf(facts: &DoctorFacts) -> Check {
    match &facts.btf {
        Ok(btf) => fields(btf),
        Err(why) => Check::missing(
            "btf",
            why,
            facts.lost_without_programs(),
            "use a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, and let observer see /sys/kernel/btf",
        )
        .lost_if(facts.lacks_bpf_scan() || facts.lacks_hooks()),
    }
}

fn fields(btf: &BtfFacts) -> Check {
    let found = btf.fields - btf.absent.len();
    let detail = format!("{found} of the {} fields that observer reads", btf.fields);
    if btf.absent.is_empty() {
        return Check::fine("btf", detail);
    }
    let detail = format!("{detail}; absent: {}", btf.absent.join(", "));
    let mut unknown: Vec<&str> = unknown_fields(&btf.absent)
        .iter()
        .map(|unknown| unknown.field)
        .collect();
    unknown.dedup();
    let (consequence, is_lost) = match unknown[..] {
        // The hooks say for themselves which fields they lack.
        [] => ("nothing that list shows".to_owned(), false),
        _ => (format!("unknown: {}", unknown.join(", ")), true),
    };
    Check::missing(
        "btf",
        detail,
        consequence,
        "use a kernel that has these fields",
    )
    .lost_if(is_lost)
}

fn lockdown(facts: &DoctorFacts) -> Check {
    match &facts.lockdown {
        Ok(Lockdown::Confidentiality) => Check::missing(
            "lockdown",
            Lockdown::Confidentiality.name(),
            facts.lost_without_programs(),
            "boot without lockdown=confidentiality: it lets no program read kernel memory",
        )
        .lost_if(facts.lacks_bpf_scan() || facts.lacks_hooks()),
        Ok(mode) => Check::fine("lockdown", mode.name()),
        Err(why) => Check::unknown("lockdown", why),
    }
}

fn user_namespace(facts: &DoctorFacts) -> Check {
    match facts.in_first_user_namespace {
        Some(true) => Check::fine("user-namespace", "the host's"),
        None => Check::unknown("user-namespace", "cannot read /proc/self/ns/user"),
        Some(false) => Check::missing(
            "user-namespace",
            "not the host's: capabilities held here do not count for the kernel",
            facts.lost_without_programs(),
            "run observer in the host's user namespace",
        )
        .lost_if(facts.lacks_bpf_scan() || facts.lacks_hooks()),
    }
}

fn pid_namespace(facts: &DoctorFacts) -> Check {
    match facts.in_first_pid_namespace {
        Some(true) => Check::fine("pid-namespace", "the host's"),
        None => Check::unknown("pid-namespace", "cannot read /proc/self/ns/pid"),
        Some(false) => Check::missing(
            "pid-namespace",
            "not the host's",
            "sockets of processes outside of it have no owners",
            "run observer in the host's PID namespace (docker run --pid=host, hostPID: true)",
        )
        .lost_if(true),
    }
}

fn clock(offset_s: i64) -> Check {
    if offset_s == 0 {
        return Check::fine("clock", "the kernel's");
    }
    Check::missing(
        "clock",
        format!("a time namespace, {offset_s} s off the kernel's monotonic clock"),
        "age_ms, last_set.ago_ms and the times of events are wrong by as much",
        "run observer in the host's time namespace",
    )
    .lost_if(true)
}
