//! Beliefs of a filter as inputs of a read-out.

use dvbf_core::{Filter, FilterError};
use ndarray::{Array2, ArrayView2};

/// Mean paths `(T, Z)` and what the emission shows of them `(T, X)` in the units of the model, of readings
/// `(T, X)` without controls. Steps before the filter has started have the belief of the start.
///
/// # Errors
/// If a reading is not one that the filter takes, or a state would not be finite.
pub fn beliefs(
    filter: &Filter,
    readings: ArrayView2<'_, f32>,
) -> Result<(Array2<f64>, Array2<f64>), FilterError> {
    let mut filter = filter.clone();
    filter.reset();
    let (steps, dt) = (readings.nrows(), filter.dt());
    let (z, x) = (filter.belief().state.len(), readings.ncols());
    let (mut states, mut channels) = (Array2::zeros((steps, z)), Array2::zeros((steps, x)));
    let first = filter.model().initial_frames().saturating_sub(1);
    for (t, row) in readings.rows().into_iter().enumerate() {
        let belief = filter.step(Some(&row.to_vec()), &[], dt)?;
        if !belief.started {
            continue;
        }
        let path = belief.state.to_vec();
        let mean = belief.state.mapv(f64::from);
        let shown = filter.shown(&path)?.mapv(f64::from);
        let from = if t == first { 0 } else { t };
        for t in from..=t {
            states.row_mut(t).assign(&mean);
            channels.row_mut(t).assign(&shown);
        }
    }
    Ok((states, channels))
}
