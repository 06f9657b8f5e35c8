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
use super::memory::zeros;
use nalgebra::allocator::Allocator;
use nalgebra::{DMatrix, DefaultAllocator, Dim, OMatrix, OVector, U1};

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
    let mut work = Reflections::of(a.transpose());
    let mut ranks = Vec::with_capacity(blocks.len());
    let rank = work.run(what, blocks.iter().copied(), |rank| ranks.push(rank))?;
    let lower = DMatrix::from_fn(n, rank, |variable, column| work.value(variable, column));
    Ok(Triangle { lower, order: work.order()[..rank].to_vec(), ranks })
}

/// The power of two at or below a normal number, so that dividing by it does not round.
fn power_of_two(size: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    let power = f64::from_bits(size.to_bits() & EXPONENT);
    if power > 0.0 { power } else { f64::MIN_POSITIVE }
}

/// `Aᵀ (M, N)` on its way to the triangle, and what that takes.
#[derive(Clone, Debug)]
pub(super) struct Reflections<M: Dim, N: Dim>
where
    DefaultAllocator: Allocator<M, N> + Allocator<N> + Allocator<M>,
{
    /// `Aᵀ`, written before a [`run`](Self::run): a column is a variable, so that what is reflected
    /// lies in one piece. Afterwards its first rows are those of the triangle, scaled.
    pub(super) x: OMatrix<f64, M, N>,
    /// Largest value that stood in each place or was taken from it.
    size: OMatrix<f64, M, N>,
    /// Squared norms of what is left of the variables.
    squares: OVector<f64, N>,
    /// The unit of each variable.
    scale: OVector<f64, N>,
    /// What is reflected along.
    direction: OVector<f64, M>,
    /// Variables, the ones that lead a column first.
    order: OVector<usize, N>,
    done: usize,
}

