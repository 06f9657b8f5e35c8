//! The final figures of a run.

use crate::forces::{Calibrated, ForceTable};
use crate::record::LogRecord;
use crate::settings::Settings;
use dvbf_core::Dvbf;
use dvbf_data::{Dataset, Set, Supply, regression_targets};
use dvbf_train::eval::{
    Baselines, Calibration, ConstantFigure, Draw, FitTest, Inferred, OpenLoop, Physics, Readout,
    ReadoutRows, calibrate, importance_weighted_bound, infer, regress, rollout_errors, shown,
};
use dvbf_train::nullable;
use dvbf_train::pool::Pool;
use ndarray::{Array2, Array3, Axis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Training sequences that read-outs of latent states are fitted to, at most; the first ones.
pub const READ_OUT: usize = 500;

/// Figures by column name.
pub type Columns = BTreeMap<String, f64>;

/// R² on held-out sequences, every step counted, fitted on the training sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct R2Figures {
    /// From samples of the posterior: the figures of Karl et al. 2017.
    #[serde(deserialize_with = "nullable::columns")]
    pub sample: Columns,
    /// From the mean path.
    #[serde(deserialize_with = "nullable::columns")]
    pub mean: Columns,
    /// From samples, by a cubic read-out.
    #[serde(deserialize_with = "nullable::columns")]
    pub nonlinear: Columns,
    /// From the mean path without any regression, where the state has components of the same names.
    #[serde(
        default,
        skip_serializing_if = "Columns::is_empty",
        deserialize_with = "nullable::columns"
    )]
    pub direct: Columns,
}

/// Bound on the test set, in nats per sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundFigures {
    /// Evidence lower bound.
    #[serde(deserialize_with = "nullable::number")]
    pub total: f64,
    /// Its reconstruction term.
    #[serde(deserialize_with = "nullable::number")]
    pub reconstruction: f64,
    /// Its divergence.
    #[serde(deserialize_with = "nullable::number")]
    pub kl: f64,
    /// Importance-weighted bound with 64 samples, or as many as were configured.
    pub iwae64: Option<f64>,
}

/// Open-loop error up to one horizon, per channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoopRow {
    /// The model.
    #[serde(deserialize_with = "nullable::number")]
    pub model: f64,
    /// The last filtered frame, repeated.
    #[serde(deserialize_with = "nullable::number")]
    pub persistence: f64,
    /// The mean training image.
    #[serde(deserialize_with = "nullable::number")]
    pub mean_image: f64,
    /// The true equations from a slightly wrong state, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physics: Option<f64>,
    /// A linear autoregressive model with inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<f64>,
    /// Principal components and a Kalman filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kalman: Option<f64>,
}

/// What a model with a differential equation inside says of the system, beside constants and states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhysicsFigures {
    /// Mean difference between each state of the equation and the true one, in its unit.
    #[serde(deserialize_with = "nullable::columns")]
    pub offset: Columns,
    /// The remainder's share in the motion of each component.
    pub remainder_shares: Columns,
    /// Whether the model learned the mirror image; figures are of what it shows in the mirror.
    pub mirrored: bool,
}

/// What `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the preset.
    pub preset: String,
    /// Seed of the run.
    pub seed: u64,
    /// Updates.
    pub steps: u64,
    /// Updates of the model that was kept, the one that predicts the validation set best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// Wall time of the run, from making the data to these figures.
    #[serde(deserialize_with = "nullable::number")]
    pub seconds: f64,
    /// Threads of the run.
    pub threads: usize,
    /// Dimensions of the latent state.
    pub latent_dim: usize,
    /// What the recordings were and how they were divided, in sentences; nothing of simulated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recordings: Option<Vec<String>>,
    /// Regression of the true state on the latent state.
    pub r2: R2Figures,
    /// Bound.
    pub bound: BoundFigures,
    /// Open-loop error by horizon.
    pub open_loop: BTreeMap<usize, OpenLoopRow>,
    /// Constants of the differential equation inside, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constants: Option<BTreeMap<String, ConstantFigure>>,
    /// Why no constant is reported, if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constants_withheld: Option<String>,
    /// Mean square of the learned remainder over that of the whole motion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder_share: Option<f64>,
    /// What else a model with a differential equation inside says of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physics: Option<PhysicsFigures>,
    /// Whether one-step predictions know their errors, nothing if no step was predicted; of a skin, how well
    /// methods tell the force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibrated>,
    /// Of a skin, whether one-step predictions know their errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Calibration>,
}

