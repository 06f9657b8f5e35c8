//! Diagonal Gaussian from a network's output, and its reparameterized sample.
//!
//! Shapes: `raw (B, 2W) = [m, r]`, `seen (B)` in `{0, 1}`, `ε (B, W)`, `w (B, W)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | mean | `μ = seen · m` | `m`, `seen` |
//! | std | `σ = seen · (softplus(r) + 1e-4) + (1 − seen)` | `r`, `seen` |
//! | sample | `w = μ + σ ε` | `ε` |
//! | `dε` | `+= dw σ` | `σ` (cached) |
//! | `dm` | `= seen · (dμ + dw)` | `seen` |
//! | `dr` | `= seen · (dσ + dw ε) · (1 − e^{−softplus(r)})` | `ε`, `σ` (cached) |
//!
//! Where nothing was seen the distribution is the standard normal prior and `raw` has exactly zero
//! gradient. The derivative of the softplus is read off its value, so `raw` is not kept.

use dvbf_tensor::{Scalar, exp, softplus};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};

/// Smallest standard deviation that a head gives.
pub const STD_FLOOR: f64 = 1e-4;

/// Buffers of the Gaussian head for many rows: what it gives and what its backward pass reads.
#[derive(Clone, Debug)]
pub struct GaussianHead<S> {
    mean: Array2<S>,
    std: Array2<S>,
    seen: Array2<S>,
    slope: Vec<S>,
}

/// Cotangents of `n` rows.
#[derive(Clone, Copy, Debug)]
pub struct HeadCotangents<'a, S> {
    /// Of the sample `w (n, W)`.
    pub sample: ArrayView2<'a, S>,
    /// Of `μ (n, W)`, without what comes through the sample.
    pub mean: ArrayView2<'a, S>,
    /// Of `σ (n, W)`, without what comes through the sample.
    pub std: ArrayView2<'a, S>,
}

impl<S: Scalar> GaussianHead<S> {
    /// Buffers for `rows` rows of `W` values.
    pub fn new(rows: usize, width: usize) -> Self {
        Self {
            mean: Array2::zeros((rows, width)),
            std: Array2::zeros((rows, width)),
            seen: Array2::zeros((rows, 1)),
            slope: vec![S::ZERO; rows * width],
        }
    }

    /// `μ`, all rows.
    pub fn mean(&self) -> ArrayView2<'_, S> {
        self.mean.view()
    }

    /// `σ`, all rows.
    pub fn std(&self) -> ArrayView2<'_, S> {
        self.std.view()
    }

    /// Computes rows `at..at + n` of `μ` and `σ` from `raw (n, 2W)` and `seen (n)`.
    ///
    /// # Panics
    /// If the shapes disagree or the rows do not exist.
    #[track_caller]
    pub fn forward(&mut self, at: usize, raw: ArrayView2<'_, S>, seen: ArrayView1<'_, S>) {
        let (n, width) = (raw.nrows(), self.mean.ncols());
        assert_eq!(raw.ncols(), 2 * width, "columns of the output against 2 W");
        assert_eq!(seen.len(), n, "observed flags against rows");
        let rows = s![at..at + n, ..];
        let mut std = self.std.slice_mut(rows);
        self.mean.slice_mut(rows).assign(&raw.slice(s![.., ..width]));
        std.assign(&raw.slice(s![.., width..]));
        softplus(std.as_slice_mut().expect("whole rows are contiguous"));
        self.seen.slice_mut(rows).column_mut(0).assign(&seen);
        let floor = S::of(STD_FLOOR);
        let mut mean = self.mean.slice_mut(rows);
        for ((mut mean, mut std), &seen) in
            mean.rows_mut().into_iter().zip(std.rows_mut()).zip(seen)
        {
            if seen > S::ZERO {
                std += floor;
            } else {
                mean.fill(S::ZERO);
                std.fill(S::ONE);
            }
        }
    }

    /// Writes `w = μ + σ ε` for rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree or the rows do not exist.
    #[track_caller]
    pub fn sample(&self, at: usize, eps: ArrayView2<'_, S>, mut w: ArrayViewMut2<'_, S>) {
        let rows = s![at..at + eps.nrows(), ..];
        assert_eq!(w.dim(), eps.dim(), "sample against noise");
        w.assign(&eps);
        w *= &self.std.slice(rows);
        w += &self.mean.slice(rows);
    }

    /// `dε += dw ⊙ σ` for rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree or the rows do not exist.
    #[track_caller]
    pub fn backward_noise(&self, at: usize, dw: ArrayView2<'_, S>, mut deps: ArrayViewMut2<'_, S>) {
        let std = self.std.slice(s![at..at + dw.nrows(), ..]);
        assert_eq!(deps.dim(), dw.dim(), "noise cotangent against dw");
        ndarray::Zip::from(&mut deps).and(dw).and(std).for_each(|d, &dw, &s| *d += dw * s);
    }

    /// Writes `draw (n, 2W)` for rows `at..at + n` from the noise of the sample and the cotangents.
    ///
    /// # Panics
    /// If the shapes disagree or the rows do not exist.
    #[track_caller]
    pub fn backward(
        &mut self,
        at: usize,
        eps: ArrayView2<'_, S>,
        cotangents: HeadCotangents<'_, S>,
        mut draw: ArrayViewMut2<'_, S>,
    ) {
        let HeadCotangents { sample: dw, mean: dmean, std: dstd } = cotangents;
        let (n, width) = dw.dim();
        let shape = (n, self.mean.ncols());
        assert_eq!((n, width), shape, "dw against (B, W)");
        assert_eq!(eps.dim(), shape, "noise against (B, W)");
        assert_eq!((dmean.dim(), dstd.dim()), (shape, shape), "cotangents against (B, W)");
        assert_eq!(draw.dim(), (n, 2 * width), "output cotangent against (B, 2W)");
        let rows = s![at..at + n, ..];
        let slope = &mut self.slope[..n * width];
        // 1 − e^{−softplus(r)}: the logistic function of r.
        let floor = S::of(STD_FLOOR);
        for (slope, &s) in slope.iter_mut().zip(self.std.slice(rows)) {
            *slope = floor - s;
        }
        exp(slope);
        let by_sample = dw.rows().into_iter().zip(eps.rows());
        let given = dmean.rows().into_iter().zip(dstd.rows());
        let known = self.seen.slice(rows);
        for ((((dw, eps), (dmean, dstd)), (mut draw, slope)), &seen) in by_sample
            .zip(given)
            .zip(draw.rows_mut().into_iter().zip(slope.chunks_exact(width)))
            .zip(known.iter())
        {
            let (mut by_mean, mut by_raw) = draw.view_mut().split_at(Axis(0), width);
            for j in 0..width {
                by_mean[j] = seen * (dmean[j] + dw[j]);
                by_raw[j] = seen * (dstd[j] + dw[j] * eps[j]) * (S::ONE - slope[j]);
            }
        }
    }
}
