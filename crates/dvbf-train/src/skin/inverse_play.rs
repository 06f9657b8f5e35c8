//! An inverse model after Prandtl and Ishlinskii: play operators that take the hysteresis away.
//!
//! The inverse of a superposition of play operators is one too (Krejci and Kuhnen 2001), so its weights are
//! fitted directly, to the polynomial of the sum of the readings or to one of every taxel.

use super::labels::{Labels, wide};
use super::method::{Feed, Regressed};
use super::{method, sum};
use dvbf_core::{Memory, ReadoutInput};

/// The inverse model that is best; `None` if none can be fitted.
pub fn inverse_play(labels: &Labels) -> Option<Regressed> {
    let taxels = Feed {
        feature: Box::new(wide),
        input: ReadoutInput::Channels,
        maps: method::maps(labels.readings.ncols()),
    };
    let play = |thresholds| Memory { times: Vec::new(), thresholds };
    let memories = labels.thresholds().map(play).to_vec();
    Regressed::best(labels, vec![sum::feed(), taxels], memories)
}
