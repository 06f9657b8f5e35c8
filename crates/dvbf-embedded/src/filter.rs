//! The filter: one step at a time, along the mean path.

use crate::error::Error;
use crate::evidence::Evidence;
use crate::memory::Memory;
use crate::model::Model;
use crate::window::{copy_seen, has_seen};

/// Steps may differ from the model's by this fraction: a clock's jitter, not another rate.
const TOLERANCE: f64 = 1e-3;

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All channels were seen.
    Seen,
    /// Some channels were seen, this many.
    Partly(usize),
    /// No channel was seen.
    Missing,
    /// No channel had a plausible value; the observation counts as missing.
    Implausible,
    /// The belief was lost and has been replaced: by a start from the last frames, or by the prior.
    Restarted,
}

/// A filter on a model, in memory that the caller gave. It does what `dvbf_core::Filter` does without sample paths.
#[derive(Debug)]
pub struct Filter<'a> {
    model: Model<'a>,
    memory: Memory<'a>,
    evidence: Option<Evidence>,
    started: bool,
    /// Channels of the last observation that were seen, and that had an implausible value.
    count: (usize, usize),
}

impl<'a> Filter<'a> {
    /// A filter at the start of a sequence. `memory` holds at least [`Model::memory`] numbers, which are
    /// overwritten.
    ///
    /// # Errors
    /// If the memory is too small, or the model's prior is not finite.
    pub fn new(model: Model<'a>, memory: &'a mut [f32]) -> Result<Self, Error> {
        let memory = Memory::cut(&model.sizes, memory)?;
        let evidence = model.judge.map(|bound| Evidence::new(bound, model.sizes.frames));
        let mut filter = Self { model, memory, evidence, started: false, count: (0, 0) };
        filter.reset();
        if filter.state().iter().all(|v| v.is_finite()) { Ok(filter) } else { Err(Error::Prior) }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model<'a> {
        &self.model
    }

    /// Mean path of the latent state, `Z` values.
    #[must_use]
    pub fn state(&self) -> &[f32] {
        self.memory.state
    }

    /// Mean of the process noise that led here, `W` values; zero where nothing was seen.
    #[must_use]
    pub fn noise_mean(&self) -> &[f32] {
        self.memory.noise
    }

    /// Whether there is more than the prior: `k` frames have come that give a state.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Forgets everything: the next observation is the first of a sequence.
    pub fn reset(&mut self) {
        self.become_prior();
        self.memory.window.clear();
        if let Some(evidence) = &mut self.evidence {
            evidence.started(true);
        }
        self.started = false;
    }

    /// Takes observation `x_t`, `None` or NaN where it is missing, and the control `u_{t−1}` that acted since the
    /// previous one, in the units of the recordings; `dt` is the step in seconds.
    ///
    /// # Errors
    /// If a length or the step is not the model's, a value of the observation is infinite, or one of the control is
    /// not finite. The filter is then unchanged.
    pub fn step(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
        dt: f64,
    ) -> Result<Status, Error> {
        self.check(observation, control, dt)?;
        self.read(observation, control);
        let (x, u) = &self.memory.frame;
        self.memory.window.push(x, u);
        if self.started {
            return Ok(self.advance());
        }
        if self.memory.window.is_full() && !self.begin() {
            self.become_prior();
        }
        Ok(self.status())
    }

    /// What the model expects to see now, in the units of the recordings: `x (X)`.
    pub fn expected(&mut self) -> &[f32] {
        self.show();
        for (i, value) in self.memory.shown.iter_mut().enumerate() {
            let (mean, scale) = self.model.unit(i);
            *value = narrow(f64::from(*value * scale) + mean);
        }
        self.memory.shown
    }

