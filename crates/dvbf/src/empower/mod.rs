//! Control without reward: empowerment on a learned model, policies that are trained in it alone, and
//! trials of them on the true system through the online filter.

mod ball;
mod error;
mod ground;
mod landscape;
mod outlook;
mod pendulum;
mod reach;
mod recorded;
mod refusal;
mod rehearsal;
mod request;
mod subject;
mod summary;
mod support;
mod trial;
mod world;

pub use error::EmpowerError;
pub use landscape::{Coordinates, Landscape};
pub use request::EmpowerRequest;
pub use subject::FixedStart;
pub use summary::{EmpowermentSettings, EmpowermentSummary};
pub use trial::Trial;

use crate::eval::{Draw, READ_OUT, infer, shown};
use crate::pool::Pool;
use crate::run::RunFolder;
use crate::settings::Settings;
use ball::Ball;
use dvbf_control::{Channel, ControlError, LearnedDynamics, MeanDynamics, PathFilter, StateScale};
use dvbf_core::{Dvbf, Filter};
use dvbf_data::{Dataset, Set, Supply};
use dvbf_envs::{BouncingBall, BouncingBallSettings, Environment, PendulumSettings};
use dvbf_report::{EmpowermentPage, Grid, RecordedTrial, Row, check as check_sizes};
use landscape::{Cells, Values};
use ndarray::{Array2, Array3};
use pendulum::Pendulum;
use recorded::record;
use refusal::{refuse_blind, refuse_unlearned};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use subject::{Approach, Subject};
use trial::{Arena, Eyes, Random};
use world::{Trained, World};

/// Steps of the recorded trial that are animated.
const ANIMATED: usize = 150;

/// Estimates empowerment on the model of a run, trains policies in it, and tries them on the true
/// system; writes `empowerment.json`, the page `empowerment.html` and the picture `empowerment.svg`
/// into the run folder. `told` hears what is being done.
///
/// # Errors
/// If the run is about neither the pendulum nor the ball, its model has no controls or predicts no
/// better than the mean image, a channel is impossible, or something fails on the way.
pub fn empower(
    request: &EmpowerRequest,
    told: &mut dyn FnMut(&str),
) -> Result<EmpowermentSummary, EmpowerError> {
    let folder = RunFolder::open(&request.run)?;
    let settings = folder.settings()?;
    let unfit = |problem: String| EmpowerError::Unfit { path: request.run.clone(), problem };
    let Some(system) = settings.system.as_ref() else {
        let problem = "a run of recordings has no true system that policies could be tried on";
        return Err(unfit(problem.into()));
    };
    let env = system.environment()?;
    if env.spec().control_size == 0 {
        return Err(unfit(format!("{}: {}", system.name(), ControlError::NoControls)));
    }
    let study = Study { request, folder: &folder, settings: &settings, env: &*env };
    match (system.get::<PendulumSettings>(), system.get::<BouncingBallSettings>()) {
        (Some(pendulum), _) => {
            Pendulum::check(&pendulum).map_err(unfit)?;
            study.of(&Pendulum::new(&pendulum, &env.constants())?, told)
        }
        (_, Some(ball)) => study.of(&Ball(Arc::new(BouncingBall::new(ball)?)), told),
        _ => Err(unfit(format!(
            "policies can be tried on the pendulum and on the ball, not on {}",
            system.name()
        ))),
    }
}

/// A run, and what is asked of it.
struct Study<'a> {
    request: &'a EmpowerRequest,
    folder: &'a RunFolder,
    settings: &'a Settings,
    env: &'a dyn Environment,
}

