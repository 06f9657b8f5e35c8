//! Matrix products `C ← A B` and `C += A B`.
//!
//! The left factor is read in place, the right one too if its rows are contiguous and near each
//! other, and from panels otherwise. Tiles of AVX2 are so small that both come from panels wherever
//! their slices are apart and meet more than a few tiles. Factors are multiplied tile by tile with a micro-kernel that
//! keeps its tile of `C` in registers (Goto and van de Geijn 2008). Element `(i, j)` is always the chain
//! `c ← fma(aᵢₖ, bₖⱼ, c)` for ascending `k`, whatever the tile, so a product of one row equals the
//! same row of a larger product bit for bit.

mod brief;
mod fused;
mod kernel;
mod pack;
mod tile;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vector;

pub use brief::ProductPrecision;
pub(crate) use brief::{is_brief32, pack_brief32, product_brief32};
pub use fused::Fused;
pub(crate) use kernel::Family;
pub(crate) use kernel::{family32, family64};
pub(crate) use pack::Buffers;
pub use pack::PackedMatrix;
pub(crate) use transpose::{interleave_plain, interleave32};

use crate::scalar::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2, s};
use pack::{pack_left, pack_right};
use std::ops::Range;
use tile::{Finish, Left, Right, Target, Tile};

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
    if S::is_brief(b.dim()) {
        return gemm_brief(accum, c, a, b, Finish::Nothing);
    }
    if b.ncols() < NARROW && b.ncols() < a.nrows() && a.strides()[0] == 1 {
        let (a, b) = (b.reversed_axes(), a.reversed_axes());
        return gemm_single(accum, c.reversed_axes(), a, b, Finish::Nothing);
    }
    gemm_single(accum, c, a, b, Finish::Nothing);
}

/// A product of a transposed left factor with fewer columns is computed as `Cᵀ = Bᵀ A`, whose tiles
/// are wide.
const NARROW: usize = 12;

/// Products with fewer rows meet a panel too seldom for packing it to pay.
const FEW: usize = 24;

/// [`gemm`], and `fused` on its result.
///
/// # Panics
/// As [`gemm_fused`].
#[track_caller]
pub fn gemm_views<S: Scalar>(
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    fused: Fused<'_, S>,
) {
    assert_eq!(c.dim(), (a.nrows(), b.ncols()), "c against (rows of a, columns of b)");
    assert_eq!(a.ncols(), b.nrows(), "inner axes of a and b");
    let finish = fused.start(c.dim());
    if S::is_brief(b.dim()) {
        return gemm_brief(accum, c, a, b, finish);
    }
    gemm_single(accum, c, a, b, finish);
}

/// A product in bf16.
fn gemm_brief<S: Scalar>(
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    finish: Finish<S>,
) {
    let product = Product { accum, slices: a.ncols(), columns: b.ncols(), finish };
    S::buffers().with_borrow_mut(|Buffers { right, .. }| {
        S::pack_brief(b, right);
        S::product_brief(product, c, a, right);
    });
}

