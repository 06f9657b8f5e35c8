//! Two layers with a rectifier between them that are exactly an affine map.

use crate::Linear;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2, s};

/// Makes `y = W₁ max(0, W₀ x + b₀) + b₁` equal to `y = V x + c`, with `V (O, I)` and `c (O)`; false, and
/// nothing is changed, if there are fewer than `2 min(I, O)` hidden units.
///
/// A unit and its negative give `a = max(0, a) − max(0, −a)`, for every row of `V`, or for every input
/// where there are fewer. The other units keep their input weights, and their output weights are zero, so
/// that training can give them something to do.
///
/// # Panics
/// If the shapes disagree.
#[track_caller]
pub fn affine_pair<S: Scalar>(
    first: &mut Linear<S>,
    second: &mut Linear<S>,
    map: ArrayView2<'_, S>,
    offset: ArrayView1<'_, S>,
) -> bool {
    let ((hidden, inputs), outputs) = (first.dim(), second.dim().0);
    assert_eq!(map.dim(), (outputs, inputs), "map against (O, I)");
    assert_eq!(second.dim().1, hidden, "widths of the two layers");
    let pairs = inputs.min(outputs);
    if 2 * pairs > hidden {
        return false;
    }
    second.bias_mut().assign(&offset);
    let (mut from, mut to) = (first.weight_mut(), second.weight_mut());
    from.slice_mut(s![..2 * pairs, ..]).fill(S::ZERO);
    to.fill(S::ZERO);
    for i in 0..pairs {
        let (plus, minus) = (2 * i, 2 * i + 1);
        if outputs <= inputs {
            let row = map.row(i);
            let norm = row.iter().map(|&v| v * v).sum::<S>().sqrt();
            if norm > S::ZERO {
                from.row_mut(plus).assign(&row.mapv(|v| v / norm));
                from.row_mut(minus).assign(&row.mapv(|v| -v / norm));
            }
            (to[[i, plus]], to[[i, minus]]) = (norm, -norm);
        } else {
            (from[[plus, i]], from[[minus, i]]) = (S::ONE, -S::ONE);
            to.column_mut(plus).assign(&map.column(i));
            to.column_mut(minus).assign(&map.column(i).mapv(|v| -v));
        }
    }
    first.bias_mut().slice_mut(s![..2 * pairs]).fill(S::ZERO);
    true
}
