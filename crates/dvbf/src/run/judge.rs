//! How models of a run are compared: by predictions on the validation set.

use crate::data::Dataset;
use crate::eval::{LinearModels, OpenLoop};
use crate::pool::Pool;
use crate::settings::Settings;
use dvbf_train::linear::{Choice, Counted, Identified, identify};
use std::collections::BTreeMap;

/// Weight of being worse than the linear model, beside being better.
const WORSE: f64 = 10.0;

/// Squared error that counts as none, in units of the channels' variances.
const NOTHING: f64 = 1e-9;

/// What a model has to be better than.
#[derive(Debug)]
pub(super) struct Judge {
    /// Predicted frames that count where there is no linear model.
    pub(super) chosen_by: usize,
    /// The linear model that training starts from.
    pub(super) linear: Option<Yardstick>,
}

/// The linear model that training starts from, and what a model has to be better than on the validation set.
#[derive(Debug)]
pub(super) struct Yardstick {
    /// The models.
    pub(super) found: Identified,
    /// Horizon and least error over it of an autoregression and a Kalman filter, with which the model is compared
    /// in the end.
    pub(super) errors: Vec<(usize, f64)>,
}

impl Yardstick {
    /// The linear model that predicts the validation set best; `None` if there are too many channels or too few
    /// steps for one.
    pub(super) fn find(
        settings: &Settings,
        train: &Dataset,
        held: &Dataset,
        counted: &[Counted],
        pool: &Pool,
    ) -> Option<Self> {
        let Settings { model, evaluation, .. } = settings;
        let choice = Choice {
            filtered: evaluation.filtered,
            horizons: evaluation.horizons.clone(),
            frames: model.initial_frames,
            state: model.state,
            counted: counted.to_vec(),
        };
        let found = identify(train, held, &choice)?;
        let span = evaluation.longest_span();
        let others = LinearModels::fit(train, held, span, pool).errors(held, span, pool);
        let least = |(horizon, own): (usize, f64)| {
            let others = others.autoregression.iter().chain(&others.kalman);
            let others = others.map(|errors| errors.at(horizon));
            (horizon, others.filter(|e| e.is_finite()).reduce(f64::min).unwrap_or(own))
        };
        let errors = choice.horizons.into_iter().zip(found.errors.iter().copied());
        Some(Self { errors: errors.map(least).collect(), found })
    }
}

impl Judge {
    /// Predicted frames that a judgement looks at.
    pub(super) fn ahead(&self) -> usize {
        let linear = self.linear.iter().flat_map(|linear| &linear.errors);
        linear.map(|(horizon, _)| *horizon).max().unwrap_or(0).max(self.chosen_by)
    }

    /// Errors beside the least of any linear model, by horizon; nothing without one.
    pub(super) fn ratios(&self, errors: &OpenLoop) -> BTreeMap<usize, f64> {
        let linear = self.linear.iter().flat_map(|linear| &linear.errors);
        let ratio = |&(horizon, own): &(usize, f64)| {
            (horizon, (errors.at(horizon) + NOTHING) / (own + NOTHING))
        };
        linear.map(ratio).collect()
    }

    /// Lower is better. Without a linear model this is the open-loop error; beside one, the mean logarithm of
    /// the ratio of the two errors over the horizons, and ten times those that are above zero, so that
    /// whatever has less than zero is hardly worse anywhere.
    pub(super) fn score(&self, errors: &OpenLoop) -> f64 {
        if self.linear.is_none() {
            return errors.at(self.chosen_by);
        }
        let ratios: Vec<f64> = self.ratios(errors).into_values().map(f64::ln).collect();
        let mean = ratios.iter().sum::<f64>() / ratios.len().max(1) as f64;
        mean + WORSE * ratios.iter().map(|r| r.max(0.0)).sum::<f64>()
    }
}
