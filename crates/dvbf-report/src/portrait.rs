//! Phase portrait of a differential equation of one position or angle and its velocity: what a step
//! does to a grid of states without control, by the equation, by the learned remainder, and in all.

use super::figure::{COLORS, Figure, axis, layout, short};
use dvbf_core::dynamics::ComponentKind;
use dvbf_core::{Dvbf, TransitionInput};
use ndarray::{Array2, Array3, s};
use serde_json::{Value, json};
use std::f64::consts::PI;

/// States on a side of the grid.
const SIDE: usize = 17;

/// The panels with their captions; none if the transition has another shape. The grid covers the
/// middle 98 % of the states `(N, T, Z)`, and the whole circle of an angle.
pub(super) fn figures(model: &Dvbf<f32>, states: &Array3<f32>) -> Vec<(String, Figure)> {
    let Some(known) = model.transition().known() else { return Vec::new() };
    let components = known.dynamics.components();
    let [position, velocity] = components else { return Vec::new() };
    if position.velocity || !velocity.velocity {
        return Vec::new();
    }
    let (gauge, _) = known.in_gauge();
    let shown = |i: usize, z: f64| gauge.sign[i] * (z - gauge.shift[i]);
    let limits = [0, 1].map(|i| match components[i].kind {
        ComponentKind::Angle | ComponentKind::CountedAngle => [-PI, PI],
        ComponentKind::Linear => {
            middle(states.slice(s![.., .., i]).iter().map(|&z| shown(i, f64::from(z))).collect())
        }
    });
    let place = |i: usize, k: usize| {
        let [low, high] = limits[i];
        low + (high - low) * k as f64 / (SIDE - 1) as f64
    };
    let grid = Array2::from_shape_fn((SIDE * SIDE, 2), |(row, i)| {
        place(i, if i == 0 { row % SIDE } else { row / SIDE })
    });
    let state = Array2::from_shape_fn(grid.dim(), |(row, i)| {
        dvbf_data::narrow(gauge.sign[i] * grid[[row, i]] + gauge.shift[i])
    });
    let dims = model.transition().dims();
    let control = Array2::zeros((grid.nrows(), dims.control));
    let noise = Array2::zeros((grid.nrows(), dims.noise));
    let mut cache = model.transition().cache(grid.nrows());
    model.transition().prepare(&mut cache);
    let input =
        TransitionInput { state: state.view(), control: control.view(), noise: noise.view() };
    let Some(motion) = model.transition().motion(input, &mut cache) else { return Vec::new() };
    let learned = &motion.linear + &motion.remainder;
    let whole = &motion.known + &learned;
    let turned = |part: &Array2<f32>| {
        Array2::from_shape_fn(part.dim(), |(row, i)| gauge.sign[i] * f64::from(part[[row, i]]))
    };
    // The longest arrow of the whole motion is as long as one and a half fields of the grid.
    let field = limits.map(|[low, high]| (high - low) / (SIDE - 1) as f64);
    let length =
        |step: ndarray::ArrayView1<'_, f64>| (step[0] / field[0]).hypot(step[1] / field[1]);
    let whole = turned(&whole);
    let longest = whole.rows().into_iter().map(length).fold(f64::MIN_POSITIVE, f64::max);
    let names = [position, velocity].map(|c| format!("{}, {}", c.name.replace('_', " "), c.unit));
    let panel = |id: &str, color: usize, steps: &Array2<f64>| Figure {
        id: id.into(),
        height: 380,
        traces: vec![arrows(&grid, &(steps * (1.5 / longest)), COLORS[color])],
        layout: layout(json!({
            "xaxis": axis(&names[0], json!({ "range": limits[0] })),
            "yaxis": axis(&names[1], json!({ "range": limits[1] })),
        })),
    };
    let mut panels =
        vec![("The equation".into(), panel("portrait-known", 0, &turned(&motion.known)))];
    if learned.iter().any(|step| *step != 0.0) {
        panels.push((
            "What is learned beside it".into(),
            panel("portrait-learned", 1, &turned(&learned)),
        ));
        panels.push(("Both".into(), panel("portrait-whole", 2, &whole)));
    }
    panels
}

/// Lines from every state along its step, which begin with a dot.
fn arrows(grid: &Array2<f64>, steps: &Array2<f64>, color: &str) -> Value {
    let (mut x, mut y, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (at, step) in grid.rows().into_iter().zip(steps.rows()) {
        x.extend([short(at[0]), short(at[0] + step[0]), Value::Null]);
        y.extend([short(at[1]), short(at[1] + step[1]), Value::Null]);
        sizes.extend([4, 0, 0]);
    }
    json!({
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "line": { "color": color, "width": 1.2 },
        "marker": { "color": color, "size": sizes },
        "hoverinfo": "skip",
    })
}

/// The range of the middle 98 %.
fn middle(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    match values[..] {
        [] => [-1.0, 1.0],
        _ if values[last / 100] < values[last - last / 100] => {
            [values[last / 100], values[last - last / 100]]
        }
        [first, ..] => [first - 1.0, first + 1.0],
    }
}
