//! Channels of recordings in numbers.

use super::Origins;
use super::division::Piece;
use super::noise::noise;
use super::raw::{RawRecordings, RawSequence};
use serde::Serialize;

/// An observed channel or a control.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelFigures {
    /// What it is and its name.
    pub name: String,
    /// Mean of what was seen.
    pub mean: f64,
    /// Standard deviation of what was seen.
    pub std: f64,
    /// Share of the steps at which it is missing.
    pub missing: f64,
    /// Standard deviation of the noise, in units of [`std`](Self::std), as the differences between
    /// steps tell; too large where the signal itself jumps. Zero for a control.
    pub noise: f64,
}

/// Figures of every observed channel, or of all pixels together, and of every control.
pub fn describe(recordings: &RawRecordings) -> Vec<ChannelFigures> {
    let mut out = Vec::new();
    if recordings.image.is_some() {
        let all = recordings.sequences.iter().flat_map(|s| s.observations.iter().copied());
        out.push(figures("all pixels".into(), all, 0.0, 0.0));
    } else {
        let whole = |(sequence, all): (usize, &RawSequence)| {
            let length = all.observations.nrows();
            Piece { sequence, start: 0, length }
        };
        let pieces: Vec<Piece> = recordings.sequences.iter().enumerate().map(whole).collect();
        let noise = noise(recordings, &pieces);
        for (i, name) in recordings.observation_names.iter().enumerate() {
            let column =
                recordings.sequences.iter().flat_map(|s| s.observations.column(i).to_vec());
            let origin = Origins::of(&recordings.origins.observation, i);
            out.push(figures(format!("observation {name}"), column, noise[i], origin));
        }
    }
    for (i, name) in recordings.control_names.iter().enumerate() {
        let column = recordings.sequences.iter().flat_map(|s| s.controls.column(i).to_vec());
        let origin = Origins::of(&recordings.origins.control, i);
        out.push(figures(format!("control {name}"), column, 0.0, origin));
    }
    out
}

fn figures(
    name: String,
    values: impl Iterator<Item = f32>,
    noise: f64,
    origin: f64,
) -> ChannelFigures {
    let (mut all, mut seen, mut mean, mut scatter) = (0.0, 0.0, 0.0, 0.0);
    for value in values {
        all += 1.0;
        if !value.is_nan() {
            seen += 1.0;
            let off = f64::from(value) - mean;
            mean += off / seen;
            scatter += off * (f64::from(value) - mean);
        }
    }
    let std = f64::sqrt(scatter / f64::max(seen, 1.0));
    let noise = if std > 0.0 { noise / std } else { 0.0 };
    let mean = mean + origin;
    ChannelFigures { name, mean, std, missing: 1.0 - seen / f64::max(all, 1.0), noise }
}
