//! Lower triangle of a root of a covariance, without squaring it.
//!
//! A covariance `P = A Aᵀ` is known by a root `A (N, M)` whose columns may differ in size by any
//! factor, as those of a state do of which one direction is known and another is not. Reflections
//! from the right (Householder 1958) make it a lower triangle `L = A Θ` of its variables in some
//! order, with `L Lᵀ = P`.
//!
//! The variable with the largest standard deviation left comes next, after scaling to like units,
//! and the column in which it is largest leads the reflection. Then each column of `A` is as if
//! perturbed by rounding of its own size (Powell and Reid 1969; Cox and Higham 1998), so that small
//! columns survive beside large ones. Blocks of variables come one after the other.

use super::BayesError;
use nalgebra::DMatrix;

/// Values below this share of the largest one that stood in their place are rounding.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// `L`, variables in rows.
#[derive(Clone, Debug)]
pub(super) struct Triangle {
    /// `(N, rank)`; the row of variable `order[i]` has at most `i + 1` entries.
    pub(super) lower: DMatrix<f64>,
    /// Variables in the order of factoring, block by block; those of a block that depend on the
    /// ones before are left out.
    pub(super) order: Vec<usize>,
    /// Columns of `L` that the first blocks have: `ranks[i]` those of blocks `0 … i`.
    pub(super) ranks: Vec<usize>,
}

/// The triangle of the root `a (N, M)`, whose first `blocks[0]` variables come first, then the next
/// `blocks[1]`, and so on.
pub(super) fn triangle(
    what: &'static str,
    a: &DMatrix<f64>,
    blocks: &[usize],
) -> Result<Triangle, BayesError> {
    let n = a.nrows();
    assert_eq!(blocks.iter().sum::<usize>(), n, "variables of the blocks");
    super::check::finite(what, a.as_slice())?;
    // A column of `x` is a variable: what is reflected lies in one piece.
    let mut x = a.transpose();
    let scale: Vec<f64> = x.column_iter().map(|column| power_of_two(column.amax())).collect();
    for (mut column, scale) in x.column_iter_mut().zip(&scale) {
        column /= *scale;
    }
    let mut work = Reflections::new(x);
    let (mut order, mut ranks) = (Vec::with_capacity(n), Vec::with_capacity(blocks.len()));
    let mut start = 0;
    for size in blocks {
        let mut left: Vec<usize> = (start..start + size).collect();
        start += size;
        while let Some(next) = work.largest(&left) {
            let pivot = left.swap_remove(next);
            let others: Vec<usize> = left.iter().copied().chain(start..n).collect();
            work.reflect(pivot, &others);
            order.push(pivot);
        }
        ranks.push(order.len());
    }
    let mut lower = work.x.rows(0, order.len()).transpose();
    for (mut row, scale) in lower.row_iter_mut().zip(&scale) {
        row *= *scale;
    }
    Ok(Triangle { lower, order, ranks })
}

/// The power of two at or below a normal number, so that dividing by it does not round.
fn power_of_two(size: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    let power = f64::from_bits(size.to_bits() & EXPONENT);
    if power > 0.0 { power } else { f64::MIN_POSITIVE }
}

/// `Aᵀ`, of which the first `done` rows are those of the triangle.
struct Reflections {
    x: DMatrix<f64>,
    /// Largest value that stood in each place or was taken from it.
    size: DMatrix<f64>,
    /// Squared norms of what is left of the variables.
    squares: Vec<f64>,
    done: usize,
}

impl Reflections {
    fn new(x: DMatrix<f64>) -> Self {
        let squares = x.column_iter().map(|v| v.norm_squared()).collect();
        Self { size: x.abs(), x, squares, done: 0 }
    }

    /// What is left of a variable.
    fn rest(&self, variable: usize) -> &[f64] {
        let rows = self.x.nrows();
        &self.x.as_slice()[variable * rows + self.done..(variable + 1) * rows]
    }

    /// Its norm.
    fn norm(&self, variable: usize) -> f64 {
        let square = self.squares[variable];
        if square > 1e-200 { square.sqrt() } else { norm(self.rest(variable)) }
    }

    /// Which of the variables has the largest norm left; none if all are zero.
    fn largest(&self, variables: &[usize]) -> Option<usize> {
        let norms = variables.iter().map(|&i| self.norm(i)).enumerate();
        let largest = norms.fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        (largest.1 > 0.0).then_some(largest.0)
    }

