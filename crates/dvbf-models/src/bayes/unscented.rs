//! Unscented filter: moments of a function of a Gaussian from its values at sigma points (Julier
//! and Uhlmann 1997, 2004; scaled as by Wan and van der Merwe 2000), for additive noise.
//!
//! With `γ² = α² (Z + κ)`, `L Lᵀ = P` and columns `lᵢ` of `L`, the points are `m` and `m ± γ lᵢ`.
//! The usual weights are `1 / 2γ²` for the outer points, and at `m` `1 − Z / γ²` for the mean and
//! `1 − Z / γ² + 1 − α² + β` for the covariance. With the first and second differences
//!
//! ```text
//! dᵢ = (a⁺ᵢ − a⁻ᵢ) / 2γ        a±ᵢ = g(m ± γ lᵢ) ⊖ g(m)
//! cᵢ = (a⁺ᵢ + a⁻ᵢ) / 2γ²       s = Σᵢ cᵢ
//! ```
//!
//! where `⊖` is the model's difference of two states or two observations, the weighted sums are the
//! same as
//!
//! ```text
//! mean          g(m) + s
//! covariance    Σᵢ dᵢ dᵢᵀ + γ² Σᵢ cᵢ cᵢᵀ + (β − α²) s sᵀ
//! with z        Σᵢ lᵢ dᵢᵀ
//! ```
//!
//! and mean angles, which the sums of large weights do not have, come with the differences.
//! This form needs no large weights of opposite signs, and shows what the weights hide: the
//! covariance is positive semidefinite whenever `β ≥ 0` and `κ ≥ 0`, for `s sᵀ ≤ Z Σ cᵢ cᵢᵀ`. The
//! linear map that explains the covariance with `z` is `H = D L⁻¹`, with `D` of columns `dᵢ`. It
//! accounts for `Σ dᵢ dᵢᵀ`; the terms of second differences are added to the noise.

use super::form::Form;
use super::gaussian_model::GaussianModel;
use super::linearization::{Dims, Linearization};
use super::memory::{Memory, zeros};
use super::products::symmetric_product;
use super::root::Root;
use super::state_space::StateSpace;
use super::{BayesError, check};
use nalgebra::{DefaultAllocator, Dim, OMatrix, OVector, U1};

/// Where the sigma points lie and how the one in the middle counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SigmaPoints {
    /// `α`, spread of the points; greater than zero, at most one as a rule.
    pub alpha: f64,
    /// `β`, two for a Gaussian belief; not negative.
    pub beta: f64,
    /// `κ`, not negative.
    pub kappa: f64,
}

impl SigmaPoints {
    /// Points at `m ± √Z lᵢ` with `α = 1`, `β = 2`, `κ = 0`.
    pub const GAUSSIAN: Self = Self { alpha: 1.0, beta: 2.0, kappa: 0.0 };

    /// The cubature rule of Arasaratnam and Haykin 2009: `α = 1`, `β = 0`, `κ = 0`.
    pub const CUBATURE: Self = Self { alpha: 1.0, beta: 0.0, kappa: 0.0 };
}

/// A nonlinear model, linear near a belief by regression on its sigma points.
#[derive(Clone, Debug)]
pub struct Unscented<M> {
    model: M,
    points: SigmaPoints,
}

