//! The simulator: starts, steps, and where the rollouts are.

use super::error::SimulatorError;
use super::frames::Frames;
use super::model::SimulatedModel;
use super::options::{RangeBound, SimulatorOptions};
use super::rollouts::SimulatorSnapshot;
use super::streams::{NUMBERS, STATES};
use crate::model::Dvbf;
use crate::range::TrainingRange;
use crate::units::Units;
use dvbf_dynamics::ComponentKind;
use dvbf_models::{Cache, TransitionInput, features_of};
use dvbf_ops::Features;
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut3, Axis, s};
use std::ops::Range;
use std::sync::Arc;

/// Rollouts that are carried together, so that their buffers stay in cache.
const BLOCK: usize = 256;

/// `N` rollouts of a learned model; the [module](crate::simulator) has the equations.
///
/// Observations and controls are in the units of the recordings, states in those of the model. Nothing
/// allocates after construction but [`snapshot`](Self::snapshot). A state that is no longer finite stays
/// so until its rollout is started again; it does not reach the others.
///
/// ```
/// use dvbf_core::ndarray::{Array2, arr2};
/// use dvbf_core::{
///     Dvbf, KindTable, ModelConfig, Noise, SimulatedModel, Simulator, SimulatorOptions,
/// };
/// use std::sync::Arc;
///
/// // A model that has learned nothing yet; a trained one comes from SimulatedModel::load.
/// let config = ModelConfig {
///     hidden: 8,
///     transition: KindTable::new("locally-linear").with("matrices", 4),
///     ..ModelConfig::new(3, 1, 2)
/// };
/// let model = SimulatedModel::new(Arc::new(Dvbf::random(&config, Noise::new(0, 0))?));
/// let mut simulator = Simulator::new(&model, 0..4, SimulatorOptions::default())?;
/// simulator.step(arr2(&[[0.5], [0.0], [-0.5], [1.0]]).view())?;
/// let mut frames = Array2::zeros((4, 3));
/// simulator.observation_samples(frames.view_mut());
///
/// // Rollout 2 by itself has the same bits.
/// let mut alone = Simulator::new(&model, 2..3, SimulatorOptions::default())?;
/// alone.step(arr2(&[[-0.5]]).view())?;
/// assert_eq!(alone.states().row(0), simulator.states().row(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Simulator {
    pub(super) model: Arc<Dvbf<f32>>,
    pub(super) units: Option<Units>,
    range: Option<Arc<TrainingRange>>,
    features: Features,
    pub(super) options: SimulatorOptions,
    pub(super) first: u64,
    pub(super) now: SimulatorSnapshot,
    pub(super) frames: Frames,
    pub(super) initial: Cache,
    transition: Cache,
    pub(super) buffers: Buffers,
}

/// Values of one block of rollouts; components lie side by side.
#[derive(Debug)]
pub(super) struct Buffers {
    /// `u (U, BLOCK)` in the units of the model.
    control: Array2<f32>,
    /// `w (W, BLOCK)`.
    pub(super) noise: Array2<f32>,
    /// `z (Z, BLOCK)`.
    pub(super) next: Array2<f32>,
    /// `φ (F, BLOCK)`.
    features: Array2<f32>,
}

impl Simulator {
    /// A simulator of the rollouts with these numbers, started from the prior.
    ///
    /// # Errors
    /// If no simulator can have one of the options, or they need a training range that nobody knows.
    ///
    /// # Panics
    /// If there is no rollout, a number is 2⁵⁶ or more, or units or training range are those of another
    /// model.
    #[track_caller]
    pub fn new(
        source: &SimulatedModel,
        rollouts: Range<u64>,
        options: SimulatorOptions,
    ) -> Result<Self, SimulatorError> {
        options.validate()?;
        if source.range.is_none() && options.bound != RangeBound::Free {
            return Err(SimulatorError::NoRange);
        }
        let SimulatedModel { model, units, range } = source.clone();
        let dims = model.transition.dims();
        let features = features_of(&model.transition.components());
        let (x, u, f) = (model.observation(), dims.control, features.outputs());
        assert!(rollouts.start < rollouts.end, "there are no rollouts {rollouts:?}");
        assert!(rollouts.end <= NUMBERS, "rollouts are numbered below 2^56");
        assert!(units.as_ref().is_none_or(|units| units.fit(x, u)), "units against ({x}, {u})");
        if let Some(range) = &range {
            assert_eq!(range.features(), f, "features of the training range against F");
        }
        let count =
            usize::try_from(rollouts.end - rollouts.start).expect("rollouts fit into memory");
        let lanes = count.min(BLOCK);
        let zeros = |values: usize| Array2::zeros((values, lanes));
        let mut frames = Frames::new(&model, count);
        frames.set_units(&model, units.as_ref());
        let mut simulator = Self {
            frames,
            initial: model.initial.cache(lanes),
            transition: model.transition.cache(lanes),
            buffers: Buffers {
                control: zeros(u),
                noise: zeros(dims.noise),
                next: zeros(dims.state),
                features: zeros(f),
            },
            now: SimulatorSnapshot::new(count, dims.state),
            first: rollouts.start,
            model,
            units,
            range,
            features,
            options,
        };
        simulator.model.initial.prepare(&mut simulator.initial);
        simulator.model.transition.prepare(&mut simulator.transition);
        simulator.warm_up();
        simulator.start_from_prior(None);
        Ok(simulator)
    }

