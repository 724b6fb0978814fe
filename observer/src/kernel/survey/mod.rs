//! The survey: calm sockets are counted in the kernel, only the others are read. Its cost in user
//! space grows with the sockets in danger, not with all.

mod limits;
mod programs;

use std::time::Duration;

use observer_common::survey::{SILENCES, Tally, WorkloadCount, WorkloadKey, verdict};

use super::KernelScanner;
use super::decode;
use super::found::Found;
use super::hosts::Hosts;
use super::load::KernelError;
use super::scan::open_tables;
use crate::model::scan::Scan;
use crate::model::socket::StateSet;
use crate::policy::Verdict;
use crate::policy::counts::{ByVerdict, QUIET_LONGER_THAN_S, SocketCounts};
use crate::source::summary::{HealthyWorkload, Summary, SummaryRequest};

use limits::Limits;
pub(super) use programs::SurveyPrograms;

const _: () = assert!(SILENCES == QUIET_LONGER_THAN_S.len());

/// The kernel side counts them in this order.
const VERDICTS: [Verdict; verdict::COUNT] = Verdict::ALL;

/// Walks are repeated so often at most until it is known what a file with one descriptor looks like.
const MOST_WALKS: u32 = 3;

impl KernelScanner {
    /// Makes the survey ready, so that a first one needs no more privilege than others.
    ///
    /// # Errors
    /// The kernel refuses the programs.
    pub fn prepare_survey(&mut self) -> Result<(), KernelError> {
        self.programs.load_tables()?;
        if self.survey.is_none() {
            let (facts, functions) = (&self.programs.facts, &self.programs.functions);
            self.survey = Some(SurveyPrograms::load(facts, functions)?);
        }
        Ok(())
    }

    /// Surveys the connected sockets of every network namespace. Needs a scan before, which finds
    /// the length of a jiffy. `None` where the kernel side has no room for the policy, or for this
    /// host's addresses or shared files: a scan tells then.
    ///
    /// # Errors
    /// The kernel refuses the programs or stops a walk, or observer's own socket is not read as it
    /// is.
    pub fn survey(&mut self, request: &SummaryRequest<'_>) -> Result<Option<Summary>, KernelError> {
        self.prepare_survey()?;
        let Some(mut programs) = self.survey.take().filter(|_| self.units.hz > 0) else {
            return Ok(None);
        };
        let survey = self.survey_with(&mut programs, request);
        self.survey = Some(programs);
        survey
    }

    fn survey_with(
        &mut self,
        programs: &mut SurveyPrograms,
        request: &SummaryRequest<'_>,
    ) -> Result<Option<Summary>, KernelError> {
        let hz = self.units.hz;
        if !programs.goes_by(request.policy, hz) {
            let Ok(limits) = Limits::of(request.policy, hz) else {
                return Ok(None);
            };
            programs.set_limits(request.policy, hz, limits)?;
        }
        let mut notices = Scan::default();
        let hosts = Hosts::read(&mut notices);
        if !programs.set_addresses(&hosts.addresses)? {
            return Ok(None);
        }
        programs.next.calibration = self.calibration.cookie;
        programs.next.by_comm = u32::from(request.by_comm);
        programs.next.silences =
            QUIET_LONGER_THAN_S.map(|s| u32::try_from(s).unwrap_or(u32::MAX).saturating_mul(hz));
        let mut found = self.walk_survey(programs)?;
        let mut tally = programs.tally()?;
        // While a child of ours is between fork and exec it holds our socket too, and what two
        // descriptors lead to would pass for what one does: the least that was ever seen counts.
        for _ in 0..MOST_WALKS {
            let known = programs.next.single;
            if known > 0 && known <= tally.single {
                break;
            }
            programs.next.single = tally.single;
            found = self.walk_survey(programs)?;
            tally = programs.tally()?;
        }
        if tally.shared > u64::from(observer_common::survey::MAX_SHARED) / 2 {
            return Ok(None);
        }
        let in_use = programs.in_use(&tally)?;
        let after = hosts.count_again();
        let walked = hosts.that_may_hold_more(StateSet::CONNECTED, &in_use, &after);
        if !walked.is_empty() {
            let walks = open_tables(&hosts, &walked, || programs.walks.link_tables())?;
            for walk in walks {
                found.read("tcp", walk, |found, record| found.take(&record))?;
            }
        }
        let tally = programs.tally()?;
        let unaccounted = hosts.unaccounted(&programs.in_use(&tally)?, &after);
        self.name(&hosts, &mut found);
        notices
            .notices
            .extend(hosts.notice_of_unfound(&found.sockets));
        Ok(Some(Summary {
            calm: counts(&tally, hz),
            calm_workloads: self.calm_workloads(programs, &tally, request)?,
            soonest: soonest(programs, &tally, hz),
            unaccounted,
            unknown: self.unknown.clone(),
            notices: notices.notices,
            sockets: found.sockets,
        }))
    }

