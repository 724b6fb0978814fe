//! Reach of observer's sight: sock_diag, processes, namespaces, the sockets that another observer tracks.

use rustix::thread::CapabilitySet;

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use super::super::process::{Namespaces, Processes};
use super::NOTHING;
use crate::host::tracefs::{TracefsError, TracefsPlace};

pub(super) const NO_NOTES: &str =
    "list cannot ask a running observer: last_set, age_ms and keepalive.sent stay unknown";
pub(super) const NO_OWNERS: &str = "sockets of other users have no owners and no keepalive values";

pub(super) fn closed(facts: &DoctorFacts, closed: usize) -> String {
    let which = if facts.scans_by_bpf() {
        "sockets that no process holds"
    } else {
        "all sockets"
    };
    let plural = if closed == 1 { "" } else { "s" };
    format!("{which} in {closed} other network namespace{plural} are missing")
}

pub(super) fn hidden_namespaces(processes: usize) -> String {
    let whether = match processes {
        1 => "1 process is in a network namespace of its own".to_owned(),
        more => format!("{more} processes are in network namespaces of their own"),
    };
    format!("whether {whether}; sockets there that no process holds would be missing")
}

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    let mut checks = vec![tracefs(facts), sock_diag(facts)];
    match &facts.processes {
        Ok((processes, namespaces)) => checks.extend([
            pidfd_getfd(facts, processes),
            of_others(facts, processes),
            network_namespaces(facts, processes, namespaces),
        ]),
        Err(why) => checks.push(
            Check::missing(
                "proc",
                why,
                "no scan by sock_diag, and no other network namespaces",
                "mount it: mount -t proc proc /proc",
            )
            .lost_if(true),
        ),
    }
    checks.extend([sysctls(facts), running(facts)]);
    checks
}

fn tracefs(facts: &DoctorFacts) -> Check {
    const NAME: &str = "tracefs";
    // The hooks by tracepoint say what is lost.
    let missing = |why: &TracefsError, remedy| {
        let consequence = "no hook on setsockopt and accept by tracepoint";
        Check::missing(NAME, why.to_string(), consequence, remedy)
    };
    match &facts.tracefs {
        Ok(TracefsPlace::Mounted(path)) => Check::fine(NAME, format!("mounted at {path}")),
        Ok(TracefsPlace::Detached) => {
            Check::fine(NAME, "not mounted; observer uses one of its own")
        }
        Err(why @ TracefsError::Unreadable { .. }) => {
            missing(why, "run observer as root or with CAP_DAC_READ_SEARCH")
        }
        Err(why @ TracefsError::NotMounted(_)) => missing(
            why,
            "mount it (mount -t tracefs tracefs /sys/kernel/tracing), or run observer as root or with CAP_SYS_ADMIN",
        ),
    }
}

fn sock_diag(facts: &DoctorFacts) -> Check {
    match &facts.sock_diag {
        Ok(()) => Check::fine("sock-diag", "answers"),
        Err(why) if facts.scans_by_bpf() => Check::missing(
            "sock-diag",
            why,
            "nothing: the scan is by bpf",
            "modprobe tcp_diag",
        ),
        Err(why) => Check::missing("sock-diag", why, "no scan", "modprobe tcp_diag").lost_if(true),
    }
}

fn pidfd_getfd(facts: &DoctorFacts, processes: &Processes) -> Check {
    const NAME: &str = "pidfd-getfd";
    let needless = facts.scans_by_bpf();
    if let Some(why) = &processes.no_pidfd_getfd {
        let consequence = if needless {
            "nothing: the scan is by bpf"
        } else {
            "no keepalive values"
        };
        return Check::missing(NAME, why, consequence, "use Linux 5.6 or later").lost_if(!needless);
    }
    let (seen, refused) = (processes.seen, processes.not_duplicable);
    if refused == 0 {
        return Check::fine(NAME, format!("works for all {seen} processes"));
    }
    let detail = format!("refused for {refused} of {seen} processes");
    let consequence = if needless {
        "nothing: the scan is by bpf"
    } else {
        NO_OWNERS
    };
    Check::missing(NAME, detail, consequence, hidden_remedy(facts)).lost_if(!needless)
}

