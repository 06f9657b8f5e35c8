//! What latent states are regressed on.

use super::Dataset;
use dvbf_envs::StateKind;
use ndarray::Array2;

/// The columns that a latent state is regressed on, with their names: angles as sine and cosine.
///
/// A single angle gives `sin` and `cos`; several give `sin <name>` and `cos <name>`. Rows are
/// `n·T + t`.
pub fn regression_targets(data: &Dataset) -> (Vec<String>, Array2<f64>) {
    let angles = data.state_kinds.iter().filter(|k| **k == StateKind::Angle).count();
    let (count, steps, _) = data.states.dim();
    let mut names = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (i, (name, kind)) in data.state_names.iter().zip(&data.state_kinds).enumerate() {
        let values: Vec<f64> = data
            .states
            .outer_iter()
            .flat_map(|s| s.column(i).iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
            .collect();
        if *kind == StateKind::Angle {
            let suffix = if angles == 1 { String::new() } else { format!(" {name}") };
            names.push(format!("sin{suffix}"));
            columns.push(values.iter().map(|v| v.sin()).collect());
            names.push(format!("cos{suffix}"));
            columns.push(values.iter().map(|v| v.cos()).collect());
        } else {
            names.push(name.clone());
            columns.push(values);
        }
    }
    let targets = Array2::from_shape_fn((count * steps, columns.len()), |(row, c)| columns[c][row]);
    (names, targets)
}
