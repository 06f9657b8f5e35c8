//! How well a policy does in the dynamics that it was trained in.
//!
//! A training may end in a local optimum, such as a pendulum that spins, and which one it was is seen
//! without the true system: let the policy act in the model from many states, and look how much
//! empowerment it has in the end.

use super::EmpowerError;
use super::ground::{Ground, draw};
use super::support::Support;
use dvbf_control::{Empowerment, Inputs, MeanDynamics, Policy};
use dvbf_core::Noise;
use ndarray::Array2;

/// Paths, half of them from everywhere and half from where the controls can do least.
const PATHS: usize = 128;
/// Steps of a path; every fifth of the last ones counts.
const STEPS: usize = 150;
const LAST: usize = 25;
const EVERY: usize = 5;
/// States among which those of least empowerment are looked for.
const CANDIDATES: usize = 4096;

/// Where rehearsals start, and what counts as far away.
pub(super) struct Rehearsal {
    starts: Array2<f32>,
    support: Support,
}

impl Rehearsal {
    /// Starts among the states that were visited.
    pub(super) fn new<D: MeanDynamics<f32>>(
        ground: &Ground<'_, D>,
        estimate: &mut dyn Empowerment<f32>,
        seed: u64,
    ) -> Result<Self, EmpowerError> {
        let candidates = draw(ground.visited, CANDIDATES, Noise::new(seed, 1 << 44));
        let mut values = vec![0.0; CANDIDATES];
        estimate.evaluate(candidates.view(), &mut values)?;
        let mut order: Vec<usize> = (0..CANDIDATES).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        // Of the lowest eighth, so that they are not all the same.
        let from = |n: usize| if n < PATHS / 2 { order[n * CANDIDATES / (4 * PATHS)] } else { n };
        let size = candidates.ncols();
        let starts = Array2::from_shape_fn((PATHS, size), |(n, i)| candidates[[from(n), i]]);
        let support = Support::new(ground.visited, ground.scale);
        Ok(Self { starts, support })
    }

    /// What counts as far away.
    pub(super) fn support(&self) -> &Support {
        &self.support
    }

    /// Mean empowerment in nats over the last steps of all paths under the policy, less what their
    /// distance from visited states costs; minus infinity if a path leaves all bounds.
    pub(super) fn score<D: MeanDynamics<f32>>(
        &self,
        ground: &Ground<'_, D>,
        policy: &mut dyn Policy<f32>,
        estimate: &mut dyn Empowerment<f32>,
    ) -> f64 {
        let dynamics = ground.dynamics;
        let mut states = self.starts.clone();
        let mut next = Array2::zeros(states.dim());
        let mut controls = Array2::zeros((PATHS, dynamics.control_size()));
        let mut work = dynamics.workspace(PATHS);
        let mut values = vec![0.0; PATHS];
        let mut sum = 0.0;
        policy.reset();
        for step in 0..STEPS {
            if policy.act(states.view(), controls.view_mut()).is_err() {
                return f64::NEG_INFINITY;
            }
            let at = Inputs { states: states.view(), controls: controls.view() };
            dynamics.step(at, next.view_mut(), &mut work);
            std::mem::swap(&mut states, &mut next);
            if step + LAST >= STEPS && step % EVERY == 0 {
                if estimate.evaluate(states.view(), &mut values).is_err() {
                    return f64::NEG_INFINITY;
                }
                self.support.charge(states.view(), ground.scale, &mut values);
                sum += values.iter().map(|&e| f64::from(e)).sum::<f64>();
            }
        }
        sum / (LAST / EVERY * PATHS) as f64
    }
}
