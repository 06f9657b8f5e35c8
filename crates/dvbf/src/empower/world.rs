//! Dynamics as a policy is trained in: the true equations or a learned model, and nothing else.

use super::ground::{Ground, draw};
use super::outlook::outlook;
use super::reach::reached;
use super::rehearsal::Rehearsal;
use super::subject::Approach;
use super::support::with_surroundings;
use super::{EmpowerError, EmpowerRequest};
use crate::pool::Pool;
use dvbf_control::{
    Actor, ActorCritic, ActorCriticSettings, Channel, ControlError, ControlLimits, Empowerment,
    EmpowermentNet, FitSettings, Foresight, Greedy, HeldGaussian, Inputs, MeanDynamics, Policy,
    StateScale, ValueSettings, Variational, VariationalSettings,
};
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

/// States that an estimate is fitted to, at most.
const FITTED: usize = 16_384;
/// Values of every control among which a greedy policy chooses.
const LEVELS: usize = 9;
/// One of so many states counts as one that hardly moves.
const STILL: usize = 20;
/// Stages of the training of an actor; between two of them its reward learns again.
const STAGES: u64 = 4;
/// Fits of the value that are rehearsed.
const VALUES: u64 = 3;
/// Rows of a block of an estimate.
const ROWS: usize = 192;

/// Dynamics, the states that were visited, and the channels over them.
pub(super) struct World<D> {
    dynamics: D,
    visited: Array2<f32>,
    held: Channel<f32>,
    bounded: Channel<f32>,
    /// Updates of the bound and of the networks that learn an estimate.
    fits: usize,
}

