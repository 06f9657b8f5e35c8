//! Micro-kernels: a tile of `C` in registers, one slice of both panels per step.
#![expect(unsafe_code, reason = "vector instructions on raw panels")]

use crate::level::{Level, level};
use crate::scalar::Scalar;

/// `kernel(depth, strip, panel, c, row_stride, load)` computes one tile.
///
/// The strip holds `depth` slices of the family's rows, the panel `depth` slices of its columns.
/// With `load` the tile starts from `C`, otherwise from zero.
type Kernel<S> = unsafe fn(usize, *const S, *const S, *mut S, isize, bool);

/// The micro-kernels of one tile shape: `kernels[h − 1]` computes `h` rows of the tile.
#[derive(Debug)]
pub struct Family<S: 'static> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) kernels: &'static [Kernel<S>],
}

/// Portable kernel; also what the double-precision families are made of.
#[inline(always)]
#[expect(clippy::inline_always, reason = "inlined into every instruction set's copy")]
unsafe fn plain<S: Scalar, const STRIDE: usize, const MR: usize, const NR: usize>(
    depth: usize,
    strip: *const S,
    panel: *const S,
    c: *mut S,
    row_stride: isize,
    load: bool,
) {
    let mut tile = [[S::ZERO; NR]; MR];
    // SAFETY: the caller hands panels of `depth` slices and a tile that lies inside `C`.
    unsafe {
        if load {
            for (i, row) in tile.iter_mut().enumerate() {
                for (j, value) in row.iter_mut().enumerate() {
                    *value = *c.offset(i as isize * row_stride).add(j);
                }
            }
        }
        for k in 0..depth {
            for (i, row) in tile.iter_mut().enumerate() {
                let a = *strip.add(k * STRIDE + i);
                for (j, value) in row.iter_mut().enumerate() {
                    *value = a.mul_add(*panel.add(k * NR + j), *value);
                }
            }
        }
        for (i, row) in tile.iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                *c.offset(i as isize * row_stride).add(j) = value;
            }
        }
    }
}

unsafe fn portable<S: Scalar, const STRIDE: usize, const MR: usize, const NR: usize>(
    depth: usize,
    strip: *const S,
    panel: *const S,
    c: *mut S,
    row_stride: isize,
    load: bool,
) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<S, STRIDE, MR, NR>(depth, strip, panel, c, row_stride, load) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn double_avx2<const STRIDE: usize, const MR: usize, const NR: usize>(
    depth: usize,
    strip: *const f64,
    panel: *const f64,
    c: *mut f64,
    row_stride: isize,
    load: bool,
) {
    // SAFETY: passed on unchanged.
    unsafe { plain::<f64, STRIDE, MR, NR>(depth, strip, panel, c, row_stride, load) }
}

/// Defines a single-precision kernel with `MR` rows and `V` vectors of columns.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_kernel {
    ($name:ident, $features:literal, $vector:ident, $lanes:literal,
     $zero:ident, $broadcast:ident, $load:ident, $store:ident, $fma:ident) => {
        #[target_feature(enable = $features)]
        unsafe fn $name<const STRIDE: usize, const MR: usize, const V: usize>(
            depth: usize,
            mut strip: *const f32,
            mut panel: *const f32,
            c: *mut f32,
            row_stride: isize,
            load: bool,
        ) {
            use std::arch::x86_64::{$broadcast, $fma, $load, $store, $vector, $zero};
            let mut tile: [[$vector; V]; MR] = [[$zero(); V]; MR];
            // SAFETY: the caller hands panels of `depth` slices and a tile that lies inside `C`.
            unsafe {
                if load {
                    for i in 0..MR {
                        for v in 0..V {
                            tile[i][v] = $load(c.offset(i as isize * row_stride).add(v * $lanes));
                        }
                    }
                }
                for _ in 0..depth {
                    let mut b = [$zero(); V];
                    for v in 0..V {
                        b[v] = $load(panel.add(v * $lanes));
                    }
                    for i in 0..MR {
                        let a = $broadcast(*strip.add(i));
                        for v in 0..V {
                            tile[i][v] = $fma(a, b[v], tile[i][v]);
                        }
                    }
                    strip = strip.add(STRIDE);
                    panel = panel.add(V * $lanes);
                }
                for i in 0..MR {
                    for v in 0..V {
                        $store(c.offset(i as isize * row_stride).add(v * $lanes), tile[i][v]);
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
    _mm256_fmadd_ps
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
    _mm512_fmadd_ps
);

/// A family of six-row tiles.
macro_rules! six {
    ($kernel:ident $(<$s:ty>)?, $width:literal, $columns:literal) => {
        Family {
            rows: 6,
            columns: $columns,
            kernels: &[
                $kernel::<$($s,)? 6, 1, $width>, $kernel::<$($s,)? 6, 2, $width>,
                $kernel::<$($s,)? 6, 3, $width>, $kernel::<$($s,)? 6, 4, $width>,
                $kernel::<$($s,)? 6, 5, $width>, $kernel::<$($s,)? 6, 6, $width>,
            ],
        }
    };
}

/// A family of twelve-row tiles.
#[cfg(target_arch = "x86_64")]
macro_rules! twelve {
    ($kernel:ident, $width:literal, $columns:literal) => {
        Family {
            rows: 12,
            columns: $columns,
            kernels: &[
                $kernel::<12, 1, $width>,
                $kernel::<12, 2, $width>,
                $kernel::<12, 3, $width>,
                $kernel::<12, 4, $width>,
                $kernel::<12, 5, $width>,
                $kernel::<12, 6, $width>,
                $kernel::<12, 7, $width>,
                $kernel::<12, 8, $width>,
                $kernel::<12, 9, $width>,
                $kernel::<12, 10, $width>,
                $kernel::<12, 11, $width>,
                $kernel::<12, 12, $width>,
            ],
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod tables {
    use super::{Family, double_avx2, single_avx2, single_avx512};
    pub(super) static AVX512_WIDE: Family<f32> = twelve!(single_avx512, 2, 32);
    pub(super) static AVX512_NARROW: Family<f32> = twelve!(single_avx512, 1, 16);
    pub(super) static AVX2_WIDE: Family<f32> = six!(single_avx2, 2, 16);
    pub(super) static AVX2_NARROW: Family<f32> = twelve!(single_avx2, 1, 8);
    pub(super) static AVX2_DOUBLE: Family<f64> = six!(double_avx2, 8, 8);
}

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
