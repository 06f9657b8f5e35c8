//! Room for the vectors and matrices of a filter.

use nalgebra::allocator::Allocator;
use nalgebra::{Dim, OMatrix};

/// What holds vectors of `Z` and `X` values and the matrices between them: arrays where both are
/// [`Const`](nalgebra::Const), the heap where one is [`Dyn`](nalgebra::Dyn). `nalgebra`'s
/// `DefaultAllocator` does for all of these; code that is generic in the sizes states
/// `DefaultAllocator: Memory<Z, X>`.
pub trait Memory<Z: Dim, X: Dim>:
    Allocator<Z> + Allocator<X> + Allocator<Z, Z> + Allocator<X, Z> + Allocator<Z, X> + Allocator<X, X>
{
}

impl<A, Z: Dim, X: Dim> Memory<Z, X> for A where
    A: Allocator<Z>
        + Allocator<X>
        + Allocator<Z, Z>
        + Allocator<X, Z>
        + Allocator<Z, X>
        + Allocator<X, X>
{
}

/// Zeros.
pub(super) fn zeros<R: Dim, C: Dim>(rows: R, columns: C) -> OMatrix<f64, R, C>
where
    nalgebra::DefaultAllocator: Allocator<R, C>,
{
    OMatrix::zeros_generic(rows, columns)
}