impl<M: Dim, N: Dim> Reflections<M, N>
where
    DefaultAllocator: Allocator<M, N> + Allocator<N> + Allocator<M>,
{
    /// Room for the transpose of a root.
    pub(super) fn new(rows: M, variables: N) -> Self {
        Self::of(zeros(rows, variables))
    }

    fn of(x: OMatrix<f64, M, N>) -> Self {
        let (rows, variables) = x.shape_generic();
        Self {
            size: x.clone(),
            x,
            squares: zeros(variables, U1),
            scale: zeros(variables, U1),
            direction: zeros(rows, U1),
            order: OVector::repeat_generic(variables, U1, 0),
            done: 0,
        }
    }

    /// Takes a root of fewer columns than there is room for; the others are zero.
    pub(super) fn read<K: Dim>(&mut self, root: &OMatrix<f64, N, K>)
    where
        DefaultAllocator: Allocator<N, K>,
    {
        self.x.fill(0.0);
        for i in 0..root.nrows() {
            for k in 0..root.ncols() {
                self.x[(k, i)] = root[(i, k)];
            }
        }
    }

    /// Makes a triangle of the variables block by block, gives its columns after every block to
    /// `ended` and returns how many there are.
    #[inline]
    pub(super) fn run(
        &mut self,
        what: &'static str,
        blocks: impl Iterator<Item = usize>,
        mut ended: impl FnMut(usize),
    ) -> Result<usize, BayesError> {
        super::check::finite(what, self.x.as_slice())?;
        self.begin();
        let mut start = 0;
        for size in blocks {
            let block = start..start + size;
            start += size;
            while let Some(place) = self.largest(&block) {
                self.order.as_mut_slice().swap(self.done, place);
                self.reflect(block.start);
            }
            ended(self.done);
        }
        Ok(self.done)
    }

    /// Scales the variables and measures them.
    #[inline]
    fn begin(&mut self) {
        let (rows, variables) = self.x.shape();
        let (x, size) = (self.x.as_mut_slice(), self.size.as_mut_slice());
        for variable in 0..variables {
            let column = &mut x[variable * rows..(variable + 1) * rows];
            let largest =
                column.iter().fold(0.0, |a: f64, v| if v.abs() > a { v.abs() } else { a });
            let scale = power_of_two(largest);
            let mut square = 0.0;
            for (value, size) in column.iter_mut().zip(&mut size[variable * rows..]) {
                *value /= scale;
                *size = value.abs();
                square += *value * *value;
            }
            self.scale[variable] = scale;
            self.squares[variable] = square;
            self.order[variable] = variable;
        }
        self.done = 0;
    }

    /// Variables, the ones that lead a column first, in the order of their columns.
    pub(super) fn order(&self) -> &[usize] {
        self.order.as_slice()
    }

    /// An entry of the triangle.
    #[inline]
    pub(super) fn value(&self, variable: usize, column: usize) -> f64 {
        self.x.as_slice()[variable * self.x.nrows() + column] * self.scale[variable]
    }

    /// What is left of a variable.
    #[inline]
    fn rest(&self, variable: usize) -> &[f64] {
        let rows = self.x.nrows();
        &self.x.as_slice()[variable * rows + self.done..(variable + 1) * rows]
    }

    /// Its norm.
    #[inline]
    fn norm(&self, variable: usize) -> f64 {
        let square = self.squares[variable];
        if square > 1e-200 { square.sqrt() } else { norm(self.rest(variable)) }
    }

    /// The place in the order of the variable of a block that has the largest norm left; none if
    /// all are zero.
    #[inline]
    fn largest(&self, block: &std::ops::Range<usize>) -> Option<usize> {
        let mut largest = (None, 0.0);
        let order = self.order.as_slice();
        for (place, variable) in order.iter().enumerate().skip(self.done) {
            if block.contains(variable) {
                let square = self.squares[*variable];
                // A norm of its own only where the square has underflown.
                let square = if square > 1e-200 { square } else { tiny(self.norm(*variable)) };
                if square > largest.1 {
                    largest = (Some(place), square);
                }
            }
        }
        largest.0
    }

    /// Reflects the rest of the next variable onto one row, and those of the others from `first`
    /// on with it.
    #[inline]
    fn reflect(&mut self, first: usize) {
        let (rows, variables) = self.x.shape();
        let k = self.done;
        let pivot = self.order[k];
        let mut lead = (0, 0.0);
        for (i, v) in self.rest(pivot).iter().enumerate() {
            if v.abs() > lead.1 {
                lead = (i, v.abs());
            }
        }
        if lead.0 > 0 {
            self.x.swap_rows(k, k + lead.0);
            self.size.swap_rows(k, k + lead.0);
        }
        let length = self.norm(pivot);
        let data = self.x.as_mut_slice();
        let head = data[pivot * rows + k];
        let sign = head.signum();
        // The reflection is I − β w wᵀ with w₁ = 1 and all other |wᵢ| below one.
        let beta = 1.0 + head.abs() / length;
        let inverse = 1.0 / (head + sign * length);
        let direction = &mut self.direction.as_mut_slice()[k + 1..];
        for (d, v) in direction.iter_mut().zip(&mut data[pivot * rows + k + 1..]) {
            *d = *v * inverse;
            *v = 0.0;
        }
        data[pivot * rows + k] = length;
        for place in k + 1..variables {
            let other = self.order[place];
            if other < first {
                continue;
            }
            let (head, rest) = data[other * rows + k..(other + 1) * rows]
                .split_first_mut()
                .unwrap_or_else(|| unreachable!("there is a row for every pivot"));
            let along = beta * (*head + dot(direction, rest));
            if along == 0.0 {
                *head *= -sign;
                self.squares[other] = dot(rest, rest);
                continue;
            }
            // The other sign of the row makes the diagonal positive.
            *head = -sign * (*head - along);
            let size = &mut self.size.as_mut_slice()[other * rows + k + 1..(other + 1) * rows];
            self.squares[other] = subtract(rest, along, direction, size);
        }
        self.done += 1;
    }
}

/// Orders norms up to `1e-100`, whose squares underflow, below the squares of all others.
fn tiny(norm: f64) -> f64 {
    if norm > 0.0 { (norm * 1e-100).max(f64::from_bits(1)) } else { 0.0 }
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
