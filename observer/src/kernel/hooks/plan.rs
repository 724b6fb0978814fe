//! Which programs make which hook, and where each is attached.

use crate::kernel::btf::BtfKind;

/// How a hook is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// fentry and fexit: no cost for anything else.
    Trampoline,
    /// Tracepoints.
    Tracepoint,
}

impl Way {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trampoline => "trampoline",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// One of the things that observer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Connections that open and end.
    Life,
    /// Which process accepts a connection.
    Accept,
    /// Keepalive options that are set.
    SetOption,
    /// Keepalive timers that fire.
    Timer,
}

impl Hook {
    /// Every hook, in the order in which they are attached.
    pub const ALL: [Self; 4] = [Self::Life, Self::Accept, Self::SetOption, Self::Timer];

    /// The name used in metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Life => "life",
            Self::Accept => "accept",
            Self::SetOption => "setsockopt",
            Self::Timer => "keepalive-timer",
        }
    }

    /// What is lost without it.
    #[must_use]
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Life => "no opened and closed events, no age_ms",
            Self::Accept => "accepted connections are told of without their process",
            Self::SetOption => "no set events, no last_set",
            Self::Timer => "no probe events, no keepalive.sent",
        }
    }

    /// The ways to attach it, the better first. [`Hook::Life`] has one, which counts as either.
    pub(super) const fn ways(self) -> &'static [(Option<Way>, &'static [Part])] {
        match self {
            Self::Life => LIFE,
            Self::Accept => ACCEPT,
            Self::SetOption => SET_OPTION,
            Self::Timer => TIMER,
        }
    }

    /// The same without the programs, each way once.
    pub(crate) fn distinct_ways(self) -> Vec<Option<Way>> {
        let mut ways: Vec<_> = self.ways().iter().map(|(way, _)| *way).collect();
        ways.dedup();
        ways
    }
}

/// Where a program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Before a kernel function.
    Entry(&'static str),
    /// After it.
    Exit(&'static str),
    /// The same, if it takes so many parameters.
    ExitAfter(&'static str, u32),
    /// A tracepoint whose arguments the verifier knows the types of.
    Typed(&'static str),
    /// A tracepoint of the category `syscalls`.
    Syscall(&'static str),
}

impl Target {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Entry(name)
            | Self::Exit(name)
            | Self::ExitAfter(name, _)
            | Self::Typed(name)
            | Self::Syscall(name) => name,
        }
    }
}

/// One program of a hook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) program: &'static str,
    pub(super) target: Target,
    /// Whether the hook does without it.
    pub(super) optional: bool,
}

const fn part(program: &'static str, target: Target) -> Part {
    Part {
        program,
        target,
        optional: false,
    }
}

const fn optional(program: &'static str, target: Target) -> Part {
    Part {
        program,
        target,
        optional: true,
    }
}

const LIFE: &[(Option<Way>, &[Part])] = &[(
    None,
    &[
        // What removes notes comes before what makes them.
        part("life_destroy", Target::Typed("tcp_destroy_sock")),
        part("life_state", Target::Typed("inet_sock_set_state")),
    ],
)];

const ACCEPT: &[(Option<Way>, &[Part])] = &[
    (
        Some(Way::Trampoline),
        &[part(
            "accept_fexit_2",
            Target::ExitAfter("inet_csk_accept", 2),
        )],
    ),
    (
        Some(Way::Trampoline),
        &[part(
            "accept_fexit_4",
            Target::ExitAfter("inet_csk_accept", 4),
        )],
    ),
    (
        Some(Way::Tracepoint),
        &[
            part("accept_exit", Target::Syscall("sys_exit_accept")),
            part("accept4_exit", Target::Syscall("sys_exit_accept4")),
        ],
    ),
];

const SET_OPTION: &[(Option<Way>, &[Part])] = &[
    (
        Some(Way::Trampoline),
        &[
            part("set_tcp_fexit", Target::Exit("tcp_setsockopt")),
            part("set_tcp_fentry", Target::Entry("tcp_setsockopt")),
            part("set_sk_fexit", Target::Exit("sk_setsockopt")),
            part("set_sk_fentry", Target::Entry("sk_setsockopt")),
            // What the kernel does for itself.
            optional("set_keepalive_fexit", Target::Exit("tcp_set_keepalive")),
            optional("set_idle_fexit", Target::Exit("tcp_sock_set_keepidle")),
            optional("set_interval_fexit", Target::Exit("tcp_sock_set_keepintvl")),
            optional("set_probes_fexit", Target::Exit("tcp_sock_set_keepcnt")),
            optional(
                "set_timeout_fexit",
                Target::Exit("tcp_sock_set_user_timeout"),
            ),
        ],
    ),
    (
        Some(Way::Tracepoint),
        &[
            part("set_exit", Target::Syscall("sys_exit_setsockopt")),
            part("set_enter", Target::Syscall("sys_enter_setsockopt")),
        ],
    ),
];

const TIMER: &[(Option<Way>, &[Part])] = &[
    (
        Some(Way::Trampoline),
        &[
            part("timer_fexit", Target::Exit("tcp_keepalive_timer")),
            part("timer_wakeup", Target::Exit("tcp_write_wakeup")),
            part("timer_fentry", Target::Entry("tcp_keepalive_timer")),
        ],
    ),
    (
        Some(Way::Tracepoint),
        &[
            part("timer_exit", Target::Typed("timer_expire_exit")),
            part("timer_entry", Target::Typed("timer_expire_entry")),
        ],
    ),
];

/// What BTF must be searched for: the kind and name of each target's type.
pub(crate) fn btf_names() -> Vec<(BtfKind, String)> {
    let parts = Hook::ALL
        .into_iter()
        .flat_map(Hook::ways)
        .flat_map(|(_, parts)| *parts);
    let mut names: Vec<_> = parts
        .filter_map(|part| match part.target {
            Target::Entry(name) | Target::Exit(name) | Target::ExitAfter(name, _) => {
                Some((BtfKind::Func, name.to_owned()))
            }
            Target::Typed(name) => Some((BtfKind::Typedef, format!("btf_trace_{name}"))),
            Target::Syscall(_) => None,
        })
        .collect();
    names.sort_by(|a, b| a.1.cmp(&b.1));
    names.dedup();
    names
}
