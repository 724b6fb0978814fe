//! Loads and attaches the programs of each hook, in the first mode that the host allows.

use aya::programs::{BtfTracePoint, FEntry, FExit, Program, ProgramError, TracePoint};
use aya::{Btf as AyaBtf, Ebpf};
use observer_common::AttachMode;

use super::btf::HookBtf;
use super::plan::{Hook, Part, Target};
use super::tracepoint::Tracepoints;
use crate::kernel::error::reason;

/// Choice of modes that may be tried (`--hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HooksChoice {
    /// The better mode first.
    #[default]
    Auto,
    /// Only this one.
    Only(AttachMode),
    /// No hooks.
    None,
}

/// Outcome of attaching a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookStatus {
    /// The hook.
    pub hook: Hook,
    /// True where it is attached.
    pub attached: bool,
    /// Mode; `None` also for the hook that has one only.
    pub mode: Option<AttachMode>,
    /// Reason why it is not attached, or not in the better mode.
    pub why: Option<String>,
}

/// Attaches one hook.
pub(super) fn hook(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    btf: &HookBtf,
    hook: Hook,
    choice: HooksChoice,
    missing: &[&'static str],
) -> HookStatus {
    let mut status = HookStatus {
        hook,
        attached: false,
        mode: None,
        why: None,
    };
    if let Err(why) = none_missing(missing) {
        status.why = Some(why);
        return status;
    }
    for (mode, parts) in hook.modes() {
        let allowed = match (choice, mode) {
            (HooksChoice::None, _) => false,
            (HooksChoice::Only(only), Some(mode)) => only == *mode,
            _ => true,
        };
        if !allowed || !fit(parts, btf) {
            continue;
        }
        match attach_all(ebpf, tracepoints, btf, parts) {
            Ok(()) => {
                status.attached = true;
                status.mode = *mode;
                return status;
            }
            Err(error) => {
                let why = match mode {
                    Some(mode) => format!("{}: {error}", mode.name()),
                    None => error,
                };
                status.why = Some(match status.why.take() {
                    Some(before) => format!("{before}; {why}"),
                    None => why,
                });
            }
        }
    }
    status
}

/// Attaches one hook in one mode.
pub(super) fn try_mode(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    btf: &HookBtf,
    hook: Hook,
    mode: Option<AttachMode>,
    missing: &[&'static str],
) -> Result<(), String> {
    none_missing(missing)?;
    let mut forms = parts_of(hook, mode).filter(|parts| fit(parts, btf));
    match forms.next() {
        Some(parts) => attach_all(ebpf, tracepoints, btf, parts),
        None => Err("this kernel has no such function, or one with other parameters".to_owned()),
    }
}

/// Takes back whatever of a mode is attached.
pub(super) fn detach_all(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    hook: Hook,
    mode: Option<AttachMode>,
) {
    for part in parts_of(hook, mode).flatten() {
        detach(ebpf, tracepoints, part.program);
    }
}

fn parts_of(hook: Hook, mode: Option<AttachMode>) -> impl Iterator<Item = &'static [Part]> {
    let modes = hook.modes().iter();
    modes
        .filter(move |(of, _)| *of == mode)
        .map(|(_, parts)| *parts)
}

fn none_missing(missing: &[&'static str]) -> Result<(), String> {
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(format!("this kernel's BTF has no field for {missing}"))
}

fn fit(parts: &[Part], btf: &HookBtf) -> bool {
    parts.iter().all(|part| fits(part.target, btf))
}

/// True where the function takes the arguments that the program expects.
fn fits(target: Target, btf: &HookBtf) -> bool {
    match target {
        Target::ExitAfter(_, parameters) => btf.accept_parameters == Some(parameters),
        _ => true,
    }
}

fn attach_all(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    btf: &HookBtf,
    parts: &[Part],
) -> Result<(), String> {
    for (at, part) in parts.iter().enumerate() {
        let Err(error) = attach(ebpf, tracepoints, btf, part) else {
            continue;
        };
        tracing::debug!("{}: {error}", part.program);
        if part.optional {
            continue;
        }
        for attached in parts.iter().take(at + 1) {
            detach(ebpf, tracepoints, attached.program);
        }
        return Err(format!("{}: {error}", part.target.name()));
    }
    Ok(())
}

fn attach(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    btf: &HookBtf,
    part: &Part,
) -> Result<(), String> {
    let program = ebpf
        .program_mut(part.program)
        .ok_or_else(|| "the object holds no such program".to_owned())?;
    try_attach(program, tracepoints, &btf.types, part).map_err(|error| reason(&error))
}

fn try_attach(
    program: &mut Program,
    tracepoints: &mut Tracepoints,
    types: &AyaBtf,
    part: &Part,
) -> Result<(), ProgramError> {
    match part.target {
        Target::Entry(name) => {
            let program: &mut FEntry = program.try_into()?;
            program.load(name, types)?;
            let _held_by_the_program = program.attach()?;
        }
        Target::Exit(name) | Target::ExitAfter(name, _) => {
            let program: &mut FExit = program.try_into()?;
            program.load(name, types)?;
            let _held_by_the_program = program.attach()?;
        }
        Target::Typed(name) => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(name, types)?;
            let _held_by_the_program = program.attach()?;
        }
        Target::Syscall(name) => {
            let program: &mut TracePoint = program.try_into()?;
            program.load()?;
            tracepoints.attach(part.program, program, name)?;
        }
    }
    Ok(())
}

/// Takes a program back, whether it got as far as being attached or not.
fn detach(ebpf: &mut Ebpf, tracepoints: &mut Tracepoints, program: &str) {
    tracepoints.detach(program);
    let unloaded = match ebpf.program_mut(program) {
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        Some(Program::BtfTracePoint(program)) => program.unload(),
        Some(Program::TracePoint(program)) => program.unload(),
        _ => Ok(()),
    };
    if let Err(error) = unloaded {
        tracing::debug!("{program}: {error}");
    }
}