    fn check(&self, observation: Option<&[f32]>, control: &[f32], dt: f64) -> Result<(), Error> {
        let (sizes, model) = (self.model.sizes, self.model.dt);
        let off = if dt > model { dt - model } else { model - dt };
        if off.is_nan() || off > TOLERANCE * model {
            return Err(Error::Step { found: dt, model });
        }
        let width = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(Error::Width { what, found, expected }) }
        };
        if let Some(x) = observation {
            width("observation", x.len(), sizes.observation)?;
            if let Some(index) = x.iter().position(|v| v.is_infinite()) {
                return Err(Error::NotFinite { what: "observation", index });
            }
        }
        width("control", control.len(), sizes.control)?;
        match control.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(Error::NotFinite { what: "control", index }),
            None => Ok(()),
        }
    }

    /// Brings a frame into the units of the model; implausible channels become NaN, a control its nearest plausible
    /// value.
    fn read(&mut self, observation: Option<&[f32]>, control: &[f32]) {
        let (model, x) = (&self.model, self.model.sizes.observation);
        let normal = |i: usize, value: f32| {
            let (mean, scale) = model.unit(i);
            let value = narrow(f64::from(value) - mean) / scale;
            (value, model.plausible.at(2 * i), model.plausible.at(2 * i + 1))
        };
        let (frame, kept) = &mut self.memory.frame;
        self.count = (0, 0);
        for (i, to) in frame.iter_mut().enumerate() {
            *to = f32::NAN;
            let Some(&value) = observation.and_then(|own| own.get(i)) else { continue };
            let (value, low, high) = normal(i, value);
            if value >= low && value <= high {
                self.count.0 += 1;
                *to = value;
            } else if !value.is_nan() {
                self.count.1 += 1;
            }
        }
        for (i, (to, &value)) in kept.iter_mut().zip(control).enumerate() {
            let (value, low, high) = normal(x + i, value);
            *to = if value < low {
                low
            } else if value > high {
                high
            } else {
                value
            };
        }
    }

    fn status(&self) -> Status {
        match self.count {
            (0, 0) => Status::Missing,
            (0, _) => Status::Implausible,
            (all, _) if all == self.model.sizes.observation => Status::Seen,
            (some, _) => Status::Partly(some),
        }
    }

    /// One step of the recursion.
    fn advance(&mut self) -> Status {
        let k = self.model.sizes.frames;
        self.carry(k - 1);
        if !self.commit() || self.is_refuted() {
            self.replace();
            return Status::Restarted;
        }
        self.status()
    }

    /// The state that is next, by frame `t` of the window.
    fn carry(&mut self, t: usize) {
        let (model, memory) = (&self.model, &mut self.memory);
        let Memory { window, seen, arguments, scratch, raw, noise, .. } = memory;
        let (x, u, z) = (model.sizes.observation, model.sizes.control, model.sizes.state);
        let frame = window.observation(t);
        arguments[..z].copy_from_slice(memory.state);
        arguments[z..z + u].copy_from_slice(window.control(t));
        if has_seen(frame) {
            copy_seen(frame, &mut seen[..x]);
            seen[x..].copy_from_slice(&arguments[..z + u]);
            model.recognition.apply(seen, raw, scratch);
            infer(raw, noise);
        } else {
            noise.fill(0.0);
        }
        arguments[z + u..].copy_from_slice(noise);
        model.transition.carry(arguments, memory.next, &mut memory.transition, scratch);
    }

    /// Takes the next state over, if it is within the limits.
    fn commit(&mut self) -> bool {
        let limits = self.model.limits;
        let own = self.memory.next.iter().enumerate();
        let mut inside = own.map(|(i, &v)| v >= limits.at(2 * i) && v <= limits.at(2 * i + 1));
        let within = inside.all(|inside| inside);
        if within {
            core::mem::swap(&mut self.memory.state, &mut self.memory.next);
        }
        within
    }

    /// The state becomes the model's prior for the first one, `g(0)`.
    fn become_prior(&mut self) {
        let Memory { noise, state, scratch, .. } = &mut self.memory;
        noise.fill(0.0);
        self.model.state.apply(noise, state, scratch);
    }

    /// The state at the last frame of the window; false, and it is undefined, if it is beyond the limits.
    fn start(&mut self) -> bool {
        let Memory { window, features, raw, noise, next, scratch, .. } = &mut self.memory;
        window.write(features);
        self.model.first.apply(features, raw, scratch);
        infer(raw, noise);
        self.model.state.apply(noise, next, scratch);
        self.commit()
            && (1..self.model.sizes.frames).all(|t| {
                self.carry(t);
                self.commit()
            })
    }

    /// Starts from the window.
    fn begin(&mut self) -> bool {
        self.started = self.start();
        let whole = self.memory.window.is_whole();
        if let Some(evidence) = &mut self.evidence {
            evidence.started(whole);
        }
        self.started
    }

    /// Whether the frames refute the belief.
    fn is_refuted(&mut self) -> bool {
        let seen = self.count.0 > 0;
        let squares = self.memory.noise.iter().fold(0.0, |sum, w| sum + w * w);
        let whole = self.memory.window.is_whole();
        let Some(evidence) = &mut self.evidence else { return false };
        evidence.note(seen.then_some(f64::from(squares)));
        if !whole {
            return false;
        }
        if evidence.is_provisional() {
            return true;
        }
        if !(seen && evidence.examine()) {
            return false;
        }
        let belief = self.cost();
        self.memory.kept.0.copy_from_slice(self.memory.state);
        self.memory.kept.1.copy_from_slice(self.memory.noise);
        let found = self.start();
        let start = self.cost();
        self.memory.state.copy_from_slice(self.memory.kept.0);
        self.memory.noise.copy_from_slice(self.memory.kept.1);
        found && Evidence::speaks_against(belief, start)
    }

    /// Replaces a belief that is lost.
    fn replace(&mut self) {
        if !(self.memory.window.is_whole() && self.begin()) {
            self.become_prior();
            self.memory.window.clear();
            self.started = false;
        }
    }

    /// What the emission shows of the state.
    fn show(&mut self) {
        let (visible, Memory { state, shown, scratch, .. }) =
            (self.model.sizes.visible, &mut self.memory);
        self.model.emission.apply(&state[..visible], shown, scratch);
    }

    /// What it costs the mean path to explain the channels that were seen.
    fn cost(&mut self) -> f64 {
        self.show();
        let Memory { noise, shown, frame, .. } = &self.memory;
        let own = noise.iter().fold(0.0, |sum, w| sum + f64::from(w * w));
        let errors = frame.0.iter().zip(shown.iter()).zip(self.model.precision.iter());
        let errors = errors.filter(|((x, _), _)| !x.is_nan());
        let square = |value: f64| value * value;
        own + errors.fold(0.0, |sum, ((x, e), p)| sum + square(f64::from((x - e) * p)))
    }
}

/// The mean of `q(w)` from the output of a recognition network, NaN where it has no finite deviation.
fn infer(raw: &[f32], noise: &mut [f32]) {
    let (means, deviations) = raw.split_at(noise.len());
    for ((noise, mean), &deviation) in noise.iter_mut().zip(means).zip(deviations) {
        let finite = deviation.is_finite() || deviation == f32::NEG_INFINITY;
        *noise = if finite { mean + 0.0 } else { f32::NAN };
    }
}

#[expect(clippy::cast_possible_truncation, reason = "models are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}
