//! The Deep Variational Bayes Filter composed from its parts.

use crate::config::{ConfigError, ModelConfig};
use dvbf_models::{
    EMISSIONS, Emission, INITIAL_STATES, InitialState, LinearStart, RECOGNITIONS, Recognition,
    Statistics, TRANSITIONS, Transition,
};
use dvbf_ops::{Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{ArrayViewD, ArrayViewMutD};

/// The parts of a model.
#[derive(Clone, Debug)]
pub struct Parts<S: Scalar> {
    /// `q(w₁ | x₁ … x_k, u₁ … u_{k−1})` and `z₁ = g(w₁)`.
    pub initial: Box<dyn InitialState<S>>,
    /// `q(w_t | z_t, u_t, x_{t+1})`.
    pub recognition: Box<dyn Recognition<S>>,
    /// `z_{t+1} = f(z_t, u_t, w_t)`.
    pub transition: Box<dyn Transition<S>>,
    /// `p(x_t | z_t)`.
    pub emission: Box<dyn Emission<S>>,
}

/// Parameters of a Deep Variational Bayes Filter and, as a gradient, their cotangents.
///
/// Generative part: `w₁ ~ N(0, I)`, `z₁ = g(w₁)`; `w_t ~ N(0, I)`, `z_{t+1} = f(z_t, u_t, w_t)`;
/// `x_t ~ p(x | z_t)`. The control `u_t` acts between `t` and `t + 1`. Inference part: the start
/// `q(w₁ | x₁ … x_k, u₁ … u_{k−1})` and the noise `q(w_t | z_t, u_t, x_{t+1})`.
#[derive(Clone, Debug)]
pub struct Dvbf<S: Scalar> {
    // Invariant: the parts agree about X, Z, U and W.
    pub(crate) initial: Box<dyn InitialState<S>>,
    pub(crate) recognition: Box<dyn Recognition<S>>,
    pub(crate) transition: Box<dyn Transition<S>>,
    pub(crate) emission: Box<dyn Emission<S>>,
}

impl<S: Scalar> Dvbf<S> {
    /// The model of these parts.
    ///
    /// # Panics
    /// If the parts disagree about a size.
    #[track_caller]
    pub fn new(parts: Parts<S>) -> Self {
        let Parts { initial, recognition, transition, emission } = parts;
        let dims = transition.dims();
        assert_eq!(recognition.outputs(), 2 * dims.noise, "recognition outputs against 2W");
        assert_eq!(emission.state(), dims.state, "emission inputs against Z");
        Self { initial, recognition, transition, emission }
    }

    /// A model with freshly drawn parameters.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn random(config: &ModelConfig, noise: Noise) -> Result<Self, ConfigError> {
        config.validate()?;
        let context = config.context()?;
        Ok(Self::new(Parts {
            initial: INITIAL_STATES.init(&config.initial, &context, noise.part(0))?,
            recognition: RECOGNITIONS.init(&config.recognition, &context, noise.part(1))?,
            transition: TRANSITIONS.init(&config.transition, &context, noise.part(2))?,
            emission: EMISSIONS.init(&config.emission, &context, noise.part(3))?,
        }))
    }

    /// The initial state.
    pub fn initial(&self) -> &dyn InitialState<S> {
        &*self.initial
    }

    /// The recognition network.
    pub fn recognition(&self) -> &dyn Recognition<S> {
        &*self.recognition
    }

    /// The transition `f`.
    pub fn transition(&self) -> &dyn Transition<S> {
        &*self.transition
    }

    /// The transition `f`, to be changed.
    pub fn transition_mut(&mut self) -> &mut dyn Transition<S> {
        &mut *self.transition
    }

    /// The emission `p(x | z)`.
    pub fn emission(&self) -> &dyn Emission<S> {
        &*self.emission
    }

    /// The emission `p(x | z)`, to be changed.
    pub fn emission_mut(&mut self) -> &mut dyn Emission<S> {
        &mut *self.emission
    }

    /// Makes the model a linear Gaussian one, from which training goes on.
    ///
    /// # Errors
    /// Names a part of a kind or a size that cannot be linear; nothing is changed then.
    ///
    /// # Panics
    /// If the shapes disagree.
    pub fn start_linear(&mut self, start: &LinearStart) -> Result<(), &'static str> {
        let mut new = self.clone();
        for (set, part) in [
            (new.transition.start_linear(&start.transition, &start.noise), "transition"),
            (
                start.remainder.as_ref().is_none_or(|map| new.transition.start_remainder(map)),
                "remainder of the transition",
            ),
            (
                new.recognition.start_linear(&start.recognition, &start.spread),
                "recognition network",
            ),
            (new.emission.start_linear(&start.emission, &start.emission_std), "emission"),
            (new.initial.start_linear(&start.initial, &start.initial_spread), "initial state"),
        ] {
            if !set {
                return Err(part);
            }
        }
        *self = new;
        Ok(())
    }

    /// Multiplies the weights, not the biases, of the two recognition networks by `factor`, which
    /// is the weight decay of an update; the generative part stays as it is.
    pub fn scale_recognition(&mut self, factor: S) {
        self.initial.scale_recognition(factor);
        self.recognition.scale_weights(factor);
    }

    /// How many slow features of the training data [`adapt`](Self::adapt) takes, for each thing that
    /// the initial state reads; none if nothing is fitted.
    pub fn features(&self) -> Vec<usize> {
        self.initial.features()
    }

    /// Fits what is drawn to the training data, once, before training.
    ///
    /// # Panics
    /// If the data have another number of channels.
    pub fn adapt(&mut self, statistics: &Statistics) {
        self.initial.adapt(statistics);
    }

    /// `k`, the observations that start the state.
    pub fn initial_frames(&self) -> usize {
        self.initial.frames()
    }

    /// `X`, observed channels.
    pub fn observation(&self) -> usize {
        self.emission.observation()
    }
}

/// Models are equal if their parameters have the same names and values.
impl<S: Scalar> PartialEq for Dvbf<S> {
    fn eq(&self, other: &Self) -> bool {
        let named = |model: &Self| {
            let mut all = Vec::new();
            model.visit(Path::ROOT, &mut |path, array| {
                all.push((path.to_string(), array.to_owned()));
            });
            all
        };
        named(self) == named(other)
    }
}

impl<S: Scalar> Params<S> for Dvbf<S> {
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
