//! The Gaussian filter: one control in, one observation in, one belief out.
//!
//! On a [`LinearGaussian`] model it is the Kalman filter (Kalman 1960), on an
//! [`Extended`](super::Extended) one the extended and on an [`Unscented`](super::Unscented) one
//! the unscented Kalman filter.
//!
//! Two types say how it works: the sizes of state and observation, and how the covariance is
//! carried.
//!
//! ```
//! use dvbf_models::bayes::{Belief, Const, KalmanFilter, LinearGaussian};
//! use nalgebra::{Matrix1, Matrix2, RowVector2, Vector2};
//!
//! let model = LinearGaussian {
//!     transition: Matrix2::new(1.0, 0.1, 0.0, 1.0),
//!     control: Vector2::new(0.005, 0.1),
//!     process_noise: Matrix2::identity() * 1e-4,
//!     emission: RowVector2::new(1.0, 0.0),
//!     observation_noise: Matrix1::new(0.01),
//! };
//! let start = Belief::new(Vector2::zeros(), Matrix2::identity())?;
//! // Nothing of this is on the heap.
//! let mut filter: KalmanFilter<Const<2>, Const<1>, Const<1>> =
//!     KalmanFilter::exact(model, start)?;
//! let said = filter.condition(Some(&[0.3]))?;
//! assert!(said.is_some_and(|innovation| innovation.accepted));
//! filter.predict(&[1.0])?;
//! # Ok::<(), dvbf_models::bayes::BayesError>(())
//! ```

use super::belief::Belief;
use super::consistency::chi_square_quantile;
use super::covariance_form::CovarianceForm;
use super::form::{Form, Innovation};
use super::gaussian_model::GaussianModel;
use super::linear::LinearGaussian;
use super::linearization::{Correction, Linearization};
use super::memory::{Memory, zeros};
use super::root_form::{RootForm, RootMemory};
use super::{BayesError, check};
use nalgebra::allocator::Allocator;
use nalgebra::{DVector, DefaultAllocator, Dim, DimAdd, Dyn, OMatrix, OVector, U1};
use ndarray::ArrayView2;

/// The filter of a linear Gaussian model, which is exact: of `Z` states, `X` channels and `U`
/// controls, each a `Const<N>` or `Dyn`, carrying its covariance in form `F`.
pub type KalmanFilter<Z = Dyn, X = Dyn, U = Dyn, F = RootForm<Z, X>> =
    GaussianFilter<LinearGaussian<Z, X, U>, Z, X, F>;

/// A filter over one sequence. A step that fails leaves it unchanged.
///
/// It begins at step zero with a belief about the first state, before the first observation:
/// [`update`](Self::update) takes that observation, [`predict`](Self::predict) goes on to the next
/// step.
///
/// `Z` and `X` are the sizes of state and observation. The form `F` is [`RootForm`], which is right
/// for a prior of any size, or [`CovarianceForm`], which is faster. Beside what a nonlinear model
/// allocates for its values, [`predict`](Self::predict) and [`condition`](Self::condition) allocate
/// nothing; with constant sizes there is no heap at all.
#[derive(Clone, Debug)]
pub struct GaussianFilter<M, Z: Dim = Dyn, X: Dim = Dyn, F = RootForm<Z, X>>
where
    DefaultAllocator: Memory<Z, X>,
{
    pub(super) model: M,
    pub(super) now: Moment<F>,
    pub(super) work: Work<Z, X>,
    /// Largest acceptable NIS for one, two, … observed channels.
    limits: Option<OVector<f64, X>>,
}

/// Where a filter stands.
#[derive(Clone, Debug)]
pub(super) struct Moment<F> {
    pub(super) step: usize,
    pub(super) form: F,
    pub(super) log_likelihood: f64,
}

/// What a model says of a step.
#[derive(Clone, Debug)]
pub(super) struct Work<Z: Dim, X: Dim>
where
    DefaultAllocator: Memory<Z, X>,
{
    pub(super) transition: Linearization<Z, Z>,
    emission: Linearization<X, Z>,
    /// The observation, with what is expected where a channel is missing.
    filled: OVector<f64, X>,
    residual: OVector<f64, X>,
}

/// A belief about a step to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The state.
    pub state: Belief,
    /// The observation, its noise included.
    pub observation: Belief,
}

impl<Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>, U: Dim> KalmanFilter<Z, X, U>
where
    DefaultAllocator: RootMemory<Z, X> + Allocator<Z, U>,
{
    /// The Kalman filter of `model` with `initial`, the belief `N(m₀, P₀)` about the first state.
    ///
    /// # Errors
    /// If the model or the belief is invalid or they do not fit.
    pub fn exact(model: LinearGaussian<Z, X, U>, initial: Belief<Z>) -> Result<Self, BayesError> {
        Self::new(model, initial)
    }
}

