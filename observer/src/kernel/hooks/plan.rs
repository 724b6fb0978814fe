//! Hooks: the programs of each, where they are attached and what they need.

use observer_common::AttachMode;

use crate::kernel::btf::BtfKind;

/// Hook: one of the things that observer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// States of connections: that they open and end.
    State,
    /// Which process accepts a connection.
    Accept,
    /// Keepalive options that are set.
    SetOption,
    /// Keepalive timers that fire.
    Timer,
}

impl Hook {
    /// Every hook, in the order in which they are attached.
    pub const ALL: [Self; 4] = [Self::State, Self::Accept, Self::SetOption, Self::Timer];

    /// Name in metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "life",
            Self::Accept => "accept",
            Self::SetOption => "setsockopt",
            Self::Timer => "keepalive-timer",
        }
    }

    /// Loss without it.
    #[must_use]
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::State => "no opened and closed events, no age_ms",
            Self::Accept => "accepted connections are told of without their process",
            Self::SetOption => "no set events, no last_set",
            Self::Timer => "no probe events, no keepalive.sent",
        }
    }

    /// Modes to attach it in, the better first. [`Hook::State`] has one, which counts as either.
    pub(super) const fn modes(self) -> &'static [(Option<AttachMode>, &'static [Part])] {
        match self {
            Self::State => STATE,
            Self::Accept => ACCEPT,
            Self::SetOption => SET_OPTION,
            Self::Timer => TIMER,
        }
    }

    /// Optional fields of the layout that it cannot do without.
    pub(super) fn needed_fields(self) -> impl Iterator<Item = &'static str> {
        const EVERY_HOOK: [&str; 4] = ["protocol", "sk_err", "sport", "snd_una"];
        let of_its_own: &[&str] = match self {
            Self::Timer => &["keepalive_timer", "keepalive_function", "timer_function"],
            Self::State | Self::Accept | Self::SetOption => &[],
        };
        EVERY_HOOK.iter().chain(of_its_own).copied()
    }

    /// Modes without the programs, each once.
    pub(crate) fn distinct_modes(self) -> Vec<Option<AttachMode>> {
        let mut modes: Vec<_> = self.modes().iter().map(|(mode, _)| *mode).collect();
        modes.dedup();
        modes
    }
}

/// Place where a program is attached.
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
    /// True where the hook does without it.
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

const STATE: &[(Option<AttachMode>, &[Part])] = &[(
    None,
    &[
        // What forgets sockets comes before what begins to track them.
        part("state_destroy", Target::Typed("tcp_destroy_sock")),
        part("state_change", Target::Typed("inet_sock_set_state")),
    ],
)];

const ACCEPT: &[(Option<AttachMode>, &[Part])] = &[
    (
        Some(AttachMode::Trampoline),
        &[part(
            "accept_fexit_2",
            Target::ExitAfter("inet_csk_accept", 2),
        )],
    ),
    (
        Some(AttachMode::Trampoline),
        &[part(
            "accept_fexit_4",
            Target::ExitAfter("inet_csk_accept", 4),
        )],
    ),
    (
        Some(AttachMode::Tracepoint),
        &[
            part("accept_exit", Target::Syscall("sys_exit_accept")),
            part("accept4_exit", Target::Syscall("sys_exit_accept4")),
        ],
    ),
];

const SET_OPTION: &[(Option<AttachMode>, &[Part])] = &[
    (
        Some(AttachMode::Trampoline),
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
        Some(AttachMode::Tracepoint),
        &[
            part("set_exit", Target::Syscall("sys_exit_setsockopt")),
            part("set_enter", Target::Syscall("sys_enter_setsockopt")),
        ],
    ),
];

const TIMER: &[(Option<AttachMode>, &[Part])] = &[
    (
        Some(AttachMode::Trampoline),
        &[
            part("timer_fexit", Target::Exit("tcp_keepalive_timer")),
            part("timer_wakeup", Target::Exit("tcp_write_wakeup")),
            part("timer_fentry", Target::Entry("tcp_keepalive_timer")),
        ],
    ),
    (
        Some(AttachMode::Tracepoint),
        &[
            part("timer_exit", Target::Typed("timer_expire_exit")),
            part("timer_entry", Target::Typed("timer_expire_entry")),
        ],
    ),
];

/// Kind and name of each target's type in BTF.
pub(crate) fn btf_names() -> Vec<(BtfKind, String)> {
    let parts = Hook::ALL
        .into_iter()
        .flat_map(Hook::modes)
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
