//! Recordings split into training, validation and test sets.

use crate::settings::Settings;
use dvbf_envs::{EnvError, Pendulum, Recordings, StateKind, record};
use ndarray::Array2;

/// The recordings of a run. Settings are chosen on the validation sets; the test sets are read
/// once, for the final figures.
#[derive(Clone, Debug)]
pub struct Splits {
    /// What the parameters are fitted to.
    pub train: Recordings,
    /// What settings are chosen on.
    pub validation: Recordings,
    /// Long sequences for open-loop prediction on the validation set.
    pub validation_long: Recordings,
    /// What the final figures are computed on.
    pub test: Recordings,
    /// Long sequences for open-loop prediction on the test set.
    pub test_long: Recordings,
}

impl Splits {
    /// Simulates the recordings of the pendulum.
    ///
    /// # Errors
    /// If a setting of the pendulum is impossible.
    pub fn pendulum(settings: &Settings) -> Result<Self, EnvError> {
        let env = Pendulum::new(settings.pendulum.clone())?;
        let data = &settings.data;
        // Every split has a seed of its own; sixteen are reserved for a data seed.
        let make = |split: u64, count: usize, steps: usize| {
            record(&env, count, steps, data.seed.wrapping_mul(16).wrapping_add(split))
        };
        Ok(Self {
            train: make(0, data.train, data.steps),
            validation: make(1, data.validation, data.steps),
            validation_long: make(2, data.validation, data.long_steps),
            test: make(3, data.test, data.steps),
            test_long: make(4, data.test, data.long_steps),
        })
    }
}

/// The columns that a latent state is regressed on, with their names: angles as sine and cosine.
///
/// A single angle gives `sin` and `cos`; several give `sin <name>` and `cos <name>`. Rows are
/// `n·T + t`.
pub fn regression_targets(recordings: &Recordings) -> (Vec<String>, Array2<f64>) {
    let angles = recordings.state_kinds.iter().filter(|k| **k == StateKind::Angle).count();
    let (count, steps, _) = recordings.states.dim();
    let mut names = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (i, (name, kind)) in recordings.state_names.iter().zip(&recordings.state_kinds).enumerate()
    {
        let values: Vec<f64> = recordings
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
