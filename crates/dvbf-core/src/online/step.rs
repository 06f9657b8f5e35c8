//! One step of a filter: what is taken, in which order.

use super::belief::{Belief, ObservationStatus, Score};
use super::error::FilterError;
use super::evidence::Sign;
use super::filter::Filter;
use super::moments::moments_of;
use ndarray::{ArrayView1, s};

impl Filter {
    /// Takes observation `x_t` and the control `u_{t−1}` that acted since the previous one, which is
    /// ignored at the first step; `dt` is the step in seconds.
    ///
    /// A missing observation is `None`, a missing channel NaN.
    ///
    /// A model of recordings whose steps differ in length takes the length as its last control, in
    /// seconds since the previous step: `u_{t−1} = [u, seconds]`. Its own step is then a placeholder of
    /// one second, and `dt` is [`dt()`](Self::dt).
    ///
    /// What comes first wins:
    ///
    /// 1. What no step can be taken with is refused: a wrong length, an infinite value, a control that is
    ///    NaN, another `dt`. The filter is unchanged.
    /// 2. A control beyond the plausible range takes its nearest plausible value; an implausible channel of
    ///    the observation counts as missing. See [`TrainingBounds`](crate::TrainingBounds).
    /// 3. The frame enters the window of the last `k`. Before the start, a full window starts the filter, or
    ///    slides if it gives no state.
    /// 4. The gate may exclude the observation; the state follows what is left.
    /// 5. A state beyond all limits is lost: the filter starts again from the window if something of all its
    ///    frames was seen, and otherwise from the prior. The limits are 16 half widths beyond the
    ///    [range](Self::range) that the file knows, and 10⁶ without one.
    /// 6. In models whose file knows the range or the bounds of their training, a start from a window with
    ///    missing frames is repeated as soon as `k` frames come in a row, within twenty frames of it; and a
    ///    belief is given up where the last `k` frames speak against it, which is examined after three
    ///    improbable or three gated frames in a row and after gaps of `k` steps or more. An examination takes
    ///    the time of `k` steps.
    ///
    /// # Errors
    /// As in 1, or if the model's prior is not finite. The filter is then unchanged, apart from its
    /// [`health`](Self::health).
    pub fn step(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
        dt: f64,
    ) -> Result<&Belief, FilterError> {
        let readable = self.input.read(observation, control, dt);
        let readable = match readable {
            Ok(()) if !self.sound => Err(FilterError::Overflow { steps: self.belief.steps }),
            other => other,
        };
        if let Err(error) = readable {
            self.health.refused += 1;
            return Err(error);
        }
        let t = self.belief.steps;
        self.window.push(self.input.values(), self.input.seen(), self.input.control());
        let status = if self.belief.started { self.advance(t) } else { self.start(t) };
        self.settle(status);
        self.health.note(status, self.input.had_implausible(), self.input.was_clamped());
        self.belief.steps = t + 1;
        Ok(&self.belief)
    }

    /// Refuses what no step can be taken with.
    pub(super) fn check(&mut self, x: Option<&[f32]>, control: &[f32]) -> Result<(), FilterError> {
        let dt = self.dt();
        let readable = self.input.read(x, control, dt);
        self.health.refused += u64::from(readable.is_err());
        readable
    }

    /// Refuses an observation that no step can be taken with.
    pub(super) fn check_observation(&mut self, x: &[f32]) -> Result<(), FilterError> {
        let readable = self.input.check_observation(x);
        self.health.refused += u64::from(readable.is_err());
        readable
    }

    /// A frame before the start.
    fn start(&mut self, t: u64) -> ObservationStatus {
        if self.window.is_full() && !self.begin(t) {
            self.sound &= self.paths.reset();
        }
        self.input.status()
    }

    /// One step of the recursion.
    fn advance(&mut self, t: u64) -> ObservationStatus {
        let mut status = self.input.status();
        let mut score = None;
        self.paths.predict(t, ArrayView1::from(self.input.control()));
        if !self.foresee(&mut score) {
            self.forget_prediction();
            return self.replace(t);
        }
        let mut observation = self.input.observation();
        if let (Some(gate), Some(score)) = (&mut self.gate, score)
            && gate.excludes(score.nis, score.freedom)
        {
            status = ObservationStatus::Gated;
            observation = None;
        }
        let used = observation.is_some();
        self.paths.update(observation);
        if let Some(spread) = &mut self.belief.spread {
            spread.score = score;
        }
        if !self.paths.commit() || self.is_refuted(t, self.sign(used, score)) {
            return self.replace(t);
        }
        status
    }

    /// The prediction of this step's observation, and how well it did; false if one is not finite.
    fn foresee(&mut self, score: &mut Option<Score>) -> bool {
        let Some(predictive) = &mut self.predictive else { return true };
        if !self.options.predict_missing && self.input.observation().is_none() {
            self.forget_prediction();
            return true;
        }
        let state = self.paths.predicted().slice_move(s![1.., ..]);
        if !predictive.update(self.paths.model(), state) {
            return false;
        }
        if let Some(spread) = &mut self.belief.spread {
            let contiguous = "a fresh array is contiguous";
            let mean = spread.predicted_mean.as_slice_mut().expect(contiguous);
            let std = spread.predicted_std.as_slice_mut().expect(contiguous);
            predictive.marginals(self.input.channels(), mean, std);
            if !mean.iter().chain(&*std).all(|v| v.is_finite()) {
                return false;
            }
        }
        if let Some(x) = self.input.observation() {
            *score = predictive.score(x, self.input.seen());
            return score.is_some();
        }
        true
    }

    /// What the step says about the belief before it.
    fn sign(&self, used: bool, score: Option<Score>) -> Sign {
        match score {
            Some(_) if !used => Sign::Gated,
            Some(score) => Sign::Innovation(score.nis, score.freedom),
            None if used => {
                let noise = self.paths.noise_mean();
                Sign::Noise(f64::from(noise.iter().map(|w| w * w).sum::<f32>()))
            }
            None => Sign::Missing,
        }
    }

    /// Brings the belief in line with the paths.
    pub(super) fn settle(&mut self, status: ObservationStatus) {
        let state = self.paths.state();
        self.belief.status = status;
        self.belief.state.assign(&state.row(0));
        self.belief.noise_mean.assign(&self.paths.noise_mean());
        if self.belief.started
            && let Some(reading) = &mut self.reading
        {
            let mean_path = state.slice(s![..1, ..]);
            let read = reading.read(self.paths.model(), mean_path);
            self.belief.reference = Some(read);
        }
        if let Some(spread) = &mut self.belief.spread {
            let moments = spread.mean.iter_mut().zip(&mut spread.std);
            for ((mean, std), values) in moments.zip(state.columns()) {
                (*mean, *std) = moments_of(values.slice(s![1..]));
            }
        }
    }
}
