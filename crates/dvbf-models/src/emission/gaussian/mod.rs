//! Gaussian emission `p(x | z) = N(net(φ(z₁ … z_V)), diag σ²)`.
//!
//! The network sees the features `φ` of the first `V ≤ Z` dimensions of the state. With `V < Z` the
//! others reach the observations through the transition only, as a velocity does.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `μ = net(φ(z₁ … z_V))`, `ℓ = Σ ln N(x; μ, σ²)` over observed channels | |
//! | `dμ`, `d ln σ` | see `dvbf_prob::GaussianLikelihood` | |
//! | `dz`, parameters | those of the perceptron, and of [`Features`] | |
//!
//! Value and gradient are computed in blocks of rows that stay in cache.

mod config;
mod mean;

pub(super) use config::check_visible;
pub use config::{EmissionStd, GaussianConfig};
pub use mean::MeanNetwork;

use super::{Emission, LikelihoodOutputs, Observations};
use crate::linear_start::AffineMap;
use crate::part::{Cache, gradient_of};
use dvbf_ops::{Features, Mlp, Params, Path};
use dvbf_prob::{GaussianLikelihood, LikelihoodGradient};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut1, ArrayViewMut2,
    ArrayViewMut3, ArrayViewMutD, s,
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

/// Parameters of the emission with a mean network `N`.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianEmission<S, N = Mlp<S>> {
    // Invariant: `log_std` has one value or one for each output of `mean`; the features are those of
    // at most `state` dimensions and as many as `mean` has inputs.
    mean: N,
    features: Features,
    state: usize,
    log_std: Array1<S>,
    scale: NoiseScale,
}

/// Sizes of a [`GaussianEmission`] with one hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaussianSizes {
    /// `Z`, dimensions of the state.
    pub state: usize,
    /// Hidden units.
    pub hidden: usize,
    /// `X`, channels.
    pub observation: usize,
}

/// Buffers of one block of rows.
#[derive(Debug)]
struct GaussianScratch<S, C> {
    mean: C,
    features: Array2<S>,
    dfeatures: Array2<S>,
    ignored: Array1<S>,
}

impl<S: Scalar> GaussianEmission<S> {
    /// One hidden layer, and the given logarithm of the standard deviation, `(1)` or `(X)`.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn random(
        sizes: GaussianSizes,
        features: Features,
        log_std: Array1<S>,
        scale: NoiseScale,
        noise: Noise,
    ) -> Self {
        let GaussianSizes { state, hidden, observation } = sizes;
        let gains = [2.0_f64.sqrt(), 1.0];
        let mean = Mlp::random(&[features.outputs(), hidden, observation], &gains, noise);
        Self::new(mean, features, state, log_std, scale)
    }
}

impl<S: Scalar, N: MeanNetwork<S>> GaussianEmission<S, N> {
    /// The emission of a state of `state = Z` dimensions with this mean network, which sees these
    /// features of the leading dimensions, and this logarithm of the standard deviation.
    ///
    /// # Panics
    /// If the features are of more dimensions than the state has or not those that the network
    /// takes, or there is neither one standard deviation nor one a channel.
    #[track_caller]
    pub fn new(
        mean: N,
        features: Features,
        state: usize,
        log_std: Array1<S>,
        scale: NoiseScale,
    ) -> Self {
        let (inputs, channels) = mean.sizes();
        let visible = features.inputs();
        assert!(visible <= state, "the network sees {visible} of {state} dimensions");
        assert_eq!(features.outputs(), inputs, "features against inputs of the network");
        assert!(
            log_std.len() == 1 || log_std.len() == channels,
            "one standard deviation or one for each of {channels} channels"
        );
        Self { mean, features, state, log_std, scale }
    }

    /// `ln σ`, to be changed.
    pub fn log_std_mut(&mut self) -> &mut Array1<S> {
        &mut self.log_std
    }

    /// Whether the standard deviation is trained.
    pub fn scale(&self) -> NoiseScale {
        self.scale
    }

    /// The leading dimensions of the state that the network sees.
    fn visible<'a>(&self, state: &'a ArrayView2<'_, S>) -> ArrayView2<'a, S> {
        assert_eq!(state.ncols(), self.state, "state against Z");
        state.slice(s![.., ..self.features.inputs()])
    }

