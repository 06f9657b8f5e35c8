//! What a micro-kernel is told: where a tile's factors are, where it goes, and what becomes of it.

/// A left factor: element `(i, k)` of a tile is `start[i · row + k · inner]`.
#[derive(Clone, Copy)]
pub(super) struct Left<S> {
    pub(super) start: *const S,
    pub(super) row: isize,
    pub(super) inner: isize,
    /// The tile whose first row is `i` starts at `start[i · tile]`.
    pub(super) tile: isize,
}

/// The columns of a right factor that a tile takes: slice `k` begins at `start[k · inner]`, and a
/// whole tile's columns may be read there, one beside the other.
#[derive(Clone, Copy)]
pub(super) struct Right<S> {
    pub(super) start: *const S,
    pub(super) inner: isize,
}

/// Where a tile goes: rows are `row` apart, `width` of its columns exist.
#[derive(Clone, Copy)]
pub(super) struct Target<S> {
    pub(super) start: *mut S,
    pub(super) row: isize,
    pub(super) width: usize,
}

/// What is done to a tile before it is stored; pointers are to what belongs to its corner.
#[derive(Clone, Copy)]
pub(super) enum Finish<S> {
    /// Nothing.
    Nothing,
    /// `c + b`, one value a column.
    Bias(*const S),
    /// `max(0, c + b)`; NaN stays.
    BiasRelu(*const S),
    /// `c + b`, one value a row.
    RowBias(*const S),
    /// `max(0, c + b)`, one value a row; NaN stays.
    RowBiasRelu(*const S),
    /// `c` where `y > 0`, zero elsewhere; rows of `y` are this far apart.
    Mask(*const S, isize),
}

impl<S> Finish<S> {
    /// The same for the tile whose corner is at row `i` and column `j`.
    ///
    /// # Safety
    /// The corner must lie inside what the pointers are to.
    #[expect(unsafe_code, reason = "a place in an array")]
    pub(super) unsafe fn at(self, i: usize, j: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Nothing => Self::Nothing,
                Self::Bias(b) => Self::Bias(b.add(j)),
                Self::BiasRelu(b) => Self::BiasRelu(b.add(j)),
                Self::RowBias(b) => Self::RowBias(b.add(i)),
                Self::RowBiasRelu(b) => Self::RowBiasRelu(b.add(i)),
                Self::Mask(y, row) => Self::Mask(y.offset(i.cast_signed() * row).add(j), row),
            }
        }
    }
}

/// One tile: `C ← finish(A B)`, or `finish(C + A B)` with `load`, over `depth` slices.
#[derive(Clone, Copy)]
pub(super) struct Tile<S> {
    pub(super) depth: usize,
    pub(super) left: Left<S>,
    pub(super) right: Right<S>,
    pub(super) target: Target<S>,
    pub(super) load: bool,
    pub(super) finish: Finish<S>,
}

impl<S> Tile<S> {
    /// Goes on to the tile that begins `rows` rows further down, which need not exist.
    pub(super) fn advance(&mut self, rows: usize) {
        let rows = rows.cast_signed();
        self.left.start = self.left.start.wrapping_offset(rows.wrapping_mul(self.left.tile));
        self.target.start = self.target.start.wrapping_offset(rows.wrapping_mul(self.target.row));
        match &mut self.finish {
            Finish::Nothing | Finish::Bias(_) | Finish::BiasRelu(_) => {}
            Finish::RowBias(b) | Finish::RowBiasRelu(b) => *b = b.wrapping_offset(rows),
            Finish::Mask(y, row) => *y = y.wrapping_offset(rows.wrapping_mul(*row)),
        }
    }
}
