//! What is done to a finished product.

use super::tile::Finish;
use crate::scalar::Scalar;
use ndarray::{ArrayView1, ArrayView2};

/// What is done to the elements of a product when their sums are complete.
#[derive(Clone, Copy, Debug)]
pub enum Fused<'a, S> {
    /// Nothing.
    Nothing,
    /// `c + 1 bᵀ`, `b (N)`.
    Bias(ArrayView1<'a, S>),
    /// `max(0, c + 1 bᵀ)`, `b (N)`; NaN stays.
    BiasRelu(ArrayView1<'a, S>),
    /// `c + b 1ᵀ`, `b (M)`.
    RowBias(ArrayView1<'a, S>),
    /// `max(0, c + b 1ᵀ)`, `b (M)`; NaN stays.
    RowBiasRelu(ArrayView1<'a, S>),
    /// `c` where `y > 0` and zero elsewhere, the gradient of the rectifier that gave `y (M, N)`.
    MaskByPositive(ArrayView2<'a, S>),
}

impl<S: Scalar> Fused<'_, S> {
    /// Pointers to what belongs to the first row and column of `C`.
    #[track_caller]
    pub(super) fn start(&self, c: (usize, usize)) -> Finish<S> {
        let bias = |b: &ArrayView1<'_, S>, len: usize| {
            assert_eq!(b.len(), len, "bias against columns or rows");
            assert!(b.len() < 2 || b.strides()[0] == 1, "a bias is contiguous");
            b.as_ptr()
        };
        match self {
            Self::Nothing => Finish::Nothing,
            Self::Bias(b) => Finish::Bias(bias(b, c.1)),
            Self::BiasRelu(b) => Finish::BiasRelu(bias(b, c.1)),
            Self::RowBias(b) => Finish::RowBias(bias(b, c.0)),
            Self::RowBiasRelu(b) => Finish::RowBiasRelu(bias(b, c.0)),
            Self::MaskByPositive(y) => {
                assert_eq!(y.dim(), c, "mask against the product");
                let contiguous = y.is_empty() || y.ncols() == 1 || y.strides()[1] == 1;
                assert!(contiguous, "rows of a mask are contiguous");
                Finish::Mask(y.as_ptr(), y.strides()[0])
            }
        }
    }
}
