//! Readings of all taxels now and before.

use super::labels::{Labels, wide};
use super::method::{Feed, Regressed};
use crate::reference::MapKind;
use dvbf_core::ReadoutInput;
use ndarray::{Array2, ArrayView2};

/// Sets of lags in seconds that are tried.
const LAGS: [&[f64]; 4] = [&[], &[0.02, 0.05], &[0.05, 0.2], &[0.1, 0.5, 2.0]];

/// A ridge regression on the readings now and before, and on their squares where that is better; `None` if none
/// can be fitted. Before the first reading, the first one stands.
pub fn lagged(labels: &Labels) -> Option<Regressed> {
    let feeds = LAGS.iter().map(|lags| feed(lags, labels.dt)).collect();
    Regressed::best(labels, feeds, Vec::new())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of steps")]
fn feed(lags: &'static [f64], dt: f64) -> Feed {
    let steps: Vec<usize> =
        [0].into_iter().chain(lags.iter().map(|lag| (lag / dt).round() as usize)).collect();
    let feature = move |readings: ArrayView2<'_, f32>| {
        let (now, width) = (wide(readings), readings.ncols());
        Array2::from_shape_fn((now.nrows(), width * steps.len()), |(t, i)| {
            now[[t.saturating_sub(steps[i / width]), i % width]]
        })
    };
    Feed {
        feature: Box::new(feature),
        input: ReadoutInput::Channels,
        maps: vec![MapKind::Additive(1), MapKind::Additive(2)],
    }
}
