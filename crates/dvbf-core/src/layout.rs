//! What the numbers of a recording are, so that others of the same kind can be told from those that are not.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Characters that a name keeps.
const LONGEST: usize = 200;

/// A name of a channel or of a sequence as it is shown and compared: characters that control a terminal or turn the
/// direction of writing, and line breaks, are replaced by `U+FFFD`, and what follows 200 characters by `…`.
///
/// ```
/// use dvbf_core::clean_name;
/// assert_eq!(clean_name("arm/angle θ"), "arm/angle θ");
/// assert_eq!(clean_name("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
/// ```
#[must_use]
pub fn clean_name(name: &str) -> Cow<'_, str> {
    let controls = |c: char| {
        let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
        let spans =
            ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
        c.is_control() || spans || turns.contains(&c)
    };
    let long = name.chars().nth(LONGEST).is_some();
    if !long && !name.contains(controls) {
        return Cow::Borrowed(name);
    }
    let shown = name.chars().map(|c| if controls(c) { '\u{fffd}' } else { c });
    let mut shown: String = shown.take(LONGEST).collect();
    if long {
        shown.push('…');
    }
    Cow::Owned(shown)
}

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
    /// The same layout with [clean](clean_name) names.
    #[cfg(feature = "file")]
    pub(crate) fn cleaned(mut self) -> Self {
        for name in self.observation.iter_mut().chain(&mut self.control) {
            if let Cow::Owned(clean) = clean_name(name) {
                *name = clean;
            }
        }
        self
    }

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