    /// Reflects the rest of the variable `pivot` onto one row, and the `others` with it.
    fn reflect(&mut self, pivot: usize, others: &[usize]) {
        let (rows, k) = (self.x.nrows(), self.done);
        let lead =
            self.rest(pivot).iter().enumerate().fold((0, 0.0), |a, (i, v): (usize, &f64)| {
                if v.abs() > a.1 { (i, v.abs()) } else { a }
            });
        self.x.swap_rows(k, k + lead.0);
        self.size.swap_rows(k, k + lead.0);
        let length = self.norm(pivot);
        let head = self.x[(k, pivot)];
        let sign = head.signum();
        // The reflection is I − β w wᵀ with w₁ = 1 and all other |wᵢ| below one.
        let beta = 1.0 + head.abs() / length;
        let direction: Vec<f64> =
            self.rest(pivot)[1..].iter().map(|v| v / (head + sign * length)).collect();
        let data = self.x.as_mut_slice();
        data[pivot * rows + k] = length;
        data[pivot * rows + k + 1..(pivot + 1) * rows].fill(0.0);
        for &other in others {
            let (first, rest) = data[other * rows + k..(other + 1) * rows]
                .split_first_mut()
                .unwrap_or_else(|| unreachable!("there is a row for every pivot"));
            let along = beta * (*first + dot(&direction, rest));
            if along == 0.0 {
                *first *= -sign;
                self.squares[other] = dot(rest, rest);
                continue;
            }
            // The other sign of the row makes the diagonal positive.
            *first = -sign * (*first - along);
            let size = &mut self.size.as_mut_slice()[other * rows + k + 1..(other + 1) * rows];
            self.squares[other] = subtract(rest, along, &direction, size);
        }
        self.done += 1;
    }
}

/// `aᵀ b`, in four sums that do not wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for k in 0..4 {
            sums[k] += a[k] * b[k];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// `v -= along w`, without what is rounding beside the `size` of what stood there. Gives `vᵀ v`.
fn subtract(v: &mut [f64], along: f64, w: &[f64], size: &mut [f64]) -> f64 {
    let one = |v: &mut f64, w: f64, size: &mut f64| {
        let change = along * w;
        let left = *v - change;
        let stood = if change.abs() > left.abs() { change.abs() } else { left.abs() };
        *size = if stood > *size { stood } else { *size };
        *v = if left.abs() > ROUNDING * *size { left } else { 0.0 };
        *v * *v
    };
    let (v, v_rest) = v.as_chunks_mut::<4>();
    let (w, w_rest) = w.as_chunks::<4>();
    let (size, size_rest) = size.as_chunks_mut::<4>();
    let mut sums = [0.0; 4];
    for ((v, w), size) in v.iter_mut().zip(w).zip(size) {
        for k in 0..4 {
            sums[k] += one(&mut v[k], w[k], &mut size[k]);
        }
    }
    let rest = v_rest.iter_mut().zip(w_rest).zip(size_rest);
    let rest: f64 = rest.map(|((v, &w), size)| one(v, w, size)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Euclidean norm, safe from underflow.
fn norm(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    if largest > 0.0 {
        largest * values.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(a: &DMatrix<f64>) -> DMatrix<f64> {
        a * a.transpose()
    }

    #[test]
    fn a_triangle_is_a_root_of_the_same_covariance() {
        let a = DMatrix::from_row_slice(
            3,
            4,
            &[1.0, -2.0, 0.5, 3.0, 0.0, 4.0, -1.0, 1.0, 2.5, 0.0, 7.0, -1.0],
        );
        for blocks in [&[3][..], &[1, 2], &[1, 1, 1], &[2, 0, 1]] {
            let Triangle { lower, order, ranks } = triangle("a", &a, blocks).unwrap();
            assert!((square(&lower) - square(&a)).amax() < 1e-13);
            assert_eq!((order.len(), ranks.last()), (3, Some(&3)));
            for (i, &variable) in order.iter().enumerate() {
                assert!(lower[(variable, i)] > 0.0);
                assert!((i + 1..3).all(|j| lower[(variable, j)] == 0.0));
            }
        }
    }

    /// What is known to `1e-40` is not lost beside what is unknown to `1e40`.
    #[test]
    fn small_columns_survive_beside_large_ones() {
        let (small, large) = (1e-40, 1e40);
        let a = DMatrix::from_row_slice(2, 2, &[small, large, 0.0, large]);
        for blocks in [&[2][..], &[1, 1]] {
            let Triangle { lower, order, .. } = triangle("a", &a, blocks).unwrap();
            let last = lower[(order[1], 1)];
            assert!((last / small - 1.0).abs() < 1e-14, "{last:e}");
        }
    }

    #[test]
    fn variables_that_depend_on_others_have_no_column() {
        let a = DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 0.1, 0.3, 1.1, 2.3]);
        let Triangle { lower, order, ranks } = triangle("a", &a, &[1, 2]).unwrap();
        assert_eq!((lower.ncols(), order.len(), ranks), (2, 2, vec![1, 2]));
        assert!((square(&lower) - square(&a)).amax() < 1e-14);
        let zero = triangle("a", &DMatrix::zeros(2, 5), &[2]).unwrap();
        assert_eq!(zero.lower.ncols(), 0);
    }
}
