//! The force on a tactile skin from its readings: what a filter with a read-out is compared with, and how.
//!
//! Everybody gets the same readings without labels and the same labelled piece, and chooses what can be chosen by
//! cross-validation on that piece. The grey box and the oracle know the equations of the sensor; the grey box
//! estimates their constants, the oracle is told them.

mod beliefs;
mod choice;
mod constants;
mod contact_filter;
mod grey_box;
#[cfg(test)]
mod grey_box_test;
mod inverse_play;
mod labels;
mod lagged;
mod latent;
mod learned;
mod method;
mod metrics;
mod oracle;
mod recurrent;
mod sum;
mod trials;

pub use beliefs::beliefs;
pub use choice::prefers_grey_box;
pub use grey_box::{GreyBox, GreyBoxFilter, StoredGreyBox, Unlabelled};
pub use inverse_play::inverse_play;
pub use labels::Labels;
pub use lagged::lagged;
pub use latent::{kalman, principal};
pub use learned::learned;
pub use method::{ForceMethod, Regressed};
pub use metrics::{ForceFigures, figures};
pub use oracle::Oracle;
pub use recurrent::recurrent;
pub use sum::sum;
pub use trials::{Trial, Trials};
