//! What a step of a filter takes, on one thread and one sequence.

use crate::baseline::{PcaKalman, PhysicsFilter};
use crate::data::Dataset;
use crate::train::Learner;
use dvbf_core::bayes::BayesError;
use dvbf_core::{Batch, Dvbf, Filter, FilterOptions};
use ndarray::{Array1, Array2, s};
use std::sync::Arc;
use std::time::Instant;

/// Sequences that are run, and how often; the quickest round counts.
const SEQUENCES: usize = 20;
const ROUNDS: usize = 5;

/// Microseconds of a step, given how many steps a round makes.
fn quickest<E>(mut round: impl FnMut() -> Result<usize, E>) -> Result<f64, E> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let clock = Instant::now();
        let steps = round()?;
        best = best.min(clock.elapsed().as_secs_f64() * 1e6 / steps.max(1) as f64);
    }
    Ok(best)
}

fn sequences(data: &Dataset) -> usize {
    SEQUENCES.min(data.observations.dim().0)
}

/// The online filter of a Deep Variational Bayes Filter along its mean path; its first frames, which only fill the
/// start, are not counted.
pub(super) fn dvbf(model: &Dvbf<f32>, data: &Dataset) -> Option<f64> {
    let start = model.initial_frames();
    let options = FilterOptions::MEAN_PATH;
    let mut filter = Filter::new(Arc::new(model.clone()), data.dt, options).ok()?;
    let (count, steps) = (sequences(data), data.observations.dim().1);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (mut seconds, mut made) = (0.0, 0);
        for n in 0..count {
            filter.reset();
            for t in 0..steps {
                let x = data.observations.slice(s![n, t, ..]);
                let u = data.controls.slice(s![n, t.saturating_sub(1), ..]);
                let clock = Instant::now();
                filter.step(x.as_slice(), u.as_slice()?, data.dt).ok()?;
                if t >= start {
                    seconds += clock.elapsed().as_secs_f64();
                    made += 1;
                }
            }
        }
        best = best.min(seconds * 1e6 / f64::from(made.max(1)));
    }
    Some(best)
}

/// Recognition of single frames of single sequences, which costs what a step of a sequence costs:
/// a recurrent unit goes one step on, in either direction.
pub(super) fn learner<M: Learner<f32>>(model: &M, data: &Dataset) -> Option<f64> {
    let mut work = model.work(1, 1);
    model.prepare(&mut work);
    let (noise, seen) = (Array2::zeros((1, model.noise())), Array1::ones(1));
    let (count, steps) = (sequences(data), data.observations.dim().1);
    let round = || {
        for n in 0..count {
            for t in 0..steps {
                let x = data.observations.slice(s![n, t..=t, ..]);
                let batch = Batch {
                    sequences: 1,
                    input: x,
                    start: None,
                    target: x,
                    mask: None,
                    seen: seen.view(),
                    control: data.controls.slice(s![n, t..=t, ..]),
                    noise: noise.view(),
                };
                model.recognize(&batch, &mut work);
            }
        }
        Ok::<_, ()>(count * steps)
    };
    quickest(round).ok()
}

pub(super) fn pca_kalman(model: &PcaKalman, data: &Dataset) -> Result<f64, BayesError> {
    let (count, steps) = (sequences(data), data.observations.dim().1);
    quickest(|| {
        for n in 0..count {
            let mut filter = model.filter()?;
            for t in 0..steps {
                if t > 0 {
                    let control = data.controls.slice(s![n, t - 1, ..]).mapv(f64::from);
                    filter.predict(&control.to_vec())?;
                }
                let frame = data.observations.slice(s![n, t, ..]).mapv(f64::from);
                filter.update(Some(&model.observe(frame)))?;
            }
        }
        Ok(count * steps)
    })
}

pub(super) fn physics(filter: &PhysicsFilter, data: &Dataset) -> Result<f64, BayesError> {
    let (count, steps) = (sequences(data), data.observations.dim().1);
    quickest(|| {
        for n in 0..count {
            filter.run(data, (n, steps), &mut |_, _| Ok(()))?;
        }
        Ok(count * steps)
    })
}
