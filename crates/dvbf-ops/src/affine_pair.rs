//! Two layers with a rectifier between them that are exactly an affine map.

use crate::Linear;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2, s};

/// Makes `y = W₁ max(0, W₀ x + b₀) + b₁` equal to `y = V x + c`, with `V (O, I)` and `c (O)`; false, and
/// nothing is changed, if there are too few hidden units: two for every output that depends on the input, or
/// for every input that something depends on where these are fewer.
///
/// A unit and its negative give `a = max(0, a) − max(0, −a)`. The other units keep the input weights that they
/// have, and their output weights are zero, so that training can give them something to do.
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
    let some = |values: ArrayView1<'_, S>| values.iter().any(|&v| v != S::ZERO);
    let rows: Vec<usize> = (0..outputs).filter(|&o| some(map.row(o))).collect();
    let columns: Vec<usize> = (0..inputs).filter(|&i| some(map.column(i))).collect();
    let by_row = rows.len() <= columns.len();
    let pairs = if by_row { rows } else { columns };
    if 2 * pairs.len() > hidden {
        return false;
    }
    second.bias_mut().assign(&offset);
    first.bias_mut().slice_mut(s![..2 * pairs.len()]).fill(S::ZERO);
    let (mut from, mut to) = (first.weight_mut(), second.weight_mut());
    from.slice_mut(s![..2 * pairs.len(), ..]).fill(S::ZERO);
    to.fill(S::ZERO);
    for (k, place) in pairs.into_iter().enumerate() {
        let (plus, minus) = (2 * k, 2 * k + 1);
        if by_row {
            let row = map.row(place);
            let norm = row.iter().map(|&v| v * v).sum::<S>().sqrt();
            from.row_mut(plus).assign(&row.mapv(|v| v / norm));
            from.row_mut(minus).assign(&row.mapv(|v| -v / norm));
            (to[[place, plus]], to[[place, minus]]) = (norm, -norm);
        } else {
            (from[[plus, place]], from[[minus, place]]) = (S::ONE, -S::ONE);
            to.column_mut(plus).assign(&map.column(place));
            to.column_mut(minus).assign(&map.column(place).mapv(|v| -v));
        }
    }
    true
}
