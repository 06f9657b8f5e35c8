//! Micro-kernels: a tile of `C` in registers, one slice of both factors per step.
#![expect(unsafe_code, reason = "vector instructions on raw panels")]

use crate::level::{Level, level};
use crate::scalar::Scalar;

/// Length of a block of the inner axis: a panel of `B` then stays in the first-level cache.
const INNER_BLOCK: usize = 256;

/// A left factor read in place: element `(i, k)` is `start[i · row + k · inner]`.
#[derive(Clone, Copy)]
pub(super) struct Left<S> {
    pub(super) start: *const S,
    pub(super) row: isize,
    pub(super) inner: isize,
}

/// Where a tile goes: rows are `row` apart, `width` of its columns exist.
#[derive(Clone, Copy)]
pub(super) struct Target<S> {
    pub(super) start: *mut S,
    pub(super) row: isize,
    pub(super) width: usize,
}

/// `kernel(depth, left, panel, c, load)` computes one tile.
///
/// The panel holds `depth` slices of the family's columns. With `load` the tile starts from `C`,
/// otherwise from zero.
type Kernel<S> = unsafe fn(usize, Left<S>, *const S, Target<S>, bool);

/// The micro-kernels of one tile shape: `kernels[h − 1]` computes `h` rows of the tile.
#[derive(Debug)]
pub struct Family<S: 'static> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Slices in a block of the inner axis.
    pub(super) depth: usize,
    pub(super) kernels: &'static [Kernel<S>],
}

/// Portable kernel; also what the double-precision families are made of.
#[inline(always)]
unsafe fn plain<S: Scalar, const MR: usize, const NR: usize>(
    depth: usize,
    left: Left<S>,
    panel: *const S,
    c: Target<S>,
    load: bool,
) {
    let mut tile = [[S::ZERO; NR]; MR];
    // SAFETY: the caller hands a panel of `depth` slices and a tile that lies inside `C`.
    unsafe {
        if load {
            for (i, row) in tile.iter_mut().enumerate() {
                for (j, value) in row.iter_mut().enumerate().take(c.width) {
                    *value = *c.start.offset(i.cast_signed() * c.row).add(j);
                }
            }
        }
        for k in 0..depth {
            let slice = left.start.offset(k.cast_signed() * left.inner);
            for (i, row) in tile.iter_mut().enumerate() {
                let a = *slice.offset(i.cast_signed() * left.row);
                for (j, value) in row.iter_mut().enumerate() {
                    *value = a.mul_add(*panel.add(k * NR + j), *value);
                }
            }
        }
        for (i, row) in tile.iter().enumerate() {
            for (j, &value) in row.iter().enumerate().take(c.width) {
                *c.start.offset(i.cast_signed() * c.row).add(j) = value;
            }
        }
    }
}

unsafe fn portable<S: Scalar, const MR: usize, const NR: usize>(
    depth: usize,
    left: Left<S>,
    panel: *const S,
    c: Target<S>,
    load: bool,
) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<S, MR, NR>(depth, left, panel, c, load) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn double_avx2<const MR: usize, const NR: usize>(
    depth: usize,
    left: Left<f64>,
    panel: *const f64,
    c: Target<f64>,
    load: bool,
) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<f64, MR, NR>(depth, left, panel, c, load) }
}

/// Eight set lanes, then eight clear ones: a window of it is the mask of the first lanes.
#[cfg(target_arch = "x86_64")]
static LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Loads the first `lanes` (at most eight) values, the others zero.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn load_first_avx2(from: *const f32, lanes: usize) -> std::arch::x86_64::__m256 {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_maskload_ps};
    // SAFETY: the window lies inside the table, and masked lanes are not touched.
    unsafe { _mm256_maskload_ps(from, _mm256_loadu_si256(LANES.as_ptr().add(8 - lanes).cast())) }
}

/// Stores the first `lanes` (at most eight) values.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn store_first_avx2(to: *mut f32, lanes: usize, value: std::arch::x86_64::__m256) {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_maskstore_ps};
    // SAFETY: the window lies inside the table, and masked lanes are not touched.
    unsafe {
        _mm256_maskstore_ps(to, _mm256_loadu_si256(LANES.as_ptr().add(8 - lanes).cast()), value);
    }
}

/// Loads the first `lanes` (at most sixteen) values, the others zero.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn load_first_avx512(from: *const f32, lanes: usize) -> std::arch::x86_64::__m512 {
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits")]
    let mask = ((1_u32 << lanes) - 1) as u16;
    // SAFETY: masked lanes are not touched.
    unsafe { std::arch::x86_64::_mm512_maskz_loadu_ps(mask, from) }
}

/// Stores the first `lanes` (at most sixteen) values.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn store_first_avx512(to: *mut f32, lanes: usize, value: std::arch::x86_64::__m512) {
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits")]
    let mask = ((1_u32 << lanes) - 1) as u16;
    // SAFETY: masked lanes are not touched.
    unsafe { std::arch::x86_64::_mm512_mask_storeu_ps(to, mask, value) }
}

