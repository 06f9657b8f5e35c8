//! What the planner starts from: the action of the linearized channel.
//!
//! With `J` as in (1), `M = L⁻¹ J h / σ` and an action `a = c + h x` whose `x` has mean zero and variance
//! 1/3, the deviation is `e = M x + ξ`, and given `e` the mean of `x` is `x̂`:
//!
//! | | equation |
//! |-|----------|
//! | precision | `Λ = Mᵀ M + 3 I`, `Λ⁻¹ = C Cᵀ` with `C` lower triangular |
//! | guess | `x̂ = clip(Λ⁻¹ Mᵀ e, −0.98, 0.98)`, `ŷ = artanh x̂`, `D = diag(1/(1 − x̂²))` |
//! | factor | `L̂ = D C`, for `y = artanh x` to first order around `x̂` |
//! | `dŷᵢ` | `+= 2 x̂ᵢ (d ln L̂ᵢᵢ + Dᵢ Σ_{j<i} Cᵢⱼ dL̂ᵢⱼ)` |
//! | `de` | `+= M Λ⁻¹ (D dŷ)`, zero where `x̂` is clipped |
//!
//! The planner's outputs are added to `ŷ`, to `ln L̂ᵢᵢ` and to what is below the diagonal of `L̂`, so that it
//! begins as the posterior of the linear channel and learns what bends. `M` depends on the state alone.

use crate::channel::{Channel, Lanes};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1};

/// Where guesses are cut, as shares of half the interval.
const MOST: f64 = 0.98;

/// Guesses of a batch.
#[derive(Clone, Debug)]
pub(super) struct Guess<S> {
    /// `(Z, U)`.
    size: (usize, usize),
    /// `Λ⁻¹ Mᵀ (U, Z)` of every row.
    gains: Vec<S>,
    /// `C (U, U)` of every row.
    factors: Vec<S>,
    /// `x̂ (B, U)`, clipped.
    shares: Array2<S>,
    matrix: Vec<S>,
    precision: Vec<S>,
    covariance: Vec<S>,
    solved: Vec<S>,
}

impl<S: Scalar> Guess<S> {
    pub(super) fn new((z, u): (usize, usize), rows: usize) -> Self {
        Self {
            size: (z, u),
            gains: vec![S::ZERO; rows * u * z],
            factors: vec![S::ZERO; rows * u * u],
            shares: Array2::zeros((rows, u)),
            matrix: vec![S::ZERO; z * u],
            precision: vec![S::ZERO; u * u],
            covariance: vec![S::ZERO; u * u],
            solved: vec![S::ZERO; u],
        }
    }

    /// Takes `J` of the first `n` rows.
    pub(super) fn linearize(&mut self, jacobian: &Lanes<S>, channel: &Channel<S>, n: usize) {
        let (z, u) = self.size;
        let inverse = channel.scale().inverse();
        for row in 0..n {
            for j in 0..u {
                let unit = channel.limits().half()[j] / channel.resolution();
                for i in 0..z {
                    let sum: S =
                        (0..=i).map(|l| inverse[[i, l]] * jacobian.lane(l, j, n)[row]).sum();
                    self.matrix[i * u + j] = unit * sum;
                }
            }
            for j in 0..u {
                for k in 0..u {
                    let prior = if j == k { S::of(3.0) } else { S::ZERO };
                    let product = (0..z).map(|i| self.matrix[i * u + j] * self.matrix[i * u + k]);
                    self.precision[j * u + k] = prior + product.sum::<S>();
                }
            }
            factorize(&mut self.precision, u);
            for i in 0..z {
                self.solved.copy_from_slice(&self.matrix[i * u..(i + 1) * u]);
                solve(&self.precision, &mut self.solved);
                for (j, &value) in self.solved.iter().enumerate() {
                    self.gains[(row * u + j) * z + i] = value;
                }
            }
            for j in 0..u {
                self.solved.fill(S::ZERO);
                self.solved[j] = S::ONE;
                solve(&self.precision, &mut self.solved);
                self.covariance[j * u..(j + 1) * u].copy_from_slice(&self.solved);
            }
            factorize(&mut self.covariance, u);
            self.factors[row * u * u..(row + 1) * u * u].copy_from_slice(&self.covariance);
        }
    }

    /// `ŷⱼ` of a row whose deviation is `e (Z)`.
    pub(super) fn of(&mut self, row: usize, j: usize, e: ArrayView1<'_, S>) -> S {
        let (z, u) = self.size;
        let gains = &self.gains[(row * u + j) * z..][..z];
        let sum: S = gains.iter().zip(e).map(|(&gain, &e)| gain * e).sum();
        let share = sum.max(S::of(-MOST)).min(S::of(MOST));
        self.shares[[row, j]] = share;
        share.atanh()
    }

    /// `ln L̂ᵢᵢ` on the diagonal and `L̂ᵢⱼ` below it, of the row that was guessed last.
    pub(super) fn factor(&self, row: usize, (i, j): (usize, usize)) -> S {
        let (u, slope) = (self.size.1, self.slope(row, i));
        let factor = self.factors[(row * u + i) * u + j];
        if i == j { factor.ln() + slope.ln() } else { slope * factor }
    }

    /// The part of `dŷᵢ` that comes through `L̂`, whose row `i` has the cotangents `d`.
    pub(super) fn pull_factor(&self, row: usize, i: usize, d: &[S]) -> S {
        let (u, slope) = (self.size.1, self.slope(row, i));
        let factors = &self.factors[(row * u + i) * u..][..i];
        let below: S = factors.iter().zip(d).map(|(&c, &d)| c * d).sum();
        S::of(2.0) * self.shares[[row, i]] * (d[i] + slope * below)
    }

    /// `Dᵢ`.
    fn slope(&self, row: usize, i: usize) -> S {
        let share = self.shares[[row, i]];
        S::ONE / (S::ONE - share * share)
    }

    /// The part of `deᵢ` that comes through the guesses of a row, for `dŷ (U)`.
    pub(super) fn pull(&self, row: usize, i: usize, dguess: ArrayView1<'_, S>) -> S {
        let (z, u) = self.size;
        let mut sum = S::ZERO;
        for (j, &dguess) in dguess.iter().enumerate() {
            let share = self.shares[[row, j]];
            if share.abs() < S::of(MOST) {
                sum += self.gains[(row * u + j) * z + i] * self.slope(row, j) * dguess;
            }
        }
        sum
    }
}

/// Replaces a positive definite matrix by its Cholesky factor.
fn factorize<S: Scalar>(a: &mut [S], size: usize) {
    for j in 0..size {
        for i in j..size {
            let dot: S = (0..j).map(|k| a[i * size + k] * a[j * size + k]).sum();
            let rest = a[i * size + j] - dot;
            a[i * size + j] = if i == j { rest.sqrt() } else { rest / a[j * size + j] };
        }
    }
}

/// Solves `C Cᵀ x = b` in place.
fn solve<S: Scalar>(factor: &[S], b: &mut [S]) {
    let size = b.len();
    for i in 0..size {
        let dot: S = (0..i).map(|k| factor[i * size + k] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i * size + i];
    }
    for i in (0..size).rev() {
        let dot: S = (i + 1..size).map(|k| factor[k * size + i] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i * size + i];
    }
}
