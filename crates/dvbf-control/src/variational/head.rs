//! What a network says of a Gaussian of full covariance over `U` controls: `μ`, then the lower
//! triangle of `L` row by row, its diagonal as logarithms that are cut to `[−8, 2]`.

use dvbf_tensor::Scalar;

const LEAST: f64 = -8.0;
const MOST: f64 = 2.0;

/// Outputs of a network for `size` controls.
pub(super) fn width(size: usize) -> usize {
    size + size * (size + 1) / 2
}

/// One row of outputs.
#[derive(Clone, Copy)]
pub(super) struct Head<'a, S> {
    pub(super) outputs: &'a [S],
    pub(super) size: usize,
}

/// What the cotangents of a row are made with beside its vectors.
#[derive(Clone, Copy)]
pub(super) struct Pull<S> {
    /// Cotangent of every logarithm of the diagonal.
    pub(super) diagonal: S,
    /// Factor of all.
    pub(super) weight: S,
}

/// Where entry `(i, j)` of the triangle is among the outputs, `j ≤ i`.
pub(super) fn index(size: usize, i: usize, j: usize) -> usize {
    size + i * (i + 1) / 2 + j
}

impl<S: Scalar> Head<'_, S> {
    /// `ln L_ii`.
    pub(super) fn log(&self, i: usize) -> S {
        self.outputs[index(self.size, i, i)].max(S::of(LEAST)).min(S::of(MOST))
    }

    /// `L_ij`, `j ≤ i`.
    pub(super) fn factor(&self, i: usize, j: usize) -> S {
        if i == j { self.log(i).exp() } else { self.outputs[index(self.size, i, j)] }
    }

    /// `Σ ln L_ii`.
    pub(super) fn log_det(&self) -> S {
        (0..self.size).map(|i| self.log(i)).sum()
    }

    /// Writes `y = μ + L ε`.
    pub(super) fn sample(&self, epsilon: &[S], y: &mut [S]) {
        for (i, y) in y.iter_mut().enumerate() {
            *y = self.outputs[i];
            for (j, &epsilon) in epsilon.iter().enumerate().take(i + 1) {
                *y += self.factor(i, j) * epsilon;
            }
        }
    }

    /// Writes `r = L⁻¹ (y − μ)`.
    pub(super) fn residual(&self, y: &[S], r: &mut [S]) {
        for i in 0..self.size {
            let mut rest = y[i] - self.outputs[i];
            for (j, &r) in r.iter().enumerate().take(i) {
                rest -= self.factor(i, j) * r;
            }
            r[i] = rest / self.factor(i, i);
        }
    }

    /// Replaces `r` by `g = L⁻ᵀ r`.
    pub(super) fn solve_transposed(&self, r: &mut [S]) {
        for i in (0..self.size).rev() {
            let mut rest = r[i];
            for (j, &g) in r.iter().enumerate().skip(i + 1) {
                rest -= self.factor(j, i) * g;
            }
            r[i] = rest / self.factor(i, i);
        }
    }

    /// Writes the cotangents of all outputs, for `dμ` and `dL = dμ vᵀ` plus `pull.diagonal` for
    /// every logarithm of the diagonal, all times `pull.weight`.
    pub(super) fn cotangents(&self, dmean: &[S], v: &[S], pull: Pull<S>, out: &mut [S]) {
        let Pull { diagonal, weight } = pull;
        for i in 0..self.size {
            out[i] = weight * dmean[i];
            for j in 0..i {
                out[index(self.size, i, j)] = weight * dmean[i] * v[j];
            }
            let raw = self.outputs[index(self.size, i, i)];
            let inside = raw > S::of(LEAST) && raw < S::of(MOST);
            let slope = dmean[i] * v[i] * self.factor(i, i) + diagonal;
            out[index(self.size, i, i)] = if inside { weight * slope } else { S::ZERO };
        }
    }
}
