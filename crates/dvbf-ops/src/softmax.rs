//! Gradient of the softmax. Shapes: `α, dα, da (B, M)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `αᵢ = e^{aᵢ} / Σⱼ e^{aⱼ}` | [`dvbf_tensor::softmax_rows`] |
//! | `da` | `da = α ⊙ (dα − αᵀ dα)` | output `α` |

use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Turns `dα` into `da` in place; takes the softmax's output.
///
/// # Panics
/// If the shapes disagree or a row is not contiguous.
#[track_caller]
pub fn softmax_backward<S: Scalar>(alpha: ArrayView2<'_, S>, mut dalpha: ArrayViewMut2<'_, S>) {
    assert_eq!(alpha.dim(), dalpha.dim(), "α against dα");
    for (alpha, mut d) in alpha.rows().into_iter().zip(dalpha.rows_mut()) {
        let alpha = alpha.as_slice().expect("rows are contiguous");
        let d = d.as_slice_mut().expect("rows are contiguous");
        let mean = dvbf_tensor::dot(alpha, d);
        for (d, &a) in d.iter_mut().zip(alpha) {
            *d = a * (*d - mean);
        }
    }
}