    /// Rows of features of one block, which begin at row `start` of the visible state.
    fn shown<'a>(
        &self,
        visible: ArrayView2<'a, S>,
        buffer: &'a mut Array2<S>,
    ) -> ArrayView2<'a, S> {
        if self.features.is_identity() {
            return visible;
        }
        let mut features = buffer.slice_mut(s![..visible.nrows(), ..]);
        self.features.apply(visible, features.view_mut());
        buffer.slice(s![..visible.nrows(), ..])
    }

    /// Pulls the cotangent that lies in the network's cache back to the visible state of a block.
    fn pull_back_block(
        &self,
        dvisible: ArrayViewMut2<'_, S>,
        scratch: &mut GaussianScratch<S, N::Cache>,
    ) {
        if self.features.is_identity() {
            self.mean.pull_back(dvisible, &mut scratch.mean);
            return;
        }
        let rows = s![..dvisible.nrows(), ..];
        let mut dfeatures = scratch.dfeatures.slice_mut(rows);
        dfeatures.fill(S::ZERO);
        self.mean.pull_back(dfeatures.view_mut(), &mut scratch.mean);
        self.features.backward(scratch.features.slice(rows), dfeatures.view(), dvisible);
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

impl<S: Scalar, N: MeanNetwork<S>> Emission<S> for GaussianEmission<S, N> {
    fn state(&self) -> usize {
        self.state
    }

    fn observation(&self) -> usize {
        self.mean.sizes().1
    }

    fn log_std(&self) -> ArrayView1<'_, S> {
        self.log_std.view()
    }

    fn set_known_noise(&mut self, std: &[f64]) {
        let channels = self.mean.sizes().1;
        assert_eq!(std.len(), channels, "standard deviations against channels");
        if self.scale == NoiseScale::Fixed && self.log_std.len() == channels && channels > 1 {
            self.log_std.iter_mut().zip(std).for_each(|(to, std)| *to = S::of(std.ln()));
        }
    }

    fn start_linear(&mut self, map: &AffineMap, std: &[f64]) -> bool {
        let (weight, offset) = map.as_scalars();
        let whole = self.features.shows_state() && self.features.inputs() == self.state;
        if !(whole && self.mean.set_affine(weight.view(), offset.view())) {
            return false;
        }
        if self.scale == NoiseScale::Learned {
            // One for all channels is their root mean square.
            let shared = std.len() / self.log_std.len().max(1);
            let mean = |own: &[f64]| {
                (own.iter().map(|std| std * std).sum::<f64>() / own.len() as f64).sqrt().ln()
            };
            self.log_std = std.chunks(shared.max(1)).map(|own| S::of(mean(own))).collect();
        }
        true
    }

    fn scratch(&self) -> Cache {
        let rows = if self.features.is_identity() { 0 } else { BLOCK };
        let features = || Array2::zeros((rows, self.features.outputs()));
        Cache::new(GaussianScratch::<S, N::Cache> {
            mean: self.mean.new_cache(BLOCK),
            features: features(),
            dfeatures: features(),
            ignored: Array1::zeros(self.log_std.len()),
        })
    }

    fn prepare(&self, scratch: &mut Cache) {
        self.mean.pack(&mut scratch.get::<GaussianScratch<S, N::Cache>>().mean);
    }

    fn mean(&self, state: ArrayView2<'_, S>, mut mean: ArrayViewMut2<'_, S>, scratch: &mut Cache) {
        let GaussianScratch { mean: net, features, .. } =
            scratch.get::<GaussianScratch<S, N::Cache>>();
        assert_eq!(mean.dim(), (state.nrows(), self.observation()), "mean against (R, X)");
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let rows = s![start..(start + BLOCK).min(state.nrows()), ..];
            let shown = self.shown(state.slice(rows), features);
            self.mean.write(shown, mean.slice_mut(rows), net);
        }
    }

    fn mean_backward(
        &self,
        state: ArrayView2<'_, S>,
        dmean: ArrayView2<'_, S>,
        mut dstate: ArrayViewMut2<'_, S>,
        scratch: &mut Cache,
    ) {
        let scratch = scratch.get::<GaussianScratch<S, N::Cache>>();
        assert_eq!(dmean.dim(), (state.nrows(), self.observation()), "dμ against (R, X)");
        assert_eq!(dstate.dim(), state.dim(), "dz against z");
        let mut dstate = dstate.slice_mut(s![.., ..self.features.inputs()]);
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(state.nrows());
            let rows = s![start..end, ..];
            let shown = self.shown(state.slice(rows), &mut scratch.features);
            self.mean.write_kept(shown, &mut scratch.mean);
            N::output(&mut scratch.mean, end - start).assign(&dmean.slice(rows));
            self.pull_back_block(dstate.slice_mut(rows), scratch);
        }
    }

    fn mean_jacobian(
        &self,
        state: ArrayView2<'_, S>,
        mut jacobian: ArrayViewMut3<'_, S>,
        _: &mut Cache,
    ) {
        let expected = (state.nrows(), self.observation(), state.ncols());
        assert_eq!(jacobian.dim(), expected, "∂μ/∂z against (R, X, Z)");
        let state = self.visible(&state);
        let mut shown = Array2::zeros((state.nrows(), self.features.outputs()));
        self.features.apply(state, shown.view_mut());
        jacobian.fill(S::ZERO);
        for (r, (state, shown)) in state.rows().into_iter().zip(shown.rows()).enumerate() {
            let tangents = self.mean.push_forward(shown, self.features.jacobian(state).view());
            jacobian.slice_mut(s![r, .., ..state.len()]).assign(&tangents);
        }
    }

    fn log_likelihood(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        mut log_lik: ArrayViewMut1<'_, S>,
        scratch: &mut Cache,
    ) {
        let scratch = scratch.get::<GaussianScratch<S, N::Cache>>();
        assert_eq!(observed.value.dim(), (state.nrows(), self.observation()), "x against (R, X)");
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(state.nrows());
            let rows = s![start..end, ..];
            let shown = self.shown(state.slice(rows), &mut scratch.features);
            self.mean.write_kept(shown, &mut scratch.mean);
            let mean = N::output(&mut scratch.mean, end - start);
            self.block(&observed, start..end)
                .forward(mean.view(), log_lik.slice_mut(s![start..end]));
        }
    }

    fn log_likelihood_gradient(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        outputs: LikelihoodOutputs<'_, S>,
        scratch: &mut Cache,
    ) {
        let scratch = scratch.get::<GaussianScratch<S, N::Cache>>();
        let LikelihoodOutputs { weight, mut log_lik, mut dstate, grads } = outputs;
        let grads = gradient_of::<Self>(grads);
        assert_eq!(observed.value.dim(), (state.nrows(), self.observation()), "x against (R, X)");
        scratch.ignored.fill(S::ZERO);
        assert_eq!(dstate.dim(), state.dim(), "dz against z");
        let mut dstate = dstate.slice_mut(s![.., ..self.features.inputs()]);
        let state = self.visible(&state);
        for start in (0..state.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(state.nrows());
            let rows = s![start..end, ..];
            let shown = self.shown(state.slice(rows), &mut scratch.features);
            self.mean.write_kept(shown, &mut scratch.mean);
            let dlog_std = match self.scale {
                NoiseScale::Fixed => scratch.ignored.view_mut(),
                NoiseScale::Learned => grads.log_std.view_mut(),
            };
            self.block(&observed, start..end).backward(
                N::output(&mut scratch.mean, end - start),
                log_lik.slice_mut(s![start..end]),
                &mut LikelihoodGradient { weight, dlog_std },
            );
            self.pull_back_block(dstate.slice_mut(rows), scratch);
            self.mean.accumulate_block(&mut scratch.mean, &mut grads.mean);
        }
    }
}

impl<S: Scalar, N: MeanNetwork<S>> Params<S> for GaussianEmission<S, N> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.mean.visit(path, f);
        f(path.child("log_std"), self.log_std.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.mean.visit_mut(path, f);
        f(path.child("log_std"), self.log_std.view_mut().into_dyn());
    }
}
