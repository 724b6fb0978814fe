//! Capabilities: what each that is missing costs here, which depends on what was refused.

use rustix::thread::CapabilitySet;

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use super::super::process::{Namespaces, Processes};
use super::NOTHING;
use crate::host::tracefs::TracefsError;
use crate::source::{AttachMode, Hook};

const BPF_REMEDY: &str = "run observer as root (sudo), or grant it CAP_BPF and CAP_PERFMON";

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    if let Err(why) = &facts.capabilities {
        return vec![Check::unknown("capabilities", why)];
    }
    let held = |name: &'static str, capability, stand_in, lost: &dyn Fn() -> Vec<String>| {
        one(facts, name, capability, stand_in, &lost())
    };
    let root = Some((CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"));
    let overriding = Some((CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE"));
    let programs = || programs(facts);
    vec![
        held("CAP_BPF", CapabilitySet::BPF, root, &programs),
        held("CAP_PERFMON", CapabilitySet::PERFMON, root, &programs),
        held("CAP_SYS_ADMIN", CapabilitySet::SYS_ADMIN, None, &|| {
            sys_admin(facts)
        }),
        held("CAP_SYS_PTRACE", CapabilitySet::SYS_PTRACE, None, &|| {
            sys_ptrace(facts)
        }),
        held(
            "CAP_DAC_READ_SEARCH",
            CapabilitySet::DAC_READ_SEARCH,
            overriding,
            &|| dac_read_search(facts),
        ),
        sys_chroot(facts),
        net_admin(facts),
    ]
}

fn one(
    facts: &DoctorFacts,
    name: &'static str,
    capability: CapabilitySet,
    stand_in: Option<(CapabilitySet, &'static str)>,
    lost: &[String],
) -> Check {
    if facts.holds(capability) {
        return Check::fine(name, "held");
    }
    if let Some((_, other)) = stand_in.filter(|(other, _)| facts.holds(*other)) {
        return Check::fine(name, format!("not held; {other} stands in for it"));
    }
    let consequence = if lost.is_empty() {
        NOTHING.to_owned()
    } else {
        lost.join("; ")
    };
    let remedy = match name {
        "CAP_BPF" | "CAP_PERFMON" => BPF_REMEDY.to_owned(),
        _ => format!("run observer as root (sudo), or grant it {name}"),
    };
    Check::missing(name, "not held", consequence, remedy).lost_if(!lost.is_empty())
}

/// Losses without programs.
fn programs(facts: &DoctorFacts) -> Vec<String> {
    let lacks = facts.lacks_bpf_scan() || facts.lacks_hooks();
    lacks
        .then(|| facts.lost_without_programs())
        .into_iter()
        .collect()
}

fn look(facts: &DoctorFacts) -> Option<&(Processes, Namespaces)> {
    facts.processes.as_ref().ok()
}

fn sys_admin(facts: &DoctorFacts) -> Vec<String> {
    let mut lost = Vec::new();
    if let Some(closed) = look(facts).map(|(_, namespaces)| namespaces.closed)
        && closed > 0
    {
        lost.push(super::sight::closed(facts, closed));
    }
    if facts.notes.is_err() {
        lost.push(super::sight::NO_NOTES.to_owned());
    }
    if matches!(facts.tracefs, Err(TracefsError::NotMounted(_))) {
        lost.extend(without_tracefs(facts));
    }
    lost
}

fn sys_ptrace(facts: &DoctorFacts) -> Vec<String> {
    let Some((processes, _)) = look(facts) else {
        return Vec::new();
    };
    let mut lost = Vec::new();
    if processes.hidden_namespaces > 0 {
        lost.push(super::sight::hidden_namespaces(processes.hidden_namespaces));
    }
    if !facts.scans_by_bpf() && processes.hidden_descriptors.max(processes.not_duplicable) > 0 {
        lost.push(super::sight::NO_OWNERS.to_owned());
    }
    lost
}

fn dac_read_search(facts: &DoctorFacts) -> Vec<String> {
    let mut lost = Vec::new();
    let hidden = look(facts).is_some_and(|(processes, _)| processes.hidden_descriptors > 0);
    if hidden && !facts.scans_by_bpf() {
        lost.push(super::sight::NO_OWNERS.to_owned());
    }
    if matches!(facts.tracefs, Err(TracefsError::Unreadable { .. })) {
        lost.extend(without_tracefs(facts));
    }
    lost
}

/// Hooks that need the numbers of tracepoints and have nothing else.
fn without_tracefs(facts: &DoctorFacts) -> Vec<String> {
    // Where programs are refused, that is the reason.
    let statuses = facts.opened_hooks().map(|hooks| hooks.statuses.as_slice());
    let missed = statuses
        .into_iter()
        .flatten()
        .filter(|status| matches!(status.hook, Hook::SetOption | Hook::Accept) && !status.attached);
    let described = missed.map(|status| {
        let (name, consequence) = (status.hook.name(), status.hook.consequence());
        format!(
            "the hook {name} by {}: {consequence}",
            AttachMode::Tracepoint.name()
        )
    });
    described.collect()
}

fn sys_chroot(facts: &DoctorFacts) -> Check {
    if facts.holds(CapabilitySet::SYS_CHROOT) {
        return Check::fine("CAP_SYS_CHROOT", "held");
    }
    Check::missing(
        "CAP_SYS_CHROOT",
        "not held",
        "observer takes some 20 ms longer to start by bpf; nothing is lost",
        "run observer as root (sudo), or grant it CAP_SYS_CHROOT",
    )
}

fn net_admin(facts: &DoctorFacts) -> Check {
    let detail = if facts.holds(CapabilitySet::NET_ADMIN) {
        "held"
    } else {
        "not held; nothing that observer does needs it"
    };
    Check::fine("CAP_NET_ADMIN", detail)
}
