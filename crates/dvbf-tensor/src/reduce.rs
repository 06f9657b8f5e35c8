//! Reductions in a fixed order: sixteen running sums, then their sum from first to last.

use crate::level::leveled;
use crate::scalar::Scalar;
use ndarray::{ArrayView2, ArrayViewMut1};

const LANES: usize = 16;

/// `b += dyᵀ 1`: the gradient of a bias. Shapes: `dy (B, O)`, `b (O)`.
///
/// # Panics
/// If the shapes disagree or a row of `dy` is not contiguous.
#[track_caller]
pub fn add_column_sums<S: Scalar>(mut b: ArrayViewMut1<'_, S>, dy: ArrayView2<'_, S>) {
    assert_eq!(b.len(), dy.ncols(), "sums against the columns of dy");
    let b = b.as_slice_mut().expect("a bias is contiguous");
    for row in dy.rows() {
        axpy(S::ONE, row.as_slice().expect("rows are contiguous"), b);
    }
}

/// `y += a x`.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn axpy<S: Scalar>(a: S, x: &[S], y: &mut [S]) {
    assert_eq!(x.len(), y.len(), "length of x against y");
    axpy_into(a, x, y);
}

/// `y ← k y + (1 − k) x`: a step of a running average.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn blend<S: Scalar>(keep: S, x: &[S], y: &mut [S]) {
    assert_eq!(x.len(), y.len(), "length of x against y");
    blend_into(keep, x, y);
}

/// `Σ xᵢ yᵢ`.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn dot<S: Scalar>(x: &[S], y: &[S]) -> S {
    assert_eq!(x.len(), y.len(), "length of x against y");
    dot_of(x, y)
}

/// `Σ xᵢ²`.
pub fn sum_squares<S: Scalar>(x: &[S]) -> S {
    dot_of(x, x)
}

leveled! {
    fn axpy_into<S: Scalar>(a: S, x: &[S], y: &mut [S]) {
        for (y, &x) in y.iter_mut().zip(x) { *y = a.mul_add(x, *y); }
    }

    fn blend_into<S: Scalar>(keep: S, x: &[S], y: &mut [S]) {
        let rest = S::ONE - keep;
        for (y, &x) in y.iter_mut().zip(x) { *y = keep * *y + rest * x; }
    }

    fn dot_of<S: Scalar>(x: &[S], y: &[S]) -> S {
        let mut sums = [S::ZERO; LANES];
        let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let (xr, yr) = (xs.remainder(), ys.remainder());
        for (x, y) in xs.zip(ys) {
            for i in 0..LANES { sums[i] = x[i].mul_add(y[i], sums[i]); }
        }
        for (i, (&x, &y)) in xr.iter().zip(yr).enumerate() { sums[i] = x.mul_add(y, sums[i]); }
        let mut total = S::ZERO;
        for s in sums { total += s; }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn sums_and_products() {
        let x: Vec<f64> = (0..37_u32).map(f64::from).collect();
        assert!((sum_squares(&x) - 16_206.0).abs() < 1e-9);
        let mut y = x.clone();
        axpy(2.0, &x, &mut y);
        assert!((y[36] - 108.0).abs() < 1e-12);
        blend(0.75, &x, &mut y);
        assert!((y[36] - (0.75 * 108.0 + 0.25 * 36.0)).abs() < 1e-12);
        let mut b = array![1.0_f32, 2.0];
        add_column_sums(b.view_mut(), array![[1.0_f32, 2.0], [3.0, 4.0]].view());
        assert_eq!(b, array![5.0, 8.0]);
    }
}
