//! What the numbers of a recording are, so that others of the same kind can be told from those that are not.

use serde::{Deserialize, Serialize};

/// How long the steps of a recording are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Steps {
    /// All as long as the model file says.
    Equal,
    /// Nobody said; the model file has a placeholder of one second.
    Unstated,
    /// They differ: the seconds to the next step are the last control, and the model file has a placeholder
    /// of one second.
    Control,
}

/// Names of the channels that a model was trained on, and the kind of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Observed channels in their order (`X`); none if they have no names.
    pub observation: Vec<String>,
    /// Controls in their order (`U`), without the seconds of [`Steps::Control`]; none if they have no names.
    pub control: Vec<String>,
    /// Height and width where observations are images.
    pub image: Option<(usize, usize)>,
    /// How long the steps are.
    pub steps: Steps,
}

impl Layout {
    /// Whether it can be that of a model with `observation` and `control` channels.
    #[cfg(feature = "file")]
    pub(crate) fn fit(&self, observation: usize, control: usize) -> bool {
        let seconds = usize::from(self.steps == Steps::Control);
        let named = |names: &[String], count: usize| names.is_empty() || names.len() == count;
        named(&self.observation, observation)
            && control >= seconds
            && named(&self.control, control - seconds)
            && self
                .image
                .is_none_or(|(height, width)| height.checked_mul(width) == Some(observation))
    }
}
