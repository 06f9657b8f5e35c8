//! The long-run empowerment of a world: fitted value iteration from visited states.

use super::EmpowerError;
use super::ground::{Ground, draw};
use super::support::{Support, surroundings};
use dvbf_control::{Empowerment, Inputs, MeanDynamics, Outcomes, ValueNet, ValueSettings};
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

/// States that the value is fitted at, a third of them moved off visited ones.
const FITTED: usize = 8192;

/// The value of an estimate under the best of `choices (A, U)` at every step.
pub(super) fn outlook<D: MeanDynamics<f32>>(
    ground: &Ground<'_, D>,
    estimate: &mut dyn Empowerment<f32>,
    choices: ArrayView2<'_, f32>,
    settings: &ValueSettings,
) -> Result<ValueNet<f32>, EmpowerError> {
    let (dynamics, scale) = (ground.dynamics, ground.scale);
    // A value that knows only visited states says anything of the next ones, and is believed.
    let visited = draw(ground.visited, FITTED * 2 / 3, Noise::new(settings.seed, 1 << 45));
    let moved = surroundings(visited.view(), scale, settings.seed);
    let states = concatenate(Axis(0), &[visited.view(), moved.view()]).expect("rows of one width");
    let fitted = states.nrows();
    let (count, size) = (choices.nrows(), states.ncols());
    let mut next = Array2::zeros((fitted * count, size));
    let mut work = dynamics.workspace(count);
    for (n, state) in states.rows().into_iter().enumerate() {
        let repeated = state.broadcast((count, size));
        let repeated = repeated.ok_or_else(|| EmpowerError::internal("a row can be repeated"))?;
        let at = Inputs { states: repeated, controls: choices };
        dynamics.step(at, next.slice_mut(s![n * count..(n + 1) * count, ..]), &mut work);
    }
    let mut rewards = vec![0.0; fitted * count];
    estimate.evaluate(next.view(), &mut rewards)?;
    Support::new(ground.visited, scale).charge(next.view(), scale, &mut rewards);
    let shaped = "whole rows";
    let next = next.into_shape_with_order((fitted, count, size)).expect(shaped);
    let rewards = Array2::from_shape_vec((fitted, count), rewards).expect(shaped);
    let outcomes = Outcomes { states: states.view(), next: next.view(), rewards: rewards.view() };
    Ok(ValueNet::fit(outcomes, scale, settings)?)
}
