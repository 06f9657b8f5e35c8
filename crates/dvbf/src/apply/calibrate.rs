//! Calibration of a trained filter to a reference sensor.

use super::{ApplyError, Trained};
use crate::data::RawRecordings;
use crate::run::RunFolder;
use dvbf_core::{Estimate, FilterOptions, ModelFile, Reference};
use dvbf_train::skin::{ForceMethod, Labels, lagged, learned};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Steps at the start of a sequence that no figure looks at, in s: a recursion has to settle.
const START: f64 = 0.2;

/// What a calibration found. Errors are root mean squares in percent of full scale.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// Name of the reference.
    pub reference: String,
    /// Seconds of labels.
    pub seconds: f64,
    /// Range of the labels, in the unit of the reference.
    pub full_scale: f64,
    /// Of parts of the labelled piece that were left out.
    pub left_out_percent: f64,
    /// Of the recordings for the test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<CalibrationTest>,
}

/// How well a calibrated filter does on recordings that it was not calibrated on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationTest {
    /// Of the calibrated filter.
    pub rmse_percent: f64,
    /// Of a ridge regression on the observations now and before with the same labels.
    pub lagged_ridge_percent: f64,
    /// Fraction of steps in the interval of 90 %.
    pub coverage90: f64,
}

/// Fits a read-out from the filter of `trained` to the first `seconds` of the reference in the first sequence of
/// `labelled`, its one component of the true state, and tries it on `test`. The filter stays as it is.
///
/// # Errors
/// If there is no reference or no label, the model takes controls, or nothing can be fitted.
pub fn calibrate(
    trained: &Trained,
    labelled: &RawRecordings,
    seconds: f64,
    test: Option<&RawRecordings>,
) -> Result<(Reference, CalibrationReport), ApplyError> {
    let filter = trained.filter().with_options(FilterOptions::MEAN_PATH)?;
    if filter.model().transition().dims().control > 0 {
        return Err(ApplyError::unfit("the model takes controls, and a calibration takes none"));
    }
    let [name] = &labelled.state_names[..] else {
        return Err(ApplyError::unfit("name one column of the recordings as the reference"));
    };
    let dt = filter.dt();
    let mut pieces = pieces(trained, labelled, dt)?;
    if pieces.is_empty() {
        return Err(ApplyError::unfit("there is no sequence to calibrate on"));
    }
    let all = pieces.swap_remove(0);
    let mut labels = all.first(seconds);
    let known = || labels.force.iter().copied().filter(|f| f.is_finite());
    let (low, high) =
        known().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), f| (l.min(f), h.max(f)));
    if low >= high {
        return Err(ApplyError::unfit(format!(
            "{name} is missing or constant in the first {seconds} s"
        )));
    }
    labels.full_scale = high - low;
    let unfitted = || ApplyError::unfit("no read-out can be fitted to so few labels");
    let own = learned(&filter, &labels).ok_or_else(unfitted)?;
    let mut reference = own.fitted.reference.clone();
    reference.name.clone_from(name);
    let percent = |error: f64| 100.0 * error / labels.full_scale;
    let mut report = CalibrationReport {
        reference: name.clone(),
        seconds: labels.force.len() as f64 * dt,
        full_scale: labels.full_scale,
        left_out_percent: percent(own.fitted.error),
        test: None,
    };
    if let Some(test) = test {
        let others = self::pieces(trained, test, dt)?;
        let plain = lagged(&labels).ok_or_else(unfitted)?;
        let (error, coverage90) = compared(&own, &others);
        report.test = Some(CalibrationTest {
            rmse_percent: percent(error),
            lagged_ridge_percent: percent(compared(&plain, &others).0),
            coverage90,
        });
    }
    Ok((reference, report))
}

/// Writes a read-out into the model file of a run, or the model file `run`; everything else stays as it is.
///
/// # Errors
/// If there is no model, another process writes the run, or the system refuses.
pub fn save_reference(run: &Path, reference: Reference) -> Result<PathBuf, ApplyError> {
    let folder = if run.is_dir() { Some(RunFolder::open(run)?) } else { None };
    let path = folder.as_ref().map_or_else(|| Ok(run.to_owned()), RunFolder::best_path)?;
    // A run that goes on would replace what is written.
    let _lock = folder.map(|folder| folder.lock()).transpose()?;
    let file = ModelFile { reference: Some(reference), ..ModelFile::read(&path)? };
    file.write(&path)?;
    Ok(path)
}

/// Observations with the reference beside them.
fn pieces(
    trained: &Trained,
    recordings: &RawRecordings,
    dt: f64,
) -> Result<Vec<Labels>, ApplyError> {
    let recordings = trained.matched(recordings).map_err(ApplyError::unfit)?;
    let with = |sequence: &crate::data::RawSequence| {
        let states = sequence.states.as_ref()?;
        Some(Labels {
            readings: sequence.observations.clone(),
            force: states.column(0).iter().copied().map(f64::from).collect(),
            dt,
            full_scale: 1.0,
        })
    };
    Ok(recordings.sequences.iter().filter_map(with).collect())
}

/// Root mean square error and coverage.
fn compared(method: &dyn ForceMethod, pieces: &[Labels]) -> (f64, f64) {
    let (mut squares, mut covered, mut count) = (0.0, 0.0, 0.0_f64);
    for piece in pieces {
        let estimates: Vec<Estimate> = method.estimate(piece.readings.view());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of steps"
        )]
        let from = (START / piece.dt).round() as usize;
        for (truth, estimate) in piece.force.iter().zip(&estimates).skip(from) {
            if truth.is_finite() {
                let off = estimate.value - truth;
                squares += off * off;
                covered += f64::from(u8::from(off.abs() <= estimate.half_width));
                count += 1.0;
            }
        }
    }
    ((squares / count.max(1.0)).sqrt(), covered / count.max(1.0))
}
