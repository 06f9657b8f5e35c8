//! The learned landscape of empowerment beside the true one, at held-out states.

use super::trial::from_upright;
use super::{EmpowerError, World, flat};
use crate::eval::{Draw, infer, shown};
use crate::pool::Pool;
use crate::settings::Settings;
use dvbf_core::Dvbf;
use dvbf_data::Dataset;
use dvbf_report::Grid;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Cells over the whole circle and over a radian a second, and states that a cell must have to count.
const ANGLES: f64 = 36.0;
const VELOCITY: f64 = 0.5;
const LEAST: usize = 4;

/// The learned landscape beside the true one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// Correlation of learned and true empowerment over held-out states.
    pub correlation: f64,
    /// Where the learned empowerment is highest.
    pub maximum: Maximum,
}

/// Where empowerment is highest, averaged over cells of true angle and velocity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maximum {
    /// Angle from upright, in radians.
    pub angle: f64,
    /// Velocity, in radians a second.
    pub velocity: f64,
}

/// Compares both at the states of held-out recordings.
pub(super) fn landscape(
    learned: &World,
    truth: &World,
    (model, data): (&Dvbf<f32>, &Dataset),
    settings: &Settings,
    pool: &Pool,
) -> Result<(Landscape, Grid), EmpowerError> {
    let filtered = infer(model, data, settings.data.steps, Draw::Mean, pool).state;
    let found = learned.evaluate(&flat(&shown(model, &filtered)))?;
    let states = flat(&data.states);
    let mut seen = Array2::zeros((states.nrows(), truth.dynamics.features().outputs()));
    truth.dynamics.features().apply(states.view(), seen.view_mut());
    let exact = truth.evaluate(&seen)?;
    let mut cells: BTreeMap<(i64, i64), (f64, usize)> = BTreeMap::new();
    let mut true_cells: BTreeMap<(i64, i64), f64> = BTreeMap::new();
    for (row, (&value, &exact)) in found.iter().zip(&exact).enumerate() {
        let (angle, velocity) = (from_upright(states[[row, 0]].into()), states[[row, 1]]);
        let place = cell_of(angle, velocity.into());
        let cell = cells.entry(place).or_default();
        *cell = (cell.0 + f64::from(value), cell.1 + 1);
        *true_cells.entry(place).or_default() += f64::from(exact);
    }
    // Of few states the fullest cells have to do.
    let least = cells.values().map(|(_, count)| *count).max().unwrap_or(0).min(LEAST);
    let full = cells.iter().filter(|(_, (_, count))| *count >= least);
    let best = full.max_by(|a, b| (a.1.0 / a.1.1 as f64).total_cmp(&(b.1.0 / b.1.1 as f64)));
    let Some((&(angle, velocity), _)) = best else {
        return Err(EmpowerError::internal("there are no held-out states"));
    };
    let width = std::f64::consts::TAU / ANGLES;
    let maximum = Maximum { angle: angle as f64 * width, velocity: velocity as f64 * VELOCITY };
    let landscape = Landscape { correlation: correlation(&found, &exact), maximum };
    Ok((landscape, grid(&cells, &true_cells)))
}

/// Means of the cells as two pictures.
fn grid(cells: &BTreeMap<(i64, i64), (f64, usize)>, truth: &BTreeMap<(i64, i64), f64>) -> Grid {
    let fastest = cells.keys().map(|(_, v)| v.abs()).max().unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    let half = (ANGLES / 2.0) as i64;
    let angles: Vec<i64> = (1 - half..=half).collect();
    let velocities: Vec<i64> = (-fastest..=fastest).collect();
    let mean = |row: usize, column: usize, of: &dyn Fn((i64, i64)) -> Option<f64>| {
        let place = (angles[column], velocities[row]);
        let count = cells.get(&place).map_or(0, |(_, count)| *count);
        of(place).map_or(f64::NAN, |sum| sum / count as f64)
    };
    let shape = (velocities.len(), angles.len());
    let learned = |place| cells.get(&place).map(|(sum, _)| *sum);
    let exact = |place| truth.get(&place).copied();
    Grid {
        truth: Array2::from_shape_fn(shape, |(i, j)| mean(i, j, &exact)),
        learned: Array2::from_shape_fn(shape, |(i, j)| mean(i, j, &learned)),
        angles: angles.iter().map(|&a| a as f64 * std::f64::consts::TAU / ANGLES).collect(),
        velocities: velocities.iter().map(|&v| v as f64 * VELOCITY).collect(),
    }
}

/// The cell whose middle is nearest; opposite ends of the circle are one.
#[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
fn cell_of(angle: f64, velocity: f64) -> (i64, i64) {
    let angle = (angle / std::f64::consts::TAU * ANGLES).round() as i64;
    let half = (ANGLES / 2.0) as i64;
    (if angle == -half { half } else { angle }, (velocity / VELOCITY).round() as i64)
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean =
        |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - ma, f64::from(b) - mb);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_wrap_at_the_bottom() {
        assert_eq!(cell_of(0.01, -0.1), (0, 0));
        assert_eq!(cell_of(std::f64::consts::PI - 0.01, 1.0), (18, 2));
        assert_eq!(cell_of(0.01 - std::f64::consts::PI, 1.0), (18, 2));
    }

    #[test]
    fn a_line_is_correlated_and_its_mirror_image_against() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
    }
}
