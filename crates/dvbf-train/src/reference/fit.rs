//! The search for a read-out.

use super::interval::interval_of;
use super::piece::{Labelled, MapKind};
use super::prepared::{Form, Prepared};
use dvbf_core::{Estimate, Memory, ReadoutInput, Reference};
use ndarray::ArrayView2;

/// Shares of ridge that are tried for the static part, and for the weights of the memory.
const STATIC: [f64; 7] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1];
const REMEMBERED: [f64; 2] = [3e-3, 3e-2];
/// A memory has to bring the error of a form without one below this share of it.
const WORTH: f64 = 0.9;
/// Candidates without a memory that are tried with one.
const FINALISTS: usize = 2;

/// What may be chosen of one kind of input.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The piece.
    pub labelled: Labelled<'a>,
    /// What the inputs are.
    pub input: ReadoutInput,
    /// Forms of the static part.
    pub maps: Vec<MapKind>,
}

/// What is searched.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// Name of the reference.
    pub name: &'a str,
    /// Kinds of inputs.
    pub candidates: Vec<Candidate<'a>>,
    /// Memories beside none.
    pub memories: Vec<Memory>,
}

/// A read-out that was fitted, and what was found on the way.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The read-out.
    pub reference: Reference,
    /// Which of the candidates it is of.
    pub candidate: usize,
    /// Root mean square error of the folds that were left out, in the unit of the reference.
    pub error: f64,
}

impl Fitted {
    /// Estimates of a sequence of inputs `(T, I)` from its first step on.
    pub fn estimate(&self, inputs: ArrayView2<'_, f64>, dt: f64) -> Vec<Estimate> {
        let mut state = self.reference.start(dt);
        inputs
            .rows()
            .into_iter()
            .map(|row| self.reference.step(&mut state, row.iter().copied()))
            .collect()
    }
}

/// The read-out with the least error on folds that were left out. `None` if none can be fitted.
///
/// The best static forms are found first, then the best memory beside them.
///
/// # Panics
/// If inputs and targets of a piece have different lengths.
pub fn fit(search: &Search<'_>) -> Option<Fitted> {
    let mut found: Vec<(f64, usize, Form)> = Vec::new();
    for (place, candidate) in search.candidates.iter().enumerate() {
        for &map in &candidate.maps {
            let form = Form { map, share: STATIC[0], memory: Memory::default(), remembered: 0.0 };
            let prepared = Prepared::of(candidate.labelled, map);
            for share in STATIC {
                let form = Form { share, ..form.clone() };
                if let Some(left) = prepared.left_out(&form) {
                    found.push((rms(&left.0), place, form));
                }
            }
        }
    }
    let mut best = sorted(found);
    best.truncate(FINALISTS);
    for (_, place, form) in best.clone() {
        let prepared = Prepared::of(search.candidates[place].labelled, form.map);
        for memory in &search.memories {
            for remembered in REMEMBERED {
                let form = Form { memory: memory.clone(), remembered, ..form.clone() };
                if let Some(left) = prepared.left_out(&form) {
                    best.push((rms(&left.0), place, form));
                }
            }
        }
    }
    let best = sorted(best);
    // What is remembered has to be worth it: in a short piece, a memory can fit what does not come again.
    let plain = best.iter().find(|one| one.2.memory.is_empty())?;
    let first = best.first().filter(|first| first.0 < WORTH * plain.0).unwrap_or(plain);
    let (error, place, form) = first.clone();
    let candidate = &search.candidates[place];
    let prepared = Prepared::of(candidate.labelled, form.map);
    let (residuals, values) = prepared.left_out(&form)?;
    let parts = prepared.train(&form, prepared.folds.len())?;
    let interval = interval_of(&residuals, &values);
    let reference = prepared.reference(parts, &form, (search.name, candidate.input), interval);
    reference.check().ok()?;
    Some(Fitted { reference, candidate: place, error })
}

fn sorted<T>(mut found: Vec<(f64, usize, T)>) -> Vec<(f64, usize, T)> {
    found.retain(|one| one.0.is_finite());
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

fn rms(residuals: &[f64]) -> f64 {
    (residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// A sensor that creeps and lags, under presses of several heights.
    fn sensor(steps: usize) -> (Array2<f64>, Vec<f64>) {
        let (mut creep, mut play) = (0.0, 0.0_f64);
        let (mut readings, mut forces) = (Array2::zeros((steps, 1)), Vec::new());
        for t in 0..steps {
            let (press, within) = (t / 125, (t % 125) as f64 / 125.0);
            let peak = 1.0 + ((press * 7) % 16) as f64 / 2.0;
            let force = peak * (1.0 - (2.0 * within - 1.0).abs());
            creep = 0.2 * force + (creep - 0.2 * force) * (-0.01_f64 / 4.0).exp();
            let strain = force + creep;
            play = (strain - 0.6).max(play.min(strain + 0.6));
            readings[[t, 0]] = (1.0 + 0.7 * strain + 0.3 * play).ln();
            forces.push(force);
        }
        (readings, forces)
    }

    #[test]
    fn a_memory_is_chosen_where_the_sensor_has_one() {
        let (readings, forces) = sensor(4000);
        let piece = |from: usize, to: usize| Labelled {
            inputs: readings.slice_move_rows(from, to),
            target: &forces[from..to],
            dt: 0.01,
        };
        let search = |memories: Vec<Memory>| Search {
            name: "force",
            candidates: vec![Candidate {
                labelled: piece(0, 2000),
                input: ReadoutInput::Channels,
                maps: vec![MapKind::Additive(3), MapKind::Additive(5)],
            }],
            memories,
        };
        let test = |fitted: &Fitted| {
            let estimates = fitted.estimate(readings.view(), 0.01);
            let off = estimates.iter().zip(&forces).skip(2000).map(|(e, f)| e.value - f);
            rms(&off.collect::<Vec<_>>())
        };
        let plain = fit(&search(Vec::new())).unwrap();
        let memory = Memory { times: vec![0.4, 4.0], thresholds: vec![0.2, 0.6] };
        let with = fit(&search(vec![memory])).unwrap();
        assert!(plain.reference.memory.is_empty() && !with.reference.memory.is_empty());
        assert!(test(&with) < 0.3 * test(&plain), "{} {}", test(&with), test(&plain));
        assert!(with.error < plain.error);
    }

    trait Rows {
        fn slice_move_rows(&self, from: usize, to: usize) -> ArrayView2<'_, f64>;
    }

    impl Rows for Array2<f64> {
        fn slice_move_rows(&self, from: usize, to: usize) -> ArrayView2<'_, f64> {
            self.slice(ndarray::s![from..to, ..])
        }
    }
}
