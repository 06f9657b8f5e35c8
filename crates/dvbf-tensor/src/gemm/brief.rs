//! Products of bf16 values with `f32` accumulation (`vdpbf16ps`), at twice the rate of `f32`.
//!
//! Both factors are rounded to bf16 (eight bits of mantissa) while they are packed in pairs along
//! the inner axis. Only wide products are shortened: those of the recursion, which carry a state of
//! a few dimensions, are cheap and must stay exact.

#[cfg(not(target_arch = "x86_64"))]
use super::Product;
#[cfg(not(target_arch = "x86_64"))]
use ndarray::{ArrayView2, ArrayViewMut2};
use std::cell::Cell;

/// In which precision wide `f32` products run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductPrecision {
    /// `f32` throughout.
    F32,
    /// Factors rounded to bf16, sums in `f32`.
    Bf16,
}

thread_local! {
    static BRIEF: Cell<bool> = const { Cell::new(false) };
}

impl ProductPrecision {
    /// Whether this processor has such products: bf16 needs `avx512_bf16`.
    pub fn available(self) -> bool {
        self == Self::F32 || supported()
    }

    /// Runs `work` with wide products of this thread in this precision, `f32` where it is not
    /// [available](Self::available). Other threads, and this one afterwards, are as before; matrices
    /// keep the precision that they were packed with.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(bool);
        impl Drop for Restore {
            fn drop(&mut self) {
                BRIEF.set(self.0);
            }
        }
        let _restore = Restore(BRIEF.replace(self == Self::Bf16 && supported()));
        work()
    }
}

/// Products with a shorter inner axis or fewer columns stay in `f32`.
const WIDE: usize = 64;

/// Whether a product with a right factor of these sizes runs in bf16.
pub(crate) fn is_brief32((inner, columns): (usize, usize)) -> bool {
    inner >= WIDE && columns >= WIDE && BRIEF.get()
}

