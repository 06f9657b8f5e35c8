//! The filter: settings, steps, and the belief that they lead to.

use super::belief::{Belief, ObservationStatus};
use super::error::FilterError;
use super::input::Input;
use super::moments::moments_of;
use super::options::{FilterOptions, Gate};
use super::paths::Paths;
use super::predictive::Predictive;
use super::reading::Reading;
use crate::layout::Layout;
use crate::model::Dvbf;
use crate::range::TrainingRange;
use crate::readout::ReferenceState;
use crate::units::Units;
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use std::sync::Arc;

/// A causal filter over one sequence: the belief after step `t` depends on `x₁ … x_t` and
/// `u₁ … u_{t−1}` only.
///
/// It follows the mean path and, beside it, as many sample paths as its options say; the [module](super)
/// has the equations. The first `k` steps fill the start: until the `k`-th the belief is
/// the model's prior. What is missing during the start counts as zeros, as in a masked batch, which
/// `dvbf train` never shows a model unless its recordings have gaps; after it the state follows the
/// transition alone.
///
/// Nothing allocates after construction but [`predict`](Self::predict), [`sample`](Self::sample) and
/// [`observe`](Self::observe), which give new arrays. Bad values give errors and leave the filter
/// unchanged; no value makes it panic. Filters that share a model do not meet.
///
/// ```
/// use dvbf_core::{
///     Dvbf, Filter, FilterOptions, KindTable, ModelConfig, Noise, ObservationStatus,
/// };
/// use std::sync::Arc;
///
/// // A model that has learned nothing yet; a trained one comes from Filter::load.
/// let config = ModelConfig {
///     hidden: 8,
///     initial_frames: 2,
///     transition: KindTable::new("locally-linear").with("matrices", 4),
///     ..ModelConfig::new(3, 1, 2)
/// };
/// let model = Arc::new(Dvbf::random(&config, Noise::new(0, 0))?);
/// let options = FilterOptions { gate: Some(0.9999), ..FilterOptions::default() };
/// let mut filter = Filter::new(model, 0.001, options)?;
/// for frame in [[0.1, 0.2, 0.3], [0.2, f32::NAN, 0.1], [0.2, 0.1, 0.1]] {
///     filter.step(Some(&frame), &[0.5], 0.001)?;
/// }
/// let belief = filter.step(None, &[0.5], 0.001)?;
/// assert_eq!(belief.status, ObservationStatus::Missing);
/// let spread = belief.spread.as_ref().expect("there are sample paths");
/// println!("{} ± {}, next seen {}", spread.mean, spread.std, spread.predicted_mean);
/// let error = filter.step(None, &[0.5], 0.01).unwrap_err();
/// assert_eq!(error.to_string(), "the step is 0.01 s, but the model was trained at steps of 0.001 s");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    pub(super) input: Input,
    pub(super) paths: Paths,
    pub(super) predictive: Option<Predictive>,
    pub(super) options: FilterOptions,
    scale: f64,
    gate: Option<Gate>,
    pub(super) reading: Option<Reading>,
    belief: Belief,
}

/// A filter in the same state, on the same model, with buffers of its own.
impl Clone for Filter {
    fn clone(&self) -> Self {
        let model = Arc::clone(self.model());
        let mut filter = Self::assemble(model, self.input.clone(), self.options, self.scale)
            .expect("the options were checked");
        filter.reading = self.fresh_reading();
        if let (Some(own), Some(other)) = (&mut filter.reading, &self.reading) {
            own.set_memory(other.memory());
        }
        filter.paths.copy_state(&self.paths);
        filter.gate = self.gate;
        filter.belief.clone_from(&self.belief);
        filter
    }
}

/// What a filter needs to go on from a step: everything that later steps may change.
#[derive(Clone, Debug)]
pub struct Snapshot {
    state: Array2<f32>,
    steps: u64,
    started: bool,
    memory: Option<ReferenceState>,
}

impl Filter {
    /// A filter that runs `model`, which other filters may share and which was trained at steps of
    /// `dt` seconds.
    ///
    /// # Errors
    /// If no filter can have one of the options, or the step is not a positive finite number.
    pub fn new(
        model: Arc<Dvbf<f32>>,
        dt: f64,
        options: FilterOptions,
    ) -> Result<Self, FilterError> {
        if !(dt.is_finite() && dt > 0.0) {
            let range = "a positive finite number of seconds";
            return Err(FilterError::Setting { key: "dt", value: dt, range });
        }
        let input = Input::new(model.observation(), model.transition.dims().control, dt);
        Self::assemble(model, input, options, 1.0)
    }

