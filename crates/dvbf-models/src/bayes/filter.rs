//! The Gaussian filter: one control in, one observation in, one belief out.
//!
//! On a [`LinearGaussian`] model it is the Kalman filter (Kalman 1960), on an
//! [`Extended`](super::Extended) one the extended and on an [`Unscented`](super::Unscented) one
//! the unscented Kalman filter.

use super::belief::{Belief, RootBelief};
use super::consistency::chi_square_quantile;
use super::linear::LinearGaussian;
use super::linearization::{Correction, GaussianModel, Linearization};
use super::{BayesError, check};
use nalgebra::DVector;
use ndarray::ArrayView2;

/// The filter of a linear Gaussian model, which is exact.
pub type KalmanFilter = GaussianFilter<LinearGaussian>;

/// A filter over one sequence. A step that fails leaves it unchanged.
///
/// It begins at step zero with a belief about the first state, before the first observation:
/// [`update`](Self::update) takes that observation, [`predict`](Self::predict) goes on to the next
/// step.
#[derive(Clone, Debug)]
pub struct GaussianFilter<M> {
    pub(super) model: M,
    pub(super) now: Moment,
    /// Largest acceptable NIS for one, two, … observed channels; empty without a gate.
    limits: Vec<f64>,
}

/// Where a filter stands.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) step: usize,
    pub(super) near: RootBelief,
    /// The same belief by its covariance.
    pub(super) belief: Belief,
    pub(super) log_likelihood: f64,
}

/// A belief about a step to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The state.
    pub state: Belief,
    /// The observation, its noise included.
    pub observation: Belief,
}

impl KalmanFilter {
    /// The Kalman filter of `model` with `initial`, the belief `N(m₀, P₀)` about the first state.
    ///
    /// # Errors
    /// If the model or the belief is invalid or they do not fit.
    pub fn exact(model: LinearGaussian, initial: Belief) -> Result<Self, BayesError> {
        model.validate()?;
        Self::new(model, initial)
    }
}

impl<M: GaussianModel> GaussianFilter<M> {
    /// The filter of `model` with `initial`, the belief about the first state.
    ///
    /// # Errors
    /// If the belief is invalid or does not fit the model.
    pub fn new(model: M, initial: Belief) -> Result<Self, BayesError> {
        check::length("initial mean", initial.len(), model.dims().state)?;
        let belief = Belief::new(initial.mean, initial.covariance)?;
        let now = Moment { step: 0, near: belief.root()?, belief, log_likelihood: 0.0 };
        Ok(Self { model, now, limits: Vec::new() })
    }

    /// The same filter, which leaves out observations whose NIS exceeds the quantile of `gate`,
    /// such as 0.999: the probability that the gate lets pass what the model gives.
    ///
    /// # Errors
    /// If `gate` is not strictly between zero and one.
    pub fn with_gate(mut self, gate: Option<f64>) -> Result<Self, BayesError> {
        self.limits = match gate {
            None => Vec::new(),
            Some(probability) => (1..=self.model.dims().observation)
                .map(|channels| chi_square_quantile(probability, channels))
                .collect::<Result<_, _>>()?,
        };
        Ok(self)
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The belief about the state now.
    pub fn belief(&self) -> &Belief {
        &self.now.belief
    }

    /// The step that the belief is about, the first being zero.
    pub fn step(&self) -> usize {
        self.now.step
    }

    /// `ln p` of all observations that were accepted.
    pub fn log_likelihood(&self) -> f64 {
        self.now.log_likelihood
    }

    /// Goes on to the next step under `control`, `U` values.
    ///
    /// # Errors
    /// If the control has the wrong length or is not finite, or what the model gives is wrong.
    pub fn predict(&mut self, control: &[f64]) -> Result<(), BayesError> {
        self.advance(control).map(|_| ())
    }

    /// Conditions the belief on an observation of `X` values; NaN marks a missing channel and
    /// `None` a missing observation. Several updates of one step count as independent
    /// observations of it.
    ///
    /// Gives `None` if nothing was observed.
    ///
    /// # Errors
    /// If the observation has the wrong length or an infinite value, what the model gives is
    /// wrong, or the observation would have no variance in some direction.
    pub fn update(
        &mut self,
        observation: Option<&[f64]>,
    ) -> Result<Option<Correction>, BayesError> {
        let dims = self.model.dims();
        let Some(values) = observation else { return Ok(None) };
        let channels = check::observed(values, dims.observation)?;
        if channels.is_empty() {
            return Ok(None);
        }
        let Moment { step, near, .. } = &self.now;
        let emission = self.model.linearize_emission(*step, near)?;
        emission.check(dims.observation, dims.state)?;
        let residual =
            residual(values, &emission.mean, |a, b| self.model.observation_difference(a, b))?;
        let limit = self.limits.get(channels.len() - 1).copied();
        let (posterior, correction) =
            emission.select(&channels).condition(near, residual.select_rows(&channels), limit)?;
        if correction.accepted {
            self.now.belief = posterior.belief()?;
            self.now.near = posterior;
            self.now.log_likelihood += correction.log_likelihood;
        }
        Ok(Some(Correction { channels, ..correction }))
    }

    /// Beliefs about the next `k` steps, without observations, under `controls (k, U)`; the first
    /// row acts from now on. The filter stays where it is.
    ///
    /// # Errors
    /// If the controls have the wrong width or are not finite, or what the model gives is wrong.
    pub fn forecast(&self, controls: ArrayView2<'_, f64>) -> Result<Vec<Forecast>, BayesError> {
        let dims = self.model.dims();
        let mut ahead =
            GaussianFilter { model: &self.model, now: self.now.clone(), limits: Vec::new() };
        controls
            .rows()
            .into_iter()
            .map(|control| {
                ahead.predict(&control.to_vec())?;
                let near = &ahead.now.near;
                let emission = self.model.linearize_emission(ahead.step(), near)?;
                emission.check(dims.observation, dims.state)?;
                let observation = emission.carry(near)?.belief()?;
                Ok(Forecast { observation, state: ahead.belief().clone() })
            })
            .collect()
    }

    /// [`predict`](Self::predict), giving the transition that it used.
    pub(super) fn advance(&mut self, control: &[f64]) -> Result<Linearization, BayesError> {
        let dims = self.model.dims();
        check::control(control, dims.control)?;
        let Moment { step, near, .. } = &self.now;
        let transition = self.model.linearize_transition(*step, near, control)?;
        transition.check(dims.state, dims.state)?;
        let ahead = transition.carry(near)?;
        self.now.belief = ahead.belief()?;
        self.now.near = ahead;
        self.now.step += 1;
        Ok(transition)
    }
}

/// What an observation has beyond `expected`, by `difference`, to which missing channels look as
/// expected.
pub(super) fn residual(
    values: &[f64],
    expected: &DVector<f64>,
    difference: impl Fn(&DVector<f64>, &DVector<f64>) -> DVector<f64>,
) -> Result<DVector<f64>, BayesError> {
    let filled = expected.zip_map(&DVector::from_column_slice(values), |expected, value| {
        if value.is_nan() { expected } else { value }
    });
    let residual = difference(&filled, expected);
    check::vector("residual of the observation", &residual, values.len())?;
    Ok(residual)
}