/// Defines a single-precision kernel with `MR` rows and `V` vectors of columns.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_kernel {
    ($name:ident, $features:literal, $vector:ident, $lanes:literal,
     $zero:ident, $broadcast:ident, $load:ident, $store:ident, $fma:ident,
     $load_first:ident, $store_first:ident) => {
        #[target_feature(enable = $features)]
        unsafe fn $name<const MR: usize, const V: usize>(
            depth: usize,
            left: Left<f32>,
            mut panel: *const f32,
            c: Target<f32>,
            load: bool,
        ) {
            use std::arch::x86_64::{$broadcast, $fma, $load, $store, $vector, $zero};
            let mut tile: [[$vector; V]; MR] = [[$zero(); V]; MR];
            let whole = c.width == V * $lanes;
            // SAFETY: the caller hands a panel of `depth` slices and a tile that lies inside `C`.
            unsafe {
                if load {
                    for i in 0..MR {
                        for v in 0..V {
                            let from =
                                c.start.offset(i.cast_signed() * c.row).wrapping_add(v * $lanes);
                            tile[i][v] = if whole {
                                $load(from)
                            } else {
                                $load_first(from, c.width.saturating_sub(v * $lanes).min($lanes))
                            };
                        }
                    }
                }
                let mut slice = left.start;
                for _ in 0..depth {
                    let mut b = [$zero(); V];
                    for v in 0..V {
                        b[v] = $load(panel.add(v * $lanes));
                    }
                    for i in 0..MR {
                        let a = $broadcast(*slice.offset(i.cast_signed() * left.row));
                        for v in 0..V {
                            tile[i][v] = $fma(a, b[v], tile[i][v]);
                        }
                    }
                    slice = slice.wrapping_offset(left.inner);
                    panel = panel.add(V * $lanes);
                }
                for i in 0..MR {
                    for v in 0..V {
                        let to = c.start.offset(i.cast_signed() * c.row).wrapping_add(v * $lanes);
                        if whole {
                            $store(to, tile[i][v]);
                        } else {
                            let lanes = c.width.saturating_sub(v * $lanes).min($lanes);
                            $store_first(to, lanes, tile[i][v]);
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector_kernel!(
    single_avx2,
    "avx2,fma",
    __m256,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    load_first_avx2,
    store_first_avx2
);
#[cfg(target_arch = "x86_64")]
vector_kernel!(
    single_avx512,
    "avx512f",
    __m512,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    load_first_avx512,
    store_first_avx512
);

/// The kernel of products in bf16: slices of both factors hold pairs of values.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn brief_avx512<const MR: usize, const V: usize>(
    depth: usize,
    left: Left<f32>,
    mut panel: *const f32,
    c: Target<f32>,
    load: bool,
) {
    use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_set1_ps};
    use std::mem::transmute;
    let mut tile: [[__m512; V]; MR] = [[_mm512_set1_ps(0.0); V]; MR];
    let lanes = |v: usize| c.width.saturating_sub(v * 16).min(16);
    let place =
        |i: usize, v: usize| c.start.wrapping_offset(i.cast_signed() * c.row).wrapping_add(v * 16);
    // SAFETY: the caller hands a panel of `depth` slices and a tile that lies inside `C`.
    unsafe {
        if load {
            for (i, row) in tile.iter_mut().enumerate() {
                for (v, sum) in row.iter_mut().enumerate() {
                    *sum = load_first_avx512(place(i, v), lanes(v));
                }
            }
        }
        let mut slice = left.start;
        for _ in 0..depth {
            let mut b = [_mm512_set1_ps(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = _mm512_loadu_ps(panel.add(v * 16));
            }
            for (i, row) in tile.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*slice.offset(i.cast_signed() * left.row));
                let a: __m512bh = transmute::<__m512, __m512bh>(a);
                for (sum, &b) in row.iter_mut().zip(&b) {
                    *sum = _mm512_dpbf16_ps(*sum, a, transmute::<__m512, __m512bh>(b));
                }
            }
            slice = slice.wrapping_offset(left.inner);
            panel = panel.add(V * 16);
        }
        for (i, row) in tile.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                store_first_avx512(place(i, v), lanes(v), sum);
            }
        }
    }
}

/// A family of tiles with at most six rows.
macro_rules! six {
    ($kernel:ident $(<$s:ty>)?, $width:literal, $columns:literal) => {
        Family {
            rows: 6,
            columns: $columns,
            depth: INNER_BLOCK,
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
    use super::{Family, INNER_BLOCK, brief_avx512, double_avx2, single_avx2, single_avx512};
    pub(super) static AVX512_WIDE: Family<f32> = twelve!(single_avx512, 2, 32);
    pub(super) static AVX512_NARROW: Family<f32> = twelve!(single_avx512, 1, 16);
    pub(super) static AVX2_WIDE: Family<f32> = six!(single_avx2, 2, 16);
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
