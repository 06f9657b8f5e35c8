//! A linear model that the parts of a model start from.

use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2};

/// An affine map `y = V x + c`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMap {
    /// `V`, outputs × inputs.
    pub weight: Array2<f64>,
    /// `c`, one for each output.
    pub offset: Array1<f64>,
}

impl AffineMap {
    /// Weight and offset as scalars of another kind.
    pub(crate) fn as_scalars<S: Scalar>(&self) -> (Array2<S>, Array1<S>) {
        (self.weight.mapv(S::of), self.offset.mapv(S::of))
    }

    /// `V [z, u] + c − z`, for a map to the state `z`.
    pub(crate) fn change(&self) -> Self {
        let mut change = self.clone();
        change.weight.diag_mut().mapv_inplace(|v| v - 1.0);
        change
    }

    /// The same map with outputs below for the standard deviations `spread` of a
    /// [Gaussian head](dvbf_prob::GaussianHead), whatever the input.
    pub(crate) fn with_spread(&self, spread: &[f64]) -> Self {
        let (own, inputs) = self.weight.dim();
        assert_eq!(own, spread.len(), "means against standard deviations");
        let mut weight = Array2::zeros((2 * own, inputs));
        weight.slice_mut(ndarray::s![..own, ..]).assign(&self.weight);
        let raw = spread.iter().map(|&std| raw_std(std));
        let offset = self.offset.iter().copied().chain(raw).collect();
        Self { weight, offset }
    }
}

/// A linear Gaussian state-space model with its filter. The noise has as many dimensions as the state.
///
/// | | equation |
/// |-|----------|
/// | transition | `z' = V [z, u] + c + σ ⊙ w` |
/// | remainder, if there is one | `z' += V [ψ(z), u] + c` |
/// | emission | `x = V φ(z) + c` |
/// | recognition | `mean of q(w | z, u, x') = V [x', φ(z), u] + c` |
/// | start | `mean of q(w₁ | x₁ … x_k, u₁ … u_{k−1}) = V [x₁ … x_k, u₁ … u_{k−1}] + c`, `z₁ = w₁` |
///
/// `φ(z) = z`, unless some components are [counted angles](dvbf_dynamics::ComponentKind::CountedAngle): then they
/// are shown beside their sines and cosines, and `ψ` shows sines and cosines alone.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearStart {
    /// The transition without its noise, `(Z, Z + U)`.
    pub transition: AffineMap,
    /// What the transition adds that is linear in sines and cosines, `(Z, F_ψ + U)`.
    pub remainder: Option<AffineMap>,
    /// `σ`, `Z` standard deviations.
    pub noise: Vec<f64>,
    /// The mean of the recognition network, `(W, X + F + U)`.
    pub recognition: AffineMap,
    /// The emission, `(X, F)`.
    pub emission: AffineMap,
    /// Standard deviation of the emission, one for each channel; used where it is learned.
    pub emission_std: Vec<f64>,
    /// The mean of the first noise, which is the first state, `(W, kX + (k−1)U)`.
    pub initial: AffineMap,
    /// Standard deviations of `q(w)`, `W`.
    pub spread: Vec<f64>,
    /// Standard deviations of `q(w₁)`, `W`.
    pub initial_spread: Vec<f64>,
}

/// The output of a network whose [softplus](dvbf_prob::GaussianHead) is the standard deviation `std`.
fn raw_std(std: f64) -> f64 {
    let softplus = (std - dvbf_prob::STD_FLOOR).max(1e-6);
    // The inverse of `ln(1 + eʳ)`.
    softplus + (-(-softplus).exp_m1()).ln()
}
