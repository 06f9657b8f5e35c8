//! Packing of factors into panels that the micro-kernels read from start to end.

use super::{Family, INNER_BLOCK};
use crate::scalar::Scalar;
use ndarray::{ArrayView2, s};

/// A right factor `B (K, N)` packed once and used for many products.
#[derive(Clone, Debug, Default)]
pub struct PackedMatrix<S> {
    dim: (usize, usize),
    panels: Vec<S>,
}

impl<S: Scalar> PackedMatrix<S> {
    /// An empty matrix, to be filled by [`pack`](Self::pack).
    pub fn new() -> Self {
        Self { dim: (0, 0), panels: Vec::new() }
    }

    /// Packs `b (K, N)`; allocates only when the matrix grows.
    pub fn pack(&mut self, b: ArrayView2<'_, S>) {
        self.dim = b.dim();
        pack_right(S::family(b.ncols()), b, &mut self.panels);
    }

    /// `(K, N)`.
    pub fn dim(&self) -> (usize, usize) {
        self.dim
    }

    pub(super) fn panels(&self) -> &[S] {
        &self.panels
    }
}

/// Makes room for `len` values without clearing those that are overwritten anyway.
fn resize<S: Scalar>(buffer: &mut Vec<S>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, S::ZERO);
    }
}

/// Panels of `B`: per block of the inner axis, per tile column, `depth × tile` values row by row.
pub(super) fn pack_right<S: Scalar>(family: &Family<S>, b: ArrayView2<'_, S>, out: &mut Vec<S>) {
    let (inner, columns) = b.dim();
    let tile = family.columns;
    let padded = columns.next_multiple_of(tile);
    resize(out, inner * padded);
    for k in (0..inner).step_by(INNER_BLOCK) {
        let depth = INNER_BLOCK.min(inner - k);
        let block = &mut out[k * padded..][..depth * padded];
        for (j, panel) in block.chunks_exact_mut(tile * depth).enumerate() {
            let j = j * tile;
            let width = tile.min(columns - j);
            let source = b.slice(s![k..k + depth, j..j + width]);
            pack_panel(source, tile, panel);
        }
    }
}

/// Strips of `A`: per tile row, `depth × tile` values, the tile's rows side by side.
pub(super) fn pack_left<S: Scalar>(tile: usize, a: ArrayView2<'_, S>, out: &mut Vec<S>) {
    let (rows, depth) = a.dim();
    let padded = rows.next_multiple_of(tile);
    resize(out, padded * depth);
    if depth == 0 {
        return;
    }
    for (i, strip) in out[..padded * depth].chunks_exact_mut(tile * depth).enumerate() {
        let i = i * tile;
        let height = tile.min(rows - i);
        pack_panel(a.slice(s![i..i + height, ..]).reversed_axes(), tile, strip);
    }
}

/// Copies `source (depth, width)` row by row into rows of `tile` values, the rest zero.
fn pack_panel<S: Scalar>(source: ArrayView2<'_, S>, tile: usize, panel: &mut [S]) {
    let (depth, width) = source.dim();
    if depth == 0 || width == 0 {
        return;
    }
    if width < tile {
        panel.fill(S::ZERO);
    }
    if source.strides()[1] == 1 || width == 1 {
        for (row, out) in source.rows().into_iter().zip(panel.chunks_exact_mut(tile)) {
            match row.as_slice() {
                Some(row) => out[..width].copy_from_slice(row),
                None => out[0] = row[0],
            }
        }
    } else {
        for (x, column) in source.columns().into_iter().enumerate() {
            match column.as_slice() {
                Some(column) => scatter(column, tile, &mut panel[x..]),
                None => {
                    for (k, &value) in column.iter().enumerate() {
                        panel[k * tile + x] = value;
                    }
                }
            }
        }
    }
}

fn scatter<S: Scalar>(column: &[S], tile: usize, panel: &mut [S]) {
    for (out, &value) in panel.iter_mut().step_by(tile).zip(column) {
        *out = value;
    }
}
