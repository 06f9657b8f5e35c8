//! The sum of all readings, and a polynomial of it.

use super::labels::Labels;
use super::method::{Feed, Regressed};
use crate::reference::MapKind;
use dvbf_core::ReadoutInput;
use ndarray::{Array2, ArrayView2, Axis};

/// A polynomial of the sum, of degree 1 to 5; `None` if none can be fitted.
pub fn sum(labels: &Labels) -> Option<Regressed> {
    Regressed::best(labels, vec![feed()], Vec::new())
}

pub(super) fn feed() -> Feed {
    Feed {
        feature: Box::new(total),
        input: ReadoutInput::Channels,
        maps: (1..=5).map(MapKind::Additive).collect(),
    }
}

/// `(T, 1)`.
fn total(readings: ArrayView2<'_, f32>) -> Array2<f64> {
    readings.mapv(f64::from).sum_axis(Axis(1)).insert_axis(Axis(1))
}
