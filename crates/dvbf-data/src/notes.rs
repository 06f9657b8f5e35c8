//! What recordings are and what is done with them, in sentences.

use super::division::{Parts, Piece};
use super::oddities::oddities;
use super::raw::{RawRecordings, RawSequence};
use crate::settings::{Division, RecordingsSettings};
use ndarray::{ArrayView2, s};

/// What recordings are, in sentences: how many, of what, and what is to be said of how they were read.
pub fn facts(recordings: &RawRecordings) -> Vec<String> {
    let mut out = contents(recordings);
    out.extend(oddities(recordings));
    out.extend(unused(recordings));
    out
}

/// What there is, how it is divided, and what the model sees of it.
pub(super) fn notes(
    recordings: &RawRecordings,
    settings: &RecordingsSettings,
    parts: &Parts,
) -> Vec<String> {
    let mut out = contents(recordings);
    let sizes = |pieces: &[Piece]| {
        let steps: usize = pieces.iter().map(|p| p.length).sum();
        format!("{} ({steps} steps)", pieces.len())
    };
    let how = match settings.division {
        Division::Given => "divided as the files say",
        Division::Sequence => "whole sequences divided at random",
        Division::Time => "every sequence cut in time: training, then validation, then test",
    };
    out.push(format!(
        "{how}: {} for training, {} for validation, {} for the test; no step is in two parts",
        sizes(&parts.train),
        sizes(&parts.validation),
        sizes(&parts.test)
    ));
    if settings.division != Division::Time {
        let from = |pieces: &[Piece]| {
            let mut names: Vec<String> =
                pieces.iter().map(|p| recordings.sequences[p.sequence].name.clone()).collect();
            names.dedup();
            listed(&names)
        };
        out.push(format!(
            "validation is {}; the test is {}",
            from(&parts.validation),
            from(&parts.test)
        ));
    }
    out.push(if settings.normalize {
        "channels brought to mean 0 and standard deviation 1 of the training part; errors are in \
         these units"
            .into()
    } else {
        "channels taken as they are".to_owned()
    });
    out.extend(constant(recordings, parts));
    out.extend(oddities(recordings));
    out.extend(unused(recordings));
    out
}

/// Channels and controls that never change in the training part.
fn constant(recordings: &RawRecordings, parts: &Parts) -> Vec<String> {
    if recordings.image.is_some() {
        return Vec::new();
    }
    let still = |of: &dyn Fn(&RawSequence) -> ArrayView2<'_, f32>, channel: usize| {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for piece in &parts.train {
            let values = of(&recordings.sequences[piece.sequence]);
            let values = values.slice(s![piece.start..piece.start + piece.length, channel]);
            for &value in values.iter().filter(|v| !v.is_nan()) {
                (low, high) = (low.min(value), high.max(value));
            }
        }
        low >= high
    };
    let mut out = Vec::new();
    for (i, name) in recordings.observation_names.iter().enumerate() {
        if still(&|sequence| sequence.observations.view(), i) {
            out.push(format!(
                "observation {name} is constant or missing in the whole training part: nothing is learned of \
                 it, and its errors are in its own unit"
            ));
        }
    }
    for (i, name) in recordings.control_names.iter().enumerate() {
        if still(&|sequence| sequence.controls.view(), i) {
            out.push(format!(
                "control {name} is constant in the training part: what it does cannot be learned"
            ));
        }
    }
    out
}

fn unused(recordings: &RawRecordings) -> Vec<String> {
    let names = &recordings.ignored;
    let names = (!names.is_empty()).then(|| format!("not used: {}", listed(names)));
    names.into_iter().chain(recordings.remarks.iter().cloned()).collect()
}

fn contents(recordings: &RawRecordings) -> Vec<String> {
    let (count, steps) = (recordings.sequences.len(), recordings.steps());
    let lengths = || recordings.sequences.iter().map(|s| s.observations.nrows());
    let (shortest, longest) = (lengths().min().unwrap_or(0), recordings.longest());
    let of = if shortest == longest {
        format!("of {longest} steps")
    } else {
        format!("of {shortest} to {longest} steps")
    };
    let plural =
        |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let all = if count == 1 { String::new() } else { format!(", {steps} steps in all") };
    let mut out = vec![format!("{} {of}{all}", plural(count, "sequence"))];

    let width = recordings.observation_names.len();
    let observed = match recordings.image {
        Some((height, width)) => format!(
            "images of {} by {width} pixels{}",
            height / recordings.colors.max(1),
            if recordings.colors == 3 { " in color" } else { "" }
        ),
        None => format!(
            "{} ({})",
            plural(width, "observed channel"),
            listed(&recordings.observation_names)
        ),
    };
    let missing = match recordings.missing() {
        share if share > 0.0 => format!(", {:.1} % of the values missing", 100.0 * share),
        _ => String::new(),
    };
    let controls = match recordings.control_names.len() {
        0 => "no controls".to_owned(),
        n => format!("{} ({})", plural(n, "control"), listed(&recordings.control_names)),
    };
    out.push(format!("{observed}{missing}, {controls}"));
    if !recordings.state_names.is_empty() {
        let names = listed(&recordings.state_names);
        out.push(format!("true state ({names}) for evaluation only"));
    }
    out.push(match recordings.dt {
        Some(dt) => format!("{} s between two steps", round(dt)),
        None if recordings.is_irregular() => {
            let all = recordings.sequences.iter().filter_map(|s| s.intervals.as_ref());
            let mut gaps: Vec<f32> =
                all.flat_map(|own| own.iter().copied().take(own.len() - 1)).collect();
            gaps.sort_by(f32::total_cmp);
            let at = |place: usize| round(f64::from(gaps.get(place).copied().unwrap_or(f32::NAN)));
            format!(
                "steps of {} to {} s (median {} s), which are one more control; --resample SECONDS makes \
                 them even",
                at(0),
                at(gaps.len().saturating_sub(1)),
                at(gaps.len() / 2)
            )
        }
        None => "seconds between two steps unknown".into(),
    });
    out
}

/// Names, not too many of them.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, …") } else { shown }
}

/// Four digits.
fn round(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
