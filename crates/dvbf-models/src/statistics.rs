//! What parts may be told of the training data before training begins.

use ndarray::{Array1, Array2};

/// Slow features of the observations of the training data (Wiskott and Sejnowski 2002): linear
/// functions `axisᵀ (x − mean)` of unit variance that change least from one observation to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Mean of every channel, `(X)`.
    pub mean: Array1<f64>,
    /// The features as columns, `(X, n)`, the slowest first.
    pub axes: Array2<f64>,
}