#[cfg(not(target_arch = "x86_64"))]
fn supported() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn pack_brief32(_: ArrayView2<'_, f32>, _: &mut Vec<f32>) {
    unreachable!("bf16 is never in force here")
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn product_brief32(
    _: Product<f32>,
    _: ArrayViewMut2<'_, f32>,
    _: ArrayView2<'_, f32>,
    _: &[f32],
) {
    unreachable!("bf16 is never in force here")
}

#[cfg(target_arch = "x86_64")]
use pairs::supported;
#[cfg(target_arch = "x86_64")]
pub(crate) use pairs::{pack_brief32, product_brief32};

#[cfg(target_arch = "x86_64")]
mod pairs {
    #![expect(unsafe_code, reason = "vector instructions on raw panels")]

    use super::super::kernel::BRIEF;
    use super::super::pack::contiguous;
    use super::super::tile::Left;
    use super::super::{Columns, Product, interleave32, product};
    use ndarray::{ArrayView2, ArrayViewMut2, s};
    use std::arch::x86_64::{
        __m256bh, __m256i, __m512bh, __m512i, _mm512_castsi512_ps, _mm512_cvtepu16_epi32,
        _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
        _mm512_or_si512, _mm512_slli_epi32,
    };
    use std::cell::RefCell;
    use std::mem::transmute;

    /// Whether the processor has the instructions.
    pub(super) fn supported() -> bool {
        crate::level::level() == crate::level::Level::Avx512
            && is_x86_feature_detected!("avx512bf16")
    }

    thread_local! {
        /// A block of the left factor, in pairs.
        static LEFT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
        /// Columns in pairs, on their way into a panel.
        static COLUMNS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    }

    /// Packs `B` in pairs of rows: panels as of the `f32` products, with half as many slices.
    pub(crate) fn pack_brief32(b: ArrayView2<'_, f32>, out: &mut Vec<f32>) {
        let (inner, columns) = b.dim();
        let (tile, slices) = (BRIEF.columns, inner.div_ceil(2));
        let padded = columns.next_multiple_of(tile);
        if out.len() < slices * padded {
            out.resize(slices * padded, 0.0);
        }
        for k in (0..slices).step_by(BRIEF.depth) {
            let depth = BRIEF.depth.min(slices - k);
            let block = &mut out[k * padded..][..depth * padded];
            for (j, panel) in block.chunks_exact_mut(tile * depth).enumerate() {
                let (j, end) = (j * tile, (2 * (k + depth)).min(inner));
                let width = tile.min(columns - j);
                if width < tile {
                    panel.fill(0.0);
                }
                pack_panel(b.slice(s![2 * k..end, j..j + width]), tile, panel);
            }
        }
    }

    fn pack_panel(source: ArrayView2<'_, f32>, tile: usize, panel: &mut [f32]) {
        let width = source.ncols();
        if source.strides()[0] == 1 && source.nrows() > 1 {
            COLUMNS.with_borrow_mut(|pairs| {
                let depth = source.nrows().div_ceil(2);
                pairs.resize(tile * depth, 0.0);
                let mut columns: [&[f32]; 32] = [&[]; 32];
                let places = pairs.chunks_exact_mut(depth).zip(&mut columns);
                for (column, (pairs, slot)) in source.columns().into_iter().zip(places) {
                    // SAFETY: only called where the processor has the instructions.
                    unsafe { pair_along(contiguous(column), pairs) };
                    *slot = pairs;
                }
                interleave32(&columns[..width], tile, panel);
            });
            return;
        }
        let source = source.as_standard_layout();
        let rows = source.nrows();
        for (p, out) in panel.chunks_exact_mut(tile).enumerate() {
            let (even, odd) = (2 * p, 2 * p + 1);
            let odd = (odd < rows).then(|| contiguous(source.row(odd)));
            // SAFETY: only called where the processor has the instructions.
            unsafe { pair_across(contiguous(source.row(even)), odd, &mut out[..width]) };
        }
    }

    /// The product with a right factor that [`pack_brief32`] packed.
    pub(crate) fn product_brief32(
        whole: Product<f32>,
        c: ArrayViewMut2<'_, f32>,
        a: ArrayView2<'_, f32>,
        panels: &[f32],
    ) {
        let inner = whole.slices;
        let pairs = Product { slices: inner.div_ceil(2), ..whole };
        let right = Columns { place: None, panels };
        LEFT.with_borrow_mut(|packed| {
            let left = |k: usize, depth: usize, rows: std::ops::Range<usize>| {
                let block = a.slice(s![rows, 2 * k..(2 * (k + depth)).min(inner)]);
                pack_left(block, depth, packed)
            };
            // SAFETY: `left` packs the rows and slices that are asked for, and matrices are packed
            // in pairs only where the processor has the instructions.
            unsafe { product(&BRIEF, pairs, c, &right, (left, |_| BRIEF.rows)) }
        });
    }

    /// Brings a block of `A` into pairs of columns, in whichever order it lies.
    fn pack_left(block: ArrayView2<'_, f32>, depth: usize, pairs: &mut Vec<f32>) -> Left<f32> {
        let (rows, columns) = block.dim();
        if pairs.len() < rows * depth {
            pairs.resize(rows * depth, 0.0);
        }
        let (row, inner) = if block.strides()[0] == 1 && rows > 1 {
            for (p, out) in pairs.chunks_exact_mut(rows).take(depth).enumerate() {
                let (even, odd) = (2 * p, 2 * p + 1);
                let odd = (odd < columns).then(|| contiguous(block.column(odd)));
                // SAFETY: only called where the processor has the instructions.
                unsafe { pair_across(contiguous(block.column(even)), odd, out) };
            }
            (1, rows)
        } else {
            let block = block.as_standard_layout();
            for (row, out) in block.rows().into_iter().zip(pairs.chunks_exact_mut(depth)) {
                // SAFETY: only called where the processor has the instructions.
                unsafe { pair_along(contiguous(row), out) };
            }
            (depth, 1)
        };
        let (row, inner) = (row.cast_signed(), inner.cast_signed());
        Left { start: pairs.as_ptr(), row, inner, tile: row }
    }

    /// Pairs along a line: `out[p] = (line[2p], line[2p + 1])`, zero beyond the end.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn pair_along(line: &[f32], out: &mut [f32]) {
        for (values, out) in line.chunks(32).zip(out.chunks_mut(16)) {
            let low = load(&values[..values.len().min(16)]);
            let high = load(&values[values.len().min(16)..]);
            // SAFETY: vectors of equal size.
            store(out, unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low)) });
        }
    }

    /// Pairs across two lines: `out[i] = (even[i], odd[i])`, with zeros for a missing one.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn pair_across(even: &[f32], odd: Option<&[f32]>, out: &mut [f32]) {
        for at in (0..out.len()).step_by(16) {
            let end = out.len().min(at + 16);
            let low = widened(&even[at..end]);
            let pairs = match odd {
                Some(odd) => _mm512_or_si512(low, _mm512_slli_epi32::<16>(widened(&odd[at..end]))),
                None => low,
            };
            store(&mut out[at..end], pairs);
        }
    }

    /// At most sixteen values in bf16, each in the low half of a lane.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn widened(values: &[f32]) -> __m512i {
        let brief = _mm512_cvtneps_pbh(load(values));
        // SAFETY: vectors of equal size.
        _mm512_cvtepu16_epi32(unsafe { transmute::<__m256bh, __m256i>(brief) })
    }

    #[target_feature(enable = "avx512f")]
    fn load(values: &[f32]) -> std::arch::x86_64::__m512 {
        // SAFETY: the mask covers the values of the slice.
        unsafe { _mm512_maskz_loadu_ps(mask(values.len()), values.as_ptr()) }
    }

    #[target_feature(enable = "avx512f")]
    fn store(out: &mut [f32], bits: __m512i) {
        // SAFETY: the mask covers the places of the slice.
        unsafe {
            _mm512_mask_storeu_ps(out.as_mut_ptr(), mask(out.len()), _mm512_castsi512_ps(bits));
        }
    }

    /// The first `lanes` (at most sixteen) of sixteen.
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits")]
    fn mask(lanes: usize) -> u16 {
        ((1_u32 << lanes) - 1) as u16
    }
}
