//! A labelled piece, and forms of the static part of a read-out.

use ndarray::ArrayView2;

/// A labelled piece: inputs `(T, I)` and the reference, NaN where it is not known; steps of `dt` seconds.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// `(T, I)`.
    pub inputs: ArrayView2<'a, f64>,
    /// `(T)`.
    pub target: &'a [f64],
    /// Seconds of a step.
    pub dt: f64,
}

/// A form of the static part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// A power series of every input up to this power.
    Additive(usize),
    /// A power series that all inputs share but for a factor of each: sensors of one kind.
    Shared(usize),
    /// All products of up to two, or three.
    Products(usize),
}
