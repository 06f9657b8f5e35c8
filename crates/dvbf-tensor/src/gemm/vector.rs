//! Micro-kernels in single precision for AVX2 and AVX-512, and for pairs of bf16.
#![expect(unsafe_code, reason = "vector instructions on raw panels")]

use super::tile::{Finish, Tile};

/// Eight set lanes, then eight clear ones: a window of it is the mask of the first lanes.
static LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Loads the first `lanes` (at most eight) values, the others zero.
#[target_feature(enable = "avx2")]
unsafe fn load_first_avx2(from: *const f32, lanes: usize) -> std::arch::x86_64::__m256 {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_maskload_ps};
    // SAFETY: the window lies inside the table, and masked lanes are not touched.
    unsafe { _mm256_maskload_ps(from, _mm256_loadu_si256(LANES.as_ptr().add(8 - lanes).cast())) }
}

/// Stores the first `lanes` (at most eight) values.
#[target_feature(enable = "avx2")]
unsafe fn store_first_avx2(to: *mut f32, lanes: usize, value: std::arch::x86_64::__m256) {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_maskstore_ps};
    // SAFETY: the window lies inside the table, and masked lanes are not touched.
    unsafe {
        _mm256_maskstore_ps(to, _mm256_loadu_si256(LANES.as_ptr().add(8 - lanes).cast()), value);
    }
}

/// Loads the first `lanes` (at most sixteen) values, the others zero.
#[target_feature(enable = "avx512f")]
unsafe fn load_first_avx512(from: *const f32, lanes: usize) -> std::arch::x86_64::__m512 {
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits")]
    let mask = ((1_u32 << lanes) - 1) as u16;
    // SAFETY: masked lanes are not touched.
    unsafe { std::arch::x86_64::_mm512_maskz_loadu_ps(mask, from) }
}

/// Stores the first `lanes` (at most sixteen) values.
#[target_feature(enable = "avx512f")]
unsafe fn store_first_avx512(to: *mut f32, lanes: usize, value: std::arch::x86_64::__m512) {
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits")]
    let mask = ((1_u32 << lanes) - 1) as u16;
    // SAFETY: masked lanes are not touched.
    unsafe { std::arch::x86_64::_mm512_mask_storeu_ps(to, mask, value) }
}

/// `value` where `y > 0`, zero elsewhere.
#[target_feature(enable = "avx2")]
fn where_positive_avx2(
    y: std::arch::x86_64::__m256,
    value: std::arch::x86_64::__m256,
) -> std::arch::x86_64::__m256 {
    use std::arch::x86_64::{_CMP_GT_OQ, _mm256_and_ps, _mm256_cmp_ps, _mm256_setzero_ps};
    _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(y, _mm256_setzero_ps()), value)
}

/// `value` where `y > 0`, zero elsewhere.
#[target_feature(enable = "avx512f")]
fn where_positive_avx512(
    y: std::arch::x86_64::__m512,
    value: std::arch::x86_64::__m512,
) -> std::arch::x86_64::__m512 {
    use std::arch::x86_64::{
        _CMP_GT_OQ, _mm512_cmp_ps_mask, _mm512_maskz_mov_ps, _mm512_setzero_ps,
    };
    _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(y, _mm512_setzero_ps()), value)
}

/// Where the first six rows of a left factor begin, in values of its type.
///
/// The compiler is kept from seeing that they are multiples of one number: it would step from row
/// to row, and a chain of additions takes as long as the multiplications of a small tile.
#[inline(always)]
fn row_places(row: isize) -> [isize; 6] {
    [0, 1, 2, 3, 4, 5].map(|i: isize| std::hint::black_box(i.wrapping_mul(row)))
}

/// Finishes a tile of vectors. The second operand of a maximum is what a NaN leaves.
macro_rules! finish {
    ($task:ident, $tile:ident, $lanes:literal, $load_first:ident, $zero:ident, $add:ident,
     $max:ident, $broadcast:ident, $where_positive:ident) => {
        let lanes = |v: usize| $task.target.width.saturating_sub(v * $lanes).min($lanes);
        match $task.finish {
            Finish::Nothing => {}
            Finish::Bias(b) => {
                for v in 0..V {
                    let b = $load_first(b.wrapping_add(v * $lanes), lanes(v));
                    for i in 0..MR {
                        $tile[i][v] = $add($tile[i][v], b);
                    }
                }
            }
            Finish::BiasRelu(b) => {
                for v in 0..V {
                    let b = $load_first(b.wrapping_add(v * $lanes), lanes(v));
                    for i in 0..MR {
                        $tile[i][v] = $max($zero(), $add($tile[i][v], b));
                    }
                }
            }
            Finish::RowBias(b) => {
                for i in 0..MR {
                    let b = $broadcast(*b.add(i));
                    for v in 0..V {
                        $tile[i][v] = $add($tile[i][v], b);
                    }
                }
            }
            Finish::RowBiasRelu(b) => {
                for i in 0..MR {
                    let b = $broadcast(*b.add(i));
                    for v in 0..V {
                        $tile[i][v] = $max($zero(), $add($tile[i][v], b));
                    }
                }
            }
            Finish::Mask(y, row) => {
                for i in 0..MR {
                    for v in 0..V {
                        let y = y.offset(i.cast_signed() * row).wrapping_add(v * $lanes);
                        $tile[i][v] = $where_positive($load_first(y, lanes(v)), $tile[i][v]);
                    }
                }
            }
        }
    };
}

