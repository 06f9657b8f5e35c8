//! Runs whose model no policy could be trained in.

use crate::run::RunFolder;
use crate::settings::Settings;

/// Refuses a model that predicts no better than the mean image.
pub(super) fn refuse_blind(folder: &RunFolder, settings: &Settings) -> Result<(), String> {
    let horizon = settings.evaluation.chosen_by;
    let Ok(summary) = folder.summary() else {
        return Err("the run is not finished; summary.json is missing".into());
    };
    let rows = summary.open_loop.range(..=horizon).next_back();
    let Some((horizon, row)) = rows.or_else(|| summary.open_loop.iter().next()) else {
        return Err("the run has no figure of its predictions".into());
    };
    if row.model < 0.5 * row.mean_image {
        return Ok(());
    }
    Err(format!(
        "the model predicts {horizon} frames with error {:.5}, the mean image with {:.5}: it has learned \
         no dynamics that empowerment could be estimated on",
        row.model, row.mean_image
    ))
}
