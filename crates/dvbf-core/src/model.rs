//! The Deep Variational Bayes Filter composed from its parts.

use crate::config::{ConfigError, EmissionStd, ModelConfig, TransitionKind};
use dvbf_models::{
    AnyTransition, GaussianEmission, InitialState, Innovation, LocallyLinear, NoiseScale, Residual,
    Transition,
};
use dvbf_ops::{Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array1, ArrayViewD, ArrayViewMutD};

/// Parameters of a Deep Variational Bayes Filter and, as a gradient, their cotangents.
///
/// Generative part: `w₁ ~ N(0, I)`, `z₁ = g(w₁)`; `w_t ~ N(0, I)`, `z_{t+1} = f(z_t, u_t, w_t)`;
/// `x_t ~ p(x | z_t)`. The control `u_t` acts between `t` and `t + 1`. Inference part: the start
/// `q(w₁ | x₁ … x_k, u₁ … u_{k−1})` and the innovations `q(w_t | z_t, u_t, x_{t+1})`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dvbf<S: Scalar, T: Transition<S> = AnyTransition<S>> {
    // Invariant: the parts agree about X, Z, U and W.
    pub(crate) initial: InitialState<S>,
    pub(crate) recognition: Innovation<S>,
    pub(crate) transition: T,
    pub(crate) emission: GaussianEmission<S>,
}

impl<S: Scalar, T: Transition<S>> Dvbf<S, T> {
    /// The model of these parts.
    ///
    /// # Panics
    /// If the parts disagree about a size.
    #[track_caller]
    pub fn new(
        initial: InitialState<S>,
        recognition: Innovation<S>,
        transition: T,
        emission: GaussianEmission<S>,
    ) -> Self {
        let dims = transition.dims();
        assert_eq!(recognition.outputs(), 2 * dims.noise, "recognition outputs against 2W");
        assert_eq!(emission.dim().0, dims.state, "emission inputs against Z");
        Self { initial, recognition, transition, emission }
    }

    /// The transition `f`.
    pub fn transition(&self) -> &T {
        &self.transition
    }

    /// The transition `f`, to be changed.
    pub fn transition_mut(&mut self) -> &mut T {
        &mut self.transition
    }

    /// The emission `p(x | z)`.
    pub fn emission(&self) -> &GaussianEmission<S> {
        &self.emission
    }

    /// The emission `p(x | z)`, to be changed.
    pub fn emission_mut(&mut self) -> &mut GaussianEmission<S> {
        &mut self.emission
    }

    /// Multiplies the weights, not the biases, of the two recognition networks by `factor`, which
    /// is the weight decay of an update; the generative part stays as it is.
    pub fn scale_recognition(&mut self, factor: S) {
        self.initial.scale_recognition(factor);
        self.recognition.scale_weights(factor);
    }

    /// `k`, the observations that start the state.
    pub fn initial_frames(&self) -> usize {
        self.initial.frames()
    }

    /// `X`, observed channels.
    pub fn observation(&self) -> usize {
        self.emission.dim().1
    }
}

impl<S: Scalar> Dvbf<S> {
    /// A model with freshly drawn parameters.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn random(config: &ModelConfig, noise: Noise) -> Result<Self, ConfigError> {
        config.validate()?;
        let dims = config.transition_dims();
        let (x, u, z, w) = (config.observation, config.control, config.state, config.noise);
        let initial =
            InitialState::random(config.initial_frames, (x, u, w, z), config.hidden, noise.part(0));
        let recognition = Innovation::random((x, z, u), config.hidden, 2 * w, noise.part(1));
        let transition = match config.transition {
            TransitionKind::LocallyLinear => AnyTransition::LocallyLinear(LocallyLinear::random(
                dims,
                config.matrices,
                config.shared_state,
                config.transition_hidden,
                noise.part(2),
            )),
            TransitionKind::Residual => AnyTransition::Residual(Residual::random(
                dims,
                config.transition_hidden,
                noise.part(2),
            )),
        };
        let (channels, scale) = match config.emission_std_kind {
            EmissionStd::Fixed => (1, NoiseScale::Fixed),
            EmissionStd::Learned => (1, NoiseScale::Learned),
            EmissionStd::LearnedPerChannel => (x, NoiseScale::Learned),
            EmissionStd::FixedPerChannel => (x, NoiseScale::Fixed),
        };
        let log_std = Array1::from_elem(channels, S::of(config.emission_std.ln()));
        let sizes = (z, config.emission_state, config.hidden, x);
        let emission = GaussianEmission::random(sizes, log_std, scale, noise.part(3));
        Ok(Self::new(initial, recognition, transition, emission))
    }
}

impl<S: Scalar, T: Transition<S>> Params<S> for Dvbf<S, T> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.initial.visit(path.child("initial"), f);
        self.recognition.visit(path.child("recognition"), f);
        self.transition.visit(path.child("transition"), f);
        self.emission.visit(path.child("emission"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.initial.visit_mut(path.child("initial"), f);
        self.recognition.visit_mut(path.child("recognition"), f);
        self.transition.visit_mut(path.child("transition"), f);
        self.emission.visit_mut(path.child("emission"), f);
    }
}
