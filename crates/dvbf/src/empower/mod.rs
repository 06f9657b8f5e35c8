//! Control without reward: empowerment on a learned model, policies that are trained in it alone, and
//! trials of them on the true system through the online filter.

mod landscape;
mod swing;
mod trial;

pub use landscape::{Landscape, Maximum};
pub use trial::Trial;

use crate::eval::{Draw, READ_OUT, infer, shown};
use crate::pool::{Pool, PoolError};
use crate::run::{FolderError, RunFolder};
use crate::settings::Settings;
use dvbf_control::{
    ActorCritic, ActorCriticSettings, Channel, ControlError, ControlLimits, Empowerment,
    EmpowermentNet, FitSettings, Greedy, HeldGaussian, LearnedDynamics, PathFilter, StateScale,
};
use dvbf_core::{
    Context, Dvbf, FileError, Filter, FilterError, KindError, KindTable, Noise, TRANSITIONS,
    Transition,
};
use dvbf_data::{DataError, Dataset, Set, Supply};
use dvbf_envs::{PendulumSettings, System};
use dvbf_report::{EmpowermentPage, Grid, Row, Swing};
use landscape::landscape;
use ndarray::{Array2, Array3, s};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use swing::swing;
use trial::{Arena, Eyes, Random, narrow};

/// Steps of a channel, and its resolution in standard deviations of visited states.
const STEPS: usize = 10;
const RESOLUTION: f64 = 0.05;
/// States that an estimate is fitted to, at most.
const FITTED: usize = 16_384;
/// Steps of the swing-up that are animated.
const ANIMATED: usize = 150;
/// Torques among which a greedy policy chooses.
const LEVELS: usize = 9;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct EmpowerRequest {
    /// The run folder.
    pub run: PathBuf,
    /// Random starts of every trial.
    pub starts: usize,
    /// Updates of an actor.
    pub updates: u64,
    /// Seed of policies and starts.
    pub seed: u64,
    /// Threads that filter; all if zero.
    pub threads: usize,
}

/// Everything that was found; `empowerment.json` in the run folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmpowermentSummary {
    /// The learned landscape beside the true one.
    pub landscape: Landscape,
    /// Trials of every policy, `true` by the true state and equations, `pixels` through the filter.
    pub control: BTreeMap<String, BTreeMap<String, Trial>>,
    /// Wall time.
    pub seconds: f64,
}

/// Why there is no empowerment to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmpowerError {
    /// The run folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The model file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data of the run.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// An estimate or a policy.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The true equations.
    #[error(transparent)]
    Equations(#[from] KindError),
    /// The run is about something else, or its model predicts nothing.
    #[error("{}: {problem}", path.display())]
    Unfit {
        /// The run folder.
        path: PathBuf,
        /// What is in the way.
        problem: String,
    },
    /// A fault of this program.
    #[error("{0}")]
    Internal(&'static str),
}

impl EmpowerError {
    fn internal(what: &'static str) -> Self {
        Self::Internal(what)
    }
}

/// A system as a policy is trained in: dynamics, visited states, and the unit of them.
struct World {
    dynamics: LearnedDynamics,
    visited: Array2<f32>,
    channel: Channel<f32>,
}

impl World {
    fn new(
        transition: Arc<dyn Transition<f32>>,
        visited: Array2<f32>,
        limits: &ControlLimits<f32>,
    ) -> Result<Self, EmpowerError> {
        let scale = StateScale::of_states(visited.view())?;
        let channel = Channel::new(STEPS, RESOLUTION, limits.clone(), scale)?;
        Ok(Self { dynamics: LearnedDynamics::new(transition), visited, channel })
    }

    /// Held empowerment of states `(N, Z)`.
    fn evaluate(&self, states: &Array2<f32>) -> Result<Vec<f32>, EmpowerError> {
        let mut held = HeldGaussian::new(self.dynamics.clone(), &self.channel, 256)?;
        let mut out = vec![0.0; states.nrows()];
        held.evaluate(states.view(), &mut out)?;
        Ok(out)
    }

    fn greedy(
        &self,
    ) -> Result<Greedy<f32, LearnedDynamics, HeldGaussian<f32, LearnedDynamics>>, EmpowerError>
    {
        let held = HeldGaussian::new(self.dynamics.clone(), &self.channel, 16)?;
        Ok(Greedy::new(self.dynamics.clone(), held, self.channel.limits(), LEVELS)?)
    }

    /// An actor that was trained in these dynamics only, from visited states.
    fn actor(&self, request: &EmpowerRequest) -> Result<dvbf_control::Actor<f32>, EmpowerError> {
        let every = self.visited.nrows().div_ceil(FITTED).max(1);
        let fitted = self.visited.slice(s![..; every, ..]).to_owned();
        let estimates = self.evaluate(&fitted)?;
        let scale = self.channel.scale();
        let fit = FitSettings {
            seed: request.seed,
            clip: 3.5,
            bound: 3.0,
            penalty: 0.32,
            ..FitSettings::default()
        };
        let net = EmpowermentNet::fit(fitted.view(), &estimates, scale, &fit)?;
        let settings = ActorCriticSettings { seed: request.seed, ..ActorCriticSettings::default() };
        let (dynamics, limits) = (self.dynamics.clone(), self.channel.limits());
        let mut training = ActorCritic::new(dynamics, net, limits, scale, settings)?;
        let mut starts = Array2::zeros((settings.batch, self.visited.ncols()));
        let mut draws = vec![0.0_f64; settings.batch];
        for update in 0..request.updates {
            Noise::new(request.seed, 1 << 40 | update).uniform(&mut draws);
            for (mut start, draw) in starts.rows_mut().into_iter().zip(&draws) {
                start.assign(&self.visited.row(place(*draw, self.visited.nrows())));
            }
            training.update(starts.view())?;
        }
        Ok(training.actor().clone())
    }
}

/// A place among `count` for a draw from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn place(draw: f64, count: usize) -> usize {
    ((draw * count as f64) as usize).min(count - 1)
}

