//! The Cholesky factor of a small symmetric matrix, in place.
//!
//! | | equation |
//! |-|----------|
//! | column `j` | `l = g_j − Σ_{k<j} L_jk l_k`, in the order of `k`; `L_jj = √l_j`, `L_ij = l_i / L_jj` |
//! | determinant | `ln det G = 2 Σ ln L_ii` |
//! | solution of `L y = b` | `y_i = b_i / L_ii`, then `b −= y_i l_i` below row `i` |
//! | solution of `Lᵀ y = b` | `y_i = (b_i − Σ_{k>i} L_ki y_k) / L_ii`, from the last row up |
//!
//! The order of all sums is fixed, and nothing allocates after construction.

/// The lower triangle of `G`, later that of `L`.
#[derive(Debug)]
pub(super) struct Triangle {
    size: usize,
    /// Column after column, each from its diagonal on down to row `size`; what is above it is not
    /// read.
    columns: Vec<f64>,
}

impl Triangle {
    /// A matrix of `size` rows.
    pub(super) fn zeros(size: usize) -> Self {
        Self { size, columns: vec![0.0; size * size] }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Column `j` of `G`, from its diagonal on down.
    pub(super) fn column_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.columns[j * self.size + j..(j + 1) * self.size]
    }

    /// Replaces `G` by `L`; false if `G` is not positive definite, and the triangle is unspecified
    /// then.
    #[must_use]
    pub(super) fn factorize(&mut self) -> bool {
        let n = self.size;
        for j in 0..n {
            let (before, rest) = self.columns.split_at_mut(j * n);
            let own = &mut rest[j..n];
            for earlier in before.chunks_exact(n) {
                let other = &earlier[j..];
                let factor = -other[0];
                for (to, from) in own.iter_mut().zip(other) {
                    *to += factor * from;
                }
            }
            if own[0].is_nan() || own[0] <= 0.0 {
                return false;
            }
            let diagonal = own[0].sqrt();
            own[0] = diagonal;
            own[1..].iter_mut().for_each(|l| *l /= diagonal);
        }
        true
    }

    /// `ln det G` after the factorization.
    pub(super) fn log_det(&self) -> f64 {
        2.0 * (0..self.size).map(|i| self.columns[i * (self.size + 1)].ln()).sum::<f64>()
    }

    /// Replaces `b` by `L⁻¹ b` after the factorization.
    pub(super) fn solve(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let column = &self.columns[i * self.size + i..(i + 1) * self.size];
            let value = b[i] / column[0];
            b[i] = value;
            for (to, l) in b[i + 1..].iter_mut().zip(&column[1..]) {
                *to -= value * l;
            }
        }
    }

    /// Replaces `b` by `L⁻ᵀ b` after the factorization.
    pub(super) fn solve_transposed(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let column = &self.columns[i * self.size + i..(i + 1) * self.size];
            let below: f64 = column[1..].iter().zip(&b[i + 1..]).map(|(l, y)| l * y).sum();
            b[i] = (b[i] - below) / column[0];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_tensor::Noise;
    use nalgebra::{Cholesky, DMatrix, DVector};
    use proptest::prelude::*;

    /// `I + A Aᵀ` as it stands in a triangle and as a whole.
    fn gram(size: usize, seed: u64) -> (Triangle, DMatrix<f64>) {
        let mut draws = vec![0.0; size * 3];
        Noise::new(seed, 0).normal(&mut draws);
        let a = DMatrix::from_vec(size, 3, draws);
        let whole = DMatrix::identity(size, size) + &a * a.transpose();
        let mut triangle = Triangle::zeros(size);
        for j in 0..size {
            triangle.column_mut(j).iter_mut().zip(j..).for_each(|(to, i)| *to = whole[(i, j)]);
        }
        (triangle, whole)
    }

    proptest! {
        #[test]
        fn factor_determinant_and_solution_are_those_of_nalgebra_bit_for_bit(
            size in 1..40_usize,
            seed in any::<u64>(),
        ) {
            let (mut triangle, whole) = gram(size, seed);
            prop_assert!(triangle.factorize());
            let expected = Cholesky::new(whole).unwrap();
            for j in 0..size {
                for i in j..size {
                    let own = triangle.columns[j * size + i];
                    prop_assert_eq!(own.to_bits(), expected.l_dirty()[(i, j)].to_bits());
                }
            }
            let log_det =
                2.0 * (0..size).map(|i| expected.l_dirty()[(i, i)].ln()).sum::<f64>();
            prop_assert_eq!(triangle.log_det().to_bits(), log_det.to_bits());
            let mut b = vec![0.0; size];
            Noise::new(seed, 1).normal(&mut b);
            let mut solution = DVector::from_column_slice(&b);
            triangle.solve(&mut b);
            prop_assert!(expected.l_dirty().solve_lower_triangular_mut(&mut solution));
            for (own, other) in b.iter().zip(&solution) {
                prop_assert_eq!(own.to_bits(), other.to_bits());
            }
            triangle.solve_transposed(&mut b);
            prop_assert!(expected.l_dirty().tr_solve_lower_triangular_mut(&mut solution));
            for (own, other) in b.iter().zip(&solution) {
                prop_assert!((own - other).abs() < 1e-12 * (1.0 + other.abs()), "{own}, {other}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        for bad in [0.0, -1.0, f64::NAN] {
            let (mut triangle, _) = gram(3, 1);
            triangle.column_mut(1)[0] = bad;
            assert!(!triangle.factorize(), "{bad}");
        }
    }
}
