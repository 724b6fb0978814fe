//! Loads and attaches the programs of each hook, in the first way that the host allows.

use aya::programs::{BtfTracePoint, FEntry, FExit, Program, ProgramError, TracePoint};
use aya::{Btf as AyaBtf, Ebpf};

use super::facts::Found;
use super::plan::{Hook, Part, Target, Way};
use super::tracepoint::Tracepoints;
use crate::kernel::load::reason;

/// Which ways may be tried (`--hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HooksChoice {
    /// The better way first.
    #[default]
    Auto,
    /// Only this one.
    Only(Way),
    /// No hooks.
    None,
}

/// How a hook fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookStatus {
    /// Which.
    pub hook: Hook,
    /// Whether it is attached.
    pub attached: bool,
    /// How; `None` also for the hook that has one way only.
    pub way: Option<Way>,
    /// Why it is not attached, or not in the better way.
    pub why: Option<String>,
}

/// Attaches one hook.
pub(super) fn hook(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    found: &Found,
    hook: Hook,
    choice: HooksChoice,
    missing: &[&'static str],
) -> HookStatus {
    let mut status = HookStatus {
        hook,
        attached: false,
        way: None,
        why: None,
    };
    if let Err(why) = none_missing(missing) {
        status.why = Some(why);
        return status;
    }
    for (way, parts) in hook.ways() {
        let allowed = match (choice, way) {
            (HooksChoice::None, _) => false,
            (HooksChoice::Only(only), Some(way)) => only == *way,
            _ => true,
        };
        if !allowed || !fit(parts, found) {
            continue;
        }
        match attach_all(ebpf, tracepoints, found, parts) {
            Ok(()) => {
                status.attached = true;
                status.way = *way;
                return status;
            }
            Err(error) => {
                let why = match way {
                    Some(way) => format!("{}: {error}", way.name()),
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

/// Attaches one hook in one way.
pub(super) fn try_way(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    found: &Found,
    hook: Hook,
    way: Option<Way>,
    missing: &[&'static str],
) -> Result<(), String> {
    none_missing(missing)?;
    let mut forms = parts_of(hook, way).filter(|parts| fit(parts, found));
    match forms.next() {
        Some(parts) => attach_all(ebpf, tracepoints, found, parts),
        None => Err("this kernel has no such function, or one with other parameters".to_owned()),
    }
}

/// Takes back whatever of a way is attached.
pub(super) fn detach_all(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    hook: Hook,
    way: Option<Way>,
) {
    for part in parts_of(hook, way).flatten() {
        detach(ebpf, tracepoints, part.program);
    }
}

fn parts_of(hook: Hook, way: Option<Way>) -> impl Iterator<Item = &'static [Part]> {
    let ways = hook.ways().iter();
    ways.filter(move |(of, _)| *of == way)
        .map(|(_, parts)| *parts)
}

fn none_missing(missing: &[&'static str]) -> Result<(), String> {
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(format!("this kernel's BTF has no field for {missing}"))
}

fn fit(parts: &[Part], found: &Found) -> bool {
    parts.iter().all(|part| fits(part.target, found))
}

/// Whether the function takes the arguments that the program expects.
fn fits(target: Target, found: &Found) -> bool {
    match target {
        Target::ExitAfter(_, parameters) => found.accept_parameters == Some(parameters),
        _ => true,
    }
}

fn attach_all(
    ebpf: &mut Ebpf,
    tracepoints: &mut Tracepoints,
    found: &Found,
    parts: &[Part],
) -> Result<(), String> {
    for (at, part) in parts.iter().enumerate() {
        let Err(error) = attach(ebpf, tracepoints, found, part) else {
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
    found: &Found,
    part: &Part,
) -> Result<(), String> {
    let program = ebpf
        .program_mut(part.program)
        .ok_or_else(|| "the object holds no such program".to_owned())?;
    try_attach(program, tracepoints, &found.types, part).map_err(|error| reason(&error))
}

fn try_attach(
    program: &mut Program,
    tracepoints: &mut Tracepoints,
    btf: &AyaBtf,
    part: &Part,
) -> Result<(), ProgramError> {
    match part.target {
        Target::Entry(name) => {
            let program: &mut FEntry = program.try_into()?;
            program.load(name, btf)?;
            let _held_by_the_program = program.attach()?;
        }
        Target::Exit(name) | Target::ExitAfter(name, _) => {
            let program: &mut FExit = program.try_into()?;
            program.load(name, btf)?;
            let _held_by_the_program = program.attach()?;
        }
        Target::Typed(name) => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(name, btf)?;
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
