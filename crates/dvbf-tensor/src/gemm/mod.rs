//! Matrix products `C ← A B` and `C += A B`.
//!
//! Both factors are packed into panels and multiplied tile by tile with a micro-kernel that keeps
//! its tile of `C` in registers (Goto and van de Geijn 2008). Element `(i, j)` is always the chain
//! `c ← fma(aᵢₖ, bₖⱼ, c)` for ascending `k`, whatever the tile, so a product of one row equals the
//! same row of a larger product bit for bit.

mod kernel;
mod pack;

pub use kernel::Family;
pub(crate) use kernel::{family32, family64};
pub use pack::PackedMatrix;

use crate::scalar::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use pack::{pack_left, pack_right};

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
/// Rows of `A` packed at once: the block stays in the second-level cache.
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
    S::buffers().with_borrow_mut(|[left, right]| {
        pack_right(family, b, right);
        product(family, accum, c, a, b.dim(), right, left);
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
    S::buffers().with_borrow_mut(|[left, _]| {
        product(S::family(columns), accum, c, a, b.dim(), b.panels(), left);
    });
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
    left: &mut Vec<S>,
) {
    let rows = a.nrows();
    if accum == Accum::Replace && inner == 0 {
        c.fill(S::ZERO);
    }
    let (tile_rows, tile_columns) = (family.rows, family.columns);
    let padded = columns.next_multiple_of(tile_columns);
    let (row_stride, column_stride) = (c.strides()[0], c.strides()[1]);
    let direct = column_stride == 1;
    let base = c.as_mut_ptr();
    let mut tile = [S::ZERO; TILE];
    for k in (0..inner).step_by(INNER_BLOCK) {
        let depth = INNER_BLOCK.min(inner - k);
        let load = k > 0 || accum == Accum::Add;
        let panels = &right[k * padded..][..depth * padded];
        for i in (0..rows).step_by(ROW_BLOCK) {
            let block = ROW_BLOCK.min(rows - i);
            pack_left(tile_rows, a.slice(ndarray::s![i..i + block, k..k + depth]), left);
            for j in (0..columns).step_by(tile_columns) {
                let panel = &panels[j * depth..][..tile_columns * depth];
                let width = tile_columns.min(columns - j);
                for r in (0..block).step_by(tile_rows) {
                    let height = tile_rows.min(block - r);
                    let strip = &left[r * depth..][..tile_rows * depth];
                    let kernel = family.kernels[height - 1];
                    // SAFETY: `(i + r + height, j + width)` lies inside `c`, whose strides these
                    // are; the panels hold `depth` slices of a whole tile; the kernel belongs to
                    // an instruction set that this processor has.
                    unsafe {
                        let corner =
                            base.offset((i + r) as isize * row_stride + j as isize * column_stride);
                        if direct && width == tile_columns {
                            kernel(depth, strip.as_ptr(), panel.as_ptr(), corner, row_stride, load);
                            continue;
                        }
                        if load {
                            for y in 0..height {
                                for x in 0..width {
                                    tile[y * tile_columns + x] = *corner.offset(
                                        y as isize * row_stride + x as isize * column_stride,
                                    );
                                }
                            }
                        }
                        kernel(
                            depth,
                            strip.as_ptr(),
                            panel.as_ptr(),
                            tile.as_mut_ptr(),
                            tile_columns as isize,
                            load,
                        );
                        for y in 0..height {
                            for x in 0..width {
                                *corner
                                    .offset(y as isize * row_stride + x as isize * column_stride) =
                                    tile[y * tile_columns + x];
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
