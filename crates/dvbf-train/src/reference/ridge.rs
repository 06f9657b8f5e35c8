//! Ridge regression on standardized regressors, whose sums can leave steps out.

use nalgebra::{Cholesky, DMatrix, DVector};

/// Sums over steps of `[1, r]` and a target.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// `(1 + R, 1 + R)`.
    gram: DMatrix<f64>,
    /// `(1 + R)`.
    cross: DVector<f64>,
}

/// Rounds of alternating least squares, and the ridge of the curve.
const ALTERNATIONS: usize = 8;
const CURVE: f64 = 1e-6;

impl Sums {
    /// Of rows of regressors `(R)` with their targets.
    pub(super) fn of<'a>(width: usize, rows: impl Iterator<Item = (&'a [f64], f64)>) -> Self {
        // Products of blocks of rows are several times as fast as those of single rows.
        const BLOCK: usize = 128;
        let (mut gram, mut cross) =
            (DMatrix::zeros(1 + width, 1 + width), DVector::zeros(1 + width));
        let (mut block, mut targets) = (DMatrix::zeros(1 + width, BLOCK), DVector::zeros(BLOCK));
        let mut filled = 0;
        for (row, target) in rows {
            block[(0, filled)] = 1.0;
            block.view_mut((1, filled), (width, 1)).copy_from_slice(row);
            targets[filled] = target;
            filled += 1;
            if filled == BLOCK {
                gram.gemm(1.0, &block, &block.transpose(), 1.0);
                cross.gemv(1.0, &block, &targets, 1.0);
                filled = 0;
            }
        }
        let rest = block.columns(0, filled);
        gram += rest * rest.transpose();
        cross += rest * targets.rows(0, filled);
        Self { gram, cross }
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        Self { gram: &self.gram - &other.gram, cross: &self.cross - &other.cross }
    }

    /// The same sums for another target of the same rows.
    pub(super) fn retargeted<'a>(&self, rows: impl Iterator<Item = (&'a [f64], f64)>) -> Self {
        let mut cross = DVector::zeros(self.cross.len());
        for (row, target) in rows {
            cross[0] += target;
            for (sum, r) in cross.as_mut_slice()[1..].iter_mut().zip(row) {
                *sum += r * target;
            }
        }
        Self { gram: self.gram.clone(), cross }
    }

    /// Offset and coefficients that minimize the mean squared error plus `share` times the sum of squares of the
    /// coefficients of regressors in units of their standard deviations. `None` if they cannot be found.
    pub(super) fn solve(&self, share: f64) -> Option<(f64, Vec<f64>)> {
        self.solve_with(|_, _| share)
    }

    /// The same without a penalty on the first coefficient, and with one on the others that counts them in units of
    /// the first regressor's standard deviation. Those of slow regressors, which hardly move in a short piece, stay
    /// small.
    pub(super) fn solve_beside_first(&self, share: f64) -> Option<(f64, Vec<f64>)> {
        self.solve_with(
            |i, scale| {
                if i == 0 { 0.0 } else { share * (scale[0] / scale[i].max(1e-12)).powi(2) }
            },
        )
    }

    /// The same for regressors `n_i^k`, power by power, of `inputs` numbers, with coefficients `a_i c_k`: one curve for
    /// all inputs, and a factor for each. Alternating least squares, from a line on.
    pub(super) fn solve_shared(&self, inputs: usize, share: f64) -> Option<(f64, Vec<f64>)> {
        let width = self.cross.len() - 1;
        let degree = width / inputs;
        let mut curve: Vec<f64> = (0..degree).map(|k| f64::from(u8::from(k == 0))).collect();
        let mut found = None;
        for _ in 0..ALTERNATIONS {
            let (_, factors) = self
                .combined((inputs, inputs), |k, i, row| f64::from(u8::from(i == row)) * curve[k])
                .solve(share)?;
            let (offset, next) = self
                .combined((degree, inputs), |k, i, row| f64::from(u8::from(k == row)) * factors[i])
                .solve(CURVE)?;
            // The sizes of curve and factors are arbitrary.
            let size = next.iter().fold(0.0_f64, |size, c| size.max(c.abs())).max(1e-12);
            let weight = |(k, i): (usize, usize)| next[k] * factors[i];
            let places = (0..degree).flat_map(|k| (0..inputs).map(move |i| (k, i)));
            found = Some((offset, places.map(weight).collect()));
            curve = next.iter().map(|c| c / size).collect();
        }
        found
    }

    /// Sums for `count` regressors, each a combination of those of power `k` and input `i`.
    fn combined(
        &self,
        (count, inputs): (usize, usize),
        of: impl Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let width = self.cross.len() - 1;
        let map = DMatrix::from_fn(1 + count, 1 + width, |row, column| match (row, column) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            (row, column) => of((column - 1) / inputs, (column - 1) % inputs, row - 1),
        });
        let (gram, cross) = (&map * &self.gram * map.transpose(), &map * &self.cross);
        Self { gram, cross }
    }

    fn solve_with(&self, share: impl Fn(usize, &[f64]) -> f64) -> Option<(f64, Vec<f64>)> {
        let width = self.cross.len() - 1;
        let rows = self.gram[(0, 0)];
        if rows < 1.0 {
            return None;
        }
        let mean: Vec<f64> = (1..=width).map(|i| self.gram[(0, i)] / rows).collect();
        let target = self.cross[0] / rows;
        let scale: Vec<f64> = (0..width)
            .map(|i| (self.gram[(1 + i, 1 + i)] / rows - mean[i] * mean[i]).max(0.0).sqrt())
            .collect();
        let constant = |i: usize| scale[i] <= 1e-9 * (1.0 + mean[i].abs());
        let mut normal = DMatrix::from_fn(width, width, |i, j| {
            if constant(i) || constant(j) {
                return f64::from(u8::from(i == j));
            }
            (self.gram[(1 + i, 1 + j)] / rows - mean[i] * mean[j]) / (scale[i] * scale[j])
        });
        for i in 0..width {
            normal[(i, i)] += share(i, &scale);
        }
        let side = DVector::from_fn(width, |i, _| {
            if constant(i) {
                return 0.0;
            }
            (self.cross[1 + i] / rows - mean[i] * target) / scale[i]
        });
        let found = Cholesky::new(normal)?.solve(&side);
        let weights: Vec<f64> =
            (0..width).map(|i| if constant(i) { 0.0 } else { found[i] / scale[i] }).collect();
        let offset = target - weights.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>();
        weights.iter().all(|w| w.is_finite()).then_some((offset, weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_a_constant_regressor_ignored() {
        let rows: Vec<[f64; 3]> =
            (0..300).map(|i| [f64::from(i % 17), 4.0, f64::from(i % 5)]).collect();
        let target = |row: &[f64; 3]| 3.0 + 2.0 * row[0] - 0.5 * row[2];
        let all = Sums::of(3, rows.iter().map(|row| (&row[..], target(row))));
        let (offset, weights) = all.solve(1e-12).unwrap();
        assert!((offset - 3.0).abs() < 1e-6, "{offset}");
        for (own, expected) in weights.iter().zip([2.0, 0.0, -0.5]) {
            assert!((own - expected).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn one_curve_with_a_factor_each_is_found() {
        let rows: Vec<[f64; 4]> = (0..400)
            .map(|i| {
                let (a, b) = (f64::from(i % 13) / 13.0, f64::from(i % 7) / 7.0);
                [a, b, a * a, b * b]
            })
            .collect();
        let target = |r: &[f64; 4]| 0.5 + 2.0 * (r[0] + 0.3 * r[2]) - 0.7 * (r[1] + 0.3 * r[3]);
        let all = Sums::of(4, rows.iter().map(|row| (&row[..], target(row))));
        let (offset, weights) = all.solve_shared(2, 1e-9).unwrap();
        assert!((offset - 0.5).abs() < 1e-3, "{offset}");
        for (own, expected) in weights.iter().zip([2.0, -0.7, 0.6, -0.21]) {
            assert!((own - expected).abs() < 1e-2, "{weights:?}");
        }
    }

    #[test]
    fn steps_that_are_left_out_have_no_part() {
        let rows: Vec<[f64; 1]> = (0..40).map(|i| [f64::from(i)]).collect();
        let slope = |i: f64| if i < 20.0 { 1.0 } else { -7.0 };
        let part = |range: std::ops::Range<usize>| {
            Sums::of(1, rows[range].iter().map(|row| (&row[..], slope(row[0]) * row[0])))
        };
        let (_, weights) = part(0..40).without(&part(20..40)).solve(1e-12).unwrap();
        assert!((weights[0] - 1.0).abs() < 1e-6, "{weights:?}");
    }
}