/// What a world was found to have at held-out states, and how its policies fared.
struct Findings {
    values: Values,
    trials: Vec<(&'static str, Trial)>,
    recorded: Option<RecordedTrial>,
}

impl Study<'_> {
    fn of<S: Subject>(
        &self,
        subject: &S,
        told: &mut dyn FnMut(&str),
    ) -> Result<EmpowermentSummary, EmpowerError> {
        let clock = Instant::now();
        let unfit =
            |problem: String| EmpowerError::Unfit { path: self.request.run.clone(), problem };
        refuse_blind(self.folder, self.settings).map_err(unfit)?;
        let (limits, request) = (subject.limits()?, self.request);
        let bound_steps = request.bound_steps.unwrap_or(subject.bound_steps());
        for steps in [request.steps, bound_steps] {
            Channel::new(steps, request.resolution, limits.clone(), StateScale::identity(1))?;
        }
        let filter = Filter::load(self.folder.best_path()?)?;
        let model = Arc::clone(filter.model());
        let pool = Pool::new(self.request.threads)?;
        let supply = Supply::open(self.settings)?;

        told("filtering the recordings");
        let train = supply.sequences(Set::Train).first(READ_OUT);
        let test = supply.sequences(Set::Test).all();
        check_sizes(&model, self.settings, &test, self.folder)?;
        let seen = |data: &Dataset| visited(&model, data, self.settings, &pool);
        let known = |data: &Dataset| true_states(subject, data);
        let channels = (request, bound_steps);
        let dynamics = LearnedDynamics::new(Arc::from(model.transition().clone_box()));
        let mut learned = World::new(dynamics.clone(), seen(&train), &limits, channels)?;
        let mut truth = World::new(subject.truth(), known(&train), &limits, channels)?;
        let arena =
            Arena { subject, env: self.env, starts: self.request.starts, seed: self.request.seed };

        if subject.approach() == Approach::ClosedForm {
            learned.explore(self.request.seed)?;
            truth.explore(self.request.seed)?;
        }
        told(if self.request.truth {
            "training policies in the learned model and in the true equations, and trying them"
        } else {
            "training policies in the learned model, and trying them"
        });
        let (seen, known) = (seen(&test), known(&test));
        let eyes = PathFilter::new(&filter)?;
        let (learned, truth) = pool.join(
            || {
                let mut eyes = Eyes::Pixels(Box::new(eyes));
                let (mut trained, mut found) =
                    self.findings((&learned, true), &arena, &seen, &mut eyes, &pool)?;
                let best = found.best();
                let (name, policy) = &mut trained.policies[best];
                let policy = (capitalized(name), &mut **policy);
                let model = (&filter, &dynamics);
                let recorded =
                    record(&arena, (&policy.0, policy.1), model, &mut *trained.estimate)?;
                found.recorded = Some(recorded);
                Ok::<_, EmpowerError>(found)
            },
            || {
                let world = (&truth, self.request.truth);
                let (_, mut found) =
                    self.findings(world, &arena, &known, &mut Eyes::True, &pool)?;
                let half = limits.half().to_vec();
                let nothing = vec![0.0; half.len()];
                for (name, half) in [("random", half), ("uncontrolled", nothing)] {
                    let mut policy = Random::new(half, known.ncols());
                    found.trials.push((name, arena.run(&mut policy, &mut Eyes::True)?));
                }
                Ok::<_, EmpowerError>(found)
            },
        );
        let (learned, truth) = (learned?, truth?);

        told("writing the page");
        let states = flat(&test.states).mapv(f64::from);
        let places = states.rows().into_iter().map(|state| subject.place(&state.to_vec()));
        let (learned_values, true_values) = (&learned.values, &truth.values);
        let cells = Cells::of(subject.axes(), places, (learned_values, true_values));
        let landscape = cells.landscape(learned_values, true_values);
        let landscape =
            landscape.ok_or_else(|| EmpowerError::internal("there are no held-out states"))?;
        if !landscape.correlation.is_finite() {
            let problem = format!(
                "an estimate is the same at all held-out states ({}), so there is no correlation",
                states.nrows()
            );
            return Err(unfit(problem));
        }
        let mut control: BTreeMap<String, BTreeMap<String, Trial>> = BTreeMap::new();
        for (eyes, trials) in [("pixels", learned.trials), ("true", truth.trials)] {
            for (policy, trial) in trials {
                control.entry(policy.into()).or_default().insert(eyes.into(), trial);
            }
        }
        let seconds = clock.elapsed().as_secs_f64();
        let settings = EmpowermentSettings {
            steps: request.steps,
            bound_steps,
            resolution: request.resolution,
            updates: request.updates,
            seed: request.seed,
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let summary = EmpowermentSummary { landscape, control, settings, seconds };
        let recorded = learned.recorded.unwrap_or_default();
        let page = page(subject, (self.folder.name(), &summary), cells.grid(), recorded);
        self.write(&summary, &page)?;
        Ok(summary)
    }

    /// Trains in a world, and tries what was trained if policies are wanted.
    fn findings<S: Subject, D: MeanDynamics<f32> + Clone + Send + Sync + 'static>(
        &self,
        (world, policies): (&World<D>, bool),
        arena: &Arena<'_, S>,
        held_out: &Array2<f32>,
        eyes: &mut Eyes,
        pool: &Pool,
    ) -> Result<(Trained, Findings), EmpowerError> {
        let asked = (self.request, policies, pool);
        let mut trained = world.train(arena.subject.approach(), asked)?;
        let mut empowerment = vec![0.0; held_out.nrows()];
        trained.estimate.evaluate(held_out.view(), &mut empowerment)?;
        if arena.subject.approach() == Approach::Variational {
            refuse_unlearned(&empowerment, self.request)?;
        }
        let values = Values { empowerment, still: world.still(held_out.view()) };
        let mut trials = Vec::new();
        for (name, policy) in &mut trained.policies {
            trials.push((*name, arena.run(&mut **policy, eyes)?));
        }
        Ok((trained, Findings { values, trials, recorded: None }))
    }

