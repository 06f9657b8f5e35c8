//! The threads that shards run on.

use crate::communicator::Communicator;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// A pool of pinned threads: without pinning, two threads often share one core.
///
/// Only a pool that uses every available core pins its threads; several smaller ones beside each
/// other would pin to the same cores. Results do not depend on the number of threads.
#[derive(Debug)]
pub struct Pool {
    threads: ThreadPool,
    communicator: Option<Arc<dyn Communicator>>,
}

/// A pool could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{threads} threads could not be started: {source}")]
pub struct PoolError {
    threads: usize,
    source: rayon::ThreadPoolBuildError,
}

impl Pool {
    /// A pool of `threads` threads; as many as there are cores if zero.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn new(threads: usize) -> Result<Self, PoolError> {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { available } else { threads };
        let pin = threads > 1 && threads == cores.len();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(move |index| {
                if pin {
                    core_affinity::set_for_current(cores[index]);
                }
            })
            .build()
            .map_err(|source| PoolError { threads, source })?;
        Ok(Self { threads: pool, communicator: None })
    }

    /// The pool of one of several processes that make the updates of a training together.
    #[must_use]
    pub fn among(self, communicator: Arc<dyn Communicator>) -> Self {
        Self { communicator: Some(communicator), ..self }
    }

    /// The other processes, if there are any.
    pub(crate) fn communicator(&self) -> Option<&dyn Communicator> {
        self.communicator.as_deref()
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs two pieces of work, at the same time if there are two threads.
    pub fn join<A: Send, B: Send>(
        &self,
        first: impl FnOnce() -> A + Send,
        second: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        self.threads.join(first, second)
    }

    /// Cuts `0..count` into chunks of `size` and hands what `work` makes of each to `each`, in the
    /// order of the chunks, until `each` fails. No more results wait at a time than there are threads.
    ///
    /// # Errors
    /// The first of `each`.
    ///
    /// # Panics
    /// If `size` is zero.
    pub fn in_order<T: Send, E>(
        &self,
        count: usize,
        size: usize,
        work: impl Fn(Range<usize>) -> T + Sync,
        mut each: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let starts: Vec<usize> = (0..count).step_by(size).collect();
        for together in starts.chunks(self.threads()) {
            let chunk = |&first: &usize| work(first..(first + size).min(count));
            let made: Vec<T> = self.install(|| together.par_iter().map(chunk).collect());
            made.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    /// Runs `work` inside the pool, so that parallel iterators use its threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.threads.install(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn chunks_come_in_order_and_few_at_a_time() {
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            let (made, mut taken) = (AtomicUsize::new(0), Vec::new());
            let work = |range| {
                made.fetch_add(1, Ordering::SeqCst);
                range
            };
            let all = pool.in_order(11, 2, work, |range| {
                assert!(made.load(Ordering::SeqCst) <= taken.len() + threads);
                taken.push(range);
                Ok::<_, ()>(())
            });
            assert_eq!((all, taken), (Ok(()), vec![0..2, 2..4, 4..6, 6..8, 8..10, 10..11]));
        }
    }

    #[test]
    fn the_first_failure_ends_it() {
        let pool = Pool::new(1).unwrap();
        let made = AtomicUsize::new(0);
        let work = |range: Range<usize>| {
            made.fetch_add(1, Ordering::SeqCst);
            range.start
        };
        let each = |first| if first < 4 { Ok(()) } else { Err(first) };
        assert_eq!(pool.in_order(100, 2, work, each), Err(4));
        assert_eq!(made.into_inner(), 3);
    }
}
