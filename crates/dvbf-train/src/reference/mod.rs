//! Calibration: a read-out from beliefs, or from anything else of a step, to a reference sensor, fitted to a short
//! labelled piece.
//!
//! Everything that can be chosen is chosen by cross-validation on that piece, which is cut into folds of
//! neighboring steps; the residuals of the folds that were left out say how wide intervals have to be.

mod fit;
mod folds;
mod interval;
mod piece;
mod prepared;
mod ridge;

pub use fit::{Candidate, Fitted, Search, fit};
pub use interval::interval_of;
pub use piece::{Labelled, MapKind};
