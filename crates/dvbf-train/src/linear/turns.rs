//! Which channels of recordings are angles whose whole turns count, and which are levels, whose value does not matter.
//!
//! An angle goes through a turn and more, and what moves it comes again with every turn: its change over a while,
//! `x_{t+h} − x_t`, is told by `sin a_t` and `cos a_t` better than by a polynomial in `x_t`. Of a level, no change of
//! any channel is told better by such a polynomial than without. All are regressions with the same past changes,
//! controls and other channels, judged on blocks of steps that they were not fitted to.

use super::regression::Regression;
use dvbf_data::RawRecordings;
use dvbf_data::division::Piece;
use nalgebra::{DMatrix, DVector};
use std::f64::consts::TAU;

/// Past changes among the regressors.
const PAST: usize = 4;
/// Steps of a long change.
const LONG: usize = 20;
/// Part of a turn that the change over a while should have.
const MOTION: f64 = 1.0 / 12.0;
/// Parts of this while over which changes are told; the median counts, as a few pushes decide single ones.
const PARTS: [f64; 5] = [0.25, 0.5, 0.75, 1.0, 1.5];
/// Steps that are used, at most.
const STEPS: usize = 40_000;
/// Ratio of the squared errors below which turns explain the motion.
const BETTER: f64 = 0.9;
/// Ratio of the squared errors up to which a value does not matter.
const ALIKE: f64 = 1.01;

/// Channels of which changes matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedChannels {
    /// Angles whose whole turns count, with the value of a turn in the unit of the recording.
    pub angles: Vec<(usize, f64)>,
    /// Levels, whose value does not matter at all.
    pub levels: Vec<usize>,
}

/// Angles and levels among the channels; none of images and of steps of different lengths.
///
/// A name with a unit (`[rad]`, `[deg]`, `[°]`, `[rev]`) says the turn; otherwise radians and degrees are tried, of
/// channels that go through a whole turn.
pub fn counted_channels(recordings: &RawRecordings, train: &[Piece]) -> CountedChannels {
    let mut found = CountedChannels::default();
    if recordings.image.is_some() || recordings.is_irregular() {
        return found;
    }
    for (channel, name) in recordings.observation_names.iter().enumerate() {
        let (periods, least) = turn_of(name);
        let range = range(recordings, train, channel);
        let best = periods
            .iter()
            .filter(|period| range >= least * **period)
            .filter_map(|&period| Some((gain(recordings, train, channel, period)?, period)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((ratio, period)) if ratio < BETTER => found.angles.push((channel, period)),
            _ if is_level(recordings, train, channel) => found.levels.push(channel),
            _ => {}
        }
    }
    found
}

/// Whether no change of any channel depends on the value of this one.
fn is_level(recordings: &RawRecordings, train: &[Piece], channel: usize) -> bool {
    let alike = |target: usize| {
        let ratio = median([0.25, 0.5, 1.0].map(|part| {
            let ahead = share(LONG, part);
            let rows = rows(recordings, train, (channel, target), ahead);
            let scale = scale(&rows);
            let with = held_out(&rows, 4 * ahead, &|row| polynomial(row.now / scale))?;
            Some(held_out(&rows, 4 * ahead, &|_| Vec::new())? / with)
        }));
        ratio.is_some_and(|ratio| ratio <= ALIKE)
    };
    (0..recordings.observation_names.len()).all(alike)
}

/// Largest absolute value.
fn scale(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.now.abs()).fold(1e-300, f64::max)
}

fn polynomial(x: f64) -> Vec<f64> {
    vec![x, x * x, x * x * x]
}

/// Possible turns by the unit in a name, and the least part of a turn that a channel goes through.
fn turn_of(name: &str) -> (&'static [f64], f64) {
    let name = name.to_lowercase();
    let has = |units: [&str; 4]| units.iter().any(|unit| name.ends_with(unit));
    if has(["[rad]", "(rad)", "_rad", "_radians"]) {
        (&[TAU], 0.5)
    } else if has(["[deg]", "(deg)", "_deg", "_degrees"]) || has(["[°]", "(°)", "_°", "°"]) {
        (&[360.0], 0.5)
    } else if has(["[rev]", "(rev)", "_rev", "_turns"]) {
        (&[1.0], 0.5)
    } else if name.ends_with([']', ')']) {
        (&[], 1.0)
    } else {
        (&[TAU, 360.0], 1.0)
    }
}