/// `(N, T, Z)` as rows `n·T + t`.
///
/// # Panics
/// If the array is not in standard order.
pub fn rows(state: &Array3<f32>) -> Array2<f64> {
    let (n, t, z) = state.dim();
    state.mapv(f64::from).into_shape_with_order((n * t, z)).expect("a standard array")
}

/// R² of every column from the latent states `(N, T, Z)` beside both sets, over the steps whose true
/// state is known.
pub fn r2(readout: Readout, sets: FitTest<(&Dataset, &Array3<f32>)>) -> Vec<(String, f64)> {
    let FitTest { fit: (train, train_z), test: (test, test_z) } = sets;
    let ((names, train_y), (_, test_y)) = (regression_targets(train), regression_targets(test));
    if names.is_empty() {
        return Vec::new();
    }
    let known = |z: &Array3<f32>, y: &Array2<f64>| {
        let steps = z.dim().1;
        // The latent states may end before the recordings do.
        let all = y.nrows() / z.dim().0;
        let row = |n: usize, t: usize| n * all + t;
        let (z, mut from, mut to) = (rows(z), Vec::new(), Vec::new());
        for r in 0..z.nrows() {
            let target = row(r / steps, r % steps);
            if !y.row(target).iter().any(|v| v.is_nan()) {
                from.push(r);
                to.push(target);
            }
        }
        (z.select(Axis(0), &from), y.select(Axis(0), &to))
    };
    let ((train_z, train_y), (test_z, test_y)) = (known(train_z, &train_y), known(test_z, &test_y));
    let fit = ReadoutRows { latent: train_z.view(), truth: train_y.view() };
    let test = ReadoutRows { latent: test_z.view(), truth: test_y.view() };
    let figures = regress(readout, FitTest { fit, test });
    names.into_iter().zip(figures).collect()
}

impl Summary {
    /// Evaluates `model` on the test sets, one set after the other.
    pub fn evaluate(
        model: &Dvbf<f32>,
        settings: &Settings,
        supply: &Supply,
        baselines: &Baselines,
        pool: &Pool,
    ) -> Self {
        let seed = settings.seed;
        let train = supply.sequences(Set::Train).first(READ_OUT);
        let test = supply.sequences(Set::Test).all();
        let sets = FitTest { fit: &*train, test: &*test };
        let (mut r2, bound) = in_hindsight(model, settings, sets, pool);
        let truth = supply.environment().map(dvbf_envs::Environment::constants).unwrap_or_default();
        let physics = Physics::of(model, sets, settings.data.steps, &truth, pool);
        drop(train);

        let horizons = &settings.evaluation.horizons;
        let span = settings.evaluation.longest_span();
        let errors = rollout_errors(model, supply.sequences(Set::TestLong), span, pool);
        let row = |&h: &usize| {
            let at = |errors: &OpenLoop| errors.at(h);
            let row = OpenLoopRow {
                model: at(&errors),
                persistence: at(&baselines.persistence),
                mean_image: at(&baselines.mean_image),
                physics: baselines.physics.as_ref().map(at),
                linear: baselines.linear.as_ref().map(at),
                kalman: baselines.kalman.as_ref().map(at),
            };
            (h, row)
        };
        let validation = supply.sequences(Set::Validation).all();
        let (mut constants, mut remainder_share, mut about) = (None, None, None);
        if let Some(physics) = physics {
            r2.direct = physics.direct;
            constants = Some(physics.constants);
            remainder_share = physics.remainder_share;
            about = Some(PhysicsFigures {
                offset: physics.offset,
                remainder_shares: physics.remainder_shares,
                mirrored: physics.mirrored,
            });
        }
        Self {
            preset: settings.preset.clone(),
            seed,
            steps: settings.training.steps,
            kept: None,
            seconds: 0.0,
            threads: pool.threads(),
            latent_dim: settings.model.state,
            recordings: supply.recorded().and_then(|splits| splits.notes.clone()),
            r2,
            bound,
            open_loop: horizons.iter().map(row).collect(),
            constants,
            constants_withheld: None,
            remainder_share,
            physics: about,
            calibration: calibrate(model, FitTest { fit: &*validation, test: &*test }, pool)
                .map(Calibrated::Predictions),
            predictions: None,
        }
    }
}

impl Summary {
    /// Which model was kept, in a sentence, if it is known.
    pub fn kept_model(&self) -> Option<String> {
        Some(match self.kept? {
            0 => "the linear model was kept: training improved on it at no horizon without being worse at \
                  another"
                .into(),
            kept => format!("the model of update {kept} was kept, which predicts the validation part best"),
        })
    }

