//! Whether the frames speak against a belief so clearly that the filter has to start again; the equations are
//! those of `dvbf_core`, for the mean path alone.

/// Improbable steps in a row that give a doubt.
const PATIENCE: u32 = 3;
/// Frames from which on a belief is taken to forget where it started.
const SETTLED: u32 = 20;

/// Judges a belief.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    noise_bound: f64,
    frames: u32,
    improbable: u32,
    missing: u32,
    /// Seen frames since the last start or examination.
    since: u32,
    doubted: bool,
    provisional: bool,
}

impl Evidence {
    pub(crate) fn new(noise_bound: f64, frames: usize) -> Self {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        Self {
            noise_bound,
            frames,
            improbable: 0,
            missing: 0,
            since: 0,
            doubted: false,
            provisional: false,
        }
    }

    /// The filter started, from frames of each of which something was seen or not.
    pub(crate) fn started(&mut self, whole: bool) {
        *self = Self { provisional: !whole, ..Self::new(self.noise_bound, self.frames as usize) };
    }

    /// Takes the squared noise of a step, or that nothing was seen.
    pub(crate) fn note(&mut self, squares: Option<f64>) {
        let Some(squares) = squares else {
            self.missing = self.missing.saturating_add(1);
            return;
        };
        self.since = self.since.saturating_add(1);
        self.doubted |= self.missing >= self.frames;
        self.missing = 0;
        let improbable = squares > self.noise_bound;
        self.improbable = if improbable { self.improbable.saturating_add(1) } else { 0 };
        self.doubted |= self.improbable >= PATIENCE;
        self.provisional &= self.since < SETTLED;
    }

    /// Whether the start was made without all frames.
    pub(crate) fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// Whether there is a doubt to examine, of which this is the examination.
    pub(crate) fn examine(&mut self) -> bool {
        let due = self.doubted && self.since >= self.frames;
        if due {
            self.started(!self.provisional);
        }
        due
    }

    /// Whether a start of cost `start` is to replace a belief of cost `belief`.
    pub(crate) fn speaks_against(belief: f64, start: f64) -> bool {
        start.is_finite() && (belief.is_nan() || belief > 2.0 * start + 16.0)
    }
}