/// Defines a single-precision kernel with `MR` rows and `V` vectors of columns.
macro_rules! vector_kernel {
    ($name:ident, $features:literal, $vector:ident, $lanes:literal,
     $zero:ident, $broadcast:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $max:ident,
     $load_first:ident, $store_first:ident, $where_positive:ident) => {
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name<const MR: usize, const V: usize>(task: &Tile<f32>) {
            use std::arch::x86_64::{$add, $broadcast, $fma, $load, $max, $store, $vector, $zero};
            let mut tile: [[$vector; V]; MR] = [[$zero(); V]; MR];
            let (left, right, c) = (task.left, task.right, task.target);
            let whole = c.width == V * $lanes;
            // SAFETY: the caller hands factors of `depth` slices and a tile that lies inside `C`.
            unsafe {
                if task.load {
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
                let places = row_places(left.row);
                let (mut slice, mut lower, mut columns) =
                    (left.start, left.start.wrapping_offset(left.row.wrapping_mul(6)), right.start);
                for _ in 0..task.depth {
                    let mut b = [$zero(); V];
                    for v in 0..V {
                        b[v] = $load(columns.add(v * $lanes));
                    }
                    for i in 0..MR {
                        let half = if i < 6 { slice } else { lower };
                        let a = $broadcast(*half.offset(places[i % 6]));
                        for v in 0..V {
                            tile[i][v] = $fma(a, b[v], tile[i][v]);
                        }
                    }
                    slice = slice.wrapping_offset(left.inner);
                    lower = lower.wrapping_offset(left.inner);
                    columns = columns.wrapping_offset(right.inner);
                }
                finish!(
                    task,
                    tile,
                    $lanes,
                    $load_first,
                    $zero,
                    $add,
                    $max,
                    $broadcast,
                    $where_positive
                );
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
    _mm256_add_ps,
    _mm256_max_ps,
    load_first_avx2,
    store_first_avx2,
    where_positive_avx2
);
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
    _mm512_add_ps,
    _mm512_max_ps,
    load_first_avx512,
    store_first_avx512,
    where_positive_avx512
);

/// The kernel of products in bf16: slices of both factors hold pairs of values.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn brief_avx512<const MR: usize, const V: usize>(task: &Tile<f32>) {
    use std::arch::x86_64::{
        __m512, __m512bh, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_max_ps,
        _mm512_set1_ps, _mm512_setzero_ps,
    };
    use std::mem::transmute;
    let mut tile: [[__m512; V]; MR] = [[_mm512_setzero_ps(); V]; MR];
    let (left, right, c) = (task.left, task.right, task.target);
    let lanes = |v: usize| c.width.saturating_sub(v * 16).min(16);
    let place =
        |i: usize, v: usize| c.start.wrapping_offset(i.cast_signed() * c.row).wrapping_add(v * 16);
    // SAFETY: the caller hands factors of `depth` slices and a tile that lies inside `C`.
    unsafe {
        if task.load {
            for (i, row) in tile.iter_mut().enumerate() {
                for (v, sum) in row.iter_mut().enumerate() {
                    *sum = load_first_avx512(place(i, v), lanes(v));
                }
            }
        }
        let (mut slice, mut columns) = (left.start, right.start);
        for _ in 0..task.depth {
            let mut b = [_mm512_setzero_ps(); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = _mm512_loadu_ps(columns.add(v * 16));
            }
            for (i, row) in tile.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*slice.offset(i.cast_signed() * left.row));
                let a: __m512bh = transmute::<__m512, __m512bh>(a);
                for (sum, &b) in row.iter_mut().zip(&b) {
                    *sum = _mm512_dpbf16_ps(*sum, a, transmute::<__m512, __m512bh>(b));
                }
            }
            slice = slice.wrapping_offset(left.inner);
            columns = columns.wrapping_offset(right.inner);
        }
        finish!(
            task,
            tile,
            16,
            load_first_avx512,
            _mm512_setzero_ps,
            _mm512_add_ps,
            _mm512_max_ps,
            _mm512_set1_ps,
            where_positive_avx512
        );
        for (i, row) in tile.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                store_first_avx512(place(i, v), lanes(v), sum);
            }
        }
    }
}
