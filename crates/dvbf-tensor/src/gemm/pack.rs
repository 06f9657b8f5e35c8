//! Packing of right factors into panels that the micro-kernels read from start to end.

use super::Family;
use crate::level::{Kernel, vectorize};
use crate::scalar::Scalar;
use ndarray::{ArrayView2, s};

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
        let block = &mut out[k * padded..][..depth * padded];
        for (j, panel) in block.chunks_exact_mut(tile * depth).enumerate() {
            let j = j * tile;
            let width = tile.min(columns - j);
            let source = b.slice(s![k..k + depth, j..j + width]);
            if width < tile {
                panel.fill(S::ZERO);
            }
            if source.strides()[0] == 1 && depth > 1 {
                // At most as many columns as the widest tile has.
                let mut columns: [&[S]; 32] = [&[]; 32];
                for (slot, column) in columns.iter_mut().zip(source.columns()) {
                    *slot = column.to_slice().expect("a column of unit stride is contiguous");
                }
                S::interleave(&columns[..width], tile, panel);
                continue;
            }
            match tile {
                8 => vectorize(Panel::<_, 8> { source, panel }),
                16 => vectorize(Panel::<_, 16> { source, panel }),
                _ => vectorize(Panel::<_, 32> { source, panel }),
            }
        }
    }
}

/// Copies `source (depth, width)` row by row into rows of `TILE` values.
struct Panel<'a, S, const TILE: usize> {
    source: ArrayView2<'a, S>,
    panel: &'a mut [S],
}

impl<S: Scalar, const TILE: usize> Kernel for Panel<'_, S, TILE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.source.ncols();
        let rows = self.panel.chunks_exact_mut(TILE).zip(self.source.rows());
        if self.source.strides()[1] == 1 && width == TILE {
            for (out, row) in rows {
                if let Some(row) = row.to_slice() {
                    out.copy_from_slice(&row[..TILE]);
                }
            }
        } else {
            for (out, row) in rows {
                for (out, &value) in out.iter_mut().zip(row) {
                    *out = value;
                }
            }
        }
    }
}
