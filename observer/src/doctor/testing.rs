//! A host that lacks nothing, to take things away from.

use std::time::Duration;

use rustix::thread::CapabilitySet;

use super::{
    Asked, BtfFacts, DoctorFacts, HookFacts, Lockdown, Namespaces, OpenedHooks, Processes, Scanned,
    WalkFacts,
};
use crate::host::KeepaliveSysctls;
use crate::host::tracefs::TracefsPlace;
use crate::kernel::hooks::{Attempt, Attempts};
use crate::source::{AttachMode, Hook, HookStatus};

pub(crate) fn facts() -> DoctorFacts {
    let attempts = Hook::ALL.into_iter().flat_map(|hook| {
        let modes = hook.distinct_modes().into_iter();
        modes.map(move |mode| Attempt {
            hook,
            mode,
            why: None,
        })
    });
    DoctorFacts {
        asked: Asked::default(),
        kernel: "6.12.107".to_owned(),
        host: "web-1".to_owned(),
        btf: Ok(BtfFacts {
            fields: 71,
            absent: Vec::new(),
        }),
        lockdown: Ok(Lockdown::None),
        capabilities: Ok(CapabilitySet::all()),
        memlock_limit: Some(8 << 20),
        perf_event_paranoid: Some(2),
        in_first_user_namespace: Some(true),
        in_first_pid_namespace: Some(true),
        clock_offset_s: 0,
        tracefs: Ok(TracefsPlace::Mounted("/sys/kernel/tracing".to_owned())),
        walks: Ok(WalkFacts::default()),
        hooks: Some(HookFacts {
            tried: Ok(Attempts {
                hooks: attempts.collect(),
                ring_buffer: None,
                has_cookie_helper: true,
            }),
            opened: Ok(OpenedHooks {
                mode: AttachMode::Trampoline,
                statuses: Hook::ALL
                    .map(|hook| attached(hook, AttachMode::Trampoline))
                    .to_vec(),
                cost: None,
            }),
        }),
        sock_diag: Ok(()),
        processes: Ok((
            Processes {
                seen: 90,
                ..Processes::default()
            },
            Namespaces {
                found: 3,
                ..Namespaces::default()
            },
        )),
        sysctls: Ok(KeepaliveSysctls {
            idle_s: 7200,
            interval_s: 75,
            probes: 9,
        }),
        notes: Ok(None),
        scan: Ok(scanned("bpf")),
    }
}

pub(crate) fn attached(hook: Hook, mode: AttachMode) -> HookStatus {
    HookStatus {
        hook,
        attached: true,
        mode: (hook != Hook::State).then_some(mode),
        why: None,
    }
}

pub(crate) fn scanned(name: &'static str) -> Scanned {
    Scanned {
        name,
        took: Duration::from_micros(12_430),
        sockets: 1000,
        unknown: Vec::new(),
        notices: Vec::new(),
    }
}
