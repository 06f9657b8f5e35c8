//! Arrays of an archive whose names are not known.
//!
//! What is meant for a part that is missing must not be lost without a word, so usual names of other
//! programs and misspelled ones are errors; anything else may be in an archive and is not used.

use super::RecordingError;
use std::path::Path;

/// Other names that are usual, by the array that they would be here.
const SYNONYMS: [(&str, &[&str]); 7] = [
    (
        "x",
        &[
            "xs",
            "obs",
            "observation",
            "observations",
            "image",
            "images",
            "frame",
            "frames",
            "video",
            "videos",
            "pixels",
            "measurement",
            "measurements",
            "y",
            "ys",
            "data",
        ],
    ),
    (
        "u",
        &[
            "us", "control", "controls", "act", "acts", "action", "actions", "input", "inputs",
            "command", "commands", "cmd", "ctrl", "torque", "torques",
        ],
    ),
    ("state", &["states", "true_state", "true_states", "ground_truth"]),
    ("mask", &["masks", "observed", "valid"]),
    ("lengths", &["lens", "seq_len", "seq_lens", "seq_lengths", "sequence_lengths"]),
    ("dt", &["dts", "delta_t", "time_step", "timestep"]),
    ("part", &["parts", "split", "splits"]),
];

/// An array in an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Its axes, if it is an array of which one can tell.
    pub(super) shape: Option<Vec<usize>>,
}

impl Entry {
    fn shown(&self) -> String {
        match &self.shape {
            Some(shape) => format!("{} {shape:?}", self.name),
            None => self.name.clone(),
        }
    }

    /// The array that its name usually stands for.
    fn usual(&self) -> Option<&'static str> {
        let name = self.name.to_lowercase();
        let known = |(here, others): &(&'static str, &[&str])| {
            (name == *here || others.contains(&name.as_str())).then_some(*here)
        };
        SYNONYMS.iter().find_map(known)
    }

    /// The known name that it is a slip of the pen away from.
    fn near(&self, known: &[&'static str]) -> Option<&'static str> {
        let slips = |other: &str| strsim::osa_distance(&self.name.to_lowercase(), other);
        let allowed = self.name.chars().count() / 3;
        known.iter().copied().filter(|other| slips(other) <= allowed).min_by_key(|o| slips(o))
    }
}

/// Names of the arrays that are left out, if nothing speaks against it.
pub(super) fn left_out(
    entries: &[Entry],
    known: &[&'static str],
    path: &Path,
) -> Result<Vec<String>, RecordingError> {
    let is_there = |name: &str| entries.iter().any(|entry| entry.name == name);
    if !is_there("x") {
        return Err(RecordingError::file(path, without_x(entries, known)));
    }
    let unknown = || entries.iter().filter(|entry| !known.contains(&entry.name.as_str()));
    for entry in unknown() {
        if let Some(usual) = entry.usual().filter(|usual| !is_there(usual)) {
            let problem = format!(
                "is not known; rename it to {usual} if it is what {usual} stands for, and leave it \
                 out if not"
            );
            return Err(RecordingError::key(path, &entry.name, problem));
        }
        if let Some(near) = entry.near(known).filter(|_| entry.usual().is_none()) {
            let problem =
                format!("is not known; did you mean {near}? Rename it so that nothing is mistaken");
            return Err(RecordingError::key(path, &entry.name, problem));
        }
    }
    Ok(unknown().map(|entry| entry.name.clone()).collect())
}

fn without_x(entries: &[Entry], known: &[&'static str]) -> String {
    const START: &str = "has no array x, the observations";
    if entries.is_empty() {
        return format!("{START}; it is empty");
    }
    let all: Vec<String> = entries.iter().map(Entry::shown).collect();
    let named: Vec<&str> =
        entries.iter().filter(|e| e.usual() == Some("x")).map(|e| e.name.as_str()).collect();
    let shaped = |entry: &&Entry| {
        let axes = entry.shape.as_ref().map_or(0, Vec::len);
        axes >= 2 && entry.usual().is_none() && !known.contains(&entry.name.as_str())
    };
    let shaped: Vec<&str> =
        entries.iter().filter(shaped).map(|entry| entry.name.as_str()).collect();
    let hint = match (named.is_empty(), shaped.is_empty()) {
        (false, _) => format!("; rename {} to x if it is meant", named.join(" or ")),
        (true, false) => format!("; rename {} to x if it is meant", shaped.join(" or ")),
        (true, true) => String::new(),
    };
    format!("{START}; there are {}{hint}", all.join(", "))
}

/// What has to be said of arrays that are left out though they look like controls, if there are none,
/// for sequences of `(count, steps)`.
pub(super) fn no_controls(
    entries: &[Entry],
    left_out: &[String],
    own: (usize, usize),
) -> Vec<String> {
    if entries.iter().any(|entry| entry.name == "u") {
        return Vec::new();
    }
    let like = |entry: &&Entry| {
        let shape = entry.shape.as_deref().unwrap_or_default();
        (2..=3).contains(&shape.len()) && (shape[0], shape[1]) == own
    };
    let unused = entries.iter().filter(|entry| left_out.contains(&entry.name));
    unused
        .filter(like)
        .map(|entry| {
            format!(
                "{} is not used, not as a control either: the array of controls is called u",
                entry.shown()
            )
        })
        .collect()
}
