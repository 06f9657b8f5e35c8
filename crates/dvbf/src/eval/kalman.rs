//! Principal components and a Kalman filter with parameters found by expectation maximization: the
//! yardstick of linear Gaussian dynamics with noise.
//!
//! The state holds the components of one frame, or of two that follow each other; the better one on
//! the validation sequences counts. Expectation maximization starts from a regression.

use super::OpenLoop;
use super::components::Components;
use crate::data::Dataset;
use dvbf_core::bayes::{
    Belief, EmFit, EmOptions, GaussianFilter, LinearGaussian, Sequence, expectation_maximization,
};
use nalgebra::{Cholesky, DMatrix};
use ndarray::{Array2, Array3, s};

/// Components, at most.
const COMPONENTS: usize = 8;
/// Training steps that expectation maximization sees, at most.
const STEPS: usize = 3_000;
/// Its iterations, at most.
const ITERATIONS: usize = 25;

/// The fitted model.
#[derive(Clone, Debug)]
pub struct Kalman {
    components: Components,
    fit: EmFit,
}

/// A sequence in components with its controls.
type Track = (Array2<f64>, Array2<f64>);

impl Kalman {
    /// The better of two models on `validation`; `None` if neither can be fitted.
    ///
    /// # Panics
    /// If the validation sequences are shorter than `filtered + horizon` steps.
    pub fn fit(train: &Dataset, validation: &Dataset, window: (usize, usize)) -> Option<Self> {
        let components = Components::of(train, COMPONENTS);
        let mut tracks: Vec<Track> = Vec::new();
        let mut steps = 0;
        for n in 0..train.lengths.len() {
            if steps > STEPS {
                break;
            }
            tracks.push(track(train, n, train.lengths[n].min(STEPS), &components));
            steps += train.lengths[n];
        }
        let score = |model: &Self| {
            let error = model.errors(validation, window).map_or(f64::INFINITY, |e| e.at(window.1));
            if error.is_finite() { error } else { f64::INFINITY }
        };
        [1, 2]
            .into_iter()
            .filter(|frames| frames * components.count() <= 2 * COMPONENTS)
            .filter_map(|frames| {
                let (model, initial) = start(&tracks, frames)?;
                let sequences: Vec<Sequence<'_>> = tracks
                    .iter()
                    .map(|(x, u)| Sequence { observations: x.view(), controls: u.view() })
                    .collect();
                let options = EmOptions { iterations: ITERATIONS, tolerance: 1.0, fixed: &[] };
                let fit = expectation_maximization(&model, &initial, &sequences, options).ok()?;
                Some(Self { components: components.clone(), fit })
            })
            .map(|model| (score(&model), model))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, model)| model)
    }

    /// Open-loop error after `filtered` frames; `None` if the filter breaks down.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` steps.
    pub fn errors(&self, data: &Dataset, (filtered, horizon): (usize, usize)) -> Option<OpenLoop> {
        let (count, _, channels) = data.observations.dim();
        let mut out = Array3::zeros((count, horizon, channels));
        for n in 0..count {
            let (x, u) = track(data, n, filtered + horizon, &self.components);
            let mut filter =
                GaussianFilter::new(self.fit.model.clone(), self.fit.initial.clone()).ok()?;
            for t in 0..filtered {
                if t > 0 {
                    filter.predict(&u.row(t - 1).to_vec()).ok()?;
                }
                filter.update(Some(&x.row(t).to_vec())).ok()?;
            }
            let ahead = u.slice(s![filtered - 1..filtered + horizon - 1, ..]);
            for (t, forecast) in filter.forecast(ahead).ok()?.iter().enumerate() {
                let frame = self.components.frame(forecast.observation.mean.as_slice());
                for (i, value) in frame.into_iter().enumerate() {
                    out[[n, t, i]] = crate::data::narrow(value);
                }
            }
        }
        Some(OpenLoop::between(&out, data, filtered))
    }
}

fn track(data: &Dataset, n: usize, steps: usize, components: &Components) -> Track {
    let mut x = Array2::zeros((steps, components.count()));
    for (t, mut row) in x.rows_mut().into_iter().enumerate() {
        row.iter_mut().zip(components.project(data, (n, t))).for_each(|(to, from)| *to = from);
    }
    (x, data.controls.slice(s![n, ..steps, ..]).mapv(f64::from))
}

/// Where expectation maximization starts: a regression of every frame on the `frames` before it.
fn start(tracks: &[Track], frames: usize) -> Option<(LinearGaussian, Belief)> {
    let width = tracks.first()?.0.ncols();
    let controls = tracks.first()?.1.ncols();
    let (z, size) = (frames * width, frames * width + controls);
    let (mut gram, mut cross) = (DMatrix::zeros(size, size), DMatrix::zeros(size, width));
    let (mut count, mut squares) = (0.0, vec![0.0; width]);
    for (x, u) in tracks {
        for t in frames..x.nrows() {
            let past = (1..=frames).flat_map(|i| x.row(t - i).to_vec());
            let regressors: Vec<f64> = past.chain(u.row(t - 1).to_vec()).collect();
            if regressors.iter().chain(x.row(t)).any(|v| v.is_nan()) {
                continue;
            }
            let regressors = nalgebra::DVector::from_vec(regressors);
            let target = nalgebra::DVector::from_vec(x.row(t).to_vec());
            gram.ger(1.0, &regressors, &regressors, 1.0);
            cross.ger(1.0, &regressors, &target, 1.0);
            for (sum, v) in squares.iter_mut().zip(target.iter()) {
                *sum += v * v;
            }
            count += 1.0;
        }
    }
    if count < size as f64 {
        return None;
    }
    for i in 0..size {
        gram[(i, i)] += 1e-4 * count;
    }
    let map = Cholesky::new(gram)?.solve(&cross).transpose();
    let (mut transition, mut control) = (DMatrix::zeros(z, z), DMatrix::zeros(z, controls));
    transition.view_mut((0, 0), (width, z)).copy_from(&map.columns(0, z));
    control.view_mut((0, 0), (width, controls)).copy_from(&map.columns(z, controls));
    for i in width..z {
        transition[(i, i - width)] = 1.0;
    }
    let spread: Vec<f64> = squares.iter().map(|s| (s / count).max(1e-6)).collect();
    let noise = |share: f64, floor: f64| {
        let diagonal = (0..z).map(|i| if i < width { share * spread[i] } else { floor });
        DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(z, diagonal))
    };
    let model = LinearGaussian {
        transition,
        control,
        process_noise: noise(0.05, 1e-3),
        emission: DMatrix::from_fn(width, z, |r, c| f64::from(u8::from(r == c))),
        observation_noise: DMatrix::from_fn(width, width, |r, c| {
            if r == c { 0.05 * spread[r] } else { 0.0 }
        }),
    };
    let variances: Vec<f64> = (0..z).map(|i| spread[i % width]).collect();
    Some((model, Belief::independent(&vec![0.0; z], &variances).ok()?))
}
