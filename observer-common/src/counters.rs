//! Counters of the hooks, by processor.

use crate::option::KeepaliveOption;

/// Generates [`Counters`] together with its sum, so that a counter is one line.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        /// Numbers that the hooks count, on one processor or summed over all.
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: $type,)+
        }

        impl Counters {
            /// Adds what another processor counted.
            pub fn add(&mut self, other: &Self) {
                $(self.$name.add(&other.$name);)+
            }
        }
    };
}

counters! {
    /// Events that did not fit into the ring buffer, or of which the beginning was not kept.
    events_lost: u64,
    /// Tracked sockets, and places where a socket listens, that did not fit into their maps.
    tracked_rejected: u64,
    /// Sockets that began to be tracked.
    tracked_added: u64,
    /// Tracked sockets that were forgotten.
    tracked_removed: u64,
    /// Keepalive timers that sent a probe.
    timers_probed: u64,
    /// Keepalive timers that were only set again, or had nothing left to do.
    timers_rearmed: u64,
    /// Keepalive timers that gave the connection up.
    timers_gave_up: u64,
    /// Options set; then the attempts that failed. By [`KeepaliveOption::index`].
    sets: [[u64; KeepaliveOption::COUNT]; 2],
    /// Options set that leave a socket without keepalive, or with one that may be too late.
    risky_sets: u64,
    /// Log records that were held back, because there were too many of their subject.
    logs_suppressed: u64,
}

/// Number, or array of numbers, that can be summed. Made of `u64` only, so that [`Counters`] has no
/// padding.
trait Count {
    fn add(&mut self, other: &Self);
}

impl Count for u64 {
    fn add(&mut self, other: &Self) {
        *self += other;
    }
}

impl<T: Count, const N: usize> Count for [T; N] {
    fn add(&mut self, other: &Self) {
        for (sum, counted) in self.iter_mut().zip(other) {
            sum.add(counted);
        }
    }
}

const _: () = assert!(size_of::<Counters>().is_multiple_of(size_of::<u64>()));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_summed() {
        const COUNT: usize = size_of::<Counters>() / size_of::<u64>();
        let numbered: [u64; COUNT] = core::array::from_fn(|at| at as u64 + 1);
        // SAFETY: both are as many integers.
        let counters: Counters = unsafe { core::mem::transmute(numbered) };
        let mut sum = counters;
        sum.add(&counters);
        // SAFETY: as above.
        let sum: [u64; COUNT] = unsafe { core::mem::transmute(sum) };
        assert_eq!(sum, numbered.map(|number| number * 2));
    }
}
