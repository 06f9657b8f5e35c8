//! Principal components and a Kalman filter with parameters found by expectation maximization: the
//! yardstick of linear Gaussian dynamics with noise.
//!
//! The state holds the components of one frame, or of two that follow each other; the better one on
//! the validation sequences counts. Expectation maximization starts from a regression.

use super::OpenLoop;
use super::autoregression::ridge;
use super::components::Components;
use crate::settings::Span;
use dvbf_core::bayes::{
    Belief, EmFit, EmOptions, GaussianFilter, LinearGaussian, Sequence, expectation_maximization,
};
use dvbf_data::Dataset;
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
    pub fn fit(train: &Dataset, validation: &Dataset, span: Span) -> Option<Self> {
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
            let error =
                model.errors(validation, span).map_or(f64::INFINITY, |e| e.at(span.horizon));
            if error.is_finite() { error } else { f64::INFINITY }
        };
        [1, 2]
            .into_iter()
            // One frame always fits: as many channels as are taken as they are.
            .filter(|&frames| frames == 1 || frames * components.count() <= 2 * COMPONENTS)
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
    pub fn errors(&self, data: &Dataset, span: Span) -> Option<OpenLoop> {
        let (count, _, channels) = data.observations.dim();
        let mut out = Array3::zeros((count, span.horizon, channels));
        for n in 0..count {
            let (x, u) = track(data, n, span.frames(), &self.components);
            let mut filter =
                GaussianFilter::new(self.fit.model.clone(), self.fit.initial.clone()).ok()?;
            for t in 0..span.filtered {
                if t > 0 {
                    filter.predict(&u.row(t - 1).to_vec()).ok()?;
                }
                filter.update(Some(&x.row(t).to_vec())).ok()?;
            }
            let ahead = u.slice(s![span.filtered - 1..span.frames() - 1, ..]);
            for (t, forecast) in filter.forecast(ahead).ok()?.iter().enumerate() {
                let frame = self.components.frame(forecast.observation.mean.as_slice());
                for (i, value) in frame.into_iter().enumerate() {
                    out[[n, t, i]] = dvbf_data::narrow(value);
                }
            }
        }
        Some(OpenLoop::between(&out, data, span.filtered))
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
    ridge(&mut gram, 1e-4);
    let map = Cholesky::new(gram)?.solve(&cross).transpose();
    let (mut transition, mut control) = (DMatrix::zeros(z, z), DMatrix::zeros(z, controls));
    transition.view_mut((0, 0), (width, z)).copy_from(&map.columns(0, z));
    control.view_mut((0, 0), (width, controls)).copy_from(&map.columns(z, controls));
    for i in width..z {
        transition[(i, i - width)] = 1.0;
    }
    let typical = squares.iter().sum::<f64>() / (count * width as f64);
    let typical = if typical > 0.0 { typical } else { 1.0 };
    let spread: Vec<f64> = squares.iter().map(|s| (s / count).max(1e-6 * typical)).collect();
    let noise = |share: f64, floor: f64| {
        let diagonal =
            (0..z).map(|i| if i < width { share * spread[i] } else { floor * spread[i % width] });
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

#[cfg(test)]
mod tests {
    use super::super::autoregression::Autoregression;
    use super::*;
    use dvbf_core::Noise;
    use ndarray::Axis;

    /// Oscillations that a control drives, seen through `channels` mixtures with a little noise, all
    /// of them multiplied by `scale`.
    fn oscillations(channels: usize, scale: f32, seed: u64) -> Dataset {
        let (count, steps) = (12, 40);
        let mut mix = vec![0.0_f32; 2 * channels];
        Noise::new(7, 0).normal(&mut mix);
        let mut u = Array3::zeros((count, steps, 1));
        let mut x = Array3::zeros((count, steps, channels));
        for n in 0..count {
            let mut draws = vec![0.0_f32; 2 + steps * (channels + 1)];
            Noise::new(seed, n as u64).normal(&mut draws);
            let (mut z, mut v) = (draws[0], draws[1]);
            for t in 0..steps {
                let own = &draws[2 + t * (channels + 1)..][..=channels];
                u[[n, t, 0]] = own[channels];
                for c in 0..channels {
                    let seen = mix[2 * c] * z + mix[2 * c + 1] * v + 0.05 * own[c];
                    x[[n, t, c]] = scale * seen;
                }
                (z, v) = (0.95 * z + 0.3 * v, 0.95 * v - 0.3 * z + 0.2 * own[channels]);
            }
        }
        Dataset::observed(x, u)
    }

    /// Variance of what is to be predicted.
    fn spread(data: &Dataset) -> f64 {
        data.observations.mapv(|x| f64::from(x).powi(2)).mean().unwrap()
    }

    const SPAN: Span = Span { filtered: 8, horizon: 10 };

    #[test]
    fn every_number_of_channels_has_a_model() {
        for channels in [1, 8, 9, 17, 24, 25] {
            let (train, held) = (oscillations(channels, 1.0, 1), oscillations(channels, 1.0, 2));
            let model = Kalman::fit(&train, &held, SPAN).expect("one frame always fits");
            let error = model.errors(&held, SPAN).unwrap().at(10);
            assert!(error < 0.5 * spread(&held), "{channels} channels: {error}");
        }
    }

    /// Both yardsticks predict the same in any unit.
    #[test]
    fn units_do_not_matter() {
        let fit = |scale| {
            let (train, held) = (oscillations(3, scale, 1), oscillations(3, scale, 2));
            let linear = Autoregression::fit(&train, &held, SPAN).unwrap();
            let frames = linear.predict(&held, SPAN) / scale;
            let kalman = Kalman::fit(&train, &held, SPAN).unwrap();
            let error = kalman.errors(&held, SPAN).unwrap().at(10) / f64::from(scale).powi(2);
            (frames, linear.order(), error)
        };
        let (frames, order, error) = fit(1.0);
        for scale in [1.0 / 1024.0, 1024.0] {
            let (scaled, own, other) = fit(scale);
            assert_eq!(own, order, "scale {scale}");
            let worst = (&scaled - &frames).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
            assert!(worst < 1e-4, "scale {scale}: off by {worst}");
            assert!((other / error - 1.0).abs() < 1e-3, "scale {scale}: {other} and {error}");
        }
        assert_eq!(frames.len_of(Axis(1)), 10);
    }
}
