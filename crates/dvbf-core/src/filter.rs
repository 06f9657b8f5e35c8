//! The online filter: one observation in, one belief out.

use crate::file::{FileError, ModelFile};
use crate::model::Dvbf;
use crate::units::Units;
use dvbf_models::{AnyTransition, InitialCache, InnovationCache, Transition};
use dvbf_prob::GaussianHead;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use std::path::Path;
use std::sync::Arc;

/// Why a step was refused. The filter is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A vector has the wrong length.
    #[error("{what} has {got} values; the model has {expected}")]
    Length {
        /// Observation or control.
        what: &'static str,
        /// Values given.
        got: usize,
        /// Values expected.
        expected: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} value {index} is not finite; pass None for a missing observation")]
    NotFinite {
        /// Observation or control.
        what: &'static str,
        /// Its index.
        index: usize,
    },
}

/// What the filter believes after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// Mean path of the latent state, `Z` values.
    pub state: Array1<f32>,
    /// Mean of the innovation that led here, `W` values; zero after a missing observation.
    pub innovation: Array1<f32>,
    /// Steps since the last reset.
    pub steps: usize,
}

/// A causal filter over one sequence: the belief after step `t` depends on `x₁ … x_t` and
/// `u₁ … u_{t−1}` only.
///
/// The first `k` observations fill the start; there is no belief before the `k`-th. A missing
/// observation during the start counts as zeros, as in a masked batch, which `dvbf train` never shows a model; after it the state follows the
/// transition alone. Nothing allocates after construction.
#[derive(Debug)]
pub struct Filter {
    model: Arc<Dvbf<f32>>,
    initial: InitialCache<f32>,
    recognition: InnovationCache<f32>,
    transition: <AnyTransition<f32> as Transition<f32>>::Cache,
    head: GaussianHead<f32>,
    /// The first `k` observations and the controls between them.
    start: (Array2<f32>, Array2<f32>, Array1<f32>),
    raw: Array2<f32>,
    next: Array2<f32>,
    belief: Belief,
    units: Option<Units>,
    /// Observation and control in the units of the model.
    converted: (Vec<f32>, Vec<f32>),
}

impl Filter {
    /// A filter that runs `model`, which other filters may share.
    pub fn new(model: Arc<Dvbf<f32>>) -> Self {
        let dims = model.transition.dims();
        let (k, x) = (model.initial_frames(), model.observation());
        let mut filter = Self {
            initial: model.initial.cache(1),
            recognition: model.recognition.cache(1),
            transition: model.transition.cache(1),
            head: GaussianHead::new(1, dims.noise),
            start: (Array2::zeros((k, x)), Array2::zeros((k, dims.control)), Array1::zeros(k)),
            raw: Array2::zeros((1, 2 * dims.noise)),
            next: Array2::zeros((1, dims.state)),
            belief: Belief {
                state: Array1::zeros(dims.state),
                innovation: Array1::zeros(dims.noise),
                steps: 0,
            },
            units: None,
            converted: (vec![0.0; x], vec![0.0; dims.control]),
            model,
        };
        filter.model.initial.prepare(&mut filter.initial);
        filter.model.recognition.prepare(&mut filter.recognition);
        filter.model.transition.prepare(&mut filter.transition);
        filter
    }

