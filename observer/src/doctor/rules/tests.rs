//! Hosts that lack one thing: which check says so, and whether it counts.

use rustix::thread::CapabilitySet;

use crate::doctor::testing::{attached, facts, scanned};
use crate::doctor::{
    Asked, Check, Diagnosis, DoctorFacts, HookFacts, Lockdown, OpenedHooks, Outcome,
};
use crate::host::tracefs::TracefsError;
use crate::source::{AttachMode, Hook, HooksChoice, ScanChoice};

const REFUSED: &str = "Operation not permitted (os error 1)";

/// Checks that are not fine, in order.
fn marks(diagnosis: &Diagnosis) -> Vec<(&str, Outcome)> {
    let checks = diagnosis.checks.iter();
    checks
        .filter(|check| check.outcome != Outcome::Fine)
        .map(|check| (check.name.as_ref(), check.outcome))
        .collect()
}

fn check<'a>(diagnosis: &'a Diagnosis, name: &str) -> &'a Check {
    let mut checks = diagnosis.checks.iter();
    checks.find(|check| check.name == name).unwrap()
}

fn without(facts: &mut DoctorFacts, capability: CapabilitySet) {
    facts.capabilities.as_mut().unwrap().remove(capability);
}

fn hooks(facts: &mut DoctorFacts) -> &mut HookFacts {
    facts.hooks.as_mut().unwrap()
}

/// Trampolines are refused, and tracepoints take their place.
fn refuse_trampolines(facts: &mut DoctorFacts) {
    let hooks = hooks(facts);
    for attempt in &mut hooks.tried.as_mut().unwrap().hooks {
        attempt.why = (attempt.mode == Some(AttachMode::Trampoline)).then(|| REFUSED.to_owned());
    }
    hooks.opened = Ok(OpenedHooks {
        mode: AttachMode::Tracepoint,
        statuses: Hook::ALL
            .map(|hook| attached(hook, AttachMode::Tracepoint))
            .to_vec(),
        cost: None,
    });
}

#[test]
fn nothing_is_said_where_nothing_is_missing() {
    let diagnosis = Diagnosis::of(facts());
    assert_eq!(marks(&diagnosis), []);
    assert!(diagnosis.worst().is_none());
    for check in &diagnosis.checks {
        assert_eq!(
            (&check.consequence, &check.remedy),
            (&None, &None),
            "{}",
            check.name
        );
    }
}

#[test]
fn a_way_that_is_refused_while_the_other_works_is_a_note() {
    let mut facts = facts();
    refuse_trampolines(&mut facts);
    let diagnosis = Diagnosis::of(facts);
    assert_eq!(
        marks(&diagnosis),
        [
            ("hook.accept.trampoline", Outcome::Note),
            ("hook.setsockopt.trampoline", Outcome::Note),
            ("hook.keepalive-timer.trampoline", Outcome::Note),
        ]
    );
    assert!(diagnosis.worst().is_none());
    let set = check(&diagnosis, "hook.setsockopt.trampoline");
    assert!(set.consequence.as_deref().unwrap().contains("io_uring"));
}

#[test]
fn a_hook_without_any_way_is_lost_and_one_that_was_not_wanted_is_not() {
    let mut facts = facts();
    refuse_trampolines(&mut facts);
    facts.asked.hooks = HooksChoice::Only(AttachMode::Trampoline);
    let opened = hooks(&mut facts).opened.as_mut().unwrap();
    for status in &mut opened.statuses {
        status.attached = status.hook == Hook::State;
    }
    let diagnosis = Diagnosis::of(facts);
    let worst = diagnosis.worst().unwrap();
    assert_eq!(worst.name, "hook.accept.trampoline");
    assert_eq!(
        check(&diagnosis, "hook.setsockopt.tracepoint").outcome,
        Outcome::Fine
    );
    let hooks = check(&diagnosis, "hooks");
    assert_eq!(hooks.outcome, Outcome::Lost);
    assert!(
        hooks
            .remedy
            .as_deref()
            .unwrap()
            .contains("leave out --hooks")
    );
}

#[test]
fn capabilities_count_where_something_was_refused() {
    let mut harmless = facts();
    without(
        &mut harmless,
        CapabilitySet::NET_ADMIN | CapabilitySet::SYS_CHROOT,
    );
    assert_eq!(
        marks(&Diagnosis::of(harmless)),
        [("CAP_SYS_CHROOT", Outcome::Note)]
    );

    let mut stood_in = facts();
    without(&mut stood_in, CapabilitySet::BPF | CapabilitySet::PERFMON);
    assert_eq!(marks(&Diagnosis::of(stood_in)), []);

    let mut root_of_a_container = facts();
    without(&mut root_of_a_container, CapabilitySet::SYS_ADMIN);
    root_of_a_container.notes = Err(REFUSED.to_owned());
    let diagnosis = Diagnosis::of(root_of_a_container);
    assert_eq!(diagnosis.worst().unwrap().name, "CAP_SYS_ADMIN");
    assert_eq!(check(&diagnosis, "CAP_SYS_PTRACE").outcome, Outcome::Fine);
}

