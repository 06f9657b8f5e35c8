//! A belief carried by its covariance, in the form of Bucy and Joseph 1968: the fastest, and as
//! good as rounding lets a covariance be.
//!
//! ```text
//! prediction     P⁻ = A P Aᵀ + Q
//! conditioning   S = C P⁻ Cᵀ + R = V Vᵀ      K = P⁻ Cᵀ S⁻¹
//!                m⁺ = m + K r                P⁺ = (I − K C) P⁻ (I − K C)ᵀ + K R Kᵀ
//! ```
//!
//! Of symmetric results one half is computed. What an observation leaves of a variance is right to
//! about `ε P⁻ / P⁺` of itself, so digits are lost in proportion to how much larger the prior is:
//! with one of `1e10` times the variance of the observations six are left, and with `1e16` times
//! none. [`RootForm`](super::RootForm) has no such limit.

use super::belief::Belief;
use super::form::{Form, Innovation};
use super::linearization::Linearization;
use super::memory::{Memory, zeros};
use super::products::{add_times, symmetric_product, symmetric_sum, times, times_transposed};
use super::{BayesError, check};
use nalgebra::{DefaultAllocator, Dim, OMatrix, OVector};

/// Shares of a variance below this, times the number of variables, are rounding.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// A belief by its covariance, `N(m, P)`, with the buffers of a step.
#[derive(Clone, Debug)]
pub struct CovarianceForm<Z: Dim, X: Dim>
where
    DefaultAllocator: Memory<Z, X>,
{
    now: Belief<Z>,
    next: Belief<Z>,
    /// `A P`, then `(I − K C) P`.
    moved: OMatrix<f64, Z, Z>,
    /// `I − K C`.
    kept: OMatrix<f64, Z, Z>,
    /// `P Cᵀ`, then `P Cᵀ V⁻ᵀ`.
    cross: OMatrix<f64, Z, X>,
    /// `K`.
    gain: OMatrix<f64, Z, X>,
    /// `K R Kᵀ`.
    noise: OMatrix<f64, Z, Z>,
    /// `K R`.
    spread: OMatrix<f64, Z, X>,
    /// `S`, then `V` in its lower half.
    innovation: OMatrix<f64, X, X>,
    /// `V⁻¹ r`.
    white: OVector<f64, X>,
}

impl<Z: Dim, X: Dim> CovarianceForm<Z, X>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// `K = P Cᵀ S⁻¹` by the columns of `P Cᵀ`, which become those of `P Cᵀ V⁻ᵀ`.
    #[inline(always)]
    fn solve_gain(&mut self) {
        let (z, x) = self.cross.shape();
        let v = self.innovation.as_slice();
        let subtract = |values: &mut [f64], from: usize, to: usize, factor: f64| {
            for i in 0..z {
                values[to * z + i] -= factor * values[from * z + i];
            }
        };
        let cross = self.cross.as_mut_slice();
        for j in 0..x {
            for k in 0..j {
                subtract(cross, k, j, v[k * x + j]);
            }
            let inverse = 1.0 / v[j * x + j];
            cross[j * z..(j + 1) * z].iter_mut().for_each(|c| *c *= inverse);
        }
        self.gain.copy_from(&self.cross);
        let gain = self.gain.as_mut_slice();
        for j in (0..x).rev() {
            for k in j + 1..x {
                subtract(gain, k, j, v[j * x + k]);
            }
            let inverse = 1.0 / v[j * x + j];
            gain[j * z..(j + 1) * z].iter_mut().for_each(|c| *c *= inverse);
        }
    }

    /// `(I − K C) P (I − K C)ᵀ + K R Kᵀ`.
    #[inline(always)]
    fn posterior(&mut self, emission: &Linearization<X, Z>) {
        times(&mut self.kept, &self.gain, &emission.matrix);
        let z = self.kept.nrows();
        let kept = self.kept.as_mut_slice();
        for c in 0..z {
            for r in 0..z {
                kept[c * z + r] = f64::from(u8::from(c == r)) - kept[c * z + r];
            }
        }
        times(&mut self.moved, &self.kept, &self.now.covariance);
        times(&mut self.spread, &self.gain, &emission.noise);
        symmetric_product(&mut self.noise, &self.spread, &self.gain);
        symmetric_sum(&mut self.next.covariance, &self.noise, &self.moved, &self.kept);
    }

    /// Takes the next belief for the present one, if it is finite.
    #[inline(always)]
    fn settle(&mut self) -> Result<(), BayesError> {
        check::finite("mean", self.next.mean.as_slice())?;
        check::finite("covariance", self.next.covariance.as_slice())?;
        std::mem::swap(&mut self.now, &mut self.next);
        Ok(())
    }
}

