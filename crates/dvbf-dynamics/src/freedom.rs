//! Which constants recordings without labels leave open, whatever they show.
//!
//! A family of changes of variables can carry solutions to solutions of the same equation with other constants;
//! an emission that is learned draws the same frames of both. [`Dynamics::freedoms`](crate::Dynamics::freedoms)
//! gives the directions in which constants move along the family. A constant that is fixed forbids all
//! combinations of directions that move it; what is left moves constants that no data tell.

use crate::constant::Constant;

/// What counts as no movement, beside the length of a direction.
const SMALL: f64 = 1e-9;

/// Which of the learned `constants` are moved by a combination of `directions` that moves no fixed one. Each
/// direction has a number for every constant.
///
/// ```
/// use dvbf_dynamics::{Constant, Dynamics, MassSpringDamper, open_constants};
/// // In whatever unit positions are drawn, the same motion follows with another gain.
/// let spring = MassSpringDamper::default();
/// let directions = spring.freedoms(&[4.0, 0.2, 1.5, 0.3]);
/// let mut constants = spring.constants().to_vec();
/// assert_eq!(open_constants(&directions, &constants), [false, false, true, false]);
/// // A mass that is known sets the unit.
/// constants[2] = Constant::fixed("control_gain", "1/kg", 1.5);
/// assert_eq!(open_constants(&directions, &constants), [false; 4]);
/// ```
///
/// # Panics
/// If a direction has another length than `constants`.
#[track_caller]
pub fn open_constants(directions: &[Vec<f64>], constants: &[Constant]) -> Vec<bool> {
    let mut left: Vec<Vec<f64>> = Vec::new();
    for direction in directions {
        assert_eq!(direction.len(), constants.len(), "a direction against the constants");
        let length = length(direction);
        if length > 0.0 {
            left.push(direction.iter().map(|d| d / length).collect());
        }
    }
    for fixed in (0..constants.len()).filter(|&i| !constants[i].is_learned()) {
        let size = |row: &Vec<f64>| row[fixed].abs();
        let most = (0..left.len()).max_by(|&a, &b| size(&left[a]).total_cmp(&size(&left[b])));
        let Some(pivot) = most.filter(|&most| size(&left[most]) > SMALL) else { continue };
        let pivot = left.swap_remove(pivot);
        for row in &mut left {
            let factor = row[fixed] / pivot[fixed];
            row.iter_mut().zip(&pivot).for_each(|(to, from)| *to -= factor * from);
        }
    }
    let moved = |i: usize| left.iter().any(|row| row[i].abs() > SMALL);
    (0..constants.len()).map(|i| constants[i].is_learned() && moved(i)).collect()
}

fn length(direction: &[f64]) -> f64 {
    direction.iter().map(|d| d * d).sum::<f64>().sqrt()
}
