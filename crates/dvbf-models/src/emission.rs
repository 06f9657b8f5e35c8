//! Gaussian emission `p(x | z) = N(net(z₁ … z_V), diag σ²)`.
//!
//! The network sees the first `V ≤ Z` dimensions of the state. With `V < Z` the others reach the
//! observations through the transition only, as a velocity does.
//!
//! Shapes: `z (R, Z)`, `x, mask (R, X)`, `ln σ (1)` or `(X)`, `ℓ (R)`; rows `R` are all steps of
//! all sequences.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `μ = net(z₁ … z_V)`, `ℓ = Σ ln N(x; μ, σ²)` over observed channels | |
//! | `dμ`, `d ln σ` | see `dvbf_prob::GaussianLikelihood` | |
//! | `dz`, parameters | those of the perceptron | |
//!
//! The likelihood does not depend on anything that comes later, so value and gradient are computed
//! together, in blocks of rows that stay in cache.

use dvbf_ops::{Mlp, MlpCache, Params, Path};
use dvbf_prob::{GaussianLikelihood, LikelihoodGradient};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{
    Array1, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut1, ArrayViewMut2, ArrayViewMutD, s,
};

/// Rows that go through the network at once.
const BLOCK: usize = 96;

/// Whether the standard deviation of the emission is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseScale {
    /// It stays as it was set; its gradient is zero.
    Fixed,
    /// It is trained.
    Learned,
}

/// Parameters of the emission.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianEmission<S> {
    // Invariant: `log_std` has one value or one for each output of `mean`; `mean` has at most
    // `state` inputs.
    mean: Mlp<S>,
    state: usize,
    log_std: Array1<S>,
    scale: NoiseScale,
}

/// Buffers of one block of rows.
#[derive(Debug)]
pub struct EmissionScratch<S> {
    mean: MlpCache<S>,
    ignored: Array1<S>,
}

/// What was observed: `x (R, X)` and, if some channels are missing, a mask of the same shape with
/// one where a channel was observed.
#[derive(Clone, Copy, Debug)]
pub struct Observations<'a, S> {
    /// `x`.
    pub value: ArrayView2<'a, S>,
    /// The mask; everything was observed without one.
    pub mask: Option<ArrayView2<'a, S>>,
}

impl<S: Scalar> GaussianEmission<S> {
    /// The emission of a state of `state = Z` dimensions with this mean network, which sees as many
    /// leading dimensions as it has inputs, and this logarithm of the standard deviation.
    ///
    /// # Panics
    /// If the network has more inputs than the state, or there is neither one standard deviation
    /// nor one a channel.
    #[track_caller]
    pub fn new(mean: Mlp<S>, state: usize, log_std: Array1<S>, scale: NoiseScale) -> Self {
        let (visible, channels) = mean.dim();
        assert!(visible <= state, "the network sees {visible} of {state} dimensions");
        assert!(
            log_std.len() == 1 || log_std.len() == channels,
            "one standard deviation or one for each of {channels} channels"
        );
        Self { mean, state, log_std, scale }
    }

    /// One hidden layer of `width` units on the first `visible` dimensions of the state.
    pub fn random(
        (state, visible, width, observation): (usize, usize, usize, usize),
        log_std: Array1<S>,
        scale: NoiseScale,
        noise: Noise,
    ) -> Self {
        let gains = [2.0_f64.sqrt(), 1.0];
        let mean = Mlp::random(&[visible, width, observation], &gains, noise);
        Self::new(mean, state, log_std, scale)
    }

    /// `(Z, X)`.
    pub fn dim(&self) -> (usize, usize) {
        (self.state, self.mean.dim().1)
    }

    /// The leading dimensions of the state that the network sees.
    fn visible<'a>(&self, state: &'a ArrayView2<'_, S>) -> ArrayView2<'a, S> {
        assert_eq!(state.ncols(), self.state, "state against Z");
        state.slice(s![.., ..self.mean.dim().0])
    }