impl<M, Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>> GaussianFilter<M, Z, X>
where
    M: GaussianModel<Z, X>,
    DefaultAllocator: RootMemory<Z, X>,
{
    /// The filter of `model` with `initial`, the belief about the first state, in [`RootForm`].
    ///
    /// # Errors
    /// If the model or the belief is invalid or they do not fit.
    pub fn new(model: M, initial: Belief<Z>) -> Result<Self, BayesError> {
        Self::start(model, initial)
    }
}

impl<M, Z: Dim, X: Dim> GaussianFilter<M, Z, X, CovarianceForm<Z, X>>
where
    M: GaussianModel<Z, X>,
    DefaultAllocator: Memory<Z, X>,
{
    /// The same in [`CovarianceForm`], which is faster and loses digits beside large priors.
    ///
    /// ```
    /// # use dvbf_models::bayes::{Belief, DMatrix, GaussianFilter, LinearGaussian};
    /// let one = |v: f64| DMatrix::from_element(1, 1, v);
    /// let walk = LinearGaussian {
    ///     transition: one(1.0),
    ///     control: DMatrix::zeros(1, 0),
    ///     process_noise: one(0.1),
    ///     emission: one(1.0),
    ///     observation_noise: one(1.0),
    /// };
    /// let start = Belief::independent(&[0.0], &[1.0])?;
    /// let mut filter = GaussianFilter::joseph(walk, start)?;
    /// filter.condition(Some(&[2.0]))?;
    /// assert!((filter.belief().mean[0] - 1.0).abs() < 1e-12);
    /// # Ok::<(), dvbf_models::bayes::BayesError>(())
    /// ```
    ///
    /// # Errors
    /// If the model or the belief is invalid or they do not fit.
    pub fn joseph(model: M, initial: Belief<Z>) -> Result<Self, BayesError> {
        Self::start(model, initial)
    }
}

