//! The map of empowerment over the pendulum: capacities by enumeration beside the closed forms.
//!
//! ```text
//! cargo run --release -p dvbf-control --example landscape
//! ```

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Pendulum, TORQUE};
use common::training::correlation;
use dvbf_control::{
    ActionSequences, Channel, ControlError, ControlLimits, Empowerment, HeldGaussian, Oracle,
    SequenceGaussian, StateScale,
};
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2};
use std::f64::consts::{FRAC_PI_2, PI};

/// One row of the table.
struct Row {
    held: bool,
    steps: usize,
    resolution: f64,
}

/// Capacities by enumeration and by the closed form, with the widest distance of the bounds.
fn estimates(
    row: &Row,
    states: ArrayView2<'_, f64>,
) -> Result<(Vec<f64>, Vec<f64>, f64), ControlError> {
    let limits = ControlLimits::symmetric(&[TORQUE])?;
    let channel = Channel::new(row.steps, row.resolution, limits.clone(), StateScale::identity(2))?;
    let pendulum = Pendulum::default();
    let mut closed = vec![0.0; states.nrows()];
    let (oracle, actions) = if row.held {
        HeldGaussian::new(pendulum, &channel, 64)?.evaluate(states, &mut closed)?;
        let oracle = Oracle { cell: 0.25, ..Oracle::default() };
        (oracle, ActionSequences::held(&limits, row.steps, 201)?)
    } else {
        SequenceGaussian::new(pendulum, &channel, 64)?.evaluate(states, &mut closed)?;
        // In few steps finer levels, in many steps five parts.
        let levels = if row.steps < 5 { 9 } else { 5 };
        let actions = ActionSequences::segmented(&limits, row.steps, row.steps.min(5), levels)?;
        (Oracle::default(), actions)
    };
    let (mut exact, mut gap) = (Vec::new(), 0.0_f64);
    for state in states.rows() {
        let capacity = oracle.capacity(&pendulum, &channel, state, &actions)?;
        gap = gap.max(capacity.upper - capacity.lower);
        exact.push(capacity.middle());
    }
    Ok((exact, closed, gap))
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn main() -> Result<(), ControlError> {
    let row = |held, steps, resolution| Row { held, steps, resolution };
    let rows = [
        row(false, 3, 0.1),
        row(false, 5, 0.1),
        row(false, 8, 0.1),
        row(false, 10, 0.1),
        row(false, 10, 0.05),
        row(false, 20, 0.1),
        row(true, 5, 0.1),
        row(true, 8, 0.1),
        row(true, 10, 0.1),
    ];
    // The three places of the table, and forty others for the correlation (seed 1).
    let mut states = Array2::zeros((43, 2));
    Noise::new(1, 0).uniform(states.as_slice_mut().expect("a fresh array is contiguous"));
    for mut state in states.rows_mut() {
        state[0] = PI * (2.0 * state[0] - 1.0);
        state[1] = 8.0 * (2.0 * state[1] - 1.0);
    }
    for (n, angle) in [PI, FRAC_PI_2, 0.0].into_iter().enumerate() {
        (states[[n, 0]], states[[n, 1]]) = (angle, 0.0);
    }
    println!("| channel | hanging | horizontal | upright | correlation | bounds within |");
    println!("|---|---|---|---|---|---|");
    for row in &rows {
        let (exact, closed, gap) = estimates(row, states.view())?;
        let name = if row.held { "held" } else { "sequence" };
        let cell = |n: usize| format!("{:.2} / {:.2}", exact[n], closed[n]);
        println!(
            "| {name} K {}, σ {} | {} | {} | {} | {:.3} | {gap:.3} |",
            row.steps,
            row.resolution,
            cell(0),
            cell(1),
            cell(2),
            correlation(&exact, &closed),
        );
    }
    Ok(())
}
