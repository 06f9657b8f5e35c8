//! The filter: settings, steps, and the belief that they lead to.

use super::belief::{Belief, ObservationStatus};
use super::error::FilterError;
use super::evidence::{Doubt, Evidence};
use super::health::Health;
use super::input::Input;
use super::options::{FilterOptions, Gate};
use super::paths::Paths;
use super::predictive::Predictive;
use super::reading::Reading;
use super::window::Window;
use crate::layout::Layout;
use crate::model::Dvbf;
use crate::range::TrainingRange;
use crate::units::Units;
use ndarray::{ArrayView2, s};
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
/// No step gives a belief that is not finite, and good frames bring a filter back, whatever it was fed: a
/// belief that they contradict clearly is replaced, and one that is wrong by little fades as fast as the model
/// forgets. [`step`](Self::step) says what it does with frames that are missing, absurd or improbable,
/// [`health`](Self::health) counts them.
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
    pub(super) gate: Option<Gate>,
    pub(super) reading: Option<Reading>,
    pub(super) belief: Belief,
    pub(super) window: Window,
    pub(super) evidence: Option<Evidence>,
    pub(super) health: Health,
    /// Whether the model's prior is finite.
    pub(super) sound: bool,
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
        filter.window.copy(&self.window);
        if let (Some(own), Some(other)) = (&mut filter.evidence, &self.evidence) {
            own.doubt = other.doubt;
        }
        filter.health = self.health;
        filter.sound = self.sound;
        filter.gate = self.gate;
        filter.belief.clone_from(&self.belief);
        filter
    }
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
        let window = Window::new(model.initial_frames(), model.observation(), dims.control);
        let mut filter = Self {
            belief: Belief::new(dims.state, dims.noise, model.observation(), n > 0),
            predictive: (n > 0).then(|| Predictive::new(&model, n, scale)),
            gate: options.gate.map(Gate::new),
            paths: Paths::new(model, n, options.seed),
            input,
            options,
            scale,
            reading: None,
            window,
            evidence: None,
            health: Health::default(),
            sound: true,
        };
        filter.score_in_units();
        filter.watch();
        filter.reset();
        Ok(filter)
    }

    fn score_in_units(&mut self) {
        if let Some(predictive) = &mut self.predictive {
            predictive.set_units(self.input.channels());
        }
    }

    /// A filter with other options on the same model, at the start of a sequence.
    ///
    /// # Errors
    /// If no filter can have one of the options.
    pub fn with_options(&self, options: FilterOptions) -> Result<Self, FilterError> {
        let model = Arc::clone(self.model());
        let mut filter = Self::assemble(model, self.input.clone(), options, self.scale)?;
        filter.paths.set_limits(self.paths.limits().clone());
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
        self.score_in_units();
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
        self.sound = self.paths.reset();
        self.belief.steps = 0;
        self.window.clear();
        if let Some(evidence) = &mut self.evidence {
            evidence.doubt = Doubt::default();
        }
        self.forget();
        self.settle(ObservationStatus::Missing);
    }
}