impl<M, Z: Dim, X: Dim, F> GaussianFilter<M, Z, X, F>
where
    M: GaussianModel<Z, X>,
    F: Form<Z, X>,
    DefaultAllocator: Memory<Z, X>,
{
    fn start(model: M, initial: Belief<Z>) -> Result<Self, BayesError> {
        model.validate()?;
        let dims = model.dims();
        check::length("initial mean", initial.len(), dims.state)?;
        if let Some(channels) = X::try_to_usize() {
            check::length("observation", dims.observation, channels)?;
        }
        let (z, x) = (initial.mean.shape_generic().0, X::from_usize(dims.observation));
        let initial = Belief::new(initial.mean, initial.covariance)?;
        let form = F::start(initial, x)?;
        let work = Work {
            transition: Linearization::<Z, Z>::zero(z, z),
            emission: Linearization::<X, Z>::zero(x, z),
            filled: zeros(x, U1),
            residual: zeros(x, U1),
        };
        let now = Moment { step: 0, form, log_likelihood: 0.0 };
        Ok(Self { model, now, work, limits: None })
    }

    /// The same filter, which leaves out observations whose NIS exceeds the quantile of `gate`,
    /// such as 0.999: the probability that the gate lets pass what the model gives.
    ///
    /// # Errors
    /// If `gate` is not strictly between zero and one.
    pub fn with_gate(mut self, gate: Option<f64>) -> Result<Self, BayesError> {
        self.limits = match gate {
            None => None,
            Some(probability) => {
                let mut limits = self.work.residual.clone();
                for (i, limit) in limits.iter_mut().enumerate() {
                    *limit = chi_square_quantile(probability, i + 1)?;
                }
                Some(limits)
            }
        };
        Ok(self)
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The belief about the state now.
    pub fn belief(&self) -> &Belief<Z> {
        self.now.form.belief()
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
    #[inline]
    pub fn predict(&mut self, control: &[f64]) -> Result<(), BayesError> {
        let dims = self.model.dims();
        check::control(control, dims.control)?;
        let Moment { step, form, .. } = &mut self.now;
        let transition = &mut self.work.transition;
        self.model.linearize_transition(*step, form, control, transition)?;
        transition.check(dims.state, dims.state)?;
        form.predict(transition)?;
        *step += 1;
        Ok(())
    }

    /// Conditions the belief on an observation of `X` values; NaN marks a missing channel and
    /// `None` a missing observation. Several updates of one step count as independent
    /// observations of it.
    ///
    /// Gives `None` if nothing was observed. [`condition`](Self::condition) does the same without
    /// the vectors and matrices of a [`Correction`].
    ///
    /// # Errors
    /// If the observation has the wrong length or an infinite value, what the model gives is
    /// wrong, or the observation would have no variance in some direction.
    pub fn update(
        &mut self,
        observation: Option<&[f64]>,
    ) -> Result<Option<Correction>, BayesError> {
        let Some((values, _)) = self.expect(observation)? else { return Ok(None) };
        let mut covariance = self.work.emission.noise.clone();
        self.now.form.expected(&self.work.emission, &mut covariance);
        check::finite("covariance of the observation", covariance.as_slice())?;
        let channels: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
        let Innovation { nis, log_likelihood, accepted, .. } = self.weigh(channels.len())?;
        let count = channels.len();
        Ok(Some(Correction {
            residual: DVector::from_fn(count, |i, _| self.work.residual[channels[i]]),
            covariance: OMatrix::<f64, Dyn, Dyn>::from_fn(count, count, |i, j| {
                let (i, j) = (channels[i], channels[j]);
                (covariance[(i, j)] + covariance[(j, i)]) * 0.5
            }),
            channels,
            nis,
            log_likelihood,
            accepted,
        }))
    }

    /// Conditions the belief as [`update`](Self::update) does, and says in numbers what the
    /// observation said; allocates nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[inline]
    pub fn condition(
        &mut self,
        observation: Option<&[f64]>,
    ) -> Result<Option<Innovation>, BayesError> {
        match self.expect(observation)? {
            Some((_, channels)) => self.weigh(channels).map(Some),
            None => Ok(None),
        }
    }

    /// Writes what the model expects and what the observation has beyond it to the buffers. Gives
    /// the observation and the number of its channels, unless nothing was observed.
    #[inline]
    fn expect<'a>(
        &mut self,
        observation: Option<&'a [f64]>,
    ) -> Result<Option<(&'a [f64], usize)>, BayesError> {
        let dims = self.model.dims();
        let Some(values) = observation else { return Ok(None) };
        let channels = check::count_observed(values, dims.observation)?;
        if channels == 0 {
            return Ok(None);
        }
        let Work { emission, filled, residual, .. } = &mut self.work;
        self.model.linearize_emission(self.now.step, &self.now.form, emission)?;
        emission.check(dims.observation, dims.state)?;
        for (i, &value) in values.iter().enumerate() {
            filled[i] = if value.is_nan() { emission.mean[i] } else { value };
        }
        self.model.observation_difference(filled, &emission.mean, residual);
        check::vector("residual of the observation", residual, values.len())?;
        if channels < values.len() {
            for (i, value) in values.iter().enumerate() {
                if value.is_nan() {
                    emission.silence(i);
                    residual[i] = 0.0;
                }
            }
        }
        Ok(Some((values, channels)))
    }

    /// Conditions the belief on what lies in the buffers.
    #[inline]
    fn weigh(&mut self, channels: usize) -> Result<Innovation, BayesError> {
        let Work { emission, residual, .. } = &self.work;
        let limit = self.limits.as_ref().map(|limits| limits[channels - 1]);
        let innovation = self.now.form.condition(emission, residual, limit)?.of(channels);
        if innovation.accepted {
            self.now.log_likelihood += innovation.log_likelihood;
        }
        Ok(innovation)
    }
}

impl<M: GaussianModel, F: Form<Dyn, Dyn>> GaussianFilter<M, Dyn, Dyn, F> {
    /// Beliefs about the next `k` steps, without observations, under `controls (k, U)`; the first
    /// row acts from now on. The filter stays where it is.
    ///
    /// # Errors
    /// If the controls have the wrong width or are not finite, or what the model gives is wrong.
    pub fn forecast(&self, controls: ArrayView2<'_, f64>) -> Result<Vec<Forecast>, BayesError> {
        let dims = self.model.dims();
        let mut ahead = GaussianFilter {
            model: &self.model,
            now: self.now.clone(),
            work: self.work.clone(),
            limits: None,
        };
        controls
            .rows()
            .into_iter()
            .map(|control| {
                ahead.predict(&control.to_vec())?;
                let (form, emission) = (&ahead.now.form, &mut ahead.work.emission);
                self.model.linearize_emission(ahead.now.step, form, emission)?;
                emission.check(dims.observation, dims.state)?;
                let mut covariance = emission.noise.clone();
                form.expected(emission, &mut covariance);
                let observation = Belief::new(emission.mean.clone(), covariance)?;
                Ok(Forecast { observation, state: ahead.belief().clone() })
            })
            .collect()
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
