//! Divergence of one diagonal Gaussian from another, both with parameters to be trained.
//!
//! Shapes: `μ, σ, m, s (B, W)`, `K (B)`. With `q = N(μ, diag σ²)`, `p = N(m, diag s²)` and
//! `e = (μ − m)/s`, `f = σ/s`:
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | `K` | `KL(q ‖ p) = Σ ½ (e² + f² − 1) − ln f` | all |
//! | `dμ`, `dm` | `+= k e/s`, `+= −k e/s` | all |
//! | `dσ` | `+= k (f/s − 1/σ)` | `σ`, `s` |
//! | `ds` | `+= k (1 − e² − f²)/s` | all |
//!
//! `k` is the cotangent of `K`. The divergence is never negative.

use dvbf_tensor::{Kernel, Scalar, vectorize};

/// Means and standard deviations of a diagonal Gaussian, or their cotangents.
#[derive(Clone, Copy, Debug)]
pub struct Diagonal<T> {
    /// `μ`.
    pub mean: T,
    /// `σ`.
    pub std: T,
}

impl<S> Diagonal<&[S]> {
    #[track_caller]
    fn check(self, length: usize) {
        assert_eq!((self.mean.len(), self.std.len()), (length, length), "means and deviations");
    }
}

/// Writes the term of every element, whose sum over a row is `K` of that row.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn gaussian_kl_terms<S: Scalar>(q: Diagonal<&[S]>, p: Diagonal<&[S]>, terms: &mut [S]) {
    q.check(terms.len());
    p.check(terms.len());
    vectorize(Terms { q, p, out: terms });
}

/// Adds the gradient of `weight · Σ K` to the cotangents of both.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn gaussian_kl_backward<S: Scalar>(
    q: Diagonal<&[S]>,
    p: Diagonal<&[S]>,
    weight: S,
    dq: Diagonal<&mut [S]>,
    dp: Diagonal<&mut [S]>,
) {
    let length = q.mean.len();
    for pair in [q, p] {
        pair.check(length);
    }
    for pair in [&dq, &dp] {
        Diagonal { mean: &*pair.mean, std: &*pair.std }.check(length);
    }
    vectorize(Backward { q, p, weight, dq, dp });
}

struct Terms<'a, S> {
    q: Diagonal<&'a [S]>,
    p: Diagonal<&'a [S]>,
    out: &'a mut [S],
}

impl<S: Scalar> Kernel for Terms<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let q = self.q.mean.iter().zip(self.q.std);
        let p = self.p.mean.iter().zip(self.p.std);
        for (out, ((&mu, &sigma), (&m, &s))) in self.out.iter_mut().zip(q.zip(p)) {
            let (e, f) = ((mu - m) / s, sigma / s);
            *out = S::of(0.5) * (e * e + f * f - S::ONE) - f.kernel_ln();
        }
    }
}

struct Backward<'a, S> {
    q: Diagonal<&'a [S]>,
    p: Diagonal<&'a [S]>,
    weight: S,
    dq: Diagonal<&'a mut [S]>,
    dp: Diagonal<&'a mut [S]>,
}

impl<S: Scalar> Kernel for Backward<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { q, p, weight, dq, dp } = self;
        let values = q.mean.iter().zip(q.std).zip(p.mean.iter().zip(p.std));
        let outputs = dq.mean.iter_mut().zip(dq.std).zip(dp.mean.iter_mut().zip(dp.std));
        for (((dmu, dsigma), (dm, ds)), ((&mu, &sigma), (&m, &s))) in outputs.zip(values) {
            let (e, f, k) = ((mu - m) / s, sigma / s, weight / s);
            *dmu += k * e;
            *dm -= k * e;
            *dsigma += k * f - weight / sigma;
            *ds += k * (S::ONE - e * e - f * f);
        }
    }
}
