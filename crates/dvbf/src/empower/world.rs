//! Dynamics as a policy is trained in: the true equations or a learned model, and nothing else.

use super::subject::Approach;
use super::support::with_surroundings;
use super::{EmpowerError, EmpowerRequest};
use dvbf_control::{
    Actor, ActorCritic, ActorCriticSettings, Channel, ControlError, ControlLimits, Empowerment,
    EmpowermentNet, FitSettings, Greedy, HeldGaussian, Inputs, MeanDynamics, Policy, StateScale,
    Variational, VariationalSettings,
};
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView2, s};

/// States that an estimate is fitted to, at most.
const FITTED: usize = 16_384;
/// Values of every control among which a greedy policy chooses.
const LEVELS: usize = 9;
/// One of so many states counts as one that hardly moves.
const STILL: usize = 20;
/// Rows of a block of an estimate.
const ROWS: usize = 256;

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
pub(super) type Named = (&'static str, Box<dyn Policy<f32>>);

/// What a world has taught.
pub(super) struct Trained {
    /// The estimate whose landscape is shown.
    pub(super) estimate: Box<dyn Empowerment<f32>>,
    pub(super) policies: Vec<Named>,
}

impl<D: MeanDynamics<f32> + Clone + 'static> World<D> {
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
        (request, policies): (&EmpowerRequest, bool),
    ) -> Result<Trained, EmpowerError> {
        match approach {
            Approach::ClosedForm => {
                let mut estimate = HeldGaussian::new(self.dynamics.clone(), &self.held, ROWS)?;
                let policies =
                    if policies { self.seekers(&mut estimate, request)? } else { Vec::new() };
                Ok(Trained { estimate: Box::new(estimate), policies })
            }
            Approach::Variational => {
                let mut bound = self.variational(request.seed)?;
                let mut all: Vec<Named> = Vec::new();
                if policies {
                    let net = self.network(&mut bound, request.seed)?;
                    all.push(("variational", Box::new(self.actor(net.clone(), request)?)));
                    all.push(("greedy", Box::new(self.greedy(net)?)));
                }
                Ok(Trained { estimate: Box::new(bound), policies: all })
            }
        }
    }

    /// Policies that seek a closed form, and an actor that seeks the variational bound.
    fn seekers(
        &self,
        estimate: &mut dyn Empowerment<f32>,
        request: &EmpowerRequest,
    ) -> Result<Vec<Named>, EmpowerError> {
        let net = self.network(estimate, request.seed)?;
        let few_rows = HeldGaussian::new(self.dynamics.clone(), &self.held, 16)?;
        let mut bound = self.variational(request.seed)?;
        let bound_net = self.network(&mut bound, request.seed)?;
        Ok(vec![
            ("actor-critic", Box::new(self.actor(net, request)?)),
            ("greedy", Box::new(self.greedy(few_rows)?)),
            ("variational", Box::new(self.actor(bound_net, request)?)),
        ])
    }

    /// The variational bound, its source and planner trained on visited states.
    fn variational(&self, seed: u64) -> Result<Variational<f32, D>, ControlError> {
        let updates = self.fits;
        let settings = VariationalSettings { seed, updates, ..VariationalSettings::default() };
        let scale = self.bounded.scale();
        let mut bound = Variational::new(self.dynamics.clone(), &self.bounded, scale, settings)?;
        bound.fit(self.visited.view())?;
        Ok(bound)
    }

    /// A network that has learned an estimate at visited states, and less around them.
    fn network(
        &self,
        estimate: &mut dyn Empowerment<f32>,
        seed: u64,
    ) -> Result<EmpowermentNet<f32>, ControlError> {
        let every = self.visited.nrows().div_ceil(FITTED).max(1);
        let fitted = self.visited.slice(s![..; every, ..]).to_owned();
        let mut values = vec![0.0; fitted.nrows()];
        estimate.evaluate(fitted.view(), &mut values)?;
        let settings = FitSettings {
            seed,
            updates: self.fits,
            hidden: 96,
            clip: 3.5,
            bound: 3.0,
            penalty: 0.32,
            ..FitSettings::default()
        };
        let scale = self.held.scale();
        let (states, targets) = with_surroundings(fitted.view(), &values, (scale, seed));
        EmpowermentNet::fit(states.view(), &targets, scale, &settings)
    }

    fn greedy<E: Empowerment<f32>>(&self, estimate: E) -> Result<Greedy<f32, D, E>, ControlError> {
        Greedy::new(self.dynamics.clone(), estimate, self.held.limits(), LEVELS)
    }

    /// An actor that was trained from visited states.
    fn actor(
        &self,
        reward: EmpowermentNet<f32>,
        request: &EmpowerRequest,
    ) -> Result<Actor<f32>, ControlError> {
        let settings = ActorCriticSettings { seed: request.seed, ..ActorCriticSettings::default() };
        let (dynamics, channel) = (self.dynamics.clone(), &self.held);
        let mut training =
            ActorCritic::new(dynamics, reward, channel.limits(), channel.scale(), settings)?;
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
