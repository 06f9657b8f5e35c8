//! Matrix products `C ← A B` and `C += A B`.
//!
//! The right factor is packed into panels, the left one is read in place, and both are multiplied
//! tile by tile with a micro-kernel that keeps its tile of `C` in registers (Goto and van de Geijn
//! 2008). Element `(i, j)` is always the chain
//! `c ← fma(aᵢₖ, bₖⱼ, c)` for ascending `k`, whatever the tile, so a product of one row equals the
//! same row of a larger product bit for bit.

mod brief;
mod kernel;
mod pack;
mod transpose;

pub use brief::{ProductPrecision, product_precision, set_product_precision};
pub(crate) use brief::{is_brief32, pack_brief32, product_brief32};
pub(crate) use kernel::Family;
pub(crate) use kernel::{family32, family64};
pub use pack::PackedMatrix;
pub(crate) use transpose::{interleave_plain, interleave32};

use crate::scalar::Scalar;
use kernel::{Left, Target};
use ndarray::{ArrayView2, ArrayViewMut2};
use pack::pack_right;
use std::ops::Range;

/// What a product does with the values that `C` already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accum {
    /// `C ← A B`.
    Replace,
    /// `C += A B`.
    Add,
}

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
    S::buffer().with_borrow_mut(|right| {
        if S::is_brief(b.dim()) {
            S::pack_brief(b, right);
            S::product_brief(accum, c, a, b.dim(), right);
        } else {
            let family = S::family(b.ncols());
            pack_right(family, b, right);
            product_in_place(family, accum, c, a, b.ncols(), right);
        }
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
    if b.is_brief() {
        S::product_brief(accum, c, a, b.dim(), b.panels());
    } else {
        product_in_place(S::family(columns), accum, c, a, columns, b.panels());
    }
}

/// Largest tile of any family.
const TILE: usize = 12 * 32;

/// A product whose left factor is read where it is.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
fn product_in_place<S: Scalar>(
    family: &Family<S>,
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    columns: usize,
    right: &[S],
) {
    let (row, inner) = (a.strides()[0], a.strides()[1]);
    let start = a.as_ptr();
    let left = |k: usize, _: usize, rows: Range<usize>| {
        // SAFETY: the corner lies inside `a`.
        let start =
            unsafe { start.offset(rows.start.cast_signed() * row + k.cast_signed() * inner) };
        Left { start, row, inner }
    };
    // SAFETY: `left` hands out rows and columns of `a`, and the family belongs to an instruction
    // set that this processor has.
    unsafe { product(family, accum, c, (a.ncols(), columns), right, left) }
}

/// `C ← A B` or `C += A B` with `slices` slices of the inner axis; `left(k, depth, rows)` gives the
/// block of `A` with these rows and slices `k..k + depth`.
///
/// # Safety
/// The block must be valid for these rows and slices, and the processor must have the instruction
/// set of the family.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
unsafe fn product<S: Scalar>(
    family: &Family<S>,
    accum: Accum,
    mut c: ArrayViewMut2<'_, S>,
    (slices, columns): (usize, usize),
    right: &[S],
    mut left: impl FnMut(usize, usize, Range<usize>) -> Left<S>,
) {
    let rows = c.nrows();
    if accum == Accum::Replace && slices == 0 {
        c.fill(S::ZERO);
    }
    let padded = columns.next_multiple_of(family.columns);
    let (c_row, c_column) = (c.strides()[0], c.strides()[1]);
    let direct = c_column == 1 || columns == 1;
    let c_start = c.as_mut_ptr();
    for k in (0..slices).step_by(family.depth) {
        let depth = family.depth.min(slices - k);
        let load = k > 0 || accum == Accum::Add;
        let panels = &right[k * padded..][..depth * padded];
        for block in (0..rows).step_by(ROW_BLOCK) {
            let end = rows.min(block + ROW_BLOCK);
            let left = left(k, depth, block..end);
            for j in (0..columns).step_by(family.columns) {
                let panel = panels[j * depth..][..family.columns * depth].as_ptr();
                let width = family.columns.min(columns - j);
                for i in (block..end).step_by(family.rows) {
                    let height = family.rows.min(end - i);
                    let kernel = family.kernels[height - 1];
                    // SAFETY: rows `i..i + height` and columns `j..j + width` lie inside `c`, whose
                    // strides these are; the panel holds `depth` slices of a whole tile; the rest
                    // is the caller's promise.
                    unsafe {
                        let start = left.start.offset((i - block).cast_signed() * left.row);
                        let left = Left { start, ..left };
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