/// Difference of the largest and the smallest value.
fn range(recordings: &RawRecordings, train: &[Piece], channel: usize) -> f64 {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for piece in train {
        let column = recordings.sequences[piece.sequence].observations.column(channel);
        for &x in column.iter().skip(piece.start).take(piece.length).filter(|x| !x.is_nan()) {
            (low, high) = (low.min(f64::from(x)), high.max(f64::from(x)));
        }
    }
    high - low
}

/// Squared error of the change by sine and cosine beside that by a polynomial of order three, on blocks that
/// neither was fitted to; `None` if there is too little.
fn gain(recordings: &RawRecordings, train: &[Piece], channel: usize, period: f64) -> Option<f64> {
    let motion = |steps: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for piece in train {
            let column = recordings.sequences[piece.sequence].observations.column(channel);
            let values = column.iter().skip(piece.start).take(piece.length);
            for (from, to) in values.clone().zip(values.skip(steps)) {
                let change = f64::from(to - from);
                if !change.is_nan() {
                    sum += change * change;
                    count += 1.0;
                }
            }
        }
        f64::sqrt(sum / f64::max(count, 1.0))
    };
    let usual = (1..=LONG).find(|&h| motion(h) >= MOTION * period).unwrap_or(LONG);
    median(PARTS.map(|part| {
        let ahead = share(usual, part);
        let rows = rows(recordings, train, (channel, channel), ahead);
        let scale = scale(&rows);
        let turning = |row: &Row| {
            let (sine, cosine) = (TAU * row.now / period).sin_cos();
            vec![sine, cosine]
        };
        let block = 4 * ahead.max(PAST);
        let other = held_out(&rows, block, &|row| polynomial(row.now / scale))?;
        Some(held_out(&rows, block, &turning)? / other)
    }))
}

/// A part of so many steps, one at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a small number"
)]
fn share(steps: usize, part: f64) -> usize {
    ((steps as f64 * part).round() as usize).max(1)
}

/// The median; `None` if one of them is missing.
fn median<const N: usize>(values: [Option<f64>; N]) -> Option<f64> {
    let mut all: Vec<f64> = values.into_iter().collect::<Option<_>>()?;
    all.sort_by(f64::total_cmp);
    all.get(N / 2).copied()
}

struct Row {
    step: usize,
    now: f64,
    change: f64,
    beside: Vec<f64>,
}

/// Every step of which the change of `target` and what it may depend on beside `channel` are known.
fn rows(
    recordings: &RawRecordings,
    train: &[Piece],
    (channel, target): (usize, usize),
    ahead: usize,
) -> Vec<Row> {
    let channels = recordings.observation_names.len();
    let mut rows = Vec::new();
    for piece in train {
        let sequence = &recordings.sequences[piece.sequence];
        let end = piece.start + piece.length;
        let x = |t: usize, c: usize| f64::from(sequence.observations[[t, c]]);
        for t in (piece.start + PAST)..end.saturating_sub(ahead) {
            if rows.len() >= STEPS {
                return rows;
            }
            let changes =
                (0..channels).flat_map(|c| (0..PAST).map(move |k| x(t - k, c) - x(t - k - 1, c)));
            let others = (0..channels).filter(|&c| c != channel).map(|c| x(t, c));
            let acting =
                (t - 1..t + ahead).flat_map(|t| sequence.controls.row(t).to_vec()).map(f64::from);
            let beside: Vec<f64> =
                std::iter::once(1.0).chain(changes).chain(others).chain(acting).collect();
            let change = x(t + ahead, target) - x(t, target);
            if change.is_finite() && beside.iter().all(|v| v.is_finite()) {
                rows.push(Row { step: rows.len(), now: x(t, channel), change, beside });
            }
        }
    }
    rows
}

/// Mean squared error of the change on every fourth block of rows by a regression on the others.
fn held_out(rows: &[Row], block: usize, of: &dyn Fn(&Row) -> Vec<f64>) -> Option<f64> {
    let held = |row: &&Row| (row.step / block) % 4 == 3;
    let inputs = |row: &Row| DVector::from_vec([row.beside.clone(), of(row)].concat());
    let width = inputs(rows.first()?).len();
    let mut fit = Regression::new(width, 1);
    for row in rows.iter().filter(|row| !held(row)) {
        fit.add(&inputs(row), &DVector::from_element(1, row.change));
    }
    if fit.rows() < 10.0 * width as f64 {
        return None;
    }
    let found: DMatrix<f64> = fit.solve(1e-9)?;
    let (mut sum, mut count) = (0.0, 0.0_f64);
    for row in rows.iter().filter(held) {
        sum += (row.change - (&found * inputs(row))[0]).powi(2);
        count += 1.0;
    }
    (count > 0.0 && sum > 0.0).then(|| sum / count)
}