    /// Takes a step and draws, so that buffers that grow when they are first used have grown.
    fn warm_up(&mut self) {
        let before = self.now.clone();
        for rows in blocks(self.len()) {
            self.buffers.control.fill(0.0);
            self.carry(rows);
        }
        let mut frames = Array2::zeros((self.len().min(BLOCK), self.model.observation()));
        let rows: Vec<usize> = (0..frames.nrows()).collect();
        self.observation_means_of(&rows, frames.view_mut());
        self.now.copy_from(&before);
    }

    /// The model that runs.
    pub fn model(&self) -> &Arc<Dvbf<f32>> {
        &self.model
    }

    /// Units of observations and controls, where they are not those of the model.
    pub fn units(&self) -> Option<&Units> {
        self.units.as_ref()
    }

    /// The range of the states that the model was trained on, where somebody knows it.
    pub fn range(&self) -> Option<&TrainingRange> {
        self.range.as_deref()
    }

    /// The options.
    pub fn options(&self) -> SimulatorOptions {
        self.options
    }

    /// The numbers of the rollouts; row `i` of every array belongs to the `i`-th of them.
    pub fn rollouts(&self) -> Range<u64> {
        self.first..self.first + self.len() as u64
    }

    /// Number of rollouts, `N`, at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one rollout")]
    pub fn len(&self) -> usize {
        self.now.rollouts()
    }

