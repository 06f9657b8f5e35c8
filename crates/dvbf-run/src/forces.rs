//! Figures of a tactile skin: how well methods tell the force, by the seconds of labels that they had.

use dvbf_train::eval::Calibration;
use dvbf_train::skin::ForceFigures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who tells the force of a skin: whichever of the learned filter with its read-out (`learned`) and the filter of the
/// known equations (`grey_box`) the labels prefer, those two, the alternatives, and who knows the constants too.
pub const FORCE_METHODS: [&str; 10] = [
    "dvbf",
    "learned",
    "grey_box",
    "raw_sum",
    "lagged_ridge",
    "inverse_play",
    "gru",
    "kalman",
    "pca",
    "oracle",
];

/// Seconds of labels that they have.
pub const LABEL_SECONDS: [u32; 5] = [5, 10, 20, 60, 300];

/// Figures by name of the method, then by seconds of labels, such as `dvbf` and `20`.
pub type ForceTable = BTreeMap<String, BTreeMap<String, ForceFigures>>;

/// What `calibration` holds in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Calibrated {
    /// Of most systems: whether one-step predictions know their errors.
    Predictions(Calibration),
    /// Of a skin: how well the force is told.
    Forces(ForceTable),
}

/// What the page of a run of a skin draws; `calibration.json` in the folder of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForceSeries {
    /// Seconds of a step.
    pub dt: f64,
    /// Full scale in N.
    pub full_scale: f64,
    /// Seconds of labels that methods had.
    pub label_seconds: u32,
    /// A random recording.
    pub random: ForcePiece,
    /// Triangles at one place.
    pub triangles: ForcePiece,
    /// Rows and columns of taxels, and their readings on part of the random recording, row by row in shares of full
    /// scale.
    pub grid: (usize, usize),
    /// Steps between two rows of the map.
    pub every: usize,
    /// `(frames, taxels)`, readings as they are.
    pub raw: Vec<Vec<f32>>,
    /// What the filter believes them to be.
    pub believed: Vec<Vec<f32>>,
}

/// A true force and what methods make of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcePiece {
    /// The true force in N.
    pub truth: Vec<f32>,
    /// Estimates in N by name of the method.
    pub estimates: BTreeMap<String, Vec<f32>>,
    /// Half of the width of the interval of 90 % of `dvbf`.
    pub half_width: Vec<f32>,
}