    /// A filter that runs the model of a file, in the units of the recordings.
    ///
    /// # Errors
    /// If the file cannot be read or is not a model file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let mut file = ModelFile::read(path.as_ref())?;
        let units = file.units.take();
        Ok(Self::new(Arc::new(file.into_model())).with_units(units))
    }

    /// The same filter, for observations and controls in these units; in those of the model if
    /// `None`.
    ///
    /// # Panics
    /// If the units are for other numbers of channels.
    #[track_caller]
    #[must_use]
    pub fn with_units(mut self, units: Option<Units>) -> Self {
        let (x, u) = (self.converted.0.len(), self.converted.1.len());
        assert!(units.as_ref().is_none_or(|units| units.fit(x, u)), "units against ({x}, {u})");
        self.units = units;
        self
    }

    /// The units of observations and controls, where they are not those of the model.
    pub fn units(&self) -> Option<&Units> {
        self.units.as_ref()
    }

    /// Forgets everything: the next observation is the first of a sequence.
    pub fn reset(&mut self) {
        self.belief.steps = 0;
    }

    /// The model that runs.
    pub fn model(&self) -> &Arc<Dvbf<f32>> {
        &self.model
    }

    /// Takes observation `x_t` (`None` if it is missing) and the control `u_{t−1}` that acted
    /// since the previous one, which is ignored at the first step.
    ///
    /// Gives the belief, or `None` while fewer than `k` observations have come.
    ///
    /// # Errors
    /// If a vector has the wrong length or holds NaN or infinity; the filter is then unchanged.
    pub fn step(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
    ) -> Result<Option<&Belief>, FilterError> {
        if let Some(x) = observation {
            check("observation", x, self.model.observation())?;
        }
        check("control", control, self.start.1.ncols())?;
        let (mut x, mut u) = std::mem::take(&mut self.converted);
        let observed = self.convert(observation, control, &mut x, &mut u);
        self.take(observed.then_some(x.as_slice()), &u);
        self.converted = (x, u);
        Ok((self.belief.steps >= self.model.initial_frames()).then_some(&self.belief))
    }

    /// Brings what was given to the units of the model; whether there is an observation.
    fn convert(
        &self,
        observation: Option<&[f32]>,
        control: &[f32],
        x: &mut [f32],
        u: &mut [f32],
    ) -> bool {
        u.copy_from_slice(control);
        if let Some(observation) = observation {
            x.copy_from_slice(observation);
        }
        if let Some(units) = &self.units {
            units.observation.normalize(x);
            units.control.normalize(u);
        }
        observation.is_some()
    }

    /// [`step`](Self::step) in the units of the model.
    fn take(&mut self, observation: Option<&[f32]>, control: &[f32]) {
        let (t, k) = (self.belief.steps, self.model.initial_frames());
        if t < k {
            self.fill_start(t, observation, control);
            if t + 1 == k {
                self.begin();
            }
        } else {
            let observation = observation.map(row);
            self.advance(observation, row(control));
        }
        self.belief.steps += 1;
    }

    fn fill_start(&mut self, t: usize, observation: Option<&[f32]>, control: &[f32]) {
        let (observations, controls, seen) = &mut self.start;
        match observation {
            Some(x) => observations.row_mut(t).assign(&ArrayView1::from(x)),
            None => observations.row_mut(t).fill(0.0),
        }
        seen[t] = f32::from(u8::from(observation.is_some()));
        if t > 0 {
            controls.row_mut(t - 1).assign(&ArrayView1::from(control));
        }
    }

    /// The state at the `k`-th observation, from all `k`.
    fn begin(&mut self) {
        let (observations, controls, seen) = std::mem::take(&mut self.start);
        let model = Arc::clone(&self.model);
        let raw = self.raw.view_mut();
        model.initial.recognize(observations.view(), controls.view(), raw, &mut self.initial);
        self.head.forward(0, self.raw.view(), ArrayView1::from(&[1.0]));
        model.initial.start(self.head.mean(), self.next.view_mut(), &mut self.initial);
        self.belief.state.assign(&self.next.row(0));
        self.belief.innovation.assign(&self.head.mean().row(0));
        for t in 1..seen.len() {
            let x = observations.slice(s![t..=t, ..]);
            let x = (seen[t] > 0.0).then_some(x);
            self.advance(x, controls.slice(s![t - 1..t, ..]));
        }
        self.start = (observations, controls, seen);
    }

    /// One step of the recursion: innovation, then transition.
    fn advance(&mut self, observation: Option<ArrayView2<'_, f32>>, control: ArrayView2<'_, f32>) {
        let model = Arc::clone(&self.model);
        let state = self.belief.state.view().insert_axis(Axis(0));
        if let Some(x) = observation {
            model.recognition.observe(x, &mut self.recognition);
            let raw = self.raw.view_mut();
            model.recognition.forward(0, state, control, raw, &mut self.recognition);
            self.head.forward(0, self.raw.view(), ArrayView1::from(&[1.0]));
            self.belief.innovation.assign(&self.head.mean().row(0));
        } else {
            self.belief.innovation.fill(0.0);
        }
        let noise = self.belief.innovation.view().insert_axis(Axis(0));
        let cache = &mut self.transition;
        model.transition.forward(0, state, control, noise, self.next.view_mut(), cache);
        self.belief.state.assign(&self.next.row(0));
    }
}

/// A vector as a batch of one row.
fn row(values: &[f32]) -> ArrayView2<'_, f32> {
    ArrayView1::from(values).insert_axis(Axis(0))
}

fn check(what: &'static str, values: &[f32], expected: usize) -> Result<(), FilterError> {
    if values.len() != expected {
        return Err(FilterError::Length { what, got: values.len(), expected });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(FilterError::NotFinite { what, index }),
        None => Ok(()),
    }
}
