//! Matrix products `C ← A B` and `C += A B`.
//!
//! The right factor is packed into panels, the left one is read in place, and both are multiplied
//! tile by tile with a micro-kernel that keeps its tile of `C` in registers (Goto and van de Geijn
//! 2008). Element `(i, j)` is always the chain
//! `c ← fma(aᵢₖ, bₖⱼ, c)` for ascending `k`, whatever the tile, so a product of one row equals the
//! same row of a larger product bit for bit.

mod kernel;
mod pack;
mod transpose;

pub(crate) use kernel::Family;
pub(crate) use kernel::{family32, family64};
pub use pack::PackedMatrix;
pub(crate) use transpose::{interleave_plain, interleave32};

use crate::scalar::Scalar;
use kernel::{Left, Target};
use ndarray::{ArrayView2, ArrayViewMut2};
use pack::pack_right;

/// What a product does with the values that `C` already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accum {
    /// `C ← A B`.
    Replace,
    /// `C += A B`.
    Add,
}

/// Length of a block of the inner axis: a panel of `B` then stays in the first-level cache.
const INNER_BLOCK: usize = 256;
/// Rows of `A` that meet all panels of `B` before the next ones: they stay in the second-level
/// cache.
const ROW_BLOCK: usize = 96;

/// `C ← A B` or `C += A B`. Shapes: `c (M, N)`, `a (M, K)`, `b (K, N)`, in any memory layout.
///
/// # Panics
/// If the shapes disagree.
#[track_caller]
pub fn gemm<S: Scalar>(
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
) {
    assert_eq!(c.dim(), (a.nrows(), b.ncols()), "c against (rows of a, columns of b)");
    assert_eq!(a.ncols(), b.nrows(), "inner axes of a and b");
    let family = S::family(b.ncols());
    S::buffer().with_borrow_mut(|right| {
        pack_right(family, b, right);
        product(family, accum, c, a, b.dim(), right);
    });
}

/// [`gemm`] with a right factor packed beforehand.
///
/// # Panics
/// If the shapes disagree.
#[track_caller]
pub fn gemm_packed<S: Scalar>(
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: &PackedMatrix<S>,
) {
    let (inner, columns) = b.dim();
    assert_eq!(c.dim(), (a.nrows(), columns), "c against (rows of a, columns of b)");
    assert_eq!(a.ncols(), inner, "inner axes of a and b");
    product(S::family(columns), accum, c, a, b.dim(), b.panels());
}

/// Largest tile of any family.
const TILE: usize = 12 * 32;

#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
fn product<S: Scalar>(
    family: &Family<S>,
    accum: Accum,
    mut c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    (inner, columns): (usize, usize),
    right: &[S],
) {
    let rows = a.nrows();
    if accum == Accum::Replace && inner == 0 {
        c.fill(S::ZERO);
    }
    let padded = columns.next_multiple_of(family.columns);
    let (c_row, c_column) = (c.strides()[0], c.strides()[1]);
    let (a_row, a_inner) = (a.strides()[0], a.strides()[1]);
    let direct = c_column == 1 || columns == 1;
    let (c_start, a_start) = (c.as_mut_ptr(), a.as_ptr());
    for k in (0..inner).step_by(INNER_BLOCK) {
        let depth = INNER_BLOCK.min(inner - k);
        let load = k > 0 || accum == Accum::Add;
        let panels = &right[k * padded..][..depth * padded];
        for block in (0..rows).step_by(ROW_BLOCK) {
            let end = rows.min(block + ROW_BLOCK);
            for j in (0..columns).step_by(family.columns) {
                let panel = panels[j * depth..][..family.columns * depth].as_ptr();
                let width = family.columns.min(columns - j);
                for i in (block..end).step_by(family.rows) {
                    let height = family.rows.min(end - i);
                    let kernel = family.kernels[height - 1];
                    // SAFETY: rows `i..i + height` and columns `j..j + width` lie inside `c`, rows
                    // `i..i + height` and columns `k..k + depth` inside `a`, whose strides these
                    // are; the panel holds `depth` slices of a whole tile; the kernel belongs to
                    // an instruction set that this processor has.
                    unsafe {
                        let left = Left {
                            start: a_start
                                .offset(i.cast_signed() * a_row + k.cast_signed() * a_inner),
                            row: a_row,
                            inner: a_inner,
                        };
                        let corner =
                            c_start.offset(i.cast_signed() * c_row + j.cast_signed() * c_column);
                        if direct {
                            let target = Target { start: corner, row: c_row, width };
                            kernel(depth, left, panel, target, load);
                        } else {
                            let place = |y: usize, x: usize| {
                                corner.offset(y.cast_signed() * c_row + x.cast_signed() * c_column)
                            };
                            through_tile(kernel, depth, left, panel, load, (height, width), place);
                        }
                    }
                }
            }
        }
    }
}

/// Computes a tile of a `C` whose columns are not adjacent.
///
/// # Safety
/// The kernel may be called on these factors, and `place` gives valid pointers for the tile.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
unsafe fn through_tile<S: Scalar>(
    kernel: unsafe fn(usize, Left<S>, *const S, Target<S>, bool),
    depth: usize,
    left: Left<S>,
    panel: *const S,
    load: bool,
    (height, width): (usize, usize),
    place: impl Fn(usize, usize) -> *mut S,
) {
    let mut tile = [S::ZERO; TILE];
    let places = || (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    // SAFETY: the tile is as large as any family's; the rest is the caller's promise.
    unsafe {
        if load {
            for (y, x) in places() {
                tile[y * width + x] = *place(y, x);
            }
        }
        let row = isize::try_from(width).unwrap_or(0);
        let target = Target { start: tile.as_mut_ptr(), row, width };
        kernel(depth, left, panel, target, load);
        for (y, x) in places() {
            *place(y, x) = tile[y * width + x];
        }
    }
}

#[cfg(test)]
mod tests;