    /// Latent states, `(N, Z)`, in column-major order.
    pub fn states(&self) -> ArrayView2<'_, f32> {
        self.now.states()
    }

    /// Steps of every rollout since its start, `(N)`.
    pub fn steps(&self) -> &[u64] {
        &self.now.steps
    }

    /// How far every rollout is outside of the training range, `(N)`, in half-widths of the range:
    /// `d(z)` of [`TrainingRange`], zero inside, infinite where a state is not finite. `None` if nobody
    /// knows the range. With [`RangeBound::Clip`] it is that before the last state was clipped.
    pub fn departures(&self) -> Option<&[f32]> {
        self.range.is_some().then_some(&self.now.departure)
    }

    /// Whether the rollout in row `row` is inside of the training range; `None` if nobody knows it.
    ///
    /// # Panics
    /// If there are fewer rollouts.
    #[track_caller]
    pub fn inside(&self, row: usize) -> Option<bool> {
        let departure = self.now.departure[row];
        self.range.is_some().then_some(departure <= 0.0)
    }

    /// After how many steps since its start the rollout in row `row` first left the training range;
    /// `None` if it has not, or nobody knows the range.
    ///
    /// # Panics
    /// If there are fewer rollouts.
    #[track_caller]
    pub fn left_after(&self, row: usize) -> Option<u64> {
        self.now.left(row)
    }

    /// Takes another seed and sets the counters of all noise to zero; the states stay. A start after it
    /// gives the rollouts of a new simulator with this seed.
    pub fn reseed(&mut self, seed: u64) {
        self.options.seed = seed;
        self.now.events.fill(0);
    }

    /// Carries every rollout one step on, under controls `(N, U)` in any memory layout.
    ///
    /// # Errors
    /// If a control is not finite. Nothing is changed then.
    ///
    /// # Panics
    /// If the controls have another shape.
    #[track_caller]
    pub fn step(&mut self, controls: ArrayView2<'_, f32>) -> Result<(), SimulatorError> {
        self.check_controls(controls)?;
        for rows in blocks(self.len()) {
            self.take(controls.slice(s![rows.clone(), ..]));
            self.carry(rows);
        }
        Ok(())
    }

    /// Carries every rollout `T` steps on, under controls `(T, N, U)`, and writes the states after each
    /// step, `(T, N, Z)`. The result is that of `T` [steps](Self::step); blocks of rollouts stay in cache
    /// over all steps.
    ///
    /// # Errors
    /// If a control is not finite. Nothing is changed then.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn run(
        &mut self,
        controls: ArrayView3<'_, f32>,
        mut states: ArrayViewMut3<'_, f32>,
    ) -> Result<(), SimulatorError> {
        let (dims, steps) = (self.model.transition.dims(), controls.dim().0);
        assert_eq!(controls.dim(), (steps, self.len(), dims.control), "controls against (T, N, U)");
        assert_eq!(states.dim(), (steps, self.len(), dims.state), "states against (T, N, Z)");
        for controls in controls.axis_iter(Axis(0)) {
            self.check_controls(controls)?;
        }
        for rows in blocks(self.len()) {
            for (controls, mut states) in
                controls.axis_iter(Axis(0)).zip(states.axis_iter_mut(Axis(0)))
            {
                self.take(controls.slice(s![rows.clone(), ..]));
                self.carry(rows.clone());
                for (j, now) in self.now.state.rows().into_iter().enumerate() {
                    let now = now.slice_move(s![rows.clone()]);
                    let to = states.slice_mut(s![rows.clone(), j]);
                    to.into_iter().zip(now).for_each(|(to, &now)| *to = now);
                }
            }
        }
        Ok(())
    }

    /// Says whether [`step`](Self::step) would take these controls `(N, U)`.
    ///
    /// # Errors
    /// If a control is not finite.
    ///
    /// # Panics
    /// If the controls have another shape.
    #[track_caller]
    pub fn check_controls(&self, controls: ArrayView2<'_, f32>) -> Result<(), SimulatorError> {
        let dim = (self.len(), self.model.transition.dims().control);
        assert_eq!(controls.dim(), dim, "controls against (N, U)");
        self.check_finite("control", controls)
    }

    pub(super) fn check_finite(
        &self,
        what: &'static str,
        values: ArrayView2<'_, f32>,
    ) -> Result<(), SimulatorError> {
        // Without an early end, so that it runs over vectors.
        if !values.iter().fold(false, |bad, value| bad | !value.is_finite()) {
            return Ok(());
        }
        match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some(((row, index), _)) => {
                Err(SimulatorError::NotFinite { what, index, rollout: self.first + row as u64 })
            }
        }
    }

    /// Brings the controls `(n, U)` of a block into the units of the model.
    fn take(&mut self, controls: ArrayView2<'_, f32>) {
        let mut to = self.buffers.control.slice_mut(s![.., ..controls.nrows()]);
        to.assign(&controls.t());
        if let Some(Units { control, .. }) = &self.units {
            for ((mut values, mean), scale) in
                to.rows_mut().into_iter().zip(control.mean()).zip(control.scale())
            {
                values.mapv_inplace(|value| narrow(f64::from(value) - mean) / scale);
            }
        }
    }

    /// Carries a block of rollouts one step on, under the controls in its buffer.
    fn carry(&mut self, rows: Range<usize>) {
        let (n, own) = (rows.len(), s![.., rows.clone()]);
        let lanes = s![.., ..n];
        let Buffers { control, noise, next, .. } = &mut self.buffers;
        if self.options.process_noise {
            let (first, at) = (STATES | (self.first + rows.start as u64), &self.now.events);
            let out = noise.slice_mut(lanes).reversed_axes();
            Noise::normal_rows(self.options.seed, first, &at[rows.clone()], out);
        } else {
            noise.fill(0.0);
        }
        let input = TransitionInput {
            state: self.now.state.slice(own).reversed_axes(),
            control: control.slice(lanes).reversed_axes(),
            noise: noise.slice(lanes).reversed_axes(),
        };
        let to = next.slice_mut(lanes).reversed_axes();
        self.model.transition.carry(input, to, &mut self.transition);
        self.now.state.slice_mut(own).assign(&next.slice(lanes));
        for counters in [&mut self.now.events, &mut self.now.steps] {
            counters[rows.clone()].iter_mut().for_each(|count| *count += 1);
        }
        self.judge(rows.clone());
        if let RangeBound::Clip { margin } = self.options.bound {
            self.clip(rows, margin);
        }
    }

    /// Finds how far out the rollouts of a block are.
    pub(super) fn judge(&mut self, rows: Range<usize>) {
        let Some(range) = &self.range else { return };
        let state = self.now.state.slice(s![.., rows.clone()]).reversed_axes();
        let departure = &mut self.now.departure[rows.clone()];
        if self.features.is_identity() {
            range.departures(state, departure);
        } else {
            let features = self.buffers.features.slice_mut(s![.., ..rows.len()]);
            let mut features = features.reversed_axes();
            self.features.apply(state, features.view_mut());
            range.departures(features.view(), departure);
        }
        self.now.note(rows);
    }

    /// Clips the states of a block to the range and a margin around it.
    fn clip(&mut self, rows: Range<usize>, margin: f32) {
        let Some(range) = &self.range else { return };
        let mut column = 0;
        let kinds = self.features.kinds().iter().zip(self.model.transition.components());
        for (i, (kind, component)) in kinds.enumerate() {
            if component.kind == ComponentKind::Linear {
                let ((low, high), more) = (range.limits(column), margin * range.half_width(column));
                let scale = narrow(component.scale);
                let (low, high) = ((low - more) * scale, (high + more) * scale);
                let mut values = self.now.state.slice_mut(s![i, rows.clone()]);
                // What is not finite is lost, and no edge of the range is where it was.
                values.mapv_inplace(|v| if v.is_finite() { v.clamp(low, high) } else { v });
            }
            column += kind.width();
        }
    }
}

/// Rows `0..count` in blocks.
pub(super) fn blocks(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(BLOCK).map(move |first| first..(first + BLOCK).min(count))
}

#[expect(clippy::cast_possible_truncation, reason = "models are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}