    fn assemble(
        model: Arc<Dvbf<f32>>,
        input: Input,
        options: FilterOptions,
        scale: f64,
    ) -> Result<Self, FilterError> {
        options.validate()?;
        let (dims, n) = (model.transition.dims(), options.samples);
        let mut filter = Self {
            belief: Belief::new(dims.state, dims.noise, model.observation(), n > 0),
            predictive: (n > 0).then(|| Predictive::new(&model, n, scale)),
            gate: options.gate.map(Gate::new),
            paths: Paths::new(model, n, options.seed),
            input,
            options,
            scale,
            reading: None,
        };
        filter.reset();
        Ok(filter)
    }

    /// A filter with other options on the same model, at the start of a sequence.
    ///
    /// # Errors
    /// If no filter can have one of the options.
    pub fn with_options(&self, options: FilterOptions) -> Result<Self, FilterError> {
        let model = Arc::clone(self.model());
        let mut filter = Self::assemble(model, self.input.clone(), options, self.scale)?;
        filter.reading = self.fresh_reading();
        Ok(filter)
    }

    fn fresh_reading(&self) -> Option<Reading> {
        self.reading.as_ref().map(|own| own.anew(self.model(), self.dt()))
    }

    /// The same filter, for observations and controls in these units; in those of the model if
    /// `None`.
    ///
    /// # Panics
    /// If the units are for other numbers of channels.
    #[track_caller]
    #[must_use]
    pub fn with_units(mut self, units: Option<Units>) -> Self {
        self.input.set_units(units);
        self
    }

    /// The same filter at the start of a sequence, with `c`, which the standard deviations of its
    /// predictions are multiplied by.
    ///
    /// # Errors
    /// If it is not a positive finite number.
    pub fn with_std_scale(mut self, scale: f64) -> Result<Self, FilterError> {
        if !(scale.is_finite() && scale > 0.0) {
            let range = "a positive finite number";
            return Err(FilterError::Setting { key: "std_scale", value: scale, range });
        }
        self.scale = scale;
        self.with_options(self.options)
    }

    /// What the numbers of observations and controls are, where the model file says it.
    pub fn layout(&self) -> Option<&Layout> {
        self.input.layout()
    }

    /// The range of the states that the model was trained on, where the model file says it.
    pub fn range(&self) -> Option<&TrainingRange> {
        self.input.range().map(|range| &**range)
    }

    pub(crate) fn shared_range(&self) -> Option<Arc<TrainingRange>> {
        self.input.range().cloned()
    }

    /// The units of observations and controls, where they are not those of the model.
    pub fn units(&self) -> Option<&Units> {
        self.input.units()
    }

    /// Seconds between two steps of the model.
    pub fn dt(&self) -> f64 {
        self.input.dt()
    }

    /// What standard deviations of predictions are multiplied by.
    pub fn std_scale(&self) -> f64 {
        self.scale
    }

    /// The options.
    pub fn options(&self) -> FilterOptions {
        self.options
    }

    /// The model that runs.
    pub fn model(&self) -> &Arc<Dvbf<f32>> {
        self.paths.model()
    }

    /// The belief after the last step.
    pub fn belief(&self) -> &Belief {
        &self.belief
    }

