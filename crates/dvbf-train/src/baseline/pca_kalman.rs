//! Principal components of the frames, and a linear Gaussian model of them.
//!
//! `y_t = Wᵀ(x_t − m)`; `z_{t+1} = A z_t + B u_t + w_t`, `y_t = C z_t + v_t`, everything fitted by
//! expectation maximization (Shumway and Stoffer 1982) from a start that regresses: principal
//! components of three neighboring `y` stand for `z`.
//!
//! Its likelihood is exact, and is a density of pixels: that of `y` by the Kalman filter, times that
//! of what the components leave over. No standard deviation of a pixel is below `floor`, so that
//! the figure compares with models whose emission has that standard deviation: the eigenvalues of
//! `R` and the variance of the rest are raised to its square.
//!
//! A component mixes all channels, so a frame of which a channel is masked counts as not observed; the
//! likelihood is that of the frames that were observed as a whole.

use super::Pca;
use super::sequences::{each, stacked};
use crate::eval::Inferred;
use crate::pool::Pool;
use crate::settings::Span;
use crate::train::{Purpose, stream};
use dvbf_core::bayes::{
    BayesError, Belief, DMatrix, DVector, EmOptions, KalmanFilter, LinearGaussian, Sequence,
    expectation_maximization,
};
use dvbf_data::{Dataset, narrow};
use nalgebra::SymmetricEigen;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

/// How the model is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PcaKalmanSettings {
    /// `K`, principal components of a frame.
    pub components: usize,
    /// `Z`, dimensions of the state, at most `3 K`.
    pub state: usize,
    /// Iterations of expectation maximization.
    pub iterations: usize,
    /// Smallest standard deviation of a pixel.
    pub floor: f64,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaKalman {
    pca: Pca,
    model: LinearGaussian,
    initial: Belief,
    rest_std: f64,
    log_likelihood: Vec<f64>,
}

impl PcaKalman {
    /// Fits the model.
    ///
    /// # Errors
    /// If an estimate degenerates, or no four neighboring frames were observed as a whole.
    ///
    /// # Panics
    /// If the sequences have fewer than four steps, or the state more than `3 K` dimensions.
    pub fn fit(data: &Dataset, settings: PcaKalmanSettings) -> Result<Self, BayesError> {
        let (count, steps, channels) = data.observations.dim();
        let PcaKalmanSettings { components, state, iterations, floor } = settings;
        assert!(steps >= 4, "a linear model needs four steps, not {steps}");
        assert!(state <= 3 * components, "at most three dimensions of the state a component");
        let frames: Vec<Array2<f64>> = (0..count).map(|n| whole_frames(data, n, steps)).collect();
        let rows: Vec<f64> = frames
            .iter()
            .flat_map(|frames| frames.rows())
            .filter(|row| row.iter().all(|x| !x.is_nan()))
            .flatten()
            .copied()
            .collect();
        if rows.is_empty() {
            return Err(NOTHING);
        }
        let rows = Array2::from_shape_vec((rows.len() / channels, channels), rows);
        let pca = Pca::fit(rows.expect("whole frames").view(), components);
        let seen: Vec<Array2<f64>> =
            frames.iter().map(|frames| project(&pca, frames.view()).0).collect();
        let controls: Vec<Array2<f64>> =
            data.controls.outer_iter().map(|u| u.mapv(f64::from)).collect();
        let (model, initial) = start(&seen, &controls, state)?;
        let sequences: Vec<Sequence<'_>> = seen
            .iter()
            .zip(&controls)
            .map(|(x, u)| Sequence { observations: x.view(), controls: u.view() })
            .collect();
        let options = EmOptions { iterations, tolerance: 1.0, fixed: &[] };
        let fit = expectation_maximization(&model, &initial, &sequences, options)?;
        let mut model = fit.model;
        model.observation_noise = raise(&model.observation_noise, floor * floor);
        let rest_std = pca.rest().sqrt().max(floor);
        let log_likelihood = fit.log_likelihood;
        Ok(Self { pca, model, initial: fit.initial, rest_std, log_likelihood })
    }

    /// The model of the components.
    pub fn model(&self) -> &LinearGaussian {
        &self.model
    }

    /// Log-likelihood of the components of the training set along the iterations.
    pub fn training_log_likelihood(&self) -> &[f64] {
        &self.log_likelihood
    }

    /// A filter at the first step of a sequence.
    ///
    /// # Errors
    /// Never for a fitted model.
    pub fn filter(&self) -> Result<KalmanFilter, BayesError> {
        KalmanFilter::exact(self.model.clone(), self.initial.clone())
    }

    /// `y` of a frame.
    pub fn observe(&self, frame: impl IntoIterator<Item = f64>) -> Vec<f64> {
        self.pca.project(frame).0.as_slice().to_vec()
    }

