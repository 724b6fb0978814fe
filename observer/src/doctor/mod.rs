//! Diagnosis of what this host lets observer see: everything is tried, nothing is concluded from a version.
//!
//! [`facts`] gathers, `rules` judge what was found, `report` prints it.

mod check;
pub mod facts;
pub(crate) mod host;
mod measure;
mod process;
mod programs;
pub mod report;
mod rules;
#[cfg(test)]
pub(crate) mod testing;

pub use check::{Check, Outcome};
pub use facts::{Asked, DoctorFacts};
pub use host::{BtfFacts, Lockdown};
pub use measure::{Scanned, SyscallCost};
pub use process::{Namespaces, Processes};
pub use programs::{HookFacts, OpenedHooks, WalkFacts};

/// Findings, judged.
#[derive(Debug)]
pub struct Diagnosis {
    /// Findings.
    pub facts: DoctorFacts,
    /// Causes before what follows from them.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// Looks at this host. Everything that is attached meanwhile is detached again.
    #[must_use]
    pub fn make(asked: Asked) -> Self {
        Self::of(DoctorFacts::gather(asked))
    }

    /// Judges what was found.
    #[must_use]
    pub fn of(facts: DoctorFacts) -> Self {
        let checks = rules::judge(&facts);
        Self { facts, checks }
    }

    /// The most important thing that is missing; `None` where nothing is unknown.
    #[must_use]
    pub fn worst(&self) -> Option<&Check> {
        self.lost().next()
    }

    /// Everything through which something is unknown.
    pub fn lost(&self) -> impl Iterator<Item = &Check> {
        let checks = self.checks.iter();
        checks.filter(|check| check.outcome == Outcome::Lost)
    }
}