    /// Whether one-step predictions know their errors.
    pub fn one_step(&self) -> Option<&Calibration> {
        match &self.calibration {
            Some(Calibrated::Predictions(figures)) => Some(figures),
            _ => self.predictions.as_ref(),
        }
    }

    /// How well methods tell the force on a skin.
    pub fn forces(&self) -> Option<&ForceTable> {
        match &self.calibration {
            Some(Calibrated::Forces(table)) => Some(table),
            _ => None,
        }
    }

    /// Takes the figures of a skin.
    pub fn add_forces(&mut self, table: ForceTable) {
        if let Some(Calibrated::Predictions(figures)) =
            self.calibration.replace(Calibrated::Forces(table))
        {
            self.predictions = Some(figures);
        }
    }

    /// Takes over what only the history of the training tells: which model was kept, and how far constants still
    /// moved.
    pub fn add_history(&mut self, history: &[LogRecord]) {
        self.kept = history.iter().rev().find(|record| record.kept).map(|record| record.step);
        self.widen_intervals(history);
        self.withhold_constants();
    }

    /// Takes back all constants of a model that predicts no better, at one of the two shortest horizons, than the
    /// mean of what it was trained on or than the last frame: they describe nothing.
    fn withhold_constants(&mut self) {
        let worse = self.open_loop.iter().take(2).find(|(_, row)| {
            let least = row.mean_image.min(row.persistence);
            row.model.is_nan() || row.model >= least
        });
        let (Some((steps, _)), Some(constants)) = (worse, &mut self.constants) else { return };
        if constants.values().all(|of| of.fixed) {
            return;
        }
        constants.values_mut().for_each(ConstantFigure::withhold);
        self.constants_withheld = Some(format!(
            "no constant is reported: over {steps} steps the model predicts no better than the mean or the last \
             frame"
        ));
    }

    /// Widens the intervals of constants by how far they moved during the last quarter of a training
    /// with this history.
    fn widen_intervals(&mut self, history: &[LogRecord]) {
        let Some(constants) = &mut self.constants else { return };
        let last = history.last().map_or(0, |record| record.step);
        let late = history.iter().filter(|record| 4 * record.step >= 3 * last);
        for (name, figure) in constants {
            let values = late.clone().filter_map(|record| record.constants.get(name));
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(*v), high.max(*v))
            });
            figure.widen(if high > low { high - low } else { 0.0 });
        }
    }
}

/// Regression and bound: what the model says of sequences that it saw from end to end.
fn in_hindsight(
    model: &Dvbf<f32>,
    settings: &Settings,
    sets: FitTest<&Dataset>,
    pool: &Pool,
) -> (R2Figures, BoundFigures) {
    let FitTest { fit: train, test } = sets;
    let (steps, seed) = (settings.data.steps, settings.seed);
    let draw = |data: &Dataset, draw: Draw| infer(model, data, steps, draw, pool);
    let train_sample = draw(train, Draw::Sample(seed));
    let test_sample = draw(test, Draw::Sample(seed.wrapping_add(1)));
    let (train_mean, test_mean) = (draw(train, Draw::Mean), draw(test, Draw::Mean));
    let look = |inferred: &Inferred| shown(model, &inferred.state);
    let (train_z, test_z) = (look(&train_sample), look(&test_sample));
    let samples = FitTest { fit: (train, &train_z), test: (test, &test_z) };
    let (train_z, test_z) = (look(&train_mean), look(&test_mean));
    let mean = r2(Readout::Linear, FitTest { fit: (train, &train_z), test: (test, &test_z) });
    let r2 = R2Figures {
        sample: r2(Readout::Linear, samples).into_iter().collect(),
        mean: mean.into_iter().collect(),
        nonlinear: r2(Readout::Cubic, samples).into_iter().collect(),
        direct: Columns::new(),
    };

    let average = |v: &ndarray::Array1<f64>| v.sum() / v.len() as f64;
    let (reconstruction, kl) = (average(&test_sample.log_lik), average(&test_sample.kl));
    let paths = settings.evaluation.importance_samples;
    let bound = BoundFigures {
        total: reconstruction - kl,
        reconstruction,
        kl,
        iwae64: (paths > 0).then(|| importance_weighted_bound(model, test, paths, seed, pool)),
    };
    (r2, bound)
}
