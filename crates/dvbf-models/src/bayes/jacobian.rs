//! Derivatives by central differences.
//!
//! `∂f/∂zᵢ ≈ (f(z + hᵢ eᵢ) ⊖ f(z − hᵢ eᵢ)) / 2hᵢ` with `hᵢ = ∛ε sᵢ`, `ε` the machine's precision and
//! `sᵢ` the scale of the component: the distance over which the function changes as a whole. It is
//! not the size of `zᵢ`, which says how far the origin is.
//!
//! The error is about `hᵢ² |f‴| / 6` of the step and `ε |f| / hᵢ` of rounding. The second is large
//! where the function's value is, such as a position far from the origin. Then larger steps are
//! tried as well, up to `∛ε |zᵢ|`, and taken for as long as the differences agree within rounding.

use super::linearization::Dims;
use super::state_space::{Jacobians, StateSpace};
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// From one step to the next.
const GROWTH: f64 = 8.0;

/// A model whose derivatives are [central differences](scaled_jacobian).
#[derive(Clone, Debug)]
pub struct NumericJacobians<M> {
    model: M,
    scale: Vec<f64>,
}

impl<M: StateSpace> NumericJacobians<M> {
    /// The model, with components of the state that have scale one.
    pub fn new(model: M) -> Self {
        let scale = vec![1.0; model.dims().state];
        Self { model, scale }
    }

    /// The same with these scales, one for each component of the state: distances over which the
    /// model's functions change as a whole. They need not be exact.
    ///
    /// ```
    /// use dvbf_models::bayes::{ClosureModel, DMatrix, DVector, Dims, Jacobians, NumericJacobians};
    ///
    /// // An interferometer: a path in meters, seen by light whose wavelength is 500 nm.
    /// let wavenumber = std::f64::consts::TAU / 500e-9;
    /// let model = ClosureModel {
    ///     dims: Dims { state: 1, control: 0, observation: 1 },
    ///     transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
    ///     emission: |z: &DVector<f64>| DVector::from_element(1, (wavenumber * z[0]).sin()),
    ///     process_noise: DMatrix::zeros(1, 1),
    ///     observation_noise: DMatrix::identity(1, 1),
    /// };
    /// let model = NumericJacobians::new(model).with_scale(&[1.0 / wavenumber])?;
    /// let slope = model.emission_jacobian(0, &DVector::zeros(1))[(0, 0)];
    /// assert!((slope / wavenumber - 1.0).abs() < 1e-9);
    /// # Ok::<(), dvbf_models::bayes::BayesError>(())
    /// ```
    ///
    /// # Errors
    /// If they are not as many as the state has components, or one is not positive and finite.
    pub fn with_scale(mut self, scale: &[f64]) -> Result<Self, BayesError> {
        check::length("scale", scale.len(), self.scale.len())?;
        if let Some(&value) = scale.iter().find(|&&s| !(s > 0.0 && s.is_finite())) {
            return Err(BayesError::Setting { key: "scale", value, range: "positive" });
        }
        self.scale = scale.to_vec();
        Ok(self)
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }
}

impl<M: StateSpace> StateSpace for NumericJacobians<M> {
    fn dims(&self) -> Dims {
        self.model.dims()
    }

    fn transition(&self, step: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        self.model.transition(step, state, control)
    }

    fn process_noise(&self, step: usize) -> DMatrix<f64> {
        self.model.process_noise(step)
    }

    fn emission(&self, step: usize, state: &DVector<f64>) -> DVector<f64> {
        self.model.emission(step, state)
    }

    fn observation_noise(&self, step: usize) -> DMatrix<f64> {
        self.model.observation_noise(step)
    }

    fn state_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        self.model.state_difference(a, b)
    }

    fn observation_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        self.model.observation_difference(a, b)
    }
}

impl<M: StateSpace> Jacobians for NumericJacobians<M> {
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64> {
        let f = |z: &DVector<f64>| self.model.transition(step, z, control);
        let difference = |a: &DVector<f64>, b: &DVector<f64>| self.state_difference(a, b);
        jacobian((f, difference), state, &self.scale, self.dims().state)
    }

    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64> {
        let f = |z: &DVector<f64>| self.model.emission(step, z);
        let difference = |a: &DVector<f64>, b: &DVector<f64>| self.observation_difference(a, b);
        jacobian((f, difference), state, &self.scale, self.dims().observation)
    }
}

/// [`scaled_jacobian`] with scale one in every component.
///
/// # Panics
/// If `f` gives another number of values than `values`.
pub fn numeric_jacobian(
    f: impl Fn(&DVector<f64>) -> DVector<f64>,
    point: &DVector<f64>,
    values: usize,
) -> DMatrix<f64> {
    scaled_jacobian(f, point, &vec![1.0; point.len()], values)
}

/// Central differences of `f` at `point`, `(values, point.len())`, for components of these scales:
/// distances over which `f` changes as a whole.
///
/// Component `i` is moved by `∛ε scale[i]`, with `ε` the machine's precision: about ten digits of a
/// function of order one whose third derivative is of order one over that distance. A function with
/// a kink or a jump nearer than that has no meaningful difference. Where rounding shows at this
/// distance, because `f` is large, the component is moved further, by at most `∛ε |zᵢ|`, while the
/// differences agree.
///
/// # Panics
/// If `scale` has another length than `point`, or `f` gives another number of values than `values`.
pub fn scaled_jacobian(
    f: impl Fn(&DVector<f64>) -> DVector<f64>,
    point: &DVector<f64>,
    scale: &[f64],
    values: usize,
) -> DMatrix<f64> {
    jacobian((f, |a: &DVector<f64>, b: &DVector<f64>| a - b), point, scale, values)
}

/// The same for a function and the difference of two of its values.
fn jacobian(
    (f, difference): (
        impl Fn(&DVector<f64>) -> DVector<f64>,
        impl Fn(&DVector<f64>, &DVector<f64>) -> DVector<f64>,
    ),
    point: &DVector<f64>,
    scale: &[f64],
    values: usize,
) -> DMatrix<f64> {
    assert_eq!(scale.len(), point.len(), "scales against the components of the point");
    let mut jacobian = DMatrix::<f64>::zeros(values, point.len());
    let mut moved = point.clone();
    for (i, &scale) in scale.iter().enumerate() {
        let size = point[i].abs();
        let largest = f64::EPSILON.cbrt() * size;
        // At least a few of the numbers that there are.
        let mut step = (f64::EPSILON.cbrt() * scale).max(4.0 * f64::EPSILON * size);
        // What rounding may have done to a slope; `None` once it has its value.
        let mut rounding = vec![Some(f64::INFINITY); values];
        loop {
            let (high, low) = (point[i] + step, point[i] - step);
            moved[i] = high;
            let above = f(&moved);
            moved[i] = low;
            let below = f(&moved);
            assert_eq!((above.len(), below.len()), (values, values), "values of the function");
            // The realized step, not the intended one.
            let slopes = difference(&above, &below) / (high - low);
            for (k, rounding) in rounding.iter_mut().enumerate() {
                let change = (slopes[k] - jacobian[(k, i)]).abs();
                *rounding = rounding.filter(|r| r.is_infinite() || change <= *r).map(|_| {
                    jacobian[(k, i)] = slopes[k];
                    2.0 * f64::EPSILON * above[k].abs().max(below[k].abs()) / (high - low)
                });
            }
            step *= GROWTH;
            if step > largest || rounding.iter().all(Option::is_none) {
                break;
            }
        }
        moved[i] = point[i];
    }
    jacobian
}
