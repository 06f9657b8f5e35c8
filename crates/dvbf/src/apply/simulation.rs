//! The learned model as a simulator: recordings that nobody recorded.

use super::leaving;
use super::trained::counted;
use super::{ApplyError, Trained};
use crate::data::{Origins, RawRecordings, RawSequence, narrow, numbered};
use dvbf_core::{Filter, FilterOptions, Noise, Rollout, RolloutInput, Steps};
use ndarray::{Array2, ArrayView2, Axis, s};

/// Streams of the noise of states and sensors, one for each sequence and draw. Those of a filter are
/// below, those of the training begin with 1 to 9, and those of a [`Simulator`](dvbf_core::Simulator)
/// with 16 to 18.
const STATES: u64 = 20 << 56;
const SENSORS: u64 = 21 << 56;
/// Numbers of draws.
const DRAWS: u64 = 1 << 24;
/// Values that a simulation has at most: sixteen GiB.
const MOST: usize = 1 << 32;

/// Where simulated sequences start, and what drives them.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// As many draws from the model's prior of a first state, without controls: zeros. Steps of a model that
    /// takes their length have the mean length.
    Prior(usize),
    /// The belief after the first steps of recorded sequences, whose controls drive what follows.
    Recordings {
        /// The recordings.
        recordings: &'a RawRecordings,
        /// Steps that are filtered.
        filtered: usize,
    },
}

/// How a simulation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Steps of every simulated sequence; as many as the recordings have controls for if `None`.
    /// Controls beyond the recordings are zero.
    pub steps: Option<usize>,
    /// Sequences of every start in recordings, each with states and noise of its own; the mean path alone if
    /// zero. The prior has one of each start, with noise.
    pub draws: usize,
    /// Whether the noise of the sensors is added to observations: that of the emission, without the scale of
    /// predictions.
    pub sensor_noise: bool,
    /// Seed of all noise.
    pub seed: u64,
}

/// Steps of a simulation that nothing else bounds.
const USUAL_STEPS: usize = 100;

/// Sequences that the model makes itself, in the units of the recordings. Their true state is the latent
/// state, named `z1`, `z2`, …. A remark says how many leave the training range of the model file, if it has one.
///
/// From recordings, step `t` of a sequence stands for step `filtered + t` of the recording; of the prior,
/// the first step is the first state.
///
/// # Errors
/// If the recordings do not fit the model or have not as many steps as are to be filtered, nothing is to be
/// simulated, or a state is not finite.
pub fn simulate(
    trained: &Trained,
    start: Start<'_>,
    simulation: &Simulation,
) -> Result<RawRecordings, ApplyError> {
    let mut simulated = match start {
        Start::Prior(count) => from_prior(trained, count, simulation)?,
        Start::Recordings { recordings, filtered } => {
            from_recordings(trained, recordings, filtered, simulation)?
        }
    };
    simulated.remarks.extend(leaving::remark(trained.filter(), &simulated.sequences));
    let seconds = simulated.sequences.iter().any(|s| s.intervals.is_some());
    let stated = trained.filter().layout().is_none_or(|l| l.steps != Steps::Unstated);
    let own = stated.then(|| trained.filter().dt());
    let dt = if seconds { None } else { simulated.dt.or(own) };
    let state = trained.filter().model().transition().dims().state;
    let state_names = (1..=state).map(|i| format!("z{i}")).collect();
    Ok(RawRecordings { state_names, dt, ..simulated })
}

/// Sequences of the prior, under the names that the model file has.
fn from_prior(
    trained: &Trained,
    count: usize,
    simulation: &Simulation,
) -> Result<RawRecordings, ApplyError> {
    let (filter, model) = (trained.filter(), trained.filter().model());
    let dims = model.transition().dims();
    let steps = simulation.steps.unwrap_or(USUAL_STEPS);
    if count == 0 || steps == 0 {
        let what = if count == 0 { "sequences" } else { "steps" };
        return Err(ApplyError::unfit(format!("no {what} are to be simulated; 1 is the least")));
    }
    bounded(count, steps, model.observation() + dims.state)?;
    let drawn = paths(filter, count, simulation.seed)?;
    let starts = drawn.paths().slice(s![..count, ..]).to_owned();
    // Zeros in the units of the recordings.
    let origin = |(_, i): (usize, usize)| -narrow(Origins::of(&trained.origins().control, i));
    let mut controls = Array2::from_shape_fn((steps, dims.control), origin);
    if let (true, Some(units)) = (trained.is_timed(), filter.units()) {
        let mean = narrow(units.control.mean().last().copied().unwrap_or(1.0));
        controls.column_mut(dims.control - 1).fill(mean);
    }
    let noisy = Simulation { draws: simulation.draws.max(1), ..*simulation };
    let course = Course { controls, first: true, number: 0, name: "prior" };
    let layout = filter.layout();
    let named = |names: Option<&Vec<String>>, letter: &str, count: usize| match names {
        Some(names) if !names.is_empty() => names.clone(),
        _ => numbered(letter, count),
    };
    Ok(RawRecordings {
        observation_names: named(layout.map(|l| &l.observation), "x", model.observation()),
        control_names: named(
            layout.map(|l| &l.control),
            "u",
            dims.control - usize::from(trained.is_timed()),
        ),
        state_names: Vec::new(),
        image: layout.and_then(|l| l.image),
        colors: 1,
        dt: None,
        sequences: course.follow(trained, &starts, &noisy)?,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: trained.origins().clone(),
    })
}

