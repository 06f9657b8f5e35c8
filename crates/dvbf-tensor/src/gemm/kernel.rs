//! Micro-kernels: a tile of `C` in registers, one slice of both factors per step.
#![expect(unsafe_code, reason = "vector instructions on raw panels")]

use super::tile::{Finish, Tile};
use crate::level::{Level, level};
use crate::scalar::Scalar;

/// Length of a block of the inner axis: a panel of `B` then stays in the first-level cache.
const INNER_BLOCK: usize = 256;

/// Computes one tile.
type Kernel<S> = unsafe fn(&Tile<S>);

/// The micro-kernels of one tile shape: `kernels[h − 1]` computes `h` rows of the tile.
#[derive(Debug)]
pub struct Family<S: 'static> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Slices in a block of the inner axis.
    pub(super) depth: usize,
    /// Whether far slices are packed even for one product: a small tile reads each of them often.
    pub(super) packs: bool,
    pub(super) kernels: &'static [Kernel<S>],
}

/// Portable kernel; also what the double-precision families are made of.
#[inline(always)]
unsafe fn plain<S: Scalar, const MR: usize, const NR: usize>(task: &Tile<S>) {
    let mut tile = [[S::ZERO; NR]; MR];
    let (left, right, c) = (task.left, task.right, task.target);
    // SAFETY: the caller hands factors of `depth` slices and a tile that lies inside `C`.
    unsafe {
        if task.load {
            for (i, row) in tile.iter_mut().enumerate() {
                for (j, value) in row.iter_mut().enumerate().take(c.width) {
                    *value = *c.start.offset(i.cast_signed() * c.row).add(j);
                }
            }
        }
        for k in 0..task.depth {
            let slice = left.start.offset(k.cast_signed() * left.inner);
            let columns = right.start.offset(k.cast_signed() * right.inner);
            for (i, row) in tile.iter_mut().enumerate() {
                let a = *slice.offset(i.cast_signed() * left.row);
                for (j, value) in row.iter_mut().enumerate() {
                    *value = a.mul_add(*columns.add(j), *value);
                }
            }
        }
        for (i, row) in tile.iter().enumerate() {
            for (j, &value) in row.iter().enumerate().take(c.width) {
                *c.start.offset(i.cast_signed() * c.row).add(j) = match task.finish {
                    Finish::Nothing => value,
                    Finish::Bias(b) => value + *b.add(j),
                    Finish::BiasRelu(b) => {
                        let sum = value + *b.add(j);
                        if sum < S::ZERO { S::ZERO } else { sum }
                    }
                    Finish::RowBias(b) => value + *b.add(i),
                    Finish::RowBiasRelu(b) => {
                        let sum = value + *b.add(i);
                        if sum < S::ZERO { S::ZERO } else { sum }
                    }
                    Finish::Mask(y, row) => {
                        let open = *y.offset(i.cast_signed() * row).add(j) > S::ZERO;
                        if open { value } else { S::ZERO }
                    }
                };
            }
        }
    }
}

unsafe fn portable<S: Scalar, const MR: usize, const NR: usize>(task: &Tile<S>) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<S, MR, NR>(task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn double_avx2<const MR: usize, const NR: usize>(task: &Tile<f64>) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<f64, MR, NR>(task) }
}

/// A family of tiles with at most six rows.
macro_rules! six {
    ($kernel:ident $(<$s:ty>)?, $width:literal, $columns:literal) => {
        Family {
            rows: 6,
            columns: $columns,
            depth: INNER_BLOCK,
            packs: false,
            kernels: &[
                $kernel::<$($s,)? 1, $width>, $kernel::<$($s,)? 2, $width>,
                $kernel::<$($s,)? 3, $width>, $kernel::<$($s,)? 4, $width>,
                $kernel::<$($s,)? 5, $width>, $kernel::<$($s,)? 6, $width>,
            ],
        }
    };
}

/// A family of tiles with at most twelve rows.
#[cfg(target_arch = "x86_64")]
macro_rules! twelve {
    ($kernel:ident, $width:literal, $columns:literal) => {
        Family {
            rows: 12,
            columns: $columns,
            depth: INNER_BLOCK,
            packs: false,
            kernels: &[
                $kernel::<1, $width>,
                $kernel::<2, $width>,
                $kernel::<3, $width>,
                $kernel::<4, $width>,
                $kernel::<5, $width>,
                $kernel::<6, $width>,
                $kernel::<7, $width>,
                $kernel::<8, $width>,
                $kernel::<9, $width>,
                $kernel::<10, $width>,
                $kernel::<11, $width>,
                $kernel::<12, $width>,
            ],
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod tables {
    use super::super::vector::{brief_avx512, single_avx2, single_avx512};
    use super::{Family, INNER_BLOCK, double_avx2};
    pub(super) static AVX512_WIDE: Family<f32> = twelve!(single_avx512, 2, 32);
    pub(super) static AVX512_NARROW: Family<f32> = twelve!(single_avx512, 1, 16);
    pub(super) static AVX2_WIDE: Family<f32> = Family { packs: true, ..six!(single_avx2, 2, 16) };
    pub(super) static AVX2_NARROW: Family<f32> = twelve!(single_avx2, 1, 8);
    pub(in super::super) static BRIEF: Family<f32> =
        Family { depth: INNER_BLOCK / 2, ..twelve!(brief_avx512, 2, 32) };
    pub(super) static AVX2_DOUBLE: Family<f64> = six!(double_avx2, 8, 8);
}

#[cfg(target_arch = "x86_64")]
pub(super) use tables::BRIEF;

static PLAIN_SINGLE: Family<f32> = six!(portable<f32>, 8, 8);
static PLAIN_DOUBLE: Family<f64> = six!(portable<f64>, 8, 8);

/// The single-precision family of an instruction set.
pub(crate) fn single_at(level: Level, columns: usize) -> &'static Family<f32> {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if columns > 16 => &tables::AVX512_WIDE,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => &tables::AVX512_NARROW,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if columns > 8 => &tables::AVX2_WIDE,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => &tables::AVX2_NARROW,
        _ => &PLAIN_SINGLE,
    }
}

/// The single-precision family for a product with `columns` columns.
pub(crate) fn family32(columns: usize) -> &'static Family<f32> {
    single_at(level(), columns)
}

/// The double-precision family; one shape serves all products.
pub(crate) fn family64(_columns: usize) -> &'static Family<f64> {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => &tables::AVX2_DOUBLE,
        _ => &PLAIN_DOUBLE,
    }
}
