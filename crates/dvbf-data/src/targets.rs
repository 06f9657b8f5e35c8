//! What latent states are regressed on.

use super::Dataset;
use dvbf_envs::StateKind;
use ndarray::Array2;

/// Names of the columns that a latent state is regressed on, for a true state of these components:
/// angles count as sine and cosine.
///
/// A single angle gives `sin` and `cos`; several give `sin <name>` and `cos <name>`.
pub fn target_names(names: &[String], kinds: &[StateKind]) -> Vec<String> {
    let angles = kinds.iter().filter(|kind| **kind == StateKind::Angle).count();
    let mut out = Vec::new();
    for (name, kind) in names.iter().zip(kinds) {
        if *kind == StateKind::Angle {
            let suffix = if angles == 1 { String::new() } else { format!(" {name}") };
            out.extend([format!("sin{suffix}"), format!("cos{suffix}")]);
        } else {
            out.push(name.clone());
        }
    }
    out
}

/// The columns that a latent state is regressed on, with their [names](target_names). Rows are
/// `n·T + t`.
pub fn regression_targets(data: &Dataset) -> (Vec<String>, Array2<f64>) {
    let (count, steps, _) = data.states.dim();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (i, kind) in data.state_kinds.iter().enumerate() {
        let values: Vec<f64> = data
            .states
            .outer_iter()
            .flat_map(|s| s.column(i).iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
            .collect();
        if *kind == StateKind::Angle {
            columns.push(values.iter().map(|v| v.sin()).collect());
            columns.push(values.iter().map(|v| v.cos()).collect());
        } else {
            columns.push(values);
        }
    }
    let targets = Array2::from_shape_fn((count * steps, columns.len()), |(row, c)| columns[c][row]);
    (target_names(&data.state_names, &data.state_kinds), targets)
}
