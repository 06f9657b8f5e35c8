//! Where a world can be led to: states that recordings hardly show and policies live in.
//!
//! Recordings of random controls seldom show a pendulum upright at rest. A network that learns an
//! estimate from such states alone smooths its peak away, and a distance to them forbids the peak. So
//! what is learned from also has the states that a greedy policy reaches in the model from visited ones.

use super::EmpowerError;
use super::ground::draw;
use dvbf_control::{Inputs, MeanDynamics, Policy};
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView2, s};

/// Paths and their steps.
const PATHS: usize = 128;
const STEPS: usize = 60;

/// The states of paths of `policy` from some of `visited (N, Z)`, `(N', Z)`.
pub(super) fn reached<D: MeanDynamics<f32>>(
    dynamics: &D,
    visited: ArrayView2<'_, f32>,
    policy: &mut dyn Policy<f32>,
    seed: u64,
) -> Result<Array2<f32>, EmpowerError> {
    let mut states = draw(visited, PATHS, Noise::new(seed, 1 << 48));
    let mut controls = Array2::zeros((PATHS, dynamics.control_size()));
    let mut work = dynamics.workspace(PATHS);
    let mut all = Array2::zeros((PATHS * STEPS, visited.ncols()));
    policy.reset();
    for step in 0..STEPS {
        policy.act(states.view(), controls.view_mut())?;
        let mut next = all.slice_mut(s![step * PATHS..(step + 1) * PATHS, ..]);
        let at = Inputs { states: states.view(), controls: controls.view() };
        dynamics.step(at, next.view_mut(), &mut work);
        states.assign(&next);
    }
    Ok(all)
}