#[test]
fn an_ordinary_user_hears_of_capabilities_first() {
    let mut facts = facts();
    facts.capabilities = Ok(CapabilitySet::empty());
    facts.walks = Err(REFUSED.to_owned());
    facts.hooks = Some(HookFacts {
        tried: Err(REFUSED.to_owned()),
        opened: Err(REFUSED.to_owned()),
    });
    facts.scan = Ok(scanned("diag"));
    facts.tracefs = Err(TracefsError::Unreadable {
        path: "/sys/kernel/tracing/events".to_owned(),
        error: rustix::io::Errno::ACCESS,
    });
    facts.notes = Err(REFUSED.to_owned());
    let (processes, namespaces) = facts.processes.as_mut().unwrap();
    processes.hidden_descriptors = 80;
    processes.hidden_namespaces = 80;
    processes.not_duplicable = 80;
    namespaces.refused = Some(REFUSED.to_owned());
    let diagnosis = Diagnosis::of(facts);
    let worst = diagnosis.worst().unwrap();
    assert_eq!(worst.name, "CAP_BPF");
    let consequence = worst.consequence.as_deref().unwrap();
    assert!(
        consequence.contains("sock_diag") && consequence.contains("no events"),
        "{consequence}"
    );
    assert!(worst.remedy.as_deref().unwrap().contains("sudo"));
    for name in [
        "CAP_SYS_PTRACE",
        "CAP_DAC_READ_SEARCH",
        "pidfd-getfd",
        "proc",
        "running-observer",
    ] {
        assert_eq!(check(&diagnosis, name).outcome, Outcome::Lost, "{name}");
    }
    for check in &diagnosis.checks {
        let explained = check.consequence.is_some() && check.remedy.is_some();
        let must = matches!(check.outcome, Outcome::Note | Outcome::Lost);
        assert_eq!(explained, must, "{}", check.name);
    }
}

#[test]
fn confidentiality_is_a_loss_only_where_programs_are_refused() {
    let mut facts = facts();
    facts.lockdown = Ok(Lockdown::Confidentiality);
    assert!(Diagnosis::of(facts.clone()).worst().is_none());
    facts.scan = Ok(scanned("diag"));
    assert_eq!(Diagnosis::of(facts).worst().unwrap().name, "lockdown");
}

#[test]
fn what_a_forced_choice_loses_counts() {
    let mut facts = facts();
    facts.asked = Asked {
        scan: ScanChoice::Diag,
        hooks: HooksChoice::None,
    };
    facts.hooks = None;
    facts.scan = Ok(scanned("diag"));
    let diagnosis = Diagnosis::of(facts);
    let lost: Vec<_> = diagnosis.lost().map(|check| check.name.as_ref()).collect();
    assert_eq!(lost, ["scan", "hooks"]);
    let untried = check(&diagnosis, "hook.setsockopt.tracepoint");
    assert_eq!(untried.outcome, Outcome::Unknown);
}

#[test]
fn fields_that_the_kernel_lacks_are_named_with_what_is_unknown() {
    let mut facts = facts();
    facts.btf.as_mut().unwrap().absent = vec!["v6_daddr"];
    assert_eq!(
        marks(&Diagnosis::of(facts.clone())),
        [("btf", Outcome::Note)]
    );
    facts.btf.as_mut().unwrap().absent = vec!["kern_sock", "tw_expires"];
    let diagnosis = Diagnosis::of(facts);
    let btf = diagnosis.worst().unwrap();
    assert!(btf.detail.starts_with("69 of the 71"), "{}", btf.detail);
    assert_eq!(
        btf.consequence.as_deref(),
        Some("unknown: kernel_owned, timer")
    );
}

#[test]
fn a_container_is_told_what_its_namespaces_hide() {
    let mut facts = facts();
    facts.in_first_pid_namespace = Some(false);
    facts.in_first_user_namespace = Some(false);
    let diagnosis = Diagnosis::of(facts);
    assert_eq!(
        marks(&diagnosis),
        [
            ("user-namespace", Outcome::Note),
            ("pid-namespace", Outcome::Lost)
        ]
    );
}

#[test]
fn limits_are_named_where_the_capabilities_are_there() {
    let mut facts = facts();
    facts.walks = Err(REFUSED.to_owned());
    facts.hooks = Some(HookFacts {
        tried: Err(REFUSED.to_owned()),
        opened: Err(REFUSED.to_owned()),
    });
    facts.scan = Ok(scanned("diag"));
    facts.memlock_limit = Some(64 << 10);
    let diagnosis = Diagnosis::of(facts.clone());
    assert_eq!(diagnosis.worst().unwrap().name, "memlock");
    let life = check(&diagnosis, "hook.life");
    assert_eq!(life.remedy.as_deref(), Some("see memlock"));
    facts.memlock_limit = None;
    assert_eq!(Diagnosis::of(facts).worst().unwrap().name, "iter.task_file");
}

#[test]
fn a_paranoid_kernel_counts_only_where_no_other_way_is_left() {
    let mut facts = facts();
    facts.perf_event_paranoid = Some(3);
    assert!(Diagnosis::of(facts.clone()).worst().is_none());
    without(&mut facts, CapabilitySet::SYS_ADMIN);
    let tried = hooks(&mut facts).tried.as_mut().unwrap();
    for attempt in &mut tried.hooks {
        let refused =
            attempt.hook == Hook::SetOption && attempt.mode == Some(AttachMode::Tracepoint);
        attempt.why = refused.then(|| "Permission denied (os error 13)".to_owned());
    }
    let by_trampoline = Diagnosis::of(facts.clone());
    assert_eq!(
        check(&by_trampoline, "perf-event-paranoid").outcome,
        Outcome::Note
    );
    assert!(by_trampoline.worst().is_none());
    for status in &mut hooks(&mut facts).opened.as_mut().unwrap().statuses {
        status.attached = status.hook != Hook::SetOption;
    }
    let diagnosis = Diagnosis::of(facts);
    assert_eq!(diagnosis.worst().unwrap().name, "perf-event-paranoid");
    let mode = check(&diagnosis, "hook.setsockopt.tracepoint");
    assert_eq!(mode.remedy.as_deref(), Some("see perf-event-paranoid"));
}
