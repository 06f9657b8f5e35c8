//! Buffers of the blocks of rows that pass through a mixture.

use super::lanes::lanes;
use dvbf_tensor::Scalar;

/// Matrices and vectors of many rows, block by block, and scratch space for one block.
#[derive(Clone, Debug)]
pub(super) struct Rows<S> {
    /// Columns of a matrix and elements of a column.
    dim: (usize, usize),
    /// The blocks that were written.
    blocks: Vec<Place>,
    /// `D̄`, block by block.
    mixed: Vec<S>,
    /// `v = [z, u, w]`, block by block.
    inputs: Vec<S>,
    scratch: Scratch<S>,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    first_row: usize,
    rows: usize,
    first_lane: usize,
}

impl Place {
    const START: Self = Self { first_row: 0, rows: 0, first_lane: 0 };

    fn end(self) -> usize {
        self.first_row + self.rows
    }
}

/// Lanes of one block.
#[derive(Clone, Debug)]
pub(super) struct Scratch<S> {
    pub(super) alpha: Vec<S>,
    pub(super) output: Vec<S>,
    pub(super) dmixed: Vec<S>,
    pub(super) dinputs: Vec<S>,
}

/// A block of rows.
pub(super) struct Block<'a, S> {
    pub(super) lanes: usize,
    pub(super) mixed: &'a mut [S],
    pub(super) inputs: &'a mut [S],
    pub(super) scratch: &'a mut Scratch<S>,
}

impl<S: Scalar> Rows<S> {
    /// Buffers for at most `capacity` rows of matrices of this size, mixed of `bases`.
    pub(super) fn new(capacity: usize, (columns, elements): (usize, usize), bases: usize) -> Self {
        let lanes = lanes(capacity);
        let zeros = |values: usize| vec![S::ZERO; lanes * values];
        Self {
            dim: (columns, elements),
            blocks: Vec::with_capacity(capacity),
            mixed: zeros(columns * elements),
            inputs: zeros(columns),
            scratch: Scratch {
                alpha: zeros(bases),
                output: zeros(elements),
                dmixed: zeros(columns * elements),
                dinputs: zeros(columns),
            },
            capacity,
        }
    }

    /// Rows that were written.
    pub(super) fn written(&self) -> usize {
        self.blocks.last().map_or(0, |last| last.end())
    }

    /// Begins the block of rows `at..at + n`; `at = 0` starts anew.
    #[track_caller]
    pub(super) fn write(&mut self, at: usize, n: usize) -> Block<'_, S> {
        assert!(at + n <= self.capacity, "cache is too small for {} rows", at + n);
        if at == 0 {
            self.blocks.clear();
        }
        assert_eq!(at, self.written(), "blocks of rows follow without gaps");
        let last = self.blocks.last().copied().unwrap_or(Place::START);
        let place =
            Place { first_row: at, rows: n, first_lane: last.first_lane + lanes(last.rows) };
        self.blocks.push(place);
        let (columns, elements) = self.dim;
        let end = place.first_lane + lanes(n);
        grow(&mut self.inputs, end * columns);
        grow(&mut self.mixed, end * columns * elements);
        self.block(place)
    }

    /// The block of rows `at..at + n` that was written.
    #[track_caller]
    pub(super) fn read(&mut self, at: usize, n: usize) -> Block<'_, S> {
        let found = self.blocks.binary_search_by_key(&at, |place| place.first_row);
        let place = found.ok().map(|i| self.blocks[i]).filter(|place| place.rows == n);
        let Some(place) = place else {
            panic!("rows {at}..{} were not written as one block", at + n)
        };
        self.block(place)
    }

    fn block(&mut self, Place { rows, first_lane, .. }: Place) -> Block<'_, S> {
        let (columns, elements) = self.dim;
        let (first, lanes) = (first_lane * columns, lanes(rows));
        Block {
            lanes,
            mixed: &mut self.mixed[first * elements..][..lanes * columns * elements],
            inputs: &mut self.inputs[first..][..lanes * columns],
            scratch: &mut self.scratch,
        }
    }
}

/// Makes room for `len` values.
fn grow<S: Scalar>(buffer: &mut Vec<S>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, S::ZERO);
    }
}
