//! Log-density of observations under a Gaussian with a mean a row and one standard deviation,
//! shared by all rows: a single one or one a channel.
//!
//! Shapes: `x, μ, mask (B, X)`, `ln σ (1)` or `(X)`, `ℓ (B)`. With `e = (x − μ)/σ`:
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | `ℓ` | `Σ mask (−½ e² − ln σ − ½ ln 2π)` | all |
//! | `dμ` | `k mask e/σ` (overwrites `μ`) | `x`, `μ` |
//! | `d ln σ` | `+= Σ_rows k mask (e² − 1)`, summed over channels if there is one σ | `x`, `μ` |
//!
//! `k` is the cotangent of `ℓ`. Masked channels may hold anything, NaN included: they contribute
//! neither likelihood nor gradient.

use crate::tempered_kl::HALF_LN_TAU;
use dvbf_tensor::{Kernel, Scalar, vectorize};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// `ln N(x; μ, σ²)` of one number.
pub fn gaussian_log_density<S: Scalar>(x: S, mean: S, std: S) -> S {
    let e = (x - mean) / std;
    S::of(-0.5) * e * e - std.ln() - S::of(HALF_LN_TAU)
}

/// Observations and the standard deviation under which they are judged.
#[derive(Clone, Copy, Debug)]
pub struct GaussianLikelihood<'a, S> {
    /// `x (B, X)`.
    pub observed: ArrayView2<'a, S>,
    /// One where a channel was observed and zero where it was not; all were without a mask.
    pub mask: Option<ArrayView2<'a, S>>,
    /// `ln σ`, one value or one a channel.
    pub log_std: ArrayView1<'a, S>,
}

/// Where [`GaussianLikelihood::backward`] adds the gradient of `ln σ`.
#[derive(Debug)]
pub struct LikelihoodGradient<'a, S> {
    /// `k`, the cotangent of every row's log-likelihood.
    pub weight: S,
    /// `d ln σ`, of the length of `ln σ`.
    pub dlog_std: ArrayViewMut1<'a, S>,
}

impl<S: Scalar> GaussianLikelihood<'_, S> {
    #[track_caller]
    fn check(&self, mean: (usize, usize), rows: usize) {
        assert_eq!(self.observed.dim(), mean, "observations against means");
        assert_eq!(mean.0, rows, "means against log-likelihoods");
        if let Some(mask) = self.mask {
            assert_eq!(mask.dim(), mean, "mask against means");
        }
        let channels = self.log_std.len();
        assert!(channels == 1 || channels == mean.1, "ln σ has one value or one a channel");
    }

    /// Writes `ℓ (B)`.
    ///
    /// # Panics
    /// If the shapes disagree or a row is not contiguous.
    #[track_caller]
    pub fn forward(&self, mean: ArrayView2<'_, S>, log_lik: ArrayViewMut1<'_, S>) {
        self.check(mean.dim(), log_lik.len());
        vectorize(Forward { all: self, mean, log_lik });
    }

    /// Writes `ℓ (B)`, replaces `μ` by `dμ` and adds to `d ln σ`.
    ///
    /// # Panics
    /// If the shapes disagree or a row is not contiguous.
    #[track_caller]
    pub fn backward(
        &self,
        mean: ArrayViewMut2<'_, S>,
        log_lik: ArrayViewMut1<'_, S>,
        gradient: &mut LikelihoodGradient<'_, S>,
    ) {
        self.check(mean.dim(), log_lik.len());
        assert_eq!(gradient.dlog_std.len(), self.log_std.len(), "d ln σ against ln σ");
        let dlog_std = gradient.dlog_std.as_slice_mut().expect("d ln σ is contiguous");
        let weight = gradient.weight;
        vectorize(Backward { all: self, mean, log_lik, weight, dlog_std });
    }

    fn row(&self, r: usize) -> Row<'_, S> {
        Row {
            observed: slice(self.observed.row(r)),
            mask: self.mask.as_ref().map(|mask| slice(mask.row(r))),
            log_std: slice(self.log_std.reborrow()),
        }
    }
}

#[track_caller]
fn slice<S>(view: ArrayView1<'_, S>) -> &[S] {
    view.to_slice().expect("rows are contiguous")
}

#[derive(Clone, Copy)]
struct Row<'a, S> {
    observed: &'a [S],
    mask: Option<&'a [S]>,
    log_std: &'a [S],
}

