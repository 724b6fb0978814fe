//! Programs that the kernel takes or refuses.

use rustix::thread::CapabilitySet;

use super::super::check::Check;
use super::super::facts::DoctorFacts;
use super::super::host::Lockdown;
use super::super::programs::{HookFacts, OpenedHooks};
use super::{NO_HOOKS, NOTHING, limits};
use crate::kernel::hooks::Attempt;
use crate::source::{AttachMode, Hook, HookStatus, HooksChoice, ScanChoice};

pub(super) fn judge(facts: &DoctorFacts) -> Vec<Check> {
    let mut checks = limits::judge(facts);
    checks.extend(walks(facts));
    match &facts.hooks {
        Some(hooks) => checks.extend(of_hooks(facts, hooks)),
        None => checks.extend(untried()),
    }
    checks
}

/// Remedy that may help where the kernel refuses a program.
fn remedy(facts: &DoctorFacts, since: &str) -> String {
    if facts.btf.is_err() {
        "see btf".to_owned()
    } else if !facts.may_load() {
        "see CAP_BPF and CAP_PERFMON".to_owned()
    } else if facts.in_first_user_namespace == Some(false) {
        "see user-namespace".to_owned()
    } else if facts.lockdown == Ok(Lockdown::Confidentiality) {
        "see lockdown".to_owned()
    } else if facts.maps_refused() && facts.memlock_limit.is_some() {
        "see memlock".to_owned()
    } else {
        format!(
            "{since} and later take it, unless a policy of the host's forbids it (-vv shows more)"
        )
    }
}

impl DoctorFacts {
    /// Possession of the capabilities that loading programs takes.
    pub(super) fn may_load(&self) -> bool {
        [CapabilitySet::BPF, CapabilitySet::PERFMON]
            .into_iter()
            .all(|needed| self.holds(needed) || self.holds(CapabilitySet::SYS_ADMIN))
    }

    /// `true` where not even the maps could be made.
    pub(super) fn maps_refused(&self) -> bool {
        let hooks = self.hooks.as_ref();
        self.walks.is_err() || hooks.is_some_and(|hooks| hooks.tried.is_err())
    }
}

fn walks(facts: &DoctorFacts) -> Vec<Check> {
    let (files, tables) = match &facts.walks {
        Ok(walks) => (walks.files.as_ref(), walks.tables.as_ref()),
        Err(why) => (Some(why), Some(why)),
    };
    let walk = |name: &'static str, why: Option<&String>| {
        let Some(why) = why else {
            return Check::fine(name, "loaded, attached, opened");
        };
        let is_asked = facts.asked.scan != ScanChoice::Diag;
        let consequence = match facts.scan_name() {
            _ if !is_asked => "nothing: --scan diag does without it".to_owned(),
            Some("diag") => format!("the scan is by sock_diag: {}", crate::source::LOST_TO_DIAG),
            Some(_) => "sockets that no process holds are not found".to_owned(),
            None => "no scan".to_owned(),
        };
        Check::missing(name, why, consequence, remedy(facts, "Linux 5.12")).lost_if(is_asked)
    };
    vec![walk("iter.task_file", files), walk("iter.tcp", tables)]
}

/// The hook's name, for scripts.
fn name(hook: Hook, mode: Option<AttachMode>) -> String {
    match mode {
        Some(mode) => format!("hook.{}.{}", hook.name(), mode.name()),
        None => format!("hook.{}", hook.name()),
    }
}

fn all_attempts() -> impl Iterator<Item = (Hook, Option<AttachMode>)> {
    Hook::ALL.into_iter().flat_map(|hook| {
        hook.distinct_modes()
            .into_iter()
            .map(move |mode| (hook, mode))
    })
}

fn untried() -> Vec<Check> {
    let names = ["ring-buffer".to_owned(), "cookie-helper".to_owned()];
    let names = names
        .into_iter()
        .chain(all_attempts().map(|(hook, mode)| name(hook, mode)));
    names
        .map(|name| Check::unknown(name, "not tried: --hooks none"))
        .collect()
}

