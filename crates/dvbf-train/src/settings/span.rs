//! The frames of an open-loop prediction.

/// The frames of an open-loop prediction: those that are filtered, then those that are predicted
/// without looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Frames that are filtered.
    pub filtered: usize,
    /// Frames that are predicted after them.
    pub horizon: usize,
}

impl Span {
    /// All of them, filtered and predicted.
    pub fn frames(self) -> usize {
        self.filtered + self.horizon
    }
}
