//! Kernels of the predictive density: moments of what the paths show, and what they leave of a residual.

use dvbf_tensor::Kernel;

/// `m = Σᵢ xᵢ / N`, `A_ij = w_j (x_ij − m_j)`, and `1 + Σᵢ A_ij²`.
#[derive(Debug)]
pub(super) struct Deviations<'a> {
    /// `x (N, X)`.
    pub(super) observed: &'a [f32],
    /// `w (X)`.
    pub(super) weight: &'a [f64],
    /// `m (X)`.
    pub(super) mean: &'a mut [f64],
    /// `A (N, X)`, or its transpose.
    pub(super) factor: &'a mut [f32],
    /// `1 + Σᵢ A_ij² (X)`.
    pub(super) inflation: &'a mut [f64],
    /// Whether `factor` is the transpose.
    pub(super) by_channel: bool,
}

impl Kernel for Deviations<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { observed, weight, mean, factor, inflation, by_channel } = self;
        let channels = mean.len();
        let paths = observed.len() / channels.max(1);
        mean.fill(0.0);
        for row in observed.chunks_exact(channels.max(1)) {
            for (mean, &x) in mean.iter_mut().zip(row) {
                *mean += f64::from(x);
            }
        }
        for mean in mean.iter_mut() {
            *mean /= paths as f64;
        }
        inflation.fill(1.0);
        if by_channel {
            for (j, row) in factor.chunks_exact_mut(paths.max(1)).enumerate() {
                for (i, a) in row.iter_mut().enumerate() {
                    *a = narrow((f64::from(observed[i * channels + j]) - mean[j]) * weight[j]);
                    inflation[j] += f64::from(*a).powi(2);
                }
            }
            return;
        }
        let rows = observed.chunks_exact(channels.max(1));
        for (row, from) in factor.chunks_exact_mut(channels.max(1)).zip(rows) {
            let moments = mean.iter().zip(weight).zip(inflation.iter_mut());
            for ((a, &x), ((mean, weight), inflation)) in row.iter_mut().zip(from).zip(moments) {
                *a = narrow((f64::from(x) - mean) * weight);
                *inflation += f64::from(*a).powi(2);
            }
        }
    }
}

/// `A r`.
#[derive(Debug)]
pub(super) struct Project<'a> {
    /// `A`, row after row.
    pub(super) factor: &'a [f32],
    /// `r`.
    pub(super) residual: &'a [f64],
    /// What becomes `A r`.
    pub(super) out: &'a mut [f64],
}

impl Kernel for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const LANES: usize = 8;
        let rows = self.factor.chunks_exact(self.residual.len().max(1));
        for (to, row) in self.out.iter_mut().zip(rows) {
            let (mut sums, mut rest) = ([0.0; LANES], 0.0);
            let (a, r) = (row.chunks_exact(LANES), self.residual.chunks_exact(LANES));
            for (&a, r) in a.remainder().iter().zip(r.remainder()) {
                rest += f64::from(a) * r;
            }
            for (a, r) in a.zip(r) {
                for i in 0..LANES {
                    sums[i] = f64::from(a[i]).mul_add(r[i], sums[i]);
                }
            }
            *to = rest + sums.iter().sum::<f64>();
        }
    }
}

/// `r ← r − Aᵀ c` and its squared length.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    /// `A`, row after row.
    pub(super) factor: &'a [f32],
    /// `c`, one number for each row.
    pub(super) coefficients: &'a [f64],
    /// `r`.
    pub(super) residual: &'a mut [f64],
}

impl Kernel for Leave<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { factor, coefficients, residual } = self;
        for (row, c) in factor.chunks_exact(residual.len().max(1)).zip(coefficients) {
            for (r, &a) in residual.iter_mut().zip(row) {
                *r -= c * f64::from(a);
            }
        }
        residual.iter().map(|r| r * r).sum()
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}