impl<M> Unscented<M> {
    /// The model with these sigma points.
    ///
    /// # Errors
    /// If `α` is not positive, or `β` or `κ` is negative, or one is not finite.
    pub fn new(model: M, points: SigmaPoints) -> Result<Self, BayesError> {
        let SigmaPoints { alpha, beta, kappa } = points;
        if !(alpha > 0.0 && alpha.is_finite()) {
            return Err(BayesError::Setting { key: "alpha", value: alpha, range: "positive" });
        }
        for (key, value) in [("beta", beta), ("kappa", kappa)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(BayesError::Setting { key, value, range: "zero or positive" });
            }
        }
        Ok(Self { model, points })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Regresses `function`, of which two values differ by `difference`, on the state; `into` has
    /// the noise of the model. `root` is that of the belief.
    #[inline]
    fn regress<Z: Dim, Y: Dim>(
        &self,
        (mean, root): (&OVector<f64, Z>, &OMatrix<f64, Z, Z>),
        (function, difference): (
            impl Fn(&OVector<f64, Z>) -> OVector<f64, Y>,
            impl Fn(&OVector<f64, Y>, &OVector<f64, Y>) -> OVector<f64, Y>,
        ),
        into: &mut Linearization<Y, Z>,
    ) -> Result<(), BayesError>
    where
        DefaultAllocator: Memory<Z, Y>,
    {
        let SigmaPoints { alpha, beta, kappa } = self.points;
        let n = mean.len();
        let (values, variables) = into.matrix.shape_generic();
        let spread = alpha * alpha * (n as f64 + kappa);
        let gamma = spread.sqrt();
        let at = |point: &OVector<f64, Z>| {
            let value = function(point);
            check::vector("value at a sigma point", &value, values.value()).map(|()| value)
        };
        let middle = at(mean)?;
        let (mut first, mut second) = (zeros(values, variables), zeros(values, variables));
        let mut shift: OVector<f64, Y> = zeros(values, U1);
        let mut point = mean.clone();
        for i in 0..n {
            let mut moved = |sign: f64| {
                for k in 0..n {
                    point[k] = mean[k] + sign * (root[(k, i)] * gamma);
                }
                at(&point).map(|value| difference(&value, &middle))
            };
            let (above, below) = (moved(1.0)?, moved(-1.0)?);
            for k in 0..values.value() {
                first[(k, i)] = (above[k] - below[k]) / (2.0 * gamma);
                second[(k, i)] = (above[k] + below[k]) / (2.0 * spread);
                shift[k] += second[(k, i)];
            }
        }
        check::covariance("noise of the model", &into.noise, values.value())?;
        Root::new("noise of the model", &into.noise)?;
        // γ² Σ cᵢ cᵢᵀ + (β − α²) s sᵀ in one half, added to both.
        let mut rest = zeros(values, values);
        let weighted = second.map(|c| c * spread);
        symmetric_product(&mut rest, &second, &weighted);
        for c in 0..values.value() {
            for r in c..values.value() {
                let left = rest[(r, c)] + shift[r] * shift[c] * (beta - alpha * alpha);
                into.noise[(r, c)] += left;
                if r > c {
                    into.noise[(c, r)] += left;
                }
            }
        }
        regression(&first, root, &mut into.matrix);
        for k in 0..values.value() {
            into.mean[k] = middle[k] + shift[k];
        }
        Ok(())
    }
}

/// `H` with `H L = D` for a lower triangle `L`; columns of variables that depend on others are
/// zero.
#[inline]
fn regression<Z: Dim, Y: Dim>(
    d: &OMatrix<f64, Y, Z>,
    l: &OMatrix<f64, Z, Z>,
    h: &mut OMatrix<f64, Y, Z>,
) where
    DefaultAllocator: Memory<Z, Y>,
{
    let (y, n) = d.shape();
    h.copy_from(d);
    let h = h.as_mut_slice();
    for j in (0..n).rev() {
        let (head, later) = h.split_at_mut((j + 1) * y);
        let column = &mut head[j * y..];
        for k in j + 1..n {
            let factor = l[(k, j)];
            let other = &later[(k - j - 1) * y..(k - j) * y];
            column.iter_mut().zip(other).for_each(|(column, other)| *column -= factor * other);
        }
        let pivot = l[(j, j)];
        for v in column {
            *v = if pivot > 0.0 { *v / pivot } else { 0.0 };
        }
    }
}

impl<Z: Dim, X: Dim, M: StateSpace<Z, X>> GaussianModel<Z, X> for Unscented<M>
where
    DefaultAllocator: Memory<Z, X>,
{
    fn dims(&self) -> Dims {
        self.model.dims()
    }

    #[inline]
    fn linearize_transition(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError> {
        let function = |z: &OVector<f64, Z>| self.model.transition(step, z, control);
        let difference =
            |a: &OVector<f64, Z>, b: &OVector<f64, Z>| self.model.state_difference(a, b);
        let mean = &near.belief().mean;
        let mut root = near.belief().covariance.clone();
        near.lower_root(&mut root)?;
        into.noise = self.model.process_noise(step);
        self.regress::<Z, Z>((mean, &root), (function, difference), into)
    }

    #[inline]
    fn linearize_emission(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError> {
        let function = |z: &OVector<f64, Z>| self.model.emission(step, z);
        let difference =
            |a: &OVector<f64, X>, b: &OVector<f64, X>| self.model.observation_difference(a, b);
        let mean = &near.belief().mean;
        let mut root = near.belief().covariance.clone();
        near.lower_root(&mut root)?;
        into.noise = self.model.observation_noise(step);
        self.regress::<Z, X>((mean, &root), (function, difference), into)
    }

    fn observation_difference(
        &self,
        observation: &OVector<f64, X>,
        expected: &OVector<f64, X>,
        into: &mut OVector<f64, X>,
    ) {
        *into = self.model.observation_difference(observation, expected);
    }
}