/// A policy with its name.
pub(super) type Named = (&'static str, Box<dyn Policy<f32> + Send>);

/// What a world has taught.
pub(super) struct Trained {
    /// The estimate whose landscape is shown.
    pub(super) estimate: Box<dyn Empowerment<f32> + Send>,
    pub(super) policies: Vec<Named>,
}

impl<D: MeanDynamics<f32> + Clone + Send + Sync + 'static> World<D> {
    /// The unit of states is their covariance over `visited (N, Z)`; the channel of the variational
    /// bound has `bound_steps` steps, that of the closed form those of the request.
    pub(super) fn new(
        dynamics: D,
        visited: Array2<f32>,
        limits: &ControlLimits<f32>,
        (request, bound_steps): (&EmpowerRequest, usize),
    ) -> Result<Self, ControlError> {
        let scale = StateScale::of_states(visited.view())?;
        let channel =
            |steps| Channel::new(steps, request.resolution, limits.clone(), scale.clone());
        let (held, bounded) = (channel(request.steps)?, channel(bound_steps)?);
        let fits = usize::try_from(request.updates / 2).unwrap_or(usize::MAX).max(1);
        Ok(Self { dynamics, visited, held, bounded, fits })
    }

    /// Adds the states that the greedy policy of the closed form reaches to those that were visited.
    pub(super) fn explore(&mut self, seed: u64) -> Result<(), EmpowerError> {
        let few_rows = HeldGaussian::new(self.dynamics.clone(), &self.held, 16)?;
        let mut greedy = self.greedy(few_rows)?;
        let found = reached(&self.dynamics, self.visited.view(), &mut greedy, seed)?;
        let together = concatenate(Axis(0), &[self.visited.view(), found.view()]);
        self.visited = together.expect("rows of one width");
        Ok(())
    }

    fn ground(&self) -> Ground<'_, D> {
        let visited = self.visited.view();
        Ground { dynamics: &self.dynamics, visited, scale: self.held.scale() }
    }

    /// Says of `states (N, Z)` which of them hardly move by themselves: those in the lowest twentieth
    /// of `‖L⁻¹ (f(z, c) − z)‖`, `c` the central control.
    pub(super) fn still(&self, states: ArrayView2<'_, f32>) -> Vec<bool> {
        let (n, center) = (states.nrows(), self.held.limits().center());
        let controls = Array2::from_shape_fn((n, center.len()), |(_, j)| center[j]);
        let mut next = Array2::zeros(states.dim());
        let mut work = self.dynamics.workspace(n);
        let at = Inputs { states, controls: controls.view() };
        self.dynamics.step(at, next.view_mut(), &mut work);
        let (mut before, mut after) = (Array2::zeros(states.dim()), Array2::zeros(states.dim()));
        self.held.scale().normalize(states, before.view_mut());
        self.held.scale().normalize(next.view(), after.view_mut());
        let moved: Vec<f32> = (after - before).rows().into_iter().map(|d| d.dot(&d)).collect();
        let mut sorted = moved.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let most = sorted.get(n / STILL).copied().unwrap_or(0.0);
        moved.iter().map(|&moved| moved <= most).collect()
    }

    /// The estimate of the approach and, if they are wanted, policies; trained in these dynamics alone.
    pub(super) fn train(
        &self,
        approach: Approach,
        (request, policies, pool): (&EmpowerRequest, bool, &Pool),
    ) -> Result<Trained, EmpowerError> {
        match approach {
            Approach::ClosedForm => {
                let estimate = self.closed_form()?;
                let policies = if policies { self.seekers(request, pool)? } else { Vec::new() };
                Ok(Trained { estimate: Box::new(estimate), policies })
            }
            Approach::Variational => {
                let mut bound = self.variational(request.seed)?;
                let mut all: Vec<Named> = Vec::new();
                if policies {
                    let lessons = self.lessons(&mut bound, request.seed)?;
                    let net = self.network(&lessons, (self.fits, request.seed))?;
                    all.push(("variational", Box::new(self.actor(&mut bound, request)?)));
                    all.push(("greedy", Box::new(self.greedy(net)?)));
                }
                Ok(Trained { estimate: Box::new(bound), policies: all })
            }
        }
    }

    fn closed_form(&self) -> Result<HeldGaussian<f32, D>, ControlError> {
        HeldGaussian::new(self.dynamics.clone(), &self.held, ROWS)
    }

    /// Policies that seek a closed form, and an actor that seeks the variational bound, each trained for
    /// itself.
    fn seekers(&self, request: &EmpowerRequest, pool: &Pool) -> Result<Vec<Named>, EmpowerError> {
        let greedy = || self.far_sighted(&mut self.closed_form()?, request.seed);
        let actor = || self.actor(&mut self.closed_form()?, request);
        let variational = || self.actor(&mut self.variational(request.seed)?, request);
        let (variational, (actor, greedy)) = pool.join(variational, || pool.join(actor, greedy));
        Ok(vec![
            ("actor-critic", Box::new(actor?)),
            ("greedy", greedy?),
            ("variational", Box::new(variational?)),
        ])
    }

    /// The greedy policy of a closed form with the value in the long run behind it. A fit of the value may
    /// fail, so several are rehearsed, and the policy without a value too.
    fn far_sighted(
        &self,
        estimate: &mut HeldGaussian<f32, D>,
        seed: u64,
    ) -> Result<Box<dyn Policy<f32> + Send>, EmpowerError> {
        let few_rows = || HeldGaussian::new(self.dynamics.clone(), &self.held, 16);
        let rehearsal = Rehearsal::new(&self.ground(), estimate, seed)?;
        let plain = self.greedy(few_rows()?)?;
        let choices = plain.choices().to_owned();
        let mut best: Box<dyn Policy<f32> + Send> = Box::new(plain);
        let mut most = rehearsal.score(&self.ground(), &mut *best, estimate);
        for fit in 0..VALUES {
            let settings =
                ValueSettings { seed: seed.wrapping_add(fit), ..ValueSettings::default() };
            let value = outlook(&self.ground(), estimate, choices.view(), &settings)?;
            let mut greedy = self.greedy(Foresight::new(few_rows()?, value))?;
            let score = rehearsal.score(&self.ground(), &mut greedy, estimate);
            if score > most {
                (most, best) = (score, Box::new(greedy));
            }
        }
        Ok(best)
    }

    /// The variational bound, its source and planner trained on visited states.
    fn variational(&self, seed: u64) -> Result<Variational<f32, D>, ControlError> {
        let updates = self.fits;
        let settings =
            VariationalSettings { seed, updates, samples: 32, ..VariationalSettings::default() };
        let scale = self.bounded.scale();
        let mut bound = Variational::new(self.dynamics.clone(), &self.bounded, scale, settings)?;
        bound.fit(self.visited.view())?;
        Ok(bound)
    }

    /// What an estimate says of visited states, and less around them.
    fn lessons(
        &self,
        estimate: &mut dyn Empowerment<f32>,
        seed: u64,
    ) -> Result<Lessons, ControlError> {
        let every = self.visited.nrows().div_ceil(FITTED).max(1);
        let fitted = self.visited.slice(s![..; every, ..]);
        let mut values = vec![0.0; fitted.nrows()];
        estimate.evaluate(fitted, &mut values)?;
        let scale = self.held.scale();
        let (states, targets) = with_surroundings(fitted, &values, (scale, seed));
        Ok(Lessons { states, targets })
    }

    /// A network that has learned them.
    fn network(
        &self,
        lessons: &Lessons,
        (updates, seed): (usize, u64),
    ) -> Result<EmpowermentNet<f32>, ControlError> {
        let settings = FitSettings {
            seed,
            updates,
            hidden: 96,
            clip: 3.5,
            bound: 3.0,
            penalty: 0.32,
            ..FitSettings::default()
        };
        let scale = self.held.scale();
        EmpowermentNet::fit(lessons.states.view(), &lessons.targets, scale, &settings)
    }

    fn greedy<E: Empowerment<f32>>(&self, estimate: E) -> Result<Greedy<f32, D, E>, ControlError> {
        Greedy::new(self.dynamics.clone(), estimate, self.held.limits(), LEVELS)
    }

    /// An actor that was trained from visited states. Several times the reward learns what the estimate
    /// says of the states that the actor seeks, and of all stages that one is taken which has most
    /// empowerment in a rehearsal.
    fn actor(
        &self,
        estimate: &mut dyn Empowerment<f32>,
        request: &EmpowerRequest,
    ) -> Result<Actor<f32>, EmpowerError> {
        let settings = ActorCriticSettings { seed: request.seed, ..ActorCriticSettings::default() };
        let (dynamics, channel) = (self.dynamics.clone(), &self.held);
        let mut lessons = self.lessons(estimate, request.seed)?;
        let reward = self.network(&lessons, (self.fits, request.seed))?;
        let mut training =
            ActorCritic::new(dynamics, reward, channel.limits(), channel.scale(), settings)?;
        let rehearsal = Rehearsal::new(&self.ground(), estimate, request.seed)?;
        let mut best = (f64::NEG_INFINITY, training.actor().clone());
        for stage in 0..STAGES {
            if stage > 0 {
                let mut actor = training.actor().clone();
                let seed = request.seed.wrapping_add(stage);
                let sought = reached(&self.dynamics, self.visited.view(), &mut actor, seed)?;
                let mut values = vec![0.0; sought.nrows()];
                estimate.evaluate(sought.view(), &mut values)?;
                rehearsal.support().charge(sought.view(), channel.scale(), &mut values);
                lessons.add(sought.view(), &values);
                training.set_reward(self.network(&lessons, (self.fits, request.seed))?);
            }
            for update in stage * request.updates / STAGES..(stage + 1) * request.updates / STAGES {
                let noise = Noise::new(request.seed, 1 << 40 | update);
                let starts = draw(self.visited.view(), settings.batch, noise);
                training.update(starts.view())?;
            }
            let mut actor = training.actor().clone();
            let score = rehearsal.score(&self.ground(), &mut actor, estimate);
            if score > best.0 {
                best = (score, actor);
            }
        }
        Ok(best.1)
    }
}

/// States, and what is to be learned of them.
struct Lessons {
    states: Array2<f32>,
    targets: Vec<f32>,
}

impl Lessons {
    fn add(&mut self, states: ArrayView2<'_, f32>, values: &[f32]) {
        self.states.append(Axis(0), states).expect("rows of one width");
        self.targets.extend(values);
    }
}
