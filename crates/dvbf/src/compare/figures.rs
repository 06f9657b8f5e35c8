//! The figures of one contender with one seed.

use crate::data::{Dataset, regression_targets};
use crate::eval::{Columns, FitTest, OpenLoop, Readout, ReadoutRows, regress, rows};
use dvbf_train::nullable;
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was measured of one model on the test sets. What a model does not have is missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Dimensions of the state that is regressed on.
    pub state: usize,
    /// R² of least squares from samples of the state, every step counted.
    #[serde(deserialize_with = "nullable::columns")]
    pub r2: Columns,
    /// The same over the steps at which as many frames were seen as before an open-loop prediction.
    #[serde(deserialize_with = "nullable::columns")]
    pub r2_later: Columns,
    /// R² of a cubic read-out, for states of few dimensions.
    #[serde(deserialize_with = "nullable::columns")]
    pub r2_cubic: Columns,
    /// Evidence lower bound in nats per sequence.
    pub bound: Option<f64>,
    /// Its divergence.
    pub kl: Option<f64>,
    /// Importance-weighted bound in nats per sequence; the log-likelihood itself where it is known.
    pub weighted: Option<f64>,
    /// Open-loop error by horizon.
    pub open_loop: BTreeMap<usize, f64>,
    /// Seconds of training, trials and choices included; missing if it was interrupted.
    pub seconds: Option<f64>,
    /// Microseconds of one step of the filter on one thread.
    pub step_micros: Option<f64>,
}

/// States of more dimensions get no cubic read-out: it would have too many coefficients.
const CUBIC: usize = 6;

impl Figures {
    /// R² from states `(N, T, Z)` of all steps, and from those at which `filtered` frames were seen.
    pub(super) fn read_out(
        &mut self,
        sets: FitTest<&Dataset>,
        states: &FitTest<Array3<f32>>,
        filtered: usize,
    ) {
        self.state = states.fit.dim().2;
        let figures = |readout, first| {
            let (names, train_y) = later_targets(sets.fit, first);
            let (_, test_y) = later_targets(sets.test, first);
            let train_z = later(&rows(&states.fit), sets.fit, first);
            let test_z = later(&rows(&states.test), sets.test, first);
            let fit = ReadoutRows { latent: train_z.view(), truth: train_y.view() };
            let test = ReadoutRows { latent: test_z.view(), truth: test_y.view() };
            let values = regress(readout, FitTest { fit, test });
            names.into_iter().zip(values).collect()
        };
        self.r2 = figures(Readout::Linear, 0);
        self.r2_later = figures(Readout::Linear, filtered - 1);
        if self.state <= CUBIC {
            self.r2_cubic = figures(Readout::Cubic, 0);
        }
    }

    pub(super) fn predicted(&mut self, errors: &OpenLoop, horizons: &[usize]) {
        self.open_loop = horizons.iter().map(|&h| (h, errors.at(h))).collect();
    }
}

fn later_targets(data: &Dataset, first: usize) -> (Vec<String>, Array2<f64>) {
    let (names, targets) = regression_targets(data);
    (names, later(&targets, data, first))
}

/// The rows `n·T + t` with `t ≥ first`.
fn later(rows: &Array2<f64>, data: &Dataset, first: usize) -> Array2<f64> {
    let steps = data.observations.dim().1;
    let kept: Vec<usize> = (0..rows.nrows()).filter(|r| r % steps >= first).collect();
    rows.select(ndarray::Axis(0), &kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_envs::{Pendulum, PendulumSettings, record};

    #[test]
    fn later_steps_are_counted_alone() {
        let env = Pendulum::new(PendulumSettings::default()).unwrap();
        let data: Dataset = record(&env, 20, 6, 1).into();
        // A state that is the truth from the third step on and nothing before.
        let state = Array3::from_shape_fn((20, 6, 3), |(n, t, i)| {
            let (angle, velocity) = (data.states[[n, t, 0]], data.states[[n, t, 1]]);
            if t < 2 { 0.0 } else { [angle.sin(), angle.cos(), velocity][i] }
        });
        let states = FitTest { fit: state.clone(), test: state };
        let mut figures = Figures::default();
        figures.read_out(FitTest { fit: &data, test: &data }, &states, 3);
        assert!(figures.r2_later.values().all(|r| *r > 0.999), "{figures:?}");
        assert!(figures.r2.values().all(|r| *r < 0.9), "{figures:?}");
        assert_eq!((figures.state, figures.r2_cubic.len()), (3, 3));
    }
}
