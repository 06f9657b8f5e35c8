//! A finished model as a state-space model of the classical filters.
//!
//! The noise of a learned transition enters where the state is: `z' = f(z, u, w)` is not a function plus
//! noise. With the noise of the next step as part of the state, `s = [z, w]`, it is one, exactly:
//!
//! | | equation |
//! |-|----------|
//! | transition | `s' = [f(z, u, w), 0] + [0, w']`, `w' ~ N(0, I)`: `Q = diag(0, I)` |
//! | `∂s'/∂s` | `[[∂f/∂z, ∂f/∂w], [0, 0]]` |
//! | emission | `x = μ(z) + v`, `v ~ N(0, diag σ²)` |
//! | `∂x/∂s` | `[∂μ/∂z, 0]` |
//! | start | `z₁ = g(w₁)`, `w₁ ~ N(0, I)`, and `w ~ N(0, I)` beside it |
//!
//! All in double precision and in the units of the model.

use crate::model::Dvbf;
use dvbf_models::bayes::{Belief, DMatrix, DVector, Dims, Jacobians, StateSpace};
use dvbf_models::{Cache, Linearizer, TransitionDims, TransitionInput, TransitionJacobians};
use dvbf_tensor::Noise;
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, s};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A finished model as a nonlinear model with Gaussian noise, and its derivatives, so that extended,
/// unscented and particle filter run on it: `s = [z, w]`, `s' = [f(z, u, w), 0] + [0, w']` with `w' ~ N(0, I)`,
/// and `x = μ(z) + v`.
///
/// The state has `Z + W` components, the first `Z` of which are the latent state.
pub struct LearnedSpace {
    model: Arc<Dvbf<f64>>,
    dims: TransitionDims,
    process_noise: DMatrix<f64>,
    observation_noise: DMatrix<f64>,
    work: Mutex<Work>,
}

/// Buffers for one state.
struct Work {
    transition: Cache,
    emission: Cache,
    linearizer: Linearizer<f64>,
    next: Array2<f64>,
    by_state: Array3<f64>,
    by_control: Array3<f64>,
    by_noise: Array3<f64>,
    mean: Array2<f64>,
    by_latent: Array3<f64>,
}

