//! Work on many things by some threads, handed on in order.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// With more, whoever takes the results is the slowest.
const MOST_THREADS: usize = 4;
/// Results of one thread that wait to be taken.
const WAITING: usize = 2;

/// As many threads as there are CPUs for this process, and no more than help.
pub(crate) fn threads() -> usize {
    let cpus = thread::available_parallelism();
    cpus.map_or(1, NonZero::get).min(MOST_THREADS)
}

/// Works on `items`, so many at a time, and has the results taken one by one in their order, until
/// that fails. With one thread, or where no others can be had, the calling one does all of it.
pub(crate) fn in_order<'a, T: Sync, R: Send>(
    items: &'a [T],
    at_a_time: NonZero<usize>,
    threads: usize,
    work: impl Fn(&'a [T]) -> R + Sync,
    mut take: impl FnMut(R) -> io::Result<()>,
) -> io::Result<()> {
    let pieces = || items.chunks(at_a_time.get());
    let (work, count) = (&work, pieces().len());
    let threads = threads.min(count);
    let taken = thread::scope(|scope| {
        let start = |first| {
            let (to, from) = sync_channel(WAITING);
            let its = pieces().skip(first).step_by(threads);
            // It ends early where nobody takes its results any more.
            let work = move || its.map(work).try_for_each(|result| to.send(result));
            thread::Builder::new().spawn_scoped(scope, work)?;
            Ok(from)
        };
        if threads < 2 {
            return None;
        }
        let workers: io::Result<Vec<_>> = (0..threads).map(start).collect();
        let workers = workers.ok()?;
        let mut in_turn = workers.iter().cycle().take(count);
        Some(in_turn.try_for_each(|worker| take(worker.recv().map_err(io::Error::other)?)))
    });
    taken.unwrap_or_else(|| pieces().map(work).try_for_each(take))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at_a_time(n: usize) -> NonZero<usize> {
        NonZero::new(n).unwrap()
    }

    proptest! {
        #[test]
        fn results_come_in_order(items in proptest::collection::vec(any::<u16>(), 0..500), size in 1..40_usize, threads in 0..5_usize) {
            let mut taken = Vec::new();
            let double = |piece: &[u16]| piece.iter().map(|n| u32::from(*n) * 2).collect::<Vec<_>>();
            in_order(&items, at_a_time(size), threads, double, |piece| {
                taken.push(piece);
                Ok(())
            }).unwrap();
            prop_assert!(taken.iter().all(|piece| piece.len() <= size));
            prop_assert_eq!(taken.concat(), double(&items));
        }
    }

    #[test]
    fn nobody_goes_on_when_nobody_takes() {
        for threads in [1, 3] {
            let mut taken = 0;
            let outcome = in_order(&[0; 10_000], at_a_time(1), threads, <[i32]>::len, |_| {
                taken += 1;
                if taken < 5 {
                    return Ok(());
                }
                Err(io::ErrorKind::BrokenPipe.into())
            });
            let kind = outcome.unwrap_err().kind();
            assert_eq!((taken, kind), (5, io::ErrorKind::BrokenPipe));
        }
    }
}
