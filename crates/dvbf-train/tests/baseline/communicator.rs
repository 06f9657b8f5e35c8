//! Several processes that train together, here threads with models of their own.

use crate::small::{pendulum, recipe};
use dvbf_core::{Noise, Params};
use dvbf_train::Communicator;
use dvbf_train::baseline::{Vae, VaeSizes, train};
use dvbf_train::pool::Pool;
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

const SIZE: usize = 6;

/// What is being broadcast, and who has broadcast so far.
#[derive(Debug)]
struct Wire {
    barrier: Barrier,
    values: Mutex<Vec<f64>>,
    owners: Mutex<BTreeSet<usize>>,
}

#[derive(Debug)]
struct Process {
    rank: usize,
    count: usize,
    wire: Arc<Wire>,
}

impl Communicator for Process {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.count
    }

    #[expect(clippy::cast_possible_truncation, reason = "they were in single precision")]
    fn broadcast(&self, owner: usize, values: &mut [f32]) {
        let mut double: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        self.broadcast_double(owner, &mut double);
        values.iter_mut().zip(double).for_each(|(to, from)| *to = from as f32);
    }

    fn broadcast_double(&self, owner: usize, values: &mut [f64]) {
        if owner == self.rank {
            *self.wire.values.lock().unwrap() = values.to_vec();
            self.wire.owners.lock().unwrap().insert(owner);
        }
        self.wire.barrier.wait();
        values.copy_from_slice(&self.wire.values.lock().unwrap());
        self.wire.barrier.wait();
    }
}

fn vae(trial: u8) -> Vae<f32> {
    let sizes = VaeSizes { observation: SIZE * SIZE, state: 2, hidden: 9, emission_std: 0.1 };
    Vae::random(&sizes, Noise::new(1, trial.into()))
}

/// The parameters after a training on this pool. The judge counts, so that the last moment is kept.
fn trained(pool: &Pool) -> Vec<f32> {
    let data = pendulum(SIZE, 20, 8, 1);
    let calls = std::cell::Cell::new(0.0);
    let judge = |_: &Vae<f32>| {
        calls.set(calls.get() - 1.0);
        calls.get()
    };
    let model = train((4, &recipe(20)), &data, &vae, &judge, pool, &mut |_, _| true).unwrap();
    model.unwrap().to_flat()
}

#[test]
fn the_number_of_processes_changes_no_bit() {
    let alone = trained(&Pool::new(1).unwrap());
    assert_ne!(alone, vae(0).to_flat());
    for count in [1, 2, 4] {
        let wire = Arc::new(Wire {
            barrier: Barrier::new(count),
            values: Mutex::default(),
            owners: Mutex::default(),
        });
        let start = |rank| {
            let process = Process { rank, count, wire: Arc::clone(&wire) };
            let pool = Pool::new(1).unwrap().among(Arc::new(process));
            thread::spawn(move || trained(&pool))
        };
        let processes: Vec<_> = (0..count).map(start).collect();
        for process in processes {
            assert!(process.join().unwrap() == alone, "{count} processes");
        }
        // An update has three shards.
        assert_eq!(wire.owners.lock().unwrap().len(), count.min(3), "processes with shards");
    }
}