/// Estimates empowerment on the model of a run, trains policies in it, and tries them on the true
/// pendulum; writes `empowerment.json`, the page `empowerment.html` and the picture `empowerment.svg`
/// into the run folder. `told` hears what is being done.
///
/// # Errors
/// If the run is not about the pendulum, its model predicts no better than the mean image, or
/// something fails on the way.
pub fn empower(
    request: &EmpowerRequest,
    told: &mut dyn FnMut(&str),
) -> Result<EmpowermentSummary, EmpowerError> {
    let clock = Instant::now();
    let folder = RunFolder::open(&request.run)?;
    let settings = folder.settings()?;
    let unfit = |problem: String| EmpowerError::Unfit { path: request.run.clone(), problem };
    let pendulum = settings.system.as_ref().and_then(System::get::<PendulumSettings>);
    let Some(pendulum) = pendulum else {
        let problem = "only runs of the pendulum have a true system that policies can be tried on";
        return Err(unfit(problem.into()));
    };
    let filter = Filter::load(folder.best_path()?)?;
    let model = Arc::clone(filter.model());
    refuse_blind(&folder, &settings).map_err(unfit)?;
    let pool = Pool::new(request.threads)?;
    let supply = Supply::open(&settings)?;
    let Some(env) = supply.environment() else {
        return Err(unfit("the run has no simulated system".into()));
    };

    told("filtering the recordings");
    let limits = ControlLimits::symmetric(&[narrow(pendulum.torque_max)])?;
    let train = supply.sequences(Set::Train).first(READ_OUT);
    let visited = visited(&model, &train, &settings, &pool);
    let learned = World::new(Arc::from(model.transition().clone_box()), visited.clone(), &limits)?;
    let truth = true_world(&train, &limits, &env.constants())?;
    let test = supply.sequences(Set::Test).all();
    told("the landscape");
    let (landscape, grid) = landscape(&learned, &truth, (&model, &test), &settings, &pool)?;

    let arena = Arena { env, starts: request.starts, seed: request.seed };
    let pixels = || PathFilter::new(&filter).map(|filter| Eyes::Pixels(Box::new(filter)));
    let features = truth.dynamics.features();
    let mut control: BTreeMap<String, BTreeMap<String, Trial>> = BTreeMap::new();
    let mut note = |name: &str, eyes: &str, trial: Trial| {
        control.entry(name.into()).or_default().insert(eyes.into(), trial);
    };
    told("the greedy policy");
    note("greedy", "true", arena.run(&mut truth.greedy()?, Eyes::True(features))?);
    let greedy = arena.run(&mut learned.greedy()?, pixels()?)?;
    note("greedy", "pixels", greedy.clone());
    told("the actor in the true equations");
    note("actor-critic", "true", arena.run(&mut truth.actor(request)?, Eyes::True(features))?);
    told("the actor in the learned model");
    let mut actor = learned.actor(request)?;
    let acted = arena.run(&mut actor, pixels()?)?;
    note("actor-critic", "pixels", acted.clone());
    for (name, half) in [("random", narrow(pendulum.torque_max)), ("uncontrolled", 0.0)] {
        let mut policy = Random { half, shown: features.outputs(), drawn: 0 };
        note(name, "true", arena.run(&mut policy, Eyes::True(features))?);
    }

    told("the page");
    let torque_max = pendulum.torque_max;
    let swing = if acted.hanging_steps.is_some() || greedy.hanging_steps.is_none() {
        swing(&arena, ("Actor-critic", &mut actor), (&filter, &learned), torque_max)?
    } else {
        swing(&arena, ("Greedy", &mut learned.greedy()?), (&filter, &learned), torque_max)?
    };
    let seconds = clock.elapsed().as_secs_f64();
    let summary = EmpowermentSummary { landscape, control, seconds };
    let text = serde_json::to_string_pretty(&summary)
        .map_err(|_| EmpowerError::internal("the summary is plain data"))?;
    folder.write("empowerment.json", text.as_bytes())?;
    let page = page(folder.name(), &summary, grid, swing);
    folder.write("empowerment.svg", page.svg().as_bytes())?;
    folder.write("empowerment.html", page.html().as_bytes())?;
    Ok(summary)
}

