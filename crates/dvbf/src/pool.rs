//! The threads that shards run on.

use rayon::ThreadPool;

/// A pool of pinned threads: without pinning, two threads often share one core.
///
/// Only a pool that uses every available core pins its threads; several smaller ones beside each
/// other would pin to the same cores. Results do not depend on the number of threads.
#[derive(Debug)]
pub struct Pool {
    threads: ThreadPool,
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
        Ok(Self { threads: pool })
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

    /// Runs `work` inside the pool, so that parallel iterators use its threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.threads.install(work)
    }
}