/// What follows the first steps of recordings, under their names.
fn from_recordings(
    trained: &Trained,
    recordings: &RawRecordings,
    filtered: usize,
    simulation: &Simulation,
) -> Result<RawRecordings, ApplyError> {
    let model = trained.filter().model();
    let matched = trained.matched(recordings).map_err(ApplyError::unfit)?;
    let recordings = &*matched;
    let needed = filtered + usize::from(simulation.steps.is_none());
    let least = model.initial_frames();
    if filtered < least {
        return Err(ApplyError::unfit(format!(
            "{} are too few to filter; the first {least} start the state of this model",
            counted(filtered, "step")
        )));
    }
    let long = |s: &&RawSequence| s.observations.nrows() >= needed;
    let all = recordings.sequences.len();
    let enough = recordings.sequences.iter().filter(long).count();
    if enough == 0 {
        let longest = counted(recordings.longest(), "step");
        return Err(ApplyError::unfit(format!(
            "the longest sequence has {longest}; {filtered} are to be filtered, and what follows is to be \
             simulated"
        )));
    }
    let steps = simulation.steps.unwrap_or(recordings.longest());
    let each = simulation.draws.max(1).saturating_mul(enough);
    bounded(each, steps, model.observation() + model.transition().dims().state)?;
    let mut sequences = Vec::new();
    for one in recordings.sequences.iter().enumerate().filter(|(_, s)| long(s)) {
        sequences.extend(continued(trained, recordings, one, filtered, simulation)?);
    }
    let left_out = (enough < all).then(|| {
        format!("{} with fewer than {needed} steps: left out", counted(all - enough, "sequence"))
    });
    Ok(RawRecordings {
        observation_names: recordings.observation_names.clone(),
        control_names: recordings.control_names.clone(),
        state_names: Vec::new(),
        image: recordings.image,
        colors: recordings.colors,
        dt: recordings.dt,
        sequences,
        ignored: Vec::new(),
        remarks: left_out.into_iter().collect(),
        origins: trained.origins().clone(),
    })
}

/// Refuses what would not fit into memory.
fn bounded(sequences: usize, steps: usize, width: usize) -> Result<(), ApplyError> {
    let values = sequences.checked_mul(steps).and_then(|all| all.checked_mul(width));
    if values.is_some_and(|values| values <= MOST) {
        return Ok(());
    }
    Err(ApplyError::unfit(format!(
        "{sequences} simulated sequences of {steps} steps are too many at once: they have more than {MOST} \
         values"
    )))
}

/// A filter with at least `count` sample paths.
fn paths(filter: &Filter, count: usize, seed: u64) -> Result<Filter, ApplyError> {
    let samples = if count == 0 { 0 } else { count.max(4) };
    Ok(filter.with_options(FilterOptions {
        samples,
        seed,
        gate: None,
        ..FilterOptions::default()
    })?)
}

/// Simulated futures of one recorded sequence.
fn continued(
    trained: &Trained,
    recordings: &RawRecordings,
    (number, sequence): (usize, &RawSequence),
    filtered: usize,
    simulation: &Simulation,
) -> Result<Vec<RawSequence>, ApplyError> {
    let have = sequence.observations.nrows();
    let recorded = trained.controls(recordings, sequence);
    let seed = simulation.seed.wrapping_add(number as u64);
    let mut filter = paths(trained.filter(), simulation.draws, seed)?;
    Trained::run(&mut filter, sequence, &recorded, filtered, |_, _| ())?;
    if !filter.belief().started {
        return Err(ApplyError::unfit(format!(
            "{}: the first {filtered} steps give no state; they are far from what the \
             model was trained on",
            sequence.name
        )));
    }
    let starts = match simulation.draws {
        0 => filter.belief().state.clone().insert_axis(Axis(0)),
        draws => filter.paths().slice(s![..draws, ..]).to_owned(),
    };
    let steps = simulation.steps.unwrap_or(have - filtered);
    // One more than is taken: the control that acts after the last step is kept with it.
    let origin = |(_, i): (usize, usize)| -narrow(Origins::of(&trained.origins().control, i));
    let mut controls = Array2::from_shape_fn((steps + 1, recorded.ncols()), origin);
    let known = recorded.slice(s![filtered - 1.., ..]);
    for (mut to, from) in controls.rows_mut().into_iter().zip(known.rows()) {
        to.assign(&from);
    }
    if trained.is_timed() {
        // Beyond the recording, steps are as long as its last one.
        let seconds = recorded.ncols() - 1;
        let last = recorded.column(seconds).last().copied().unwrap_or(0.0);
        let beyond = known.nrows().min(steps + 1);
        controls.slice_mut(s![beyond.., seconds]).fill(last);
    }
    let course = Course { controls, first: false, number: number as u64, name: &sequence.name };
    course.follow(trained, &starts, simulation)
}

