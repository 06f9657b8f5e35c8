//! A belief that is lost, and what takes its place.

use super::belief::ObservationStatus;
use super::evidence::{Evidence, Sign};
use super::filter::Filter;
use super::health::Health;
use crate::bounds::TrainingBounds;
use dvbf_models::features_of;
use ndarray::{Array2, Axis};

impl Filter {
    /// What has become of the calls since the filter was made.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Seconds since the last step whose observation was used; `None` before the first. Where steps differ in
    /// length and the model takes their seconds, steps are counted instead, each as one.
    pub fn since_good(&self) -> Option<f64> {
        self.health.since_good.map(|steps| steps as f64 * self.dt())
    }

    /// How far the mean path is outside of the training range, in half widths, zero inside; `None` if the
    /// model file does not know the range. See [`TrainingRange`](crate::TrainingRange).
    ///
    /// # Panics
    /// Never: the range was checked with its model.
    pub fn departure(&self) -> Option<f32> {
        let range = self.range()?;
        let features = features_of(&self.model().transition.components());
        let mut shown = Array2::zeros((1, features.outputs()));
        features.apply(self.belief().state.view().insert_axis(Axis(0)), shown.view_mut());
        let mut departure = [0.0];
        range.departures(shown.view(), &mut departure);
        Some(departure[0])
    }

    /// The smallest and the largest values that the model was trained on, where the model file says it.
    pub fn bounds(&self) -> Option<&TrainingBounds> {
        self.input.bounds()
    }

    /// Judges beliefs from now on, if the file of the model says what is usual.
    pub(super) fn watch(&mut self) {
        let known = self.input.range().is_some() || self.input.bounds().is_some();
        if known && self.evidence.is_none() {
            let rows = self.paths.state().nrows();
            self.evidence = Some(Evidence::new(self.model(), rows));
        }
    }

    /// Starts from the window; false if it gives no state, and then there is none.
    pub(super) fn begin(&mut self, t: u64) -> bool {
        self.belief.started = self.paths.begin(&self.window, t);
        if let Some(evidence) = &mut self.evidence {
            evidence.started(self.window.is_whole());
        }
        self.belief.started
    }

    /// Whether the frames refute the belief after step `t`, which said `sign`.
    pub(super) fn is_refuted(&mut self, t: u64, sign: Sign) -> bool {
        let Some(evidence) = &mut self.evidence else { return false };
        evidence.note(sign);
        if !self.window.is_whole() {
            return false;
        }
        if evidence.is_provisional() {
            return true;
        }
        let Some(x) = self.input.observation() else { return false };
        if !evidence.examine() {
            return false;
        }
        let (paths, seen) = (&self.paths, self.input.seen());
        let belief = evidence.cost(paths.model(), (paths.state(), paths.noise_mean()), x, seen);
        evidence.state.assign(&self.paths.state());
        evidence.noise.assign(&self.paths.noise_mean());
        let found = self.paths.begin(&self.window, t);
        let paths = &self.paths;
        let start = evidence.cost(paths.model(), (paths.state(), paths.noise_mean()), x, seen);
        self.paths.set_state(evidence.state.view());
        self.paths.set_noise_mean(evidence.noise.view());
        found && Evidence::speaks_against(belief, start)
    }

    /// Replaces a belief that is lost at step `t`.
    pub(super) fn replace(&mut self, t: u64) -> ObservationStatus {
        if let Some(reading) = &mut self.reading {
            reading.reset();
        }
        if !(self.window.is_whole() && self.begin(t)) {
            self.sound &= self.paths.reset();
            self.window.clear();
            self.forget();
        }
        ObservationStatus::Restarted
    }

    /// There is no prediction of this step.
    pub(super) fn forget_prediction(&mut self) {
        if let Some(spread) = &mut self.belief.spread {
            spread.predicted_mean.fill(f32::NAN);
            spread.predicted_std.fill(f32::NAN);
            spread.score = None;
        }
    }

    /// There is no belief beyond the prior.
    pub(super) fn forget(&mut self) {
        self.belief.started = false;
        self.belief.reference = None;
        if let Some(reading) = &mut self.reading {
            reading.reset();
        }
        self.forget_prediction();
    }
}