    /// `zₙ (N, Z)`, the states of the sample paths after the last step.
    pub fn paths(&self) -> ArrayView2<'_, f32> {
        self.paths.state().slice_move(s![1.., ..])
    }

    /// Forgets everything: the next observation is the first of a sequence.
    pub fn reset(&mut self) {
        self.paths.reset();
        self.belief.steps = 0;
        self.forget();
        self.settle(ObservationStatus::Missing);
    }

    /// There is no belief beyond the prior.
    fn forget(&mut self) {
        self.belief.started = false;
        self.belief.reference = None;
        if let Some(reading) = &mut self.reading {
            reading.reset();
        }
        if let Some(spread) = &mut self.belief.spread {
            spread.predicted_mean.fill(f32::NAN);
            spread.predicted_std.fill(f32::NAN);
            spread.score = None;
        }
    }

    /// Takes observation `x_t` and the control `u_{t−1}` that acted since the previous one, which is
    /// ignored at the first step; `dt` is the step in seconds.
    ///
    /// A missing observation is `None`, a missing channel NaN.
    ///
    /// A model of recordings whose steps differ in length takes the length as its last control, in
    /// seconds since the previous step: `u_{t−1} = [u, seconds]`. Its own step is then a placeholder of
    /// one second, and `dt` is [`dt()`](Self::dt).
    ///
    /// # Errors
    /// If a vector has the wrong length, a value is not finite, `dt` is off the model's step by more
    /// than a thousandth, or the next state would not be finite. The filter is then unchanged.
    pub fn step(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
        dt: f64,
    ) -> Result<&Belief, FilterError> {
        self.input.read(observation, control, dt)?;
        let (t, k) = (self.belief.steps, self.model().initial_frames());
        match usize::try_from(t) {
            Ok(t) if t < k => self.start(t, k)?,
            _ => self.advance(t)?,
        }
        self.belief.steps = t + 1;
        Ok(&self.belief)
    }

    /// Frame `t` of the start.
    fn start(&mut self, t: usize, k: usize) -> Result<(), FilterError> {
        let (observation, control) = (self.input.observation(), self.input.control());
        self.paths.keep(t, observation, control, self.input.seen());
        if t + 1 == k {
            if !self.paths.begin() {
                return Err(self.overflow());
            }
            self.belief.started = true;
        }
        let status = self.input.status();
        self.settle(status);
        Ok(())
    }

    /// One step of the recursion.
    fn advance(&mut self, t: u64) -> Result<(), FilterError> {
        let mut observation = self.input.observation();
        let mut status = self.input.status();
        let mut score = None;
        self.paths.predict(t, ArrayView1::from(self.input.control()));
        if let Some(predictive) = &mut self.predictive {
            let state = self.paths.predicted().slice_move(s![1.., ..]);
            if !predictive.update(self.paths.model(), state) {
                return Err(self.overflow());
            }
            if let Some(x) = observation {
                score = predictive.score(x, self.input.seen(), self.input.channels());
                let Some(score) = score else { return Err(self.overflow()) };
                if let Some(gate) = &mut self.gate
                    && gate.excludes(score.nis, score.freedom)
                {
                    status = ObservationStatus::Gated;
                    observation = None;
                }
            }
        }
        self.paths.update(observation);
        if !self.paths.commit() {
            return Err(self.overflow());
        }
        if let (Some(spread), Some(predictive)) = (&mut self.belief.spread, &self.predictive) {
            let contiguous = "a fresh array is contiguous";
            let mean = spread.predicted_mean.as_slice_mut().expect(contiguous);
            let std = spread.predicted_std.as_slice_mut().expect(contiguous);
            predictive.marginals(self.input.channels(), mean, std);
            spread.score = score;
        }
        self.settle(status);
        Ok(())
    }

    fn overflow(&self) -> FilterError {
        FilterError::Overflow { steps: self.belief.steps }
    }

    /// Brings the belief in line with the paths.
    fn settle(&mut self, status: ObservationStatus) {
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

    /// What is needed to [go on](Self::resume) from here.
    pub fn snapshot(&self) -> Snapshot {
        let (steps, started) = (self.belief.steps, self.belief.started);
        let memory = self.reading.as_ref().map(|own| own.memory().clone());
        Snapshot { state: self.paths.state().to_owned(), steps, started, memory }
    }

    /// Goes on from where `snapshot` was taken, of this filter or of another one on the same model with as
    /// many sample paths. One that was taken before the start resets the filter.
    ///
    /// # Panics
    /// If the snapshot has other numbers of paths or of latent dimensions.
    #[track_caller]
    pub fn resume(&mut self, snapshot: &Snapshot) {
        let (own, given) = (self.paths.state().dim(), snapshot.state.dim());
        assert_eq!(own, given, "paths and dimensions of the filter against those of the snapshot");
        self.reset();
        if snapshot.started {
            self.restore(snapshot);
            self.belief.started = true;
            // A read-out remembers what the snapshot says, and tells nothing before the next step.
            let reading = self.reading.take();
            self.settle(ObservationStatus::Missing);
            self.reading = reading;
        }
    }

    /// [`snapshot`](Self::snapshot) into an old one.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.state.assign(&self.paths.state());
        (snapshot.steps, snapshot.started) = (self.belief.steps, self.belief.started);
        snapshot.memory.clone_from(&self.reading.as_ref().map(|own| own.memory().clone()));
    }

    /// Goes back to where `snapshot` was taken; a step has to follow before the belief is read.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        self.paths.set_state(snapshot.state.view());
        self.belief.steps = snapshot.steps;
        if !snapshot.started {
            self.forget();
        }
        if let (Some(memory), Some(reading)) = (&snapshot.memory, &mut self.reading) {
            reading.set_memory(memory);
        }
    }
}
