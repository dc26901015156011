//! Work on all cores whose result does not depend on which core was faster.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::Result;

/// Pieces that a worker may have at hand or done.
const AHEAD: usize = 3;

/// How many work at once.
pub(crate) fn size() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does the same with every item, each on a thread of its own.
pub(crate) fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let started: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        started.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// A worker, as the one who deals sees it.
struct Worker<T> {
    to_do: SyncSender<T>,
    done: Receiver<T>,
}

/// Fills one piece after the other, has workers work on them, and takes them back in order: they are dealt in turn, like
/// cards, and taken back in the same turn. Pieces are used again. `fill` says whether there was anything left.
///
/// # Errors
/// The first of `fill` or `take`.
pub(crate) fn in_order<T: Send, W: FnMut(&mut T)>(
    fresh: impl Fn() -> T,
    mut fill: impl FnMut(&mut T) -> Result<bool>,
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(&mut T) -> Result<()>,
) -> Result<()> {
    let worker = &worker;
    thread::scope(|scope| {
        let start = || {
            let (to_do, pieces) = sync_channel::<T>(AHEAD);
            let (give, done) = sync_channel(AHEAD);
            scope.spawn(move || {
                let mut work = worker();
                for mut piece in pieces {
                    work(&mut piece);
                    // Nobody listens any more where the one who deals gave up.
                    give.send(piece).ok();
                }
            });
            Worker { to_do, done }
        };
        let workers: Vec<Worker<T>> = std::iter::repeat_with(start).take(size()).collect();
        let n = workers.len();
        let mut idle: Vec<T> = std::iter::repeat_with(fresh).take(n * AHEAD).collect();
        let (mut n_dealt, mut n_back) = (0, 0);
        loop {
            let mut piece = match idle.pop() {
                Some(piece) => piece,
                None => workers[n_back % n].back(&mut n_back),
            };
            if n_back > 0 {
                take(&mut piece)?;
            }
            if !fill(&mut piece)? {
                break;
            }
            workers[n_dealt % n].to_do.send(piece).ok();
            n_dealt += 1;
        }
        while n_back < n_dealt {
            take(&mut workers[n_back % n].back(&mut n_back))?;
        }
        Ok(())
    })
}

impl<T> Worker<T> {
    /// The next piece that it is done with.
    fn back(&self, n_back: &mut usize) -> T {
        *n_back += 1;
        self.done.recv().expect("a worker ends early only by a panic, which ends all")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Error;

    #[test]
    fn pieces_come_back_in_the_order_in_which_they_were_filled() {
        for n in [0, 1, 2, 100, 1000] {
            let (mut left, mut taken) = (0..n, Vec::new());
            let fill = |piece: &mut (u64, u64)| {
                piece.0 = left.next().unwrap_or(n);
                Ok(piece.0 < n)
            };
            let worker = || {
                |piece: &mut (u64, u64)| {
                    thread::sleep(Duration::from_micros(piece.0 % 7 * 20));
                    piece.1 = piece.0 * 2;
                }
            };
            let take = |piece: &mut (u64, u64)| {
                taken.push(*piece);
                Ok(())
            };
            in_order(|| (0, 0), fill, worker, take).unwrap();
            assert_eq!(taken, (0..n).map(|n| (n, 2 * n)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_ends_all() {
        let mut n = 0;
        let fill = |(): &mut ()| {
            n += 1;
            if n > 50 { Err(Error::Randomness) } else { Ok(true) }
        };
        assert!(matches!(in_order(|| (), fill, || |(): &mut ()| (), |()| Ok(())), Err(Error::Randomness)));
        let fail = |(): &mut ()| Err(Error::Sealing);
        assert!(matches!(in_order(|| (), |()| Ok(true), || |(): &mut ()| (), fail), Err(Error::Sealing)));
    }
}