impl LearnedSpace {
    /// The state space of `model`.
    pub fn new(model: Arc<Dvbf<f64>>) -> Self {
        let (dims, x) = (model.transition.dims(), model.observation());
        let TransitionDims { state: z, control: u, noise: w } = dims;
        let log_std = model.emission.log_std();
        let variance = |j: usize| (2.0 * log_std[j.min(log_std.len() - 1)]).exp();
        let observation_noise = DMatrix::from_diagonal(&DVector::from_fn(x, |j, _| variance(j)));
        let unit = |i: usize, _| f64::from(u8::from(i >= z));
        let mut work = Work {
            transition: model.transition.cache(1),
            emission: model.emission.scratch(),
            linearizer: Linearizer::new(&*model.transition, 1),
            next: Array2::zeros((1, z)),
            by_state: Array3::zeros((1, z, z)),
            by_control: Array3::zeros((1, z, u)),
            by_noise: Array3::zeros((1, z, w)),
            mean: Array2::zeros((1, x)),
            by_latent: Array3::zeros((1, x, z)),
        };
        model.transition.prepare(&mut work.transition);
        model.emission.prepare(&mut work.emission);
        Self {
            dims,
            process_noise: DMatrix::from_diagonal(&DVector::from_fn(z + w, unit)),
            observation_noise,
            work: Mutex::new(work),
            model,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Dvbf<f64>> {
        &self.model
    }

    /// The belief about the first state before anything is seen: mean and covariance of `draws` draws of
    /// `z₁ = g(w₁)` with noise from `seed`, and `w ~ N(0, I)`.
    ///
    /// # Panics
    /// If there are fewer than two draws.
    #[track_caller]
    pub fn prior(&self, draws: usize, seed: u64) -> Belief {
        assert!(draws >= 2, "a covariance of {draws} draws");
        let TransitionDims { state: z, noise: w, .. } = self.dims;
        let (mut noise, mut start) = (Array2::zeros((draws, w)), Array2::zeros((draws, z)));
        Noise::new(seed, 0).normal(noise.as_slice_mut().expect("a fresh array is contiguous"));
        let mut cache = self.model.initial.cache(draws);
        self.model.initial.prepare(&mut cache);
        self.model.initial.start(0, noise.view(), start.view_mut(), &mut cache);
        let mean = start.mean_axis(ndarray::Axis(0)).expect("there are draws");
        start -= &mean;
        let covariance = start.t().dot(&start) / (draws - 1) as f64;
        self.belief(&mean.to_vec(), &covariance)
    }

    /// `N([m, 0], diag(P, I))` for a belief `N(m, P)` about the latent state.
    fn belief(&self, mean: &[f64], covariance: &Array2<f64>) -> Belief {
        let TransitionDims { state: z, noise: w, .. } = self.dims;
        let mean = DVector::from_fn(z + w, |i, _| if i < z { mean[i] } else { 0.0 });
        let covariance = DMatrix::from_fn(z + w, z + w, |i, j| match (i < z, j < z) {
            (true, true) => 0.5 * (covariance[[i, j]] + covariance[[j, i]]),
            (false, false) if i == j => 1.0,
            _ => 0.0,
        });
        Belief { mean, covariance }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // Buffers are written before they are read.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `z`, `u` and `w` as batches of one row.
    fn input<'a>(&self, state: &'a DVector<f64>, control: &'a [f64]) -> TransitionInput<'a, f64> {
        let (z, w) = state.as_slice().split_at(self.dims.state);
        TransitionInput { state: row(z), control: row(control), noise: row(w) }
    }
}

/// A vector as a batch of one row.
fn row(values: &[f64]) -> ArrayView2<'_, f64> {
    ndarray::ArrayView1::from(values).insert_axis(ndarray::Axis(0))
}

impl StateSpace for LearnedSpace {
    fn dims(&self) -> Dims {
        let TransitionDims { state, control, noise } = self.dims;
        Dims { state: state + noise, control, observation: self.model.observation() }
    }

    fn transition(&self, _: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        let mut next = DVector::zeros(state.len());
        let to = &mut next.as_mut_slice()[..self.dims.state];
        let to = ArrayViewMut2::from_shape((1, self.dims.state), to).expect("one row");
        let input = self.input(state, control);
        self.model.transition.carry(input, to, &mut self.work().transition);
        next
    }

    fn process_noise(&self, _: usize) -> DMatrix<f64> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &DVector<f64>) -> DVector<f64> {
        let Work { emission, mean, .. } = &mut *self.work();
        let state = row(&state.as_slice()[..self.dims.state]);
        self.model.emission.mean(state, mean.view_mut(), emission);
        DVector::from_iterator(mean.len(), mean.iter().copied())
    }

    fn observation_noise(&self, _: usize) -> DMatrix<f64> {
        self.observation_noise.clone()
    }
}

impl Jacobians for LearnedSpace {
    fn transition_jacobian(&self, _: usize, state: &DVector<f64>, control: &[f64]) -> DMatrix<f64> {
        let Work { linearizer, next, by_state, by_control, by_noise, .. } = &mut *self.work();
        let out = TransitionJacobians {
            next: next.view_mut(),
            state: by_state.view_mut(),
            control: by_control.view_mut(),
            noise: by_noise.view_mut(),
        };
        linearizer.jacobians(&*self.model.transition, self.input(state, control), out);
        let z = self.dims.state;
        DMatrix::from_fn(state.len(), state.len(), |i, j| match (i < z, j < z) {
            (true, true) => by_state[[0, i, j]],
            (true, false) => by_noise[[0, i, j - z]],
            _ => 0.0,
        })
    }

    fn emission_jacobian(&self, _: usize, state: &DVector<f64>) -> DMatrix<f64> {
        let Work { emission, by_latent, .. } = &mut *self.work();
        let z = self.dims.state;
        let latent = row(&state.as_slice()[..z]);
        self.model.emission.mean_jacobian(latent, by_latent.view_mut(), emission);
        let jacobian = by_latent.slice(s![0, .., ..]);
        let columns = state.len();
        DMatrix::from_fn(self.model.observation(), columns, |i, j| {
            if j < z { jacobian[[i, j]] } else { 0.0 }
        })
    }
}

/// A state space of the same model with buffers of its own.
impl Clone for LearnedSpace {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.model))
    }
}

impl fmt::Debug for LearnedSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearnedSpace").field("dims", &self.dims).finish_non_exhaustive()
    }
}
