//! Which of two calibrated filters the labels prefer: the learned one, or that of the known equations.

use super::grey_box::Unlabelled;
use super::labels::Labels;
use super::learned::learned;
use super::method::ForceMethod;
use crate::pool::Pool;
use dvbf_core::Filter;

/// The last of so many parts of the labelled piece is left out.
const PARTS: usize = 4;

/// Whether the grey box tells the last quarter of the labels better than the learned filter with its read-out, both
/// calibrated on what comes before.
pub fn prefers_grey_box(
    filter: &Filter,
    unlabelled: &Unlabelled,
    labels: &Labels,
    pool: &Pool,
) -> bool {
    let kept = labels.force.len() - labels.force.len() / PARTS;
    let first = labels.first(kept as f64 * labels.dt);
    let error = |method: &dyn ForceMethod| -> f64 {
        let estimates = method.estimate(labels.readings.view());
        let left = labels.force.iter().zip(&estimates).skip(kept);
        left.filter(|(force, _)| force.is_finite()).map(|(f, e)| (f - e.value).powi(2)).sum()
    };
    match (learned(filter, &first), unlabelled.calibrate_roughly(&first, pool)) {
        (Some(learned), Some(known)) => error(&known) < error(&learned),
        (None, known) => known.is_some(),
        (Some(_), None) => false,
    }
}