    /// Samples of the filtered beliefs, and the exact log-likelihood of every sequence; the
    /// divergence is zero, for nothing is approximated.
    ///
    /// # Errors
    /// If a belief is not finite.
    ///
    /// # Panics
    /// If there is no sequence.
    pub fn infer(&self, data: &Dataset, seed: u64, pool: &Pool) -> Result<Inferred, BayesError> {
        let (count, steps, _) = data.observations.dim();
        let width = self.initial.len();
        let one = |n: usize| {
            let (observations, rest) = self.sequence(data, n, steps);
            let controls = data.controls.index_axis(Axis(0), n).mapv(f64::from);
            let sequence =
                Sequence { observations: observations.view(), controls: controls.view() };
            let filtered = self.filter()?.filter(&sequence)?;
            let mut noise = vec![0.0; steps * width];
            stream(seed, Purpose::Evaluation, 1, n).normal(&mut noise);
            let mut states = Array2::zeros((steps, width));
            for (t, (belief, noise)) in
                filtered.filtered.iter().zip(noise.chunks_exact(width)).enumerate()
            {
                let sample = belief.sample(noise)?;
                states.row_mut(t).iter_mut().zip(&sample).for_each(|(to, &z)| *to = narrow(z));
            }
            Ok((states, filtered.log_likelihood + rest))
        };
        let parts = each(count, one, pool)?;
        Ok(Inferred {
            state: stacked(parts.iter().map(|(z, _)| z)),
            log_lik: parts.iter().map(|(_, log_lik)| *log_lik).collect(),
            kl: Array1::zeros(count),
        })
    }

    /// Predicted frames `(N, horizon, X)` after the first `filtered` frames.
    ///
    /// # Errors
    /// If a belief is not finite.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` frames.
    pub fn predict(
        &self,
        data: &Dataset,
        Span { filtered, horizon }: Span,
        pool: &Pool,
    ) -> Result<Array3<f32>, BayesError> {
        let (count, _, channels) = data.observations.dim();
        let one = |n: usize| {
            let (observations, _) = self.sequence(data, n, filtered);
            let controls = data.controls.index_axis(Axis(0), n).mapv(f64::from);
            let mut filter = self.filter()?;
            let past = controls.slice(s![..filtered, ..]);
            filter.filter(&Sequence { observations: observations.view(), controls: past })?;
            let ahead = controls.slice(s![filtered - 1..filtered + horizon - 1, ..]);
            let mut frames = Array2::zeros((horizon, channels));
            for (mut frame, forecast) in frames.rows_mut().into_iter().zip(filter.forecast(ahead)?)
            {
                let pixels = self.pca.reconstruct(&forecast.observation.mean);
                frame.iter_mut().zip(&pixels).for_each(|(to, &x)| *to = narrow(x));
            }
            Ok(frames)
        };
        Ok(stacked(&each(count, one, pool)?))
    }

    /// `y` of the first `steps` frames of sequence `n`, and the log-density of what is left of them.
    fn sequence(&self, data: &Dataset, n: usize, steps: usize) -> (Array2<f64>, f64) {
        let (y, rest) = project(&self.pca, whole_frames(data, n, steps).view());
        let density = |&squared: &f64| self.pca.rest_log_density(squared, self.rest_std);
        (y, rest.iter().filter(|squared| !squared.is_nan()).map(density).sum())
    }
}

/// Why nothing can be fitted.
const NOTHING: BayesError =
    BayesError::Empty { what: "run of four frames of which every channel was observed" };

/// The first `steps` frames of sequence `n`, NaN throughout where a channel is masked.
fn whole_frames(data: &Dataset, n: usize, steps: usize) -> Array2<f64> {
    let mut frames = data.observations.slice(s![n, ..steps, ..]).mapv(f64::from);
    if let Some(mask) = &data.mask {
        for (mut frame, mask) in frames.rows_mut().into_iter().zip(mask.slice(s![n, .., ..]).rows())
        {
            if mask.iter().any(|&m| m <= 0.0) {
                frame.fill(f64::NAN);
            }
        }
    }
    frames
}

/// `y (T, K)` of frames, and the squares of what is left; NaN of frames that are.
fn project(pca: &Pca, frames: ArrayView2<'_, f64>) -> (Array2<f64>, Vec<f64>) {
    let mut rest = Vec::with_capacity(frames.nrows());
    let mut out = Array2::zeros((frames.nrows(), pca.components()));
    for (frame, mut row) in frames.rows().into_iter().zip(out.rows_mut()) {
        if frame.iter().any(|x| x.is_nan()) {
            row.fill(f64::NAN);
            rest.push(f64::NAN);
            continue;
        }
        let (y, squared) = pca.project(frame.iter().copied());
        row.iter_mut().zip(&y).for_each(|(to, &y)| *to = y);
        rest.push(squared);
    }
    (out, rest)
}