impl<S: Scalar> Row<'_, S> {
    /// `(mask, e, 1/σ)` of channel `i`; a masked residual is exactly zero.
    #[inline(always)]
    fn residual(&self, i: usize, mean: S) -> (S, S, S) {
        let log_std = if self.log_std.len() == 1 { self.log_std[0] } else { self.log_std[i] };
        let inverse = (-log_std).exp();
        match self.mask {
            Some(mask) if mask[i] <= S::ZERO => (S::ZERO, S::ZERO, inverse),
            _ => (S::ONE, (self.observed[i] - mean) * inverse, inverse),
        }
    }

    /// Whether the fast path applies: one σ and nothing masked.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.mask.is_none() && self.log_std.len() == 1
    }

    #[inline(always)]
    fn normalizer(&self, i: usize) -> S {
        let log_std = if self.log_std.len() == 1 { self.log_std[0] } else { self.log_std[i] };
        log_std + S::of(HALF_LN_TAU)
    }
}

const LANES: usize = 16;

#[inline(always)]
fn total<S: Scalar>(sums: [S; LANES]) -> S {
    sums.into_iter().sum()
}

struct Forward<'a, 'b, S> {
    all: &'a GaussianLikelihood<'b, S>,
    mean: ArrayView2<'a, S>,
    log_lik: ArrayViewMut1<'a, S>,
}

impl<S: Scalar> Kernel for Forward<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        for (r, log_lik) in self.log_lik.iter_mut().enumerate() {
            *log_lik = RowForward { row: self.all.row(r), mean: slice(self.mean.row(r)) }.run();
        }
    }
}

struct Backward<'a, 'b, S> {
    all: &'a GaussianLikelihood<'b, S>,
    mean: ArrayViewMut2<'a, S>,
    log_lik: ArrayViewMut1<'a, S>,
    weight: S,
    dlog_std: &'a mut [S],
}

impl<S: Scalar> Kernel for Backward<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        for (r, log_lik) in self.log_lik.iter_mut().enumerate() {
            let mut mean = self.mean.row_mut(r);
            let mean = mean.as_slice_mut().expect("rows are contiguous");
            let (row, weight) = (self.all.row(r), self.weight);
            *log_lik = RowBackward { row, mean, weight, dlog_std: &mut *self.dlog_std }.run();
        }
    }
}

struct RowForward<'a, S> {
    row: Row<'a, S>,
    mean: &'a [S],
}

impl<S: Scalar> RowForward<'_, S> {
    #[inline(always)]
    fn run(self) -> S {
        let (row, half) = (self.row, S::of(0.5));
        if !row.is_plain() {
            let mut sum = S::ZERO;
            for (i, &mean) in self.mean.iter().enumerate() {
                let (mask, e, _) = row.residual(i, mean);
                sum += mask * (-half * e * e - row.normalizer(i));
            }
            return sum;
        }
        let mut sums = [S::ZERO; LANES];
        let inverse = (-row.log_std[0]).exp();
        for (x, m) in row.observed.chunks(LANES).zip(self.mean.chunks(LANES)) {
            for ((sum, &x), &m) in sums.iter_mut().zip(x).zip(m) {
                let e = (x - m) * inverse;
                *sum = e.mul_add(e, *sum);
            }
        }
        -half * total(sums) - S::of(self.mean.len() as f64) * row.normalizer(0)
    }
}

struct RowBackward<'a, S> {
    row: Row<'a, S>,
    mean: &'a mut [S],
    weight: S,
    dlog_std: &'a mut [S],
}

impl<S: Scalar> RowBackward<'_, S> {
    #[inline(always)]
    fn run(self) -> S {
        let (row, half) = (self.row, S::of(0.5));
        if !row.is_plain() {
            let mut sum = S::ZERO;
            for (i, mean) in self.mean.iter_mut().enumerate() {
                let (mask, e, inverse) = row.residual(i, *mean);
                sum += mask * (-half * e * e - row.normalizer(i));
                *mean = self.weight * e * inverse;
                let channel = if self.dlog_std.len() == 1 { 0 } else { i };
                self.dlog_std[channel] += self.weight * (e * e - mask);
            }
            return sum;
        }
        let mut sums = [S::ZERO; LANES];
        let inverse = (-row.log_std[0]).exp();
        let slope = self.weight * inverse;
        for (x, m) in row.observed.chunks(LANES).zip(self.mean.chunks_mut(LANES)) {
            for ((sum, &x), m) in sums.iter_mut().zip(x).zip(m) {
                let e = (x - *m) * inverse;
                *sum = e.mul_add(e, *sum);
                *m = slope * e;
            }
        }
        let (squares, channels) = (total(sums), S::of(row.observed.len() as f64));
        self.dlog_std[0] += self.weight * (squares - channels);
        -half * squares - channels * row.normalizer(0)
    }
}