fn of_others(facts: &DoctorFacts, processes: &Processes) -> Check {
    const NAME: &str = "proc";
    let seen = processes.seen;
    if processes.hides_others {
        return Check::missing(
            NAME,
            format!("shows {seen} processes, not those of others"),
            "network namespaces of hidden processes are not found, nor their sockets' owners by sock_diag",
            "mount /proc without hidepid, or see CAP_SYS_PTRACE",
        )
        .lost_if(true);
    }
    let (descriptors, namespaces) = (processes.hidden_descriptors, processes.hidden_namespaces);
    if descriptors + namespaces == 0 {
        return Check::fine(NAME, format!("shows all of {seen} processes"));
    }
    let mut lost = Vec::new();
    if namespaces > 0 {
        lost.push(hidden_namespaces(namespaces));
    }
    if descriptors > 0 && !facts.scans_by_bpf() {
        lost.push(NO_OWNERS.to_owned());
    }
    let consequence = if lost.is_empty() {
        "nothing: the scan is by bpf".to_owned()
    } else {
        lost.join("; ")
    };
    Check::missing(
        NAME,
        format!("of {seen} processes, hides the descriptors of {descriptors} and the network namespace of {namespaces}"),
        consequence,
        hidden_remedy(facts),
    )
    .lost_if(!lost.is_empty())
}

fn hidden_remedy(facts: &DoctorFacts) -> &'static str {
    if facts.holds(CapabilitySet::SYS_PTRACE) {
        "find what on this host hides processes from CAP_SYS_PTRACE (a security module, a container)"
    } else {
        "see CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
    }
}

fn network_namespaces(
    facts: &DoctorFacts,
    processes: &Processes,
    namespaces: &Namespaces,
) -> Check {
    const NAME: &str = "network-namespaces";
    let found = namespaces.found;
    match &namespaces.refused {
        None if namespaces.closed == 0 => {
            Check::fine(NAME, format!("{found}, each can be entered"))
        }
        None => Check::missing(
            NAME,
            format!("{} of {found} cannot be entered", namespaces.closed),
            closed(facts, namespaces.closed),
            "run observer in the host's user namespace",
        )
        .lost_if(true),
        Some(why) => {
            let mut lost = Vec::new();
            if namespaces.closed > 0 {
                lost.push(closed(facts, namespaces.closed));
            } else if processes.hidden_namespaces > 0 {
                lost.push("sockets in namespaces that are hidden would be missing".to_owned());
            }
            let consequence = match lost.first() {
                Some(lost) => lost.clone(),
                None => format!("{NOTHING}: there is no other"),
            };
            Check::missing(
                NAME,
                format!("{found} found, and none may be entered: {why}"),
                consequence,
                "see CAP_SYS_ADMIN",
            )
            .lost_if(!lost.is_empty())
        }
    }
}

fn sysctls(facts: &DoctorFacts) -> Check {
    match &facts.sysctls {
        Ok(values) => Check::fine(
            "sysctls",
            format!(
                "tcp_keepalive_time {}, _intvl {}, _probes {}",
                values.idle_s, values.interval_s, values.probes
            ),
        ),
        Err(why) if facts.scans_by_bpf() => {
            Check::missing("sysctls", why, "nothing: the scan is by bpf", "mount /proc")
        }
        Err(why) => Check::missing(
            "sysctls",
            why,
            "whether a keepalive value is the sysctl's is unknown",
            "mount /proc with /proc/sys",
        )
        .lost_if(true),
    }
}

fn running(facts: &DoctorFacts) -> Check {
    const NAME: &str = "running-observer";
    match &facts.notes {
        Ok(Some(mode)) => Check::fine(NAME, format!("one runs and remembers, by {}", mode.name())),
        Ok(None) => Check::fine(
            NAME,
            "none: list has no last_set, age_ms and keepalive.sent before a trace runs",
        ),
        Err(why) => Check::missing(NAME, why, NO_NOTES, "see CAP_SYS_ADMIN").lost_if(true),
    }
}