fn of_hooks(facts: &DoctorFacts, hooks: &HookFacts) -> Vec<Check> {
    let opened = hooks.opened.as_ref().ok();
    let tried = match &hooks.tried {
        Ok(tried) => tried,
        Err(why) => {
            let names = ["ring-buffer".to_owned(), "cookie-helper".to_owned()];
            let untried =
                names.map(|name| Check::unknown(name, "not tried: no maps, see the hooks"));
            let refused = all_attempts().map(|(hook, mode)| {
                let why = Some(why.clone());
                attempt(facts, &Attempt { hook, mode, why }, opened)
            });
            return untried.into_iter().chain(refused).collect();
        }
    };
    let mut checks = vec![match &tried.ring_buffer {
        None => Check::fine("ring-buffer", "made and opened"),
        Some(why) => {
            Check::missing("ring-buffer", why, NO_HOOKS, remedy(facts, "Linux 5.8")).lost_if(true)
        }
    }];
    checks.push(if tried.has_cookie_helper {
        Check::fine("cookie-helper", "bpf_get_socket_cookie")
    } else {
        Check::missing(
            "cookie-helper",
            "this kernel's tracing programs have no bpf_get_socket_cookie",
            "events of a socket that no scan has seen and no program has asked for its cookie have cookie null",
            "use Linux 5.12 or later",
        )
        .lost_if(true)
    });
    let attempts = tried.hooks.iter();
    checks.extend(attempts.map(|tried| attempt(facts, tried, opened)));
    checks
}

fn attempt(facts: &DoctorFacts, tried: &Attempt, opened: Option<&OpenedHooks>) -> Check {
    let (hook, name) = (tried.hook, name(tried.hook, tried.mode));
    let Some(why) = &tried.why else {
        return Check::fine(name, "attached and detached");
    };
    let statuses = opened.map(|hooks| hooks.statuses.as_slice());
    let used = statuses
        .unwrap_or_default()
        .iter()
        .find(|status| status.hook == hook && status.attached);
    let is_allowed = match (facts.asked.hooks, tried.mode) {
        (HooksChoice::Only(only), Some(mode)) => only == mode,
        _ => true,
    };
    let (consequence, is_lost) = match used {
        Some(status) => (instead(tried.mode, status).to_owned(), false),
        None if is_allowed => (hook.consequence().to_owned(), true),
        None => (format!("{NOTHING}: --hooks asks for the other way"), false),
    };
    let since = match (tried.mode, hook) {
        (Some(AttachMode::Trampoline), Hook::SetOption) => "Linux 6.1",
        _ => "Linux 5.10",
    };
    let remedy = match (&facts.tracefs, tried.mode, hook) {
        (Err(_), Some(AttachMode::Tracepoint), Hook::SetOption | Hook::Accept)
            if opened.is_some() =>
        {
            "see tracefs".to_owned()
        }
        (_, Some(AttachMode::Tracepoint), Hook::SetOption | Hook::Accept)
            if limits::is_paranoid(facts) =>
        {
            "see perf-event-paranoid".to_owned()
        }
        _ => remedy(facts, since),
    };
    Check::missing(name, why, consequence, remedy).lost_if(is_lost)
}

/// Consequence of the mode in which a hook is attached, where the other is refused.
fn instead(refused: Option<AttachMode>, used: &HookStatus) -> &'static str {
    match (used.mode, used.hook) {
        _ if used.mode == refused => "nothing is lost: at another try it was attached",
        (Some(AttachMode::Tracepoint), Hook::SetOption) => {
            "by tracepoint instead: every system call costs more, and what io_uring, the kernel itself and 32-bit programs set is not seen"
        }
        (Some(AttachMode::Tracepoint), Hook::Accept) => {
            "by tracepoint instead: every system call costs more, and who accepts by io_uring is not seen"
        }
        (Some(AttachMode::Tracepoint), Hook::Timer) => {
            "by tracepoint instead: a probe that the host's own queue refuses is not counted"
        }
        _ => "nothing is lost: it is attached by trampoline",
    }
}