/// A model by regression, with the principal components of three neighboring `y` as state.
fn start(
    seen: &[Array2<f64>],
    controls: &[Array2<f64>],
    width: usize,
) -> Result<(LinearGaussian, Belief), BayesError> {
    let inner = seen[0].nrows() - 2;
    let (k, u) = (seen[0].ncols(), controls[0].ncols());
    // Three neighbors that were observed as a whole, and their row.
    let mut row_of = vec![None; seen.len() * inner];
    let mut stacked = Vec::new();
    for n in 0..seen.len() {
        for t in 0..inner {
            let neighbors = seen[n].slice(s![t..t + 3, ..]);
            if neighbors.iter().all(|y| !y.is_nan()) {
                row_of[n * inner + t] = Some(stacked.len() / (3 * k));
                stacked.extend(neighbors);
            }
        }
    }
    let stacked = Array2::from_shape_vec((stacked.len() / (3 * k), 3 * k), stacked);
    let stacked = stacked.expect("rows of three neighbors");
    let row = |n: usize, t: usize| row_of[n * inner + t];
    // Rows `[z_t, u_t, z_{t+1}, y_t]`, without the last state of a run.
    let pairs: Vec<(usize, usize)> = (0..seen.len())
        .flat_map(|n| (0..inner - 1).map(move |t| (n, t)))
        .filter(|&(n, t)| row(n, t).is_some() && row(n, t + 1).is_some())
        .collect();
    if pairs.is_empty() {
        return Err(NOTHING);
    }
    let pca = Pca::fit(stacked.view(), width);
    let (state, _) = project(&pca, stacked.view());
    let z = |n: usize, t: usize, j: usize| row(n, t).map_or(f64::NAN, |row| state[[row, j]]);
    let told = DMatrix::from_fn(pairs.len(), width + u, |r, j| {
        let (n, t) = pairs[r];
        if j < width { z(n, t, j) } else { controls[n][[t + 1, j - width]] }
    });
    let next = DMatrix::from_fn(pairs.len(), width, |r, j| z(pairs[r].0, pairs[r].1 + 1, j));
    let frame = DMatrix::from_fn(pairs.len(), k, |r, j| seen[pairs[r].0][[pairs[r].1 + 1, j]]);
    let now = told.columns(0, width).into_owned();
    let (map, process_noise) = least_squares(&told, &next);
    let (emission, observation_noise) = least_squares(&now, &frame);
    let model = LinearGaussian {
        transition: map.columns(0, width).into_owned(),
        control: map.columns(width, u).into_owned(),
        process_noise,
        emission,
        observation_noise,
    };
    // The first states that are known; those of the first step, unless none is.
    let begun: Vec<usize> = (0..seen.len()).filter(|&n| row(n, 0).is_some()).collect();
    let begun: Vec<(usize, usize)> =
        if begun.is_empty() { pairs } else { begun.into_iter().map(|n| (n, 0)).collect() };
    let first = DMatrix::from_fn(begun.len(), width, |i, j| z(begun[i].0, begun[i].1, j));
    let mean: DVector<f64> = first.row_mean().transpose();
    let scatter = first.tr_mul(&first) / first.nrows() as f64 - &mean * mean.transpose();
    Ok((model, Belief::new(mean, raise(&scatter, SMALL))?))
}

/// Keeps covariances of a start away from singular ones.
const SMALL: f64 = 1e-6;

/// The map of rows of `x` to rows of `y`, and the covariance of what it misses.
fn least_squares(x: &DMatrix<f64>, y: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let gram = x.tr_mul(x) + DMatrix::identity(x.ncols(), x.ncols()) * (1e-9 * x.nrows() as f64);
    let map = gram.cholesky().map_or_else(
        || DMatrix::zeros(y.ncols(), x.ncols()),
        |factor| factor.solve(&x.tr_mul(y)).transpose(),
    );
    let missed = y - x * map.transpose();
    (map, raise(&(missed.tr_mul(&missed) / x.nrows() as f64), SMALL))
}

/// `covariance` with every eigenvalue at least `least`.
fn raise(covariance: &DMatrix<f64>, least: f64) -> DMatrix<f64> {
    let eigen = SymmetricEigen::new((covariance + covariance.transpose()) * 0.5);
    let raised = DMatrix::from_diagonal(&eigen.eigenvalues.map(|v| v.max(least)));
    let full = &eigen.eigenvectors * raised * eigen.eigenvectors.transpose();
    (&full + full.transpose()) * 0.5
}
