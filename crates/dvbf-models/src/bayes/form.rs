//! How a filter carries the covariance of its belief.

use super::BayesError;
use super::belief::Belief;
use super::linearization::Linearization;
use super::memory::Memory;
use nalgebra::{DefaultAllocator, Dim, OMatrix, OVector};

/// A belief about `Z` variables that are seen through `X` channels, and the two steps of a filter.
/// [`RootForm`](super::RootForm) carries a root of the covariance, right for a prior of any size;
/// [`CovarianceForm`](super::CovarianceForm) the covariance itself, which is faster.
///
/// A step that fails leaves the belief as it is. Nothing allocates after [`start`](Self::start)
/// except [`expected`](Self::expected) on the heap.
pub trait Form<Z: Dim, X: Dim>: Clone
where
    DefaultAllocator: Memory<Z, X>,
{
    /// Begins with `initial`; observations will have `observation` channels.
    ///
    /// # Errors
    /// If the covariance is not positive semidefinite.
    fn start(initial: Belief<Z>, observation: X) -> Result<Self, BayesError>;

    /// `N(m, P)`.
    fn belief(&self) -> &Belief<Z>;

    /// `L` with `L Lᵀ = P`, a lower triangle in the order of the variables; the column of a
    /// variable that depends on those before it is zero.
    ///
    /// # Errors
    /// If a value overflows.
    fn lower_root(&self, into: &mut OMatrix<f64, Z, Z>) -> Result<(), BayesError>;

    /// Goes on to `N(ŷ, A P Aᵀ + E)`, for a `transition` near the present belief.
    ///
    /// # Errors
    /// If the noise is no covariance or a value overflows.
    fn predict(&mut self, transition: &Linearization<Z, Z>) -> Result<(), BayesError>;

    /// `S = C P Cᵀ + E`, the covariance of an observation.
    fn expected(&self, emission: &Linearization<X, Z>, covariance: &mut OMatrix<f64, X, X>);

    /// Conditions the belief on an observation with the `residual` `y − ŷ`, unless its NIS exceeds
    /// `limit`. A channel that is missing has a row of zeros in the matrix, noise of its own with
    /// variance one, and no residual.
    ///
    /// # Errors
    /// If the noise is no covariance, `S` is singular or a value overflows.
    fn condition(
        &mut self,
        emission: &Linearization<X, Z>,
        residual: &OVector<f64, X>,
        limit: Option<f64>,
    ) -> Result<Innovation, BayesError>;
}

/// What an observation said, in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Innovation {
    /// How many channels were observed.
    pub channels: usize,
    /// `rᵀ S⁻¹ r`, the normalized innovation squared (NIS); chi-square distributed with as many
    /// degrees of freedom as channels if the model is right.
    pub nis: f64,
    /// `ln N(r; 0, S)`.
    pub log_likelihood: f64,
    /// Whether the belief was conditioned on it; not if it lay outside the gate.
    pub accepted: bool,
}

impl Innovation {
    /// Without the term of the number of channels, which a form does not know.
    pub(super) fn new(nis: f64, log_determinant: f64, accepted: bool) -> Self {
        Self { channels: 0, nis, log_likelihood: -0.5 * (nis + log_determinant), accepted }
    }

    /// The same for so many channels.
    pub(super) fn of(self, channels: usize) -> Self {
        let constant = channels as f64 * std::f64::consts::TAU.ln();
        Self { channels, log_likelihood: self.log_likelihood - 0.5 * constant, ..self }
    }
}
