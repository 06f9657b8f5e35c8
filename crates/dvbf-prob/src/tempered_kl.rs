//! Tempered divergence of a diagonal Gaussian from the standard normal prior.
//!
//! Shapes: `μ, σ (B, W)`, `K (B)`. With `q = N(μ, diag σ²)` and `p = N(0, I)` (Karl et al. 2017,
//! eq. 10'; the tempering constant `c` scales `ln p` and not the entropy of `q`):
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | `K` | `E_q[ln q − c ln p] = Σ c (½ ln 2π + ½ (σ² + μ²)) − ½ ln(2πe σ²)` | `μ`, `σ` |
//! | `dμ` | `+= k c μ` | `μ` |
//! | `dσ` | `+= k (c σ − 1/σ)` | `σ` |
//!
//! At `c = 1` this is the Kullback–Leibler divergence; `k` is the cotangent of `K`.

use dvbf_tensor::{Kernel, Scalar, vectorize};

/// `½ ln 2π`.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// `E_q[ln q − c ln p]` of one row.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn tempered_kl<S: Scalar>(mean: &[S], std: &[S], temper: S) -> S {
    assert_eq!(mean.len(), std.len(), "mean against standard deviation");
    mean.iter().zip(std).map(|(&m, &s)| term(m, s, temper)).sum()
}

/// Writes the term of every element, whose sum over a row is [`tempered_kl`] of that row.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn tempered_kl_terms<S: Scalar>(mean: &[S], std: &[S], temper: S, terms: &mut [S]) {
    assert!(mean.len() == std.len() && mean.len() == terms.len(), "values against terms");
    vectorize(Terms { mean, std, temper, out: terms });
}

#[inline(always)]
fn term<S: Scalar>(m: S, s: S, temper: S) -> S {
    let (cross, entropy) = (S::of(HALF_LN_TAU), S::of(HALF_LN_TAU + 0.5));
    temper * (cross + S::of(0.5) * (s * s + m * m)) - entropy - s.kernel_ln()
}

struct Terms<'a, S> {
    mean: &'a [S],
    std: &'a [S],
    temper: S,
    out: &'a mut [S],
}

impl<S: Scalar> Kernel for Terms<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((out, &m), &s) in self.out.iter_mut().zip(self.mean).zip(self.std) {
            *out = term(m, s, self.temper);
        }
    }
}

/// The divergence at `c = 1`, `KL(N(μ, diag σ²) ‖ N(0, I))`, which is never negative.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn kl_to_standard_normal<S: Scalar>(mean: &[S], std: &[S]) -> S {
    tempered_kl(mean, std, S::ONE)
}

/// Adds the gradient of `weight · tempered_kl` to `dmean` and `dstd`.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn tempered_kl_backward<S: Scalar>(
    mean: &[S],
    std: &[S],
    temper: S,
    weight: S,
    dmean: &mut [S],
    dstd: &mut [S],
) {
    assert!(
        mean.len() == std.len() && mean.len() == dmean.len() && mean.len() == dstd.len(),
        "values against cotangents"
    );
    vectorize(Backward { mean, std, temper, weight, dmean, dstd });
}

struct Backward<'a, S> {
    mean: &'a [S],
    std: &'a [S],
    temper: S,
    weight: S,
    dmean: &'a mut [S],
    dstd: &'a mut [S],
}

impl<S: Scalar> Kernel for Backward<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { mean, std, temper, weight, dmean, dstd } = self;
        for ((&m, &s), (dm, ds)) in mean.iter().zip(std).zip(dmean.iter_mut().zip(dstd)) {
            *dm += weight * temper * m;
            *ds += weight * (temper * s - S::ONE / s);
        }
    }
}
