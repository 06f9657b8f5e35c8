//! What is looked at while a model is trained.

use super::judge::{Judge, Yardstick};
use super::observer::Observer;
use super::phase::Phase;
use crate::data::{Dataset, Set, Supply};
use crate::pool::Pool;
use crate::settings::Settings;
use dvbf_train::linear::{Counted, moved};
use std::borrow::Cow;
use std::f64::consts::TAU;

/// What is looked at while a model is trained.
pub(super) struct Held<'a> {
    pub(super) train: Cow<'a, Dataset>,
    /// What is learned from: the training set, at all values of what is counted.
    pub(super) learned: Cow<'a, Dataset>,
    /// Channels of which changes matter.
    pub(super) counted: Vec<Counted>,
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
        let train = supply.sequences(Set::Train).all();
        let counted = if training.linear_start { counted(settings, &train) } else { Vec::new() };
        let learned =
            if counted.is_empty() { train.clone() } else { Cow::Owned(moved(&train, &counted)) };
        let mut held = Self {
            train,
            learned,
            counted,
            validation: supply.sequences(Set::Validation).all(),
            long: supply.sequences(Set::ValidationLong).beginnings(long),
            judge: Judge { chosen_by: evaluation.chosen_by, linear: None },
        };
        if training.linear_start {
            observer.phase(Phase::Linear);
            held.judge.linear =
                Yardstick::find(settings, &held.train, &held.long, &held.counted, pool);
            if held.judge.linear.is_none() {
                observer.note("no linear model fits these recordings; training starts without one");
            }
        }
        held
    }
}

/// The channels that the recordings' settings call angles and levels, angles first.
pub(super) fn counted(settings: &Settings, train: &Dataset) -> Vec<Counted> {
    let Some(recordings) = &settings.recordings else { return Vec::new() };
    let place = |name: &String| train.names.iter().position(|own| own == name);
    let angle = |(name, turn): (&String, &f64)| {
        let channel = place(name)?;
        let scale =
            train.units.as_ref().map_or(1.0, |units| f64::from(units.observation.scale()[channel]));
        Some(Counted { channel, radians: Some(scale * TAU / turn) })
    };
    let level = |name: &String| Some(Counted { channel: place(name)?, radians: None });
    let angles = recordings.angles.iter().filter_map(angle);
    angles.chain(recordings.levels.iter().filter_map(level)).collect()
}
