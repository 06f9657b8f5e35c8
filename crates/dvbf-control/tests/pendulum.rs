//! The pendulum of these tests: its derivatives are those of its steps, and it keeps its energy.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, Pendulum, Physics};
use dvbf_control::{Cotangents, Inputs, Linearization, MeanDynamics};
use dvbf_gradcheck::{Tol, check_coordinates};
use ndarray::{Array2, Array3, ArrayView2, s};
use proptest::{collection::vec, prelude::*};

/// `Σ r ⊙ f(z, u)` at `z` and `u` side by side, `(N, Z + U)`.
fn loss<D: MeanDynamics<f64>>(dynamics: &D, r: &Array2<f64>, at: ArrayView2<'_, f64>) -> f64 {
    let z = dynamics.state_size();
    let at = Inputs { states: at.slice(s![.., ..z]), controls: at.slice(s![.., z..]) };
    let mut next = Array2::zeros(r.dim());
    dynamics.step(at, next.view_mut(), &mut dynamics.workspace(r.nrows()));
    (next * r).sum()
}

fn check<D: MeanDynamics<f64>>(
    dynamics: &D,
    draws: &[f64],
    weights: &[f64],
) -> Result<(), TestCaseError> {
    let (z, u) = (dynamics.state_size(), dynamics.control_size());
    let n = draws.len() / (z + u);
    let at = ArrayView2::from_shape((n, z + u), &draws[..n * (z + u)]).unwrap();
    let r = Array2::from_shape_vec((n, z), weights[..n * z].to_vec()).unwrap();
    let inputs = Inputs { states: at.slice(s![.., ..z]), controls: at.slice(s![.., z..]) };
    let mut workspace = dynamics.workspace(n);
    let mut gradient = Array2::zeros((n, z + u));
    let (states, controls) = gradient.multi_slice_mut((s![.., ..z], s![.., z..]));
    dynamics.pull_back(inputs, r.view(), Cotangents { states, controls }, &mut workspace);
    let at_point = |v: &[f64]| loss(dynamics, &r, ArrayView2::from_shape((n, z + u), v).unwrap());
    let point: Vec<f64> = at.iter().copied().collect();
    check_coordinates(at_point, &point, gradient.as_slice().unwrap(), Tol::SMOOTH)?;

    let (mut next, mut stepped) = (Array2::zeros((n, z)), Array2::zeros((n, z)));
    let (mut a, mut b) = (Array3::zeros((n, z, z)), Array3::zeros((n, z, u)));
    let out = Linearization { next: next.view_mut(), state: a.view_mut(), control: b.view_mut() };
    dynamics.linearize(inputs, out, &mut workspace);
    dynamics.step(inputs, stepped.view_mut(), &mut workspace);
    prop_assert!((&next - &stepped).iter().all(|d| d.abs() < 1e-12));
    for row in 0..n {
        let r = r.row(row);
        let by_state = a.slice(s![row, .., ..]).t().dot(&r) - gradient.slice(s![row, ..z]);
        let by_control = b.slice(s![row, .., ..]).t().dot(&r) - gradient.slice(s![row, z..]);
        prop_assert!(by_state.iter().chain(&by_control).all(|d| d.abs() < 1e-12));
    }
    Ok(())
}

proptest! {
    #[test]
    fn derivatives_are_those_of_the_step(
        draws in vec(-2.0..2.0_f64, 16), weights in vec(-1.0..1.0_f64, 16),
    ) {
        check(&Pendulum::default(), &draws, &weights)?;
        prop_assume!(draws.chunks(4).all(|z| z[0].hypot(z[1]) > 0.3 && (z[0] > 0.1 || z[1].abs() > 0.1)));
        check(&Embedded::default(), &draws, &weights)?;
    }
}

/// Without friction and torque the energy `½ ω² + g cos θ` stays, up to the integrator's error,
/// which falls with the fifth power of the step in each step.
#[test]
fn energy_is_kept() {
    let physics = Physics { gravity: 9.81, damping: 0.0 };
    let energy = |[a, v]: [f64; 2]| 0.5 * v * v + 9.81 * a.cos();
    let mut state = [2.5, 0.3];
    let start = energy(state);
    for _ in 0..100 {
        state = physics.next(state, 0.0);
    }
    assert!((energy(state) - start).abs() < 0.02, "{}", energy(state) - start);
}