/// A product in the precision of its factors, whatever is in force.
fn gemm_single<S: Scalar>(
    accum: Accum,
    mut c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    finish: Finish<S>,
) {
    let (slices, columns) = b.dim();
    let product = |accum, slices, finish| Product { accum, slices, columns, finish };
    let family = S::family(columns);
    S::buffers().with_borrow_mut(|Buffers { left, right }| {
        if reads_in_place(&b) && (a.nrows() < FEW || !family.packs) {
            let whole = columns / family.columns * family.columns;
            pack_right(family, b.slice(s![.., whole..]), right);
            let place = Right { start: b.as_ptr(), inner: b.strides()[0] };
            let right = Columns { place: Some(place), panels: right };
            product_in_place(family, product(accum, slices, finish), c, a, right);
            return;
        }
        let packs_left = family.packs && a.strides()[0] == 1 && columns > 2 * family.columns;
        for k in (0..slices.max(1)).step_by(family.depth) {
            let block = k..slices.min(k + family.depth);
            let accum = if k == 0 { accum } else { Accum::Add };
            let finish = if block.end == slices { finish } else { Finish::Nothing };
            let product = product(accum, block.len(), finish);
            let a = a.slice(s![.., block.clone()]);
            pack_right(family, b.slice(s![block, ..]), right);
            let right = Columns { place: None, panels: right };
            if packs_left {
                product_from_panels(family, product, c.view_mut(), a, right, left);
            } else {
                product_in_place(family, product, c.view_mut(), a, right);
            }
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
    gemm_fused(accum, c, a, b, Fused::Nothing);
}

/// [`gemm_packed`], and `fused` on its result.
///
/// # Panics
/// If the shapes disagree, or rows of a mask or a bias are not contiguous.
#[track_caller]
pub fn gemm_fused<S: Scalar>(
    accum: Accum,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    b: &PackedMatrix<S>,
    fused: Fused<'_, S>,
) {
    let (inner, columns) = b.dim();
    assert_eq!(c.dim(), (a.nrows(), columns), "c against (rows of a, columns of b)");
    assert_eq!(a.ncols(), inner, "inner axes of a and b");
    let product = Product { accum, slices: inner, columns, finish: fused.start(c.dim()) };
    if b.is_brief() {
        S::product_brief(product, c, a, b.panels());
    } else {
        let right = Columns { place: None, panels: b.panels() };
        product_in_place(S::family(columns), product, c, a, right);
    }
}

/// Bytes between the rows of a right factor that is read in place, at most: farther rows would
/// each need a page of their own in the translation buffer.
const NEAR: usize = 4096;

/// Whether a right factor lies well enough to be read where it is.
fn reads_in_place<S>(b: &ArrayView2<'_, S>) -> bool {
    let near = usize::try_from(b.strides()[0]).is_ok_and(|row| row * size_of::<S>() <= NEAR);
    b.strides()[1] == 1 && near
}

/// A product as a whole.
#[derive(Clone, Copy)]
pub struct Product<S> {
    accum: Accum,
    /// Slices of the inner axis.
    slices: usize,
    /// Columns of `C`.
    columns: usize,
    finish: Finish<S>,
}

impl<S> std::fmt::Debug for Product<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Product")
            .field("accum", &self.accum)
            .field("slices", &self.slices)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// Where the columns of the right factor are.
struct Columns<'a, S> {
    /// The factor where it lies, for the tiles that are whole; `panels` then holds the rest.
    place: Option<Right<S>>,
    panels: &'a [S],
}

/// Largest tile of any family.
const TILE: usize = 12 * 32;

/// A product whose left factor is read where it is.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
fn product_in_place<S: Scalar>(
    family: &Family<S>,
    whole: Product<S>,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    right: Columns<'_, S>,
) {
    let (row, inner) = (a.strides()[0], a.strides()[1]);
    let start = a.as_ptr();
    // Tiles of about the same height: a low one has too few sums under way.
    let even = |rows: usize| rows.div_ceil(rows.div_ceil(family.rows).max(1));
    let left = |k: usize, _: usize, rows: Range<usize>| {
        // SAFETY: the corner lies inside `a`.
        let start =
            unsafe { start.offset(rows.start.cast_signed() * row + k.cast_signed() * inner) };
        Left { start, row, inner, tile: row }
    };
    // SAFETY: `left` hands out rows and columns of `a`, and the family belongs to an instruction
    // set that this processor has.
    unsafe { product(family, whole, c, &right, (left, even)) }
}

/// A product whose left factor, with contiguous columns, is brought into panels on the way.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
fn product_from_panels<S: Scalar>(
    family: &Family<S>,
    whole: Product<S>,
    c: ArrayViewMut2<'_, S>,
    a: ArrayView2<'_, S>,
    right: Columns<'_, S>,
    panels: &mut Vec<S>,
) {
    let left = |k: usize, depth: usize, rows: Range<usize>| {
        pack_left(family.rows, a.slice(s![rows, k..k + depth]), panels);
        let (inner, tile) = (family.rows.cast_signed(), depth.cast_signed());
        Left { start: panels.as_ptr(), row: 1, inner, tile }
    };
    // SAFETY: `left` hands out panels of the rows and columns of `a` that are asked for, and the
    // family belongs to an instruction set that this processor has.
    unsafe { product(family, whole, c, &right, (left, |_| family.rows)) }
}

/// Computes a product; `left(k, depth, rows)` gives the block of `A` with these rows and slices
/// `k..k + depth`, whose tiles are `height(rows)` high, at most as high as the family's.
///
/// # Safety
/// The block must be valid for these rows and slices, the right factor and what finishes the
/// product for its sizes, and the processor must have the instruction set of the family.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
unsafe fn product<S: Scalar>(
    family: &Family<S>,
    whole: Product<S>,
    mut c: ArrayViewMut2<'_, S>,
    right: &Columns<'_, S>,
    (mut left, height): (
        impl FnMut(usize, usize, Range<usize>) -> Left<S>,
        impl Fn(usize) -> usize,
    ),
) {
    let rows = c.nrows();
    let Product { accum, slices, columns, finish } = whole;
    let in_place = right.place.map_or(0, |_| columns / family.columns * family.columns);
    let padded = (columns - in_place).next_multiple_of(family.columns);
    let (c_row, c_column) = (c.strides()[0], c.strides()[1]);
    let direct = c_column == 1 || columns == 1;
    let c_start = c.as_mut_ptr();
    // Without a slice, one block of none still clears and finishes `C`.
    for k in (0..slices.max(1)).step_by(family.depth) {
        let depth = family.depth.min(slices - k);
        let load = k > 0 || accum == Accum::Add;
        let finish = if k + depth == slices { finish } else { Finish::Nothing };
        let panels = &right.panels[k * padded..][..depth * padded];
        for block in (0..rows).step_by(ROW_BLOCK) {
            let end = rows.min(block + ROW_BLOCK);
            let left = left(k, depth, block..end);
            let most = height(end - block);
            for j in (0..columns).step_by(family.columns) {
                let width = family.columns.min(columns - j);
                let right = match right.place {
                    Some(Right { start, inner }) if j < in_place => {
                        let corner = k.cast_signed() * inner + j.cast_signed();
                        Right { start: start.wrapping_offset(corner), inner }
                    }
                    _ => Right {
                        start: panels[(j - in_place) * depth..].as_ptr(),
                        inner: family.columns.cast_signed(),
                    },
                };
                // SAFETY: row `block` and column `j` lie inside `c`, whose strides these are, and
                // inside what finishes it.
                let mut tile = unsafe {
                    let corner = block.cast_signed() * c_row + j.cast_signed() * c_column;
                    Tile {
                        depth,
                        left,
                        right,
                        target: Target { start: c_start.offset(corner), row: c_row, width },
                        load,
                        finish: finish.at(block, j),
                    }
                };
                for i in (block..end).step_by(most) {
                    let height = most.min(end - i);
                    let kernel = family.kernels[height - 1];
                    // SAFETY: rows `i..i + height` and columns `j..j + width` lie inside `c` and
                    // inside what finishes it; the right factor has `depth` slices of a whole tile;
                    // the rest is the caller's promise.
                    unsafe {
                        if direct {
                            kernel(&tile);
                        } else {
                            through_tile(kernel, tile, height, c_column);
                        }
                    }
                    tile.advance(most);
                }
            }
        }
    }
}

/// Computes a tile of a `C` whose columns are `column` apart.
///
/// # Safety
/// The kernel may be called on this tile, but for the columns of its target.
#[expect(unsafe_code, reason = "micro-kernels work on raw panels")]
unsafe fn through_tile<S: Scalar>(
    kernel: unsafe fn(&Tile<S>),
    tile: Tile<S>,
    height: usize,
    column: isize,
) {
    let mut values = [S::ZERO; TILE];
    let Target { start, row, width } = tile.target;
    let places = || (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    // SAFETY: the array is as large as any family's tile; the rest is the caller's promise.
    unsafe {
        let place =
            |y: usize, x: usize| start.offset(y.cast_signed() * row + x.cast_signed() * column);
        if tile.load {
            for (y, x) in places() {
                values[y * width + x] = *place(y, x);
            }
        }
        let target = Target { start: values.as_mut_ptr(), row: width.cast_signed(), width };
        kernel(&Tile { target, ..tile });
        for (y, x) in places() {
            *place(y, x) = values[y * width + x];
        }
    }
}

#[cfg(test)]
mod tests;
