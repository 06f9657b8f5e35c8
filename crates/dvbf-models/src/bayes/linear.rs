//! Linear Gaussian models.
//!
//! `z_{t+1} = A z_t + B u_t + w_t`, `w_t ~ N(0, Q)`; `x_t = C z_t + v_t`, `v_t ~ N(0, R)`.

use super::form::Form;
use super::gaussian_model::GaussianModel;
use super::linearization::{Dims, Linearization};
use super::memory::Memory;
use super::products::{add_times, times_rows};
use super::root::Root;
use super::state_space::{Jacobians, StateSpace};
use super::{BayesError, check};
use nalgebra::allocator::Allocator;
use nalgebra::{DMatrix, DefaultAllocator, Dim, Dyn, OMatrix, OVector};

/// A linear Gaussian model, the same at all steps.
///
/// Sizes are types, `Dyn` unless said otherwise; with `Const` the matrices are arrays:
///
/// ```
/// use dvbf_models::bayes::{Const, LinearGaussian};
/// use nalgebra::{Matrix1, Matrix2, RowVector2, Vector2};
///
/// let dt = 0.1;
/// let cart: LinearGaussian<Const<2>, Const<1>, Const<1>> = LinearGaussian {
///     transition: Matrix2::new(1.0, dt, 0.0, 1.0),
///     control: Vector2::new(0.5 * dt * dt, dt),
///     process_noise: Matrix2::identity() * 1e-4,
///     emission: RowVector2::new(1.0, 0.0),
///     observation_noise: Matrix1::new(0.01),
/// };
/// assert!(cart.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinearGaussian<Z: Dim = Dyn, X: Dim = Dyn, U: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
    /// `A (Z, Z)`.
    pub transition: OMatrix<f64, Z, Z>,
    /// `B (Z, U)`; no columns without controls.
    pub control: OMatrix<f64, Z, U>,
    /// `Q (Z, Z)`, positive semidefinite.
    pub process_noise: OMatrix<f64, Z, Z>,
    /// `C (X, Z)`; `H` in much of the literature.
    pub emission: OMatrix<f64, X, Z>,
    /// `R (X, X)`, positive semidefinite.
    pub observation_noise: OMatrix<f64, X, X>,
}

impl<Z: Dim, X: Dim, U: Dim> LinearGaussian<Z, X, U>
where
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
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
        let what = "process noise";
        check::covariance(what, &self.process_noise, state)?;
        Root::new(what, &self.process_noise)?;
        let what = "observation noise";
        check::covariance(what, &self.observation_noise, observation)?;
        Root::new(what, &self.observation_noise)?;
        Ok(())
    }

    /// `A z + B u`.
    #[inline]
    fn move_state(&self, state: &OVector<f64, Z>, control: &[f64], into: &mut OVector<f64, Z>) {
        into.fill(0.0);
        add_times(into.as_mut_slice(), &self.transition, state.as_slice());
        add_times(into.as_mut_slice(), &self.control, control);
    }

    /// `C z`.
    #[inline]
    fn observe(&self, state: &OVector<f64, Z>, into: &mut OVector<f64, X>) {
        into.fill(0.0);
        add_times(into.as_mut_slice(), &self.emission, state.as_slice());
    }
}

impl LinearGaussian {
    /// `A z + B u` of states `(N, Z)` and controls `(N, U)` in rows.
    pub(super) fn move_rows(&self, states: &DMatrix<f64>, controls: &DMatrix<f64>) -> DMatrix<f64> {
        let mut next = times_rows(states, &self.transition);
        for (control, factors) in controls.column_iter().zip(self.control.column_iter()) {
            for (mut next, &factor) in next.column_iter_mut().zip(&factors) {
                next.zip_apply(&control, |next, control| *next += factor * control);
            }
        }
        next
    }
}

impl<Z: Dim, X: Dim, U: Dim> GaussianModel<Z, X> for LinearGaussian<Z, X, U>
where
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
    fn dims(&self) -> Dims {
        LinearGaussian::dims(self)
    }

    fn validate(&self) -> Result<(), BayesError> {
        LinearGaussian::validate(self)
    }

    #[inline]
    fn linearize_transition(
        &self,
        _: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError> {
        self.move_state(&near.belief().mean, control, &mut into.mean);
        into.matrix.copy_from(&self.transition);
        into.noise.copy_from(&self.process_noise);
        Ok(())
    }

    #[inline]
    fn linearize_emission(
        &self,
        _: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError> {
        self.observe(&near.belief().mean, &mut into.mean);
        into.matrix.copy_from(&self.emission);
        into.noise.copy_from(&self.observation_noise);
        Ok(())
    }
}

impl<Z: Dim, X: Dim, U: Dim> StateSpace<Z, X> for LinearGaussian<Z, X, U>
where
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
    fn dims(&self) -> Dims {
        LinearGaussian::dims(self)
    }

    fn transition(&self, _: usize, state: &OVector<f64, Z>, control: &[f64]) -> OVector<f64, Z> {
        let mut next = state.clone();
        self.move_state(state, control, &mut next);
        next
    }

    fn process_noise(&self, _: usize) -> OMatrix<f64, Z, Z> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &OVector<f64, Z>) -> OVector<f64, X> {
        let mut seen = super::memory::zeros(self.emission.shape_generic().0, nalgebra::U1);
        self.observe(state, &mut seen);
        seen
    }

    fn observation_noise(&self, _: usize) -> OMatrix<f64, X, X> {
        self.observation_noise.clone()
    }
}

impl<Z: Dim, X: Dim, U: Dim> Jacobians<Z, X> for LinearGaussian<Z, X, U>
where
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
    fn transition_jacobian(&self, _: usize, _: &OVector<f64, Z>, _: &[f64]) -> OMatrix<f64, Z, Z> {
        self.transition.clone()
    }

    fn emission_jacobian(&self, _: usize, _: &OVector<f64, Z>) -> OMatrix<f64, X, Z> {
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

impl<F> TimeVarying<F> {
    /// The model `at(step)`: its transition leads from `step` to `step + 1`, its emission belongs
    /// to `step`. The sizes of the variables are those of step zero.
    ///
    /// # Errors
    /// If the model of step zero is invalid.
    pub fn new<Z: Dim, X: Dim, U: Dim>(at: F) -> Result<Self, BayesError>
    where
        F: Fn(usize) -> LinearGaussian<Z, X, U>,
        DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
    {
        let first = at(0);
        first.validate()?;
        Ok(Self { dims: first.dims(), at })
    }

    fn model<Z: Dim, X: Dim, U: Dim>(
        &self,
        step: usize,
    ) -> Result<LinearGaussian<Z, X, U>, BayesError>
    where
        F: Fn(usize) -> LinearGaussian<Z, X, U>,
        DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
    {
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

impl<F, Z: Dim, X: Dim, U: Dim> GaussianModel<Z, X> for TimeVarying<F>
where
    F: Fn(usize) -> LinearGaussian<Z, X, U>,
    DefaultAllocator: Memory<Z, X> + Allocator<Z, U>,
{
    fn dims(&self) -> Dims {
        self.dims
    }

    fn linearize_transition(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError> {
        self.model(step)?.linearize_transition(step, near, control, into)
    }

    fn linearize_emission(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError> {
        self.model(step)?.linearize_emission(step, near, into)
    }
}