impl<Z: Dim, X: Dim> Form<Z, X> for CovarianceForm<Z, X>
where
    DefaultAllocator: Memory<Z, X>,
{
    fn start(initial: Belief<Z>, observation: X) -> Result<Self, BayesError> {
        let (z, x) = (initial.mean.shape_generic().0, observation);
        Ok(Self {
            next: initial.clone(),
            now: initial,
            moved: zeros(z, z),
            kept: zeros(z, z),
            noise: zeros(z, z),
            cross: zeros(z, x),
            gain: zeros(z, x),
            spread: zeros(z, x),
            innovation: zeros(x, x),
            white: zeros(x, nalgebra::U1),
        })
    }

    fn belief(&self) -> &Belief<Z> {
        &self.now
    }

    fn lower_root(&self, into: &mut OMatrix<f64, Z, Z>) -> Result<(), BayesError> {
        into.copy_from(&self.now.covariance);
        cholesky(into, true);
        for c in 0..into.ncols() {
            for r in 0..c {
                into[(r, c)] = 0.0;
            }
        }
        Ok(())
    }

    #[inline]
    fn predict(&mut self, transition: &Linearization<Z, Z>) -> Result<(), BayesError> {
        times(&mut self.moved, &transition.matrix, &self.now.covariance);
        let a = &transition.matrix;
        symmetric_sum(&mut self.next.covariance, &transition.noise, &self.moved, a);
        self.next.mean.copy_from(&transition.mean);
        self.settle()
    }

    fn expected(&self, emission: &Linearization<X, Z>, covariance: &mut OMatrix<f64, X, X>) {
        let mut cross = self.cross.clone();
        times_transposed(&mut cross, &self.now.covariance, &emission.matrix);
        symmetric_product(covariance, &emission.matrix, &cross.transpose());
        *covariance += &emission.noise;
    }

    #[inline]
    fn condition(
        &mut self,
        emission: &Linearization<X, Z>,
        residual: &OVector<f64, X>,
        limit: Option<f64>,
    ) -> Result<Innovation, BayesError> {
        times_transposed(&mut self.cross, &self.now.covariance, &emission.matrix);
        times(&mut self.innovation, &emission.matrix, &self.cross);
        self.innovation += &emission.noise;
        check::finite("covariance of the observation", self.innovation.as_slice())?;
        let Some(log_determinant) = cholesky(&mut self.innovation, false) else {
            let what = "covariance of the observation";
            return Err(BayesError::NotPositiveDefinite { what });
        };
        let x = residual.len();
        let (v, white) = (self.innovation.as_slice(), self.white.as_mut_slice());
        white.copy_from_slice(residual.as_slice());
        for j in 0..x {
            white[j] /= v[j * x + j];
            for i in j + 1..x {
                white[i] -= v[j * x + i] * white[j];
            }
        }
        let nis: f64 = white.iter().map(|w| w * w).sum();
        let nis = if nis.is_nan() { f64::INFINITY } else { nis };
        let accepted = limit.is_none_or(|limit| nis <= limit);
        if accepted {
            self.solve_gain();
            self.posterior(emission);
            self.next.mean.copy_from(&self.now.mean);
            add_times(self.next.mean.as_mut_slice(), &self.cross, self.white.as_slice());
            self.settle()?;
        }
        Ok(Innovation::new(nis, log_determinant, accepted))
    }
}

/// The lower triangle `V` with `V Vᵀ = a`, in the place of `a`'s lower half, and `ln |a|`. `None`
/// if a variable has no variance beyond that of the ones before it, unless those that have none
/// are `dependent` and get a column of zeros.
#[inline(always)]
fn cholesky<N: Dim>(a: &mut OMatrix<f64, N, N>, dependent: bool) -> Option<f64>
where
    DefaultAllocator: nalgebra::allocator::Allocator<N, N>,
{
    let n = a.nrows();
    let rounding = ROUNDING * n as f64;
    let a = a.as_mut_slice();
    let mut determinant = Product::default();
    for j in 0..n {
        let variance = a[j * n + j];
        for k in 0..j {
            let factor = a[k * n + j];
            for i in j..n {
                a[j * n + i] -= factor * a[k * n + i];
            }
        }
        let left = a[j * n + j];
        if left > rounding * variance && left > 0.0 {
            let root = left.sqrt();
            determinant.times(left);
            let inverse = 1.0 / root;
            a[j * n + j] = root;
            for i in j + 1..n {
                a[j * n + i] *= inverse;
            }
        } else if dependent {
            a[j * n + j..(j + 1) * n].fill(0.0);
        } else {
            return None;
        }
    }
    Some(determinant.ln())
}

/// A product of positive numbers, whose logarithm is taken once unless it would overflow.
#[derive(Clone, Copy, Debug)]
struct Product {
    product: f64,
    logarithm: f64,
}

impl Default for Product {
    fn default() -> Self {
        Self { product: 1.0, logarithm: 0.0 }
    }
}

impl Product {
    #[inline(always)]
    fn times(&mut self, factor: f64) {
        let product = self.product * factor;
        if (1e-280..1e280).contains(&product) {
            self.product = product;
        } else {
            self.logarithm += self.product.ln() + factor.ln();
            self.product = 1.0;
        }
    }

    #[inline(always)]
    fn ln(self) -> f64 {
        self.logarithm + self.product.ln()
    }
}
