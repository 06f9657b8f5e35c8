//! What the columns of a table probably are, for tables whose names do not say it in this project's way.

use super::RecordingError;
use super::clock;
use super::columns::{is_episode, separator};
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Rows that are looked at, at most.
const ROWS: usize = 100_000;
/// Parts of names that inputs of a system often have.
const INPUTS: [&str; 19] = [
    "torque",
    "force",
    "voltage",
    "current",
    "command",
    "cmd",
    "control",
    "action",
    "input",
    "pwm",
    "duty",
    "throttle",
    "steer",
    "motor",
    "valve",
    "pump",
    "setpoint",
    "reference",
    "heater",
];

/// What a column probably is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guess {
    /// Time stamps.
    Time,
    /// The number of an episode.
    Episode,
    /// A control.
    Input,
    /// An observation.
    Output,
    /// Text, or numbers that never change.
    Unused,
}

/// A column of a table as it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// `number` or `text`.
    pub kind: &'static str,
    /// Smallest and largest number.
    pub range: Option<(f64, f64)>,
    /// Share of cells that are empty or NaN.
    pub missing: f64,
    /// What it probably is.
    pub role: Guess,
}

/// The columns of the table at `path`, by its first hundred thousand rows.
///
/// # Errors
/// If it cannot be read as a table with a line of names.
pub(super) fn guess_table(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    let file = File::open(path).map_err(|source| RecordingError::io(path, source))?;
    let mut from = BufReader::new(file);
    let separator = separator(&mut from).map_err(|e| RecordingError::io(path, e))?;
    let wrong = |e: csv::Error| RecordingError::file(path, format!("cannot be read: {e}"));
    let mut table = csv::ReaderBuilder::new()
        .delimiter(separator)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(from);
    let names: Vec<String> = table.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut all: Vec<Seen> = names.iter().map(|_| Seen::default()).collect();
    for record in table.records().take(ROWS) {
        let record = record.map_err(wrong)?;
        for (place, seen) in all.iter_mut().enumerate() {
            seen.add(record.get(place).unwrap_or_default());
        }
    }
    Ok(names.into_iter().zip(all).map(|(name, seen)| seen.facts(name)).collect())
}

/// What was seen of a column.
#[derive(Debug, Default)]
pub(super) struct Seen {
    cells: f64,
    empty: f64,
    text: f64,
    range: Option<(f64, f64)>,
}

impl Seen {
    fn add(&mut self, cell: &str) {
        self.cells += 1.0;
        if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
            self.empty += 1.0;
            return;
        }
        match cell.parse::<f64>() {
            Ok(value) => self.widen(value),
            Err(_) => self.text += 1.0,
        }
    }

    /// Adds a number; NaN is missing.
    #[cfg(any(feature = "hdf5", feature = "mcap", feature = "parquet"))]
    pub(super) fn add_number(&mut self, value: f64) {
        self.cells += 1.0;
        if value.is_nan() {
            self.empty += 1.0;
        } else {
            self.widen(value);
        }
    }

    fn widen(&mut self, value: f64) {
        let (low, high) = self.range.unwrap_or((value, value));
        self.range = Some((low.min(value), high.max(value)));
    }

    pub(super) fn facts(self, name: String) -> ColumnFacts {
        let number = self.text == 0.0 && self.range.is_some();
        let still = self.range.is_none_or(|(low, high)| low >= high);
        let lower = name.to_lowercase();
        let role = if clock::usual(&name).is_some() {
            Guess::Time
        } else if is_episode(&name) {
            Guess::Episode
        } else if !number || still || name.is_empty() || lower == "dt" || lower == "index" {
            Guess::Unused
        } else if lower == "u"
            || lower.starts_with("u_")
            || INPUTS.iter().any(|input| lower.contains(input))
        {
            Guess::Input
        } else {
            Guess::Output
        };
        ColumnFacts {
            name,
            kind: if number { "number" } else { "text" },
            range: self.range,
            missing: self.empty / self.cells.max(1.0),
            role,
        }
    }
}
