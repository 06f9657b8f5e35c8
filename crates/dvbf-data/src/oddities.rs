//! What looks odd in recordings: numbers that stand for something missing, and long gaps.

use super::origins::Origins;
use super::raw::{RawRecordings, RawSequence};
use ndarray::Array1;

/// A number stands for something missing if it is so many times as far from all others as these are from each other.
const FAR: f64 = 5.0;
/// It occurs so often, at least.
const OFTEN: usize = 2;
/// Usual steps of a gap that is worth a word.
const LONG: f64 = 1000.0;

/// What looks odd, in sentences.
pub(super) fn oddities(recordings: &RawRecordings) -> Vec<String> {
    let mut out = Vec::new();
    if recordings.image.is_none() {
        let Origins { observation, control, .. } = &recordings.origins;
        for (i, name) in recordings.observation_names.iter().enumerate() {
            let of = |s: &RawSequence| s.observations.column(i).to_owned();
            out.extend(sentinel(
                recordings,
                &of,
                &format!("observation {name}"),
                Origins::of(observation, i),
            ));
        }
        for (i, name) in recordings.control_names.iter().enumerate() {
            let of = |s: &RawSequence| s.controls.column(i).to_owned();
            out.extend(sentinel(
                recordings,
                &of,
                &format!("control {name}"),
                Origins::of(control, i),
            ));
        }
    }
    out.extend(gap(recordings));
    out
}

/// A value at one end that is far from all others.
fn sentinel(
    recordings: &RawRecordings,
    of: &dyn Fn(&RawSequence) -> Array1<f32>,
    name: &str,
    origin: f64,
) -> Option<String> {
    let columns: Vec<_> = recordings.sequences.iter().map(of).collect();
    let seen = || columns.iter().flat_map(|column| column.iter().copied()).filter(|x| !x.is_nan());
    let (low, high) = extent(seen())?;
    [low, high].into_iter().find_map(|odd| {
        let same = |x: &f32| x.to_bits() == odd.to_bits();
        let count = seen().filter(same).count();
        let (from, to) = extent(seen().filter(|x| !same(x)))?;
        let nearest = f64::from(if odd < from { from - odd } else { odd - to });
        let range = f64::from(to - from);
        let odd = f64::from(odd) + origin;
        (count >= OFTEN && range > 0.0 && nearest > FAR * range).then(|| {
            format!(
                "{name} is {odd} at {count} steps, far from all other values ({:.4} to {:.4}); if it stands for \
                 something missing, leave the cell empty or write NaN",
                f64::from(from) + origin,
                f64::from(to) + origin
            )
        })
    })
}

fn extent(values: impl Iterator<Item = f32>) -> Option<(f32, f32)> {
    values.fold(None, |all, x| {
        let (low, high) = all.unwrap_or((x, x));
        Some((low.min(x), high.max(x)))
    })
}

/// The longest gap between two steps.
fn gap(recordings: &RawRecordings) -> Option<String> {
    let inner = |sequence: &RawSequence| {
        let intervals = sequence.intervals.as_ref()?;
        Some(intervals[..intervals.len().saturating_sub(1)].to_vec())
    };
    let mut all: Vec<f32> = recordings.sequences.iter().filter_map(inner).flatten().collect();
    all.sort_by(f32::total_cmp);
    let (usual, longest) = (*all.get(all.len() / 2)?, *all.last()?);
    let steps = f64::from(longest) / f64::from(usual);
    let sequence = recordings
        .sequences
        .iter()
        .find(|s| s.intervals.as_ref().is_some_and(|own| own.contains(&longest)))?;
    (steps > LONG).then(|| {
        format!(
            "{}: a gap of {longest} s, as long as {steps:.0} usual steps; a column that names the episode \
             (--episode) begins a new sequence there",
            sequence.name
        )
    })
}
