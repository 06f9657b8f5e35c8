//! What was taken off channels in double precision.

/// What was taken off every channel; a list is empty where nothing was taken off any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origins {
    /// Of the observed channels (`X`).
    pub observation: Vec<f64>,
    /// Of the controls (`U`).
    pub control: Vec<f64>,
    /// Of the components of the true state (`S`).
    pub state: Vec<f64>,
}

impl Origins {
    /// The origins of all channels that may have one.
    pub(crate) fn all(&self) -> impl Iterator<Item = f64> + '_ {
        self.observation.iter().chain(&self.control).chain(&self.state).copied()
    }

    /// Origin of a channel in one of the lists.
    pub fn of(list: &[f64], channel: usize) -> f64 {
        list.get(channel).copied().unwrap_or(0.0)
    }
}
