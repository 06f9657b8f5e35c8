//! What is looked at while a model is trained.

use super::judge::{Judge, Yardstick};
use super::observer::Observer;
use super::phase::Phase;
use crate::data::{Dataset, Set, Supply};
use crate::pool::Pool;
use crate::settings::Settings;
use std::borrow::Cow;

/// What is looked at while a model is trained.
pub(super) struct Held<'a> {
    pub(super) train: Cow<'a, Dataset>,
    pub(super) validation: Cow<'a, Dataset>,
    /// As much of the long sequences as choices look at.
    pub(super) long: Cow<'a, Dataset>,
    pub(super) judge: Judge,
}

impl<'a> Held<'a> {
    /// The sets, and the linear model if training starts from one.
    pub(super) fn of(
        settings: &Settings,
        supply: &'a Supply,
        pool: &Pool,
        observer: &mut dyn Observer,
    ) -> Self {
        let Settings { data, training, evaluation, .. } = settings;
        let mut ahead = evaluation.chosen_by.max(training.restart_horizon);
        if training.linear_start {
            ahead = ahead.max(evaluation.longest_span().horizon);
        }
        let long = data.long_steps.min(evaluation.filtered + ahead);
        let mut held = Self {
            train: supply.sequences(Set::Train).all(),
            validation: supply.sequences(Set::Validation).all(),
            long: supply.sequences(Set::ValidationLong).beginnings(long),
            judge: Judge { chosen_by: evaluation.chosen_by, linear: None },
        };
        if training.linear_start {
            observer.phase(Phase::Linear);
            held.judge.linear = Yardstick::find(settings, &held.train, &held.long, pool);
            if held.judge.linear.is_none() {
                observer.note("no linear model fits these recordings; training starts without one");
            }
        }
        held
    }
}