    /// `ln σ`, one value or one a channel.
    pub fn log_std(&self) -> ArrayView1<'_, S> {
        self.log_std.view()
    }

    /// `ln σ`, to be changed.
    pub fn log_std_mut(&mut self) -> &mut Array1<S> {
        &mut self.log_std
    }

    /// Whether the standard deviation is trained.
    pub fn scale(&self) -> NoiseScale {
        self.scale
    }

    /// Buffers for any number of rows.
    pub fn scratch(&self) -> EmissionScratch<S> {
        EmissionScratch { mean: self.mean.cache(BLOCK), ignored: Array1::zeros(self.log_std.len()) }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, scratch: &mut EmissionScratch<S>) {
        self.mean.prepare(&mut scratch.mean);
    }

    /// Writes `μ (R, X)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn mean(
        &self,
        state: ArrayView2<'_, S>,
        mut mean: ArrayViewMut2<'_, S>,
        scratch: &mut EmissionScratch<S>,
    ) {
        assert_eq!(mean.dim(), (state.nrows(), self.dim().1), "mean against (R, X)");
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let rows = s![start..(start + BLOCK).min(state.nrows()), ..];
            self.mean.forward(0, state.slice(rows), mean.slice_mut(rows), &mut scratch.mean);
        }
    }

    /// Writes `ℓ (R)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn log_likelihood(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        mut log_lik: ArrayViewMut1<'_, S>,
        scratch: &mut EmissionScratch<S>,
    ) {
        assert_eq!(observed.value.dim(), (state.nrows(), self.dim().1), "x against (R, X)");
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(state.nrows());
            let rows = s![start..end, ..];
            self.mean.forward_kept(0, state.slice(rows), &mut scratch.mean);
            let mean = scratch.mean.output(0, end - start);
            self.block(&observed, start..end)
                .forward(mean.view(), log_lik.slice_mut(s![start..end]));
        }
    }

    /// Writes `ℓ (R)` and adds the gradient of `weight · Σ ℓ` to `dz` and `grads`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    #[expect(clippy::too_many_arguments, reason = "value and gradient are computed together")]
    pub fn log_likelihood_gradient(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        weight: S,
        mut log_lik: ArrayViewMut1<'_, S>,
        mut dstate: ArrayViewMut2<'_, S>,
        grads: &mut Self,
        scratch: &mut EmissionScratch<S>,
    ) {
        assert_eq!(observed.value.dim(), (state.nrows(), self.dim().1), "x against (R, X)");
        scratch.ignored.fill(S::ZERO);
        assert_eq!(dstate.dim(), state.dim(), "dz against z");
        let mut dstate = dstate.slice_mut(s![.., ..self.mean.dim().0]);
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(state.nrows());
            let rows = s![start..end, ..];
            self.mean.forward_kept(0, state.slice(rows), &mut scratch.mean);
            let dlog_std = match self.scale {
                NoiseScale::Fixed => scratch.ignored.view_mut(),
                NoiseScale::Learned => grads.log_std.view_mut(),
            };
            self.block(&observed, start..end).backward(
                scratch.mean.output(0, end - start),
                log_lik.slice_mut(s![start..end]),
                &mut LikelihoodGradient { weight, dlog_std },
            );
            self.mean.backward_written(0, dstate.slice_mut(rows), &mut scratch.mean);
            self.mean.accumulate(&mut scratch.mean, &mut grads.mean);
        }
    }

    fn block<'a>(
        &'a self,
        observed: &'a Observations<'_, S>,
        rows: std::ops::Range<usize>,
    ) -> GaussianLikelihood<'a, S> {
        GaussianLikelihood {
            observed: observed.value.slice(s![rows.clone(), ..]),
            mask: observed.mask.as_ref().map(|mask| mask.slice(s![rows, ..])),
            log_std: self.log_std.view(),
        }
    }
}

impl<S: Scalar> Params<S> for GaussianEmission<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.mean.visit(path, f);
        f(path.child("log_std"), self.log_std.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.mean.visit_mut(path, f);
        f(path.child("log_std"), self.log_std.view_mut().into_dyn());
    }
}