    fn write(
        &self,
        summary: &EmpowermentSummary,
        page: &EmpowermentPage,
    ) -> Result<(), EmpowerError> {
        let text = serde_json::to_string_pretty(summary)
            .map_err(|_| EmpowerError::internal("the summary is plain data"))?;
        self.folder.write("empowerment.svg", page.svg().as_bytes())?;
        self.folder.write("empowerment.html", page.html().as_bytes())?;
        self.folder.write("empowerment.json", (text + "\n").as_bytes())?;
        Ok(())
    }
}

impl Findings {
    /// The first policy that succeeds from the fixed start, or else the first.
    fn best(&self) -> usize {
        self.trials.iter().position(|(_, trial)| trial.fixed_start.steps().is_some()).unwrap_or(0)
    }
}

/// What a row of a table of trials is called: the policy, and what it saw.
pub fn row_name(policy: &str, eyes: &str) -> String {
    format!("{policy}, {}", if eyes == "pixels" { "from pixels" } else { "true state" })
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

/// What the page shows.
fn page<S: Subject>(
    subject: &S,
    (name, summary): (String, &EmpowermentSummary),
    grid: Grid,
    recorded: RecordedTrial,
) -> EmpowermentPage {
    let rows = summary.control.iter().flat_map(|(policy, all)| {
        all.iter().map(move |(eyes, trial)| Row {
            name: row_name(policy, eyes),
            success: (trial.success, trial.starts),
            fixed_start: trial.fixed_start.steps(),
            median: trial.median_steps,
        })
    });
    EmpowermentPage {
        name,
        scene: subject.scene(),
        made: summary.settings.sentence(),
        correlation: summary.landscape.correlation,
        maximum: subject.axes().map(|axis| summary.landscape.maximum[axis.name]),
        grid,
        recorded,
        rows: rows.collect(),
        animated: ANIMATED,
    }
}

/// Filtered states of recordings as networks see them, `(N·T, Z)`.
fn visited(model: &Dvbf<f32>, data: &Dataset, settings: &Settings, pool: &Pool) -> Array2<f32> {
    let states = infer(model, data, settings.data.steps, Draw::Mean, pool).state;
    flat(&shown(model, &states))
}

/// True states of recordings as the true equations see them, `(N·T, Z)`.
fn true_states<S: Subject>(subject: &S, data: &Dataset) -> Array2<f32> {
    let states = flat(&data.states);
    let mut out = Array2::zeros((states.nrows(), subject.truth().state_size()));
    subject.show(states.view(), out.view_mut());
    out
}

fn flat(states: &Array3<f32>) -> Array2<f32> {
    let (n, t, z) = states.dim();
    let rows = states.to_shape((n * t, z)).expect("whole rows");
    rows.to_owned()
}

/// Where `empowerment.json` of a run is.
pub fn summary_path(run: &Path) -> PathBuf {
    run.join("empowerment.json")
}