/// What a row of a table of trials is called: the policy, and what it saw.
pub fn row_name(policy: &str, eyes: &str) -> String {
    format!("{policy}, {}", if eyes == "pixels" { "from pixels" } else { "true state" })
}

/// What the page shows.
fn page(name: String, summary: &EmpowermentSummary, grid: Grid, swing: Swing) -> EmpowermentPage {
    let rows = summary.control.iter().flat_map(|(policy, all)| {
        all.iter().map(move |(eyes, trial)| Row {
            name: row_name(policy, eyes),
            success: (trial.success, trial.starts),
            hanging: trial.hanging_steps,
            median: trial.median_steps,
        })
    });
    EmpowermentPage {
        name,
        correlation: summary.landscape.correlation,
        maximum: (summary.landscape.maximum.angle, summary.landscape.maximum.velocity),
        grid,
        swing,
        rows: rows.collect(),
        animated: ANIMATED,
    }
}

/// Refuses a model that predicts no better than the mean image.
fn refuse_blind(folder: &RunFolder, settings: &Settings) -> Result<(), String> {
    let horizon = settings.evaluation.chosen_by;
    let Ok(summary) = folder.summary() else {
        return Err("the run is not finished; summary.json is missing".into());
    };
    let rows = summary.open_loop.range(..=horizon).next_back();
    let Some((horizon, row)) = rows.or_else(|| summary.open_loop.iter().next()) else {
        return Err("the run has no figure of its predictions".into());
    };
    if row.model < 0.5 * row.mean_image {
        return Ok(());
    }
    Err(format!(
        "the model predicts {horizon} frames with error {:.5}, the mean image with {:.5}: it has learned \
         no dynamics that empowerment could be estimated on",
        row.model, row.mean_image
    ))
}

/// Filtered states of recordings as networks see them, `(N·T', Z)`, without those that start.
fn visited(model: &Dvbf<f32>, data: &Dataset, settings: &Settings, pool: &Pool) -> Array2<f32> {
    let states = infer(model, data, settings.data.steps, Draw::Mean, pool).state;
    flat(&shown(model, &states))
}

fn flat(states: &Array3<f32>) -> Array2<f32> {
    let (n, t, z) = states.dim();
    let rows = states.to_shape((n * t, z)).expect("whole rows");
    rows.to_owned()
}

/// The true equations, and true states as networks see them.
fn true_world(
    data: &Dataset,
    limits: &ControlLimits<f32>,
    constants: &[(&str, f64)],
) -> Result<World, EmpowerError> {
    let known = serde_json::json!({ "dynamics": "damped-pendulum", "substeps": 4 });
    let context = Context {
        observation: 1,
        control: 1,
        state: 2,
        noise: 2,
        hidden: 1,
        initial_frames: 1,
        dt: Some(data.dt),
        uneven: false,
        control_units: None,
        components: Vec::new(),
    };
    let table = KindTable::new("sum").with("known", known);
    let mut transition = TRANSITIONS.init::<f32>(&table, &context, Noise::new(0, 0))?;
    let known = transition.known().ok_or_else(|| EmpowerError::internal("no equation"))?;
    let value = |name: &str| constants.iter().find(|(own, _)| *own == name).map(|(_, v)| *v);
    let values: Vec<f64> =
        known.constants.iter().map(|own| value(&own.name).unwrap_or(own.start)).collect();
    transition.set_constants(&values);
    let features = dvbf_core::features_of(&transition.components());
    let states = flat(&data.states);
    let mut shown = Array2::zeros((states.nrows(), features.outputs()));
    features.apply(states.view(), shown.view_mut());
    World::new(Arc::from(transition), shown, limits)
}

/// Where `empowerment.json` of a run is.
pub fn summary_path(run: &Path) -> PathBuf {
    run.join("empowerment.json")
}
