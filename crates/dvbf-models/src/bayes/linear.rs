//! Linear Gaussian models.
//!
//! `z_{t+1} = A z_t + B u_t + w_t`, `w_t ~ N(0, Q)`; `x_t = C z_t + v_t`, `v_t ~ N(0, R)`.

use super::belief::RootBelief;
use super::linearization::{Dims, GaussianModel, Linearization};
use super::root::Root;
use super::state_space::{Jacobians, StateSpace};
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// A linear Gaussian model, the same at all steps.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearGaussian {
    /// `A (Z, Z)`.
    pub transition: DMatrix<f64>,
    /// `B (Z, U)`; no columns without controls.
    pub control: DMatrix<f64>,
    /// `Q (Z, Z)`, positive semidefinite.
    pub process_noise: DMatrix<f64>,
    /// `C (X, Z)`; `H` in much of the literature.
    pub emission: DMatrix<f64>,
    /// `R (X, X)`, positive semidefinite.
    pub observation_noise: DMatrix<f64>,
}

impl LinearGaussian {
    /// Sizes of the variables.
    pub fn dims(&self) -> Dims {
        Dims {
            state: self.transition.nrows(),
            control: self.control.ncols(),
            observation: self.emission.nrows(),
        }
    }

    /// Checks shapes, finiteness, and that `Q` and `R` are covariances.
    ///
    /// # Errors
    /// Names the first matrix that is wrong.
    pub fn validate(&self) -> Result<(), BayesError> {
        let Dims { state, control, observation } = self.dims();
        if state == 0 {
            return Err(BayesError::Empty { what: "state" });
        }
        if observation == 0 {
            return Err(BayesError::Empty { what: "observation" });
        }
        check::matrix("transition", &self.transition, (state, state))?;
        check::matrix("control matrix", &self.control, (state, control))?;
        check::matrix("emission", &self.emission, (observation, state))?;
        for (what, noise, size) in [
            ("process noise", &self.process_noise, state),
            ("observation noise", &self.observation_noise, observation),
        ] {
            check::covariance(what, noise, size)?;
            Root::new(what, noise)?;
        }
        Ok(())
    }

    fn move_state(&self, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        &self.transition * state + &self.control * DVector::from_column_slice(control)
    }
}

impl GaussianModel for LinearGaussian {
    fn dims(&self) -> Dims {
        LinearGaussian::dims(self)
    }

    fn linearize_transition(
        &self,
        _: usize,
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        Ok(Linearization {
            mean: self.move_state(&belief.mean, control),
            matrix: self.transition.clone(),
            noise: self.process_noise.clone(),
        })
    }

    fn linearize_emission(
        &self,
        _: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError> {
        Ok(Linearization {
            mean: &self.emission * &belief.mean,
            matrix: self.emission.clone(),
            noise: self.observation_noise.clone(),
        })
    }
}

impl StateSpace for LinearGaussian {
    fn dims(&self) -> Dims {
        LinearGaussian::dims(self)
    }

    fn transition(&self, _: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        self.move_state(state, control)
    }

    fn process_noise(&self, _: usize) -> DMatrix<f64> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &DVector<f64>) -> DVector<f64> {
        &self.emission * state
    }

    fn observation_noise(&self, _: usize) -> DMatrix<f64> {
        self.observation_noise.clone()
    }
}

impl Jacobians for LinearGaussian {
    fn transition_jacobian(&self, _: usize, _: &DVector<f64>, _: &[f64]) -> DMatrix<f64> {
        self.transition.clone()
    }

    fn emission_jacobian(&self, _: usize, _: &DVector<f64>) -> DMatrix<f64> {
        self.emission.clone()
    }
}

/// A linear Gaussian model for every step, such as one for every interval between observations.
///
/// ```
/// use dvbf_models::bayes::{Belief, DMatrix, GaussianFilter, LinearGaussian, TimeVarying};
///
/// // A position and a velocity, observed after irregular intervals.
/// let interval = [0.1, 0.5, 0.2];
/// let one = |v: f64| DMatrix::from_element(1, 1, v);
/// let model = TimeVarying::new(|step| LinearGaussian {
///     transition: DMatrix::from_row_slice(2, 2, &[1.0, interval[step], 0.0, 1.0]),
///     control: DMatrix::zeros(2, 0),
///     process_noise: DMatrix::from_diagonal_element(2, 2, 0.01 * interval[step]),
///     emission: DMatrix::from_row_slice(1, 2, &[1.0, 0.0]),
///     observation_noise: one(0.04),
/// })?;
/// let mut filter = GaussianFilter::new(model, Belief::independent(&[0.0; 2], &[1.0; 2])?)?;
/// for position in [0.11, 0.62] {
///     filter.predict(&[])?;
///     filter.update(Some(&[position]))?;
/// }
/// assert!(filter.belief().mean[1] > 0.0);
/// # Ok::<(), dvbf_models::bayes::BayesError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimeVarying<F> {
    at: F,
    dims: Dims,
}

impl<F: Fn(usize) -> LinearGaussian> TimeVarying<F> {
    /// The model `at(step)`: its transition leads from `step` to `step + 1`, its emission belongs
    /// to `step`. The sizes of the variables are those of step zero.
    ///
    /// # Errors
    /// If the model of step zero is invalid.
    pub fn new(at: F) -> Result<Self, BayesError> {
        let first = at(0);
        first.validate()?;
        Ok(Self { dims: first.dims(), at })
    }

    fn model(&self, step: usize) -> Result<LinearGaussian, BayesError> {
        let model = (self.at)(step);
        model.validate()?;
        let got = model.dims();
        for (what, got, expected) in [
            ("state", got.state, self.dims.state),
            ("control", got.control, self.dims.control),
            ("observation", got.observation, self.dims.observation),
        ] {
            check::length(what, got, expected)?;
        }
        Ok(model)
    }
}

impl<F: Fn(usize) -> LinearGaussian> GaussianModel for TimeVarying<F> {
    fn dims(&self) -> Dims {
        self.dims
    }

    fn linearize_transition(
        &self,
        step: usize,
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        self.model(step)?.linearize_transition(step, belief, control)
    }

    fn linearize_emission(
        &self,
        step: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError> {
        self.model(step)?.linearize_emission(step, belief)
    }
}
