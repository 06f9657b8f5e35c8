//! Packing of factors into panels that the micro-kernels read from start to end.

use super::Family;
use crate::level::{Kernel, vectorize};
use crate::scalar::Scalar;
use ndarray::{ArrayView1, ArrayView2, Axis, s};

/// A right factor `B (K, N)` packed once and used for many products.
#[derive(Clone, Debug, Default)]
pub struct PackedMatrix<S> {
    dim: (usize, usize),
    panels: Vec<S>,
    brief: bool,
}

impl<S: Scalar> PackedMatrix<S> {
    /// An empty matrix, to be filled by [`pack`](Self::pack).
    pub fn new() -> Self {
        Self { dim: (0, 0), panels: Vec::new(), brief: false }
    }

    /// Packs `b (K, N)`; allocates only when the matrix grows.
    pub fn pack(&mut self, b: ArrayView2<'_, S>) {
        self.dim = b.dim();
        self.brief = S::is_brief(b.dim());
        if self.brief {
            S::pack_brief(b, &mut self.panels);
        } else {
            pack_right(S::family(b.ncols()), b, &mut self.panels);
        }
    }

    /// `(K, N)`.
    pub fn dim(&self) -> (usize, usize) {
        self.dim
    }

    /// Whether the panels hold pairs of bf16 values.
    pub(super) fn is_brief(&self) -> bool {
        self.brief
    }

    pub(super) fn panels(&self) -> &[S] {
        &self.panels
    }
}

/// What products pack for themselves, kept from one to the next.
#[derive(Debug)]
pub struct Buffers<S> {
    pub(super) left: Vec<S>,
    pub(super) right: Vec<S>,
}

impl<S> Buffers<S> {
    pub(crate) const fn new() -> Self {
        Self { left: Vec::new(), right: Vec::new() }
    }
}

/// Panels of `B`: per block of the inner axis, per tile column, `depth × tile` values row by row.
pub(super) fn pack_right<S: Scalar>(family: &Family<S>, b: ArrayView2<'_, S>, out: &mut Vec<S>) {
    let (inner, columns) = b.dim();
    let tile = family.columns;
    let padded = columns.next_multiple_of(tile);
    if out.len() < inner * padded {
        out.resize(inner * padded, S::ZERO);
    }
    for k in (0..inner).step_by(family.depth) {
        let depth = family.depth.min(inner - k);
        let b = b.slice(s![k..k + depth, ..]);
        let panels = &mut out[k * padded..][..depth * padded];
        if b.strides()[1] == 1 || columns == 1 {
            pack_slices(tile, b, panels);
        } else if b.strides()[0] == 1 || depth == 1 {
            interleave(tile, b, panels);
        } else {
            pack_elements(tile, b, panels);
        }
    }
}

/// Panels of a block of `A` whose columns are contiguous: per tile of rows, `depth × tile` values
/// slice by slice.
pub(super) fn pack_left<S: Scalar>(tile: usize, a: ArrayView2<'_, S>, out: &mut Vec<S>) {
    let (rows, depth) = a.dim();
    let size = rows.next_multiple_of(tile) * depth;
    if out.len() < size {
        out.resize(size, S::ZERO);
    }
    pack_slices(tile, a.reversed_axes(), &mut out[..size]);
}

/// Panels of a block whose columns are contiguous.
fn interleave<S: Scalar>(tile: usize, block: ArrayView2<'_, S>, panels: &mut [S]) {
    let (depth, width) = block.dim();
    for (j, panel) in panels.chunks_exact_mut(tile * depth).enumerate() {
        let j = j * tile;
        let taken = tile.min(width - j);
        if taken < tile {
            panel.fill(S::ZERO);
        }
        // At most as many columns as the widest tile has.
        let mut columns: [&[S]; 32] = [&[]; 32];
        let source = block.slice_move(s![.., j..j + taken]);
        for (slot, column) in columns.iter_mut().zip(source.columns()) {
            *slot = contiguous(column);
        }
        S::interleave(&columns[..taken], tile, panel);
    }
}

/// The values of a line that lie one beside the other.
pub(super) fn contiguous<S>(line: ArrayView1<'_, S>) -> &[S] {
    line.to_slice().expect("a line of unit stride is contiguous")
}

/// Slices that are brought into panels together: what is read of them stays in the first-level
/// cache until all panels have it.
const SLICES: usize = 8;

/// Panels of a block of any strides.
fn pack_elements<S: Scalar>(tile: usize, block: ArrayView2<'_, S>, panels: &mut [S]) {
    let (depth, width) = block.dim();
    for (j, panel) in panels.chunks_exact_mut(tile * depth).enumerate() {
        let columns = j * tile..width.min((j + 1) * tile);
        for (out, row) in panel.chunks_exact_mut(tile).zip(block.rows()) {
            let (out, beyond) = out.split_at_mut(columns.len());
            out.iter_mut().zip(row.slice(s![columns.clone()])).for_each(|(out, &v)| *out = v);
            beyond.fill(S::ZERO);
        }
    }
}

/// Panels of `block (depth, width)` with contiguous rows: per tile of its width, `depth × tile`
/// values row by row, with zeros beyond the width.
fn pack_slices<S: Scalar>(tile: usize, block: ArrayView2<'_, S>, panels: &mut [S]) {
    if block.nrows() == 0 {
        return;
    }
    match tile {
        6 => vectorize(Panels::<_, 6> { block, panels }),
        8 => vectorize(Panels::<_, 8> { block, panels }),
        12 => vectorize(Panels::<_, 12> { block, panels }),
        16 => vectorize(Panels::<_, 16> { block, panels }),
        32 => vectorize(Panels::<_, 32> { block, panels }),
        _ => unreachable!("no tile is {tile} wide"),
    }
}

/// [`pack_slices`] for panels of `TILE` values.
struct Panels<'a, S, const TILE: usize> {
    block: ArrayView2<'a, S>,
    panels: &'a mut [S],
}

impl<S: Scalar, const TILE: usize> Kernel for Panels<'_, S, TILE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (depth, width) = self.block.dim();
        for (chunk, rows) in self.block.axis_chunks_iter(Axis(0), SLICES).enumerate() {
            let mut slices: [&[S]; SLICES] = [&[]; SLICES];
            for (slot, row) in slices.iter_mut().zip(rows.rows()) {
                *slot = contiguous(row);
            }
            let slices = &slices[..rows.nrows()];
            for (j, panel) in self.panels.chunks_exact_mut(TILE * depth).enumerate() {
                let (j, part) = (j * TILE, &mut panel[chunk * SLICES * TILE..]);
                let places = part.chunks_exact_mut(TILE).zip(slices);
                if j + TILE <= width {
                    places.for_each(|(out, slice)| out.copy_from_slice(&slice[j..j + TILE]));
                } else {
                    for (out, slice) in places {
                        let (out, beyond) = out.split_at_mut(width - j);
                        out.copy_from_slice(&slice[j..]);
                        beyond.fill(S::ZERO);
                    }
                }
            }
        }
    }
}