    /// Walks the descriptors once.
    fn walk_survey(&mut self, programs: &mut SurveyPrograms) -> Result<Found, KernelError> {
        programs.begin()?;
        let mut found = Found::new(self.units, StateSet::CONNECTED, 0);
        let walk = programs.walks.walk_files()?;
        self.read_files(&mut found, walk)?;
        Ok(found)
    }

    fn calm_workloads(
        &mut self,
        programs: &SurveyPrograms,
        tally: &Tally,
        request: &SummaryRequest<'_>,
    ) -> Result<Vec<HealthyWorkload>, KernelError> {
        let mut workloads: Vec<HealthyWorkload> = programs
            .workloads(tally)?
            .into_iter()
            .map(|(key, count)| self.calm_workload(key, &count, request.by_comm))
            .collect();
        if tally.workloads_rejected.iter().any(|count| *count > 0) {
            workloads.push(HealthyWorkload {
                cgroup: None,
                comm: None,
                sockets: by_verdict(tally.workloads_rejected),
            });
        }
        Ok(workloads)
    }

    fn calm_workload(
        &mut self,
        [id, pid]: WorkloadKey,
        count: &WorkloadCount,
        by_comm: bool,
    ) -> HealthyWorkload {
        let sockets = by_verdict(count.sockets);
        if by_comm {
            let is_known = count.pid > 0;
            return HealthyWorkload {
                cgroup: None,
                comm: is_known.then(|| decode::comm([id, pid])),
                sockets,
            };
        }
        let cgroup = match count.pid {
            0 => self.cgroups.by_id(id),
            pid => self.cgroups.by_process(pid, Some(id)),
        };
        HealthyWorkload {
            cgroup,
            comm: None,
            sockets,
        }
    }
}

fn by_verdict(counts: [u64; verdict::COUNT]) -> ByVerdict<u64> {
    let mut sum = ByVerdict::default();
    for (verdict, count) in VERDICTS.into_iter().zip(counts) {
        *sum.get_mut(Some(verdict)) += count;
    }
    sum
}

/// The kernel's counts in our units.
fn counts(tally: &Tally, hz: u32) -> SocketCounts {
    let mut counts = SocketCounts::default();
    let rows = tally.calm.iter().zip(tally.unstamped).zip(tally.longest);
    for (verdict, ((columns, unstamped), longest)) in VERDICTS.into_iter().zip(rows) {
        let stamped: u64 = columns.iter().sum();
        counts.add_calm(verdict, stamped + unstamped);
        let quiet = counts.quiet.get_mut(Some(verdict));
        // The first column is of those below every silence.
        let mut longer = stamped;
        for (count, column) in quiet.iter_mut().zip(columns) {
            longer -= column;
            *count = longer;
        }
        let longest_ms = u64::from(longest) * 1000 / u64::from(hz.max(1));
        *counts.longest_quiet_ms.get_mut(Some(verdict)) = (stamped > 0).then_some(longest_ms);
    }
    counts
}

/// Time until a calm socket, or one that is made in the meantime, may be calm no more.
fn soonest(programs: &SurveyPrograms, tally: &Tally, hz: u32) -> Option<Duration> {
    let jiffies = programs.least_near()?.min(tally.soonest);
    let ms = u64::from(jiffies) * 1000 / u64::from(hz.max(1));
    Some(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_counts_of_longer_silences() {
        let mut tally = Tally::default();
        tally.calm[verdict::PROTECTED] = [10, 5, 0, 0, 0, 0, 0, 1];
        tally.unstamped[verdict::EXEMPT] = 3;
        tally.longest[verdict::PROTECTED] = 250 * 7201;
        let counts = counts(&tally, 250);
        assert_eq!(counts.total(), 19);
        let protected = Some(Verdict::Protected);
        assert_eq!(*counts.quiet.get(protected), [6, 1, 1, 1, 1, 1, 1]);
        let longest = *counts.longest_quiet_ms.get(protected);
        assert_eq!(longest, Some(7_201_000));
        let exempt = Some(Verdict::Exempt);
        assert_eq!(*counts.longest_quiet_ms.get(exempt), None);
        assert_eq!(
            *counts
                .sockets
                .get(exempt)
                .get(Some(crate::policy::Health::Ok)),
            3
        );
    }
}
