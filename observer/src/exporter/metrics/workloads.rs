//! Which workloads have a label of their own.
//!
//! Their number is bounded, and who has a label keeps it: a series that comes and goes with the
//! order of the busiest would make every query over time wrong.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::policy::counts::ByVerdict;

/// The label of all workloads that have none of their own.
pub(super) const OTHER: &str = "other";

/// Workloads with a label of their own, and the sum of the others.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    slots: Vec<Slot>,
    other: ByVerdict<u64>,
}

#[derive(Debug)]
struct Slot {
    workload: Arc<str>,
    sockets: ByVerdict<u64>,
    /// For so many scans it had no sockets.
    empty_scans: u64,
}

impl Slots {
    /// Room for so many workloads.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            slots: Vec::new(),
            other: ByVerdict::default(),
        }
    }

    /// Takes the workloads of a scan. Who has a slot keeps it while it has sockets; without any it
    /// stays at 0 until another needs the slot. Among newcomers, who has most sockets comes first.
    pub(super) fn update(&mut self, workloads: &[(Arc<str>, ByVerdict<u64>)]) {
        self.other = ByVerdict::default();
        let mut left: FxHashMap<&Arc<str>, ByVerdict<u64>> = FxHashMap::default();
        for (workload, sockets) in workloads {
            if &**workload == OTHER {
                add(&mut self.other, sockets);
            } else {
                add(left.entry(workload).or_default(), sockets);
            }
        }
        for slot in &mut self.slots {
            slot.sockets = left.remove(&slot.workload).unwrap_or_default();
            let is_empty = total(&slot.sockets) == 0;
            slot.empty_scans = if is_empty { slot.empty_scans + 1 } else { 0 };
        }
        let mut newcomers: Vec<_> = left
            .into_iter()
            .filter(|(_, sockets)| total(sockets) > 0)
            .collect();
        newcomers.sort_by_key(|(workload, sockets)| (!total(sockets), Arc::clone(workload)));
        for (workload, sockets) in newcomers {
            match self.free_slot() {
                Some(at) => {
                    let slot = Slot {
                        workload: Arc::clone(workload),
                        sockets,
                        empty_scans: 0,
                    };
                    match self.slots.get_mut(at) {
                        Some(taken) => *taken = slot,
                        None => self.slots.push(slot),
                    }
                }
                None => add(&mut self.other, &sockets),
            }
        }
    }

    /// One that nobody had yet, else the one that is empty for longest.
    fn free_slot(&self) -> Option<usize> {
        if self.slots.len() < self.limit {
            return Some(self.slots.len());
        }
        let empty = self.slots.iter().enumerate();
        empty
            .filter(|(_, slot)| slot.empty_scans > 0)
            .max_by_key(|(_, slot)| slot.empty_scans)
            .map(|(at, _)| at)
    }

    /// Each workload with a label, and [`OTHER`] last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &ByVerdict<u64>)> {
        let slots = self.slots.iter();
        slots
            .map(|slot| (&*slot.workload, &slot.sockets))
            .chain([(OTHER, &self.other)])
    }
}

fn add(to: &mut ByVerdict<u64>, more: &ByVerdict<u64>) {
    for (verdict, count) in more.iter() {
        *to.get_mut(verdict) += count;
    }
}

fn total(sockets: &ByVerdict<u64>) -> u64 {
    sockets.iter().map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Verdict;

    fn late(count: u64) -> ByVerdict<u64> {
        let mut sockets = ByVerdict::default();
        *sockets.get_mut(Some(Verdict::Late)) = count;
        sockets
    }

    fn update(slots: &mut Slots, workloads: &[(&str, u64)]) -> Vec<(String, u64)> {
        let workloads: Vec<_> = workloads
            .iter()
            .map(|(name, count)| (Arc::from(*name), late(*count)))
            .collect();
        slots.update(&workloads);
        slots
            .iter()
            .map(|(name, sockets)| (name.to_owned(), total(sockets)))
            .collect()
    }

    fn shown(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = |(name, count): &(&str, u64)| ((*name).to_owned(), *count);
        expected.iter().map(owned).collect()
    }

    #[test]
    fn the_busiest_newcomers_get_the_slots_and_keep_them() {
        let mut slots = Slots::new(2);
        assert_eq!(
            update(&mut slots, &[("a", 1), ("b", 3), ("c", 2)]),
            shown(&[("b", 3), ("c", 2), ("other", 1)])
        );
        assert_eq!(
            update(&mut slots, &[("a", 90), ("b", 1), ("c", 1)]),
            shown(&[("b", 1), ("c", 1), ("other", 90)]),
            "a slot is kept while it has sockets"
        );
    }

    #[test]
    fn an_empty_slot_stays_at_0_until_it_is_needed() {
        let mut slots = Slots::new(2);
        update(&mut slots, &[("a", 1), ("b", 1)]);
        assert_eq!(
            update(&mut slots, &[("b", 1)]),
            shown(&[("a", 0), ("b", 1), ("other", 0)])
        );
        assert_eq!(
            update(&mut slots, &[("a", 2), ("b", 1)]),
            shown(&[("a", 2), ("b", 1), ("other", 0)])
        );
        update(&mut slots, &[("b", 1)]);
        assert_eq!(
            update(&mut slots, &[("c", 5), ("d", 4)]),
            shown(&[("c", 5), ("d", 4), ("other", 0)])
        );
    }

    #[test]
    fn the_slot_that_is_empty_for_longest_goes_first() {
        let mut slots = Slots::new(2);
        update(&mut slots, &[("a", 1), ("b", 1)]);
        update(&mut slots, &[("a", 1)]);
        update(&mut slots, &[]);
        assert_eq!(
            update(&mut slots, &[("c", 1)]),
            shown(&[("a", 0), ("c", 1), ("other", 0)])
        );
    }

    #[test]
    fn a_workload_called_other_is_summed_with_the_others() {
        let mut slots = Slots::new(1);
        assert_eq!(
            update(&mut slots, &[("other", 4), ("a", 3), ("b", 2), ("a", 1)]),
            shown(&[("a", 4), ("other", 6)])
        );
        let mut none = Slots::new(0);
        assert_eq!(update(&mut none, &[("a", 3)]), shown(&[("other", 3)]));
    }
}
