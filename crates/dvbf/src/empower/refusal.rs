//! Runs whose model no policy could be trained in, and estimates that have not been learned.

use super::{EmpowerError, EmpowerRequest};
use crate::run::RunFolder;
use crate::settings::Settings;

/// Refuses a model whose predictions have more than half the error of the mean image.
pub(super) fn refuse_blind(folder: &RunFolder, settings: &Settings) -> Result<(), String> {
    let horizon = settings.evaluation.chosen_by;
    let summary = folder.summary().map_err(|error| {
        format!("the run is not finished, or its figures cannot be read: {error}")
    })?;
    let rows = summary.open_loop.range(..=horizon).next_back();
    let Some((horizon, row)) = rows.or_else(|| summary.open_loop.iter().next()) else {
        return Err("the run has no figure of its predictions".into());
    };
    if row.model < 0.5 * row.mean_image {
        return Ok(());
    }
    Err(format!(
        "the model predicts {horizon} frames with error {:.5}, which is not below half that of the mean image, \
         {:.5}: it has not learned the dynamics, and empowerment on it would mean nothing",
        row.model, row.mean_image
    ))
}

/// Refuses estimates of held-out states that are negative on average, which no capacity is: a bound that has
/// not been learned.
pub(super) fn refuse_unlearned(
    empowerment: &[f32],
    request: &EmpowerRequest,
) -> Result<(), EmpowerError> {
    let count = empowerment.len().max(1) as f64;
    let mean = empowerment.iter().map(|&e| f64::from(e)).sum::<f64>() / count;
    if empowerment.is_empty() || mean > 0.0 {
        return Ok(());
    }
    let problem = format!(
        "the estimates of held-out states are {mean:.2} nats on average, and empowerment is never negative: \
         the variational bound has not been learned in {} updates (--updates)",
        request.updates / 2
    );
    Err(EmpowerError::Unfit { path: request.run.clone(), problem })
}