/// Controls and names of the sequences that begin together.
struct Course<'a> {
    /// In the units of the recordings; row `t` leads to step `t` if the start is not a step itself, and
    /// from it otherwise.
    controls: Array2<f32>,
    /// Whether the start is the first step.
    first: bool,
    number: u64,
    name: &'a str,
}

impl Course<'_> {
    fn follow(
        &self,
        trained: &Trained,
        starts: &Array2<f32>,
        simulation: &Simulation,
    ) -> Result<Vec<RawSequence>, ApplyError> {
        let (filter, model) = (trained.filter(), trained.filter().model());
        let dims = model.transition().dims();
        let draws = starts.nrows();
        let steps = if self.first { self.controls.nrows() } else { self.controls.nrows() - 1 };
        let taken = if self.first { steps.saturating_sub(1) } else { steps };
        let mut u = Array2::zeros((taken * draws, dims.control));
        for (t, control) in self.controls.rows().into_iter().take(taken).enumerate() {
            let mut control = control.to_vec();
            if let Some(units) = filter.units() {
                units.control.normalize(&mut control);
            }
            let control = ndarray::ArrayView1::from(&control);
            u.slice_mut(s![t * draws..(t + 1) * draws, ..]).assign(&control);
        }
        let mut w = Array2::zeros((taken * draws, dims.noise));
        if simulation.draws > 0 {
            self.fill(&mut w, draws, simulation.seed, STATES);
        }
        let mut run = Rollout::new(model, draws);
        let input = RolloutInput { start: starts.view(), control: u.view(), noise: w.view() };
        let after = run.states(model, input);
        let states = if self.first {
            ndarray::concatenate(Axis(0), &[starts.view(), after.view()])
                .expect("states are equally wide")
        } else {
            after
        };
        if let Some(row) = states.rows().into_iter().position(|z| z.iter().any(|v| !v.is_finite()))
        {
            let after = row / draws + usize::from(!self.first);
            return Err(ApplyError::unfit(format!(
                "{}: the state is not finite after {}",
                self.name,
                counted(after, "simulated step")
            )));
        }
        let seen = self.observe(trained, (&mut run, draws), states.view(), simulation)?;
        let own = |values: ArrayView2<'_, f32>, draw: usize| {
            values.slice(s![draw..; draws, ..]).to_owned()
        };
        let shift = usize::from(!self.first);
        let plain = dims.control - usize::from(trained.is_timed());
        let sequence = |draw| RawSequence {
            name: if simulation.draws == 0 {
                self.name.to_owned()
            } else {
                format!("{} draw {}", self.name, draw + 1)
            },
            observations: own(seen.view(), draw),
            controls: self.controls.slice(s![shift..shift + steps, ..plain]).to_owned(),
            intervals: trained
                .is_timed()
                .then(|| self.controls.slice(s![shift..shift + steps, plain]).to_vec()),
            states: Some(own(states.view(), draw)),
            part: None,
        };
        Ok((0..draws).map(sequence).collect())
    }

    /// What is seen of states `(R, Z)`, in the units of the recordings.
    fn observe(
        &self,
        trained: &Trained,
        (run, draws): (&mut Rollout<f32>, usize),
        states: ArrayView2<'_, f32>,
        simulation: &Simulation,
    ) -> Result<Array2<f32>, ApplyError> {
        let (filter, model) = (trained.filter(), trained.filter().model());
        let mut seen = Array2::<f32>::zeros((states.nrows(), model.observation()));
        if seen.is_empty() {
            return Ok(seen);
        }
        run.observe(model, states, seen.view_mut());
        if let Some(units) = filter.units() {
            for mut row in seen.rows_mut() {
                let mut values = row.to_vec();
                units.observation.restore(&mut values);
                row.assign(&ndarray::ArrayView1::from(&values));
            }
        }
        if simulation.sensor_noise {
            let (_, std) = filter.observe(&vec![0.0; states.ncols()])?;
            let mut noise = Array2::zeros(seen.raw_dim());
            self.fill(&mut noise, draws, simulation.seed, SENSORS);
            noise *= &std;
            seen += &noise;
        }
        Ok(seen)
    }

    /// Fills rows `t · draws + draw` from the stream of each draw, so that it does not matter how many
    /// there are.
    fn fill(&self, noise: &mut Array2<f32>, draws: usize, seed: u64, purpose: u64) {
        let mut own = Array2::<f32>::zeros((noise.nrows() / draws, noise.ncols()));
        for draw in 0..draws {
            let stream = purpose | (self.number * DRAWS + draw as u64);
            Noise::new(seed, stream)
                .normal(own.as_slice_mut().expect("a fresh array is contiguous"));
            noise.slice_mut(s![draw..; draws, ..]).assign(&own);
        }
    }
}
