//! What came of the runs of a sweep, read from their folders.

use super::plan::{Sweep, SweepError};
use crate::folder::RunFolder;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SweepState {
    /// It has not begun.
    Waiting,
    /// It has begun and can be continued.
    Begun,
    /// It ended with an error; it is begun or continued again by the next sweep.
    Failed,
    /// All its figures are there.
    Finished,
}

/// One run of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepRow {
    /// Its number.
    pub run: usize,
    /// Its folder in that of the sweep.
    pub folder: String,
    /// The values of the settings that vary.
    pub values: Vec<String>,
    /// How far it is.
    pub state: SweepState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// All numbers of its `summary.json`, by dotted name.
    pub figures: BTreeMap<String, f64>,
}

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepTable {
    /// The settings that vary.
    pub keys: Vec<String>,
    /// Figures that the page shows; a `*` at the end stands for any.
    pub shown: Vec<String>,
    /// The runs, in the order of their numbers.
    pub runs: Vec<SweepRow>,
}

impl SweepTable {
    /// Reads the folders of all runs below `folder`.
    ///
    /// # Errors
    /// If a folder holds a run with other settings, or a file cannot be read.
    pub fn read(sweep: &Sweep, folder: &Path) -> Result<Self, SweepError> {
        let row = |run: usize| {
            let name = Sweep::folder(run);
            let (state, figures) = state(sweep, run, &folder.join(&name))?;
            let problem = match state {
                SweepState::Finished => None,
                _ => read(&problem_path(folder, run))?,
            };
            let state = if problem.is_some() { SweepState::Failed } else { state };
            let values = sweep.runs[run].values.clone();
            Ok(SweepRow { run, folder: name, values, state, problem, figures })
        };
        let runs = (0..sweep.runs.len()).map(row).collect::<Result<_, SweepError>>()?;
        Ok(Self { keys: sweep.keys.clone(), shown: sweep.figures.clone(), runs })
    }

    /// Notes why a run failed, or with `None` that it is tried again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn note_problem(
        folder: &Path,
        run: usize,
        problem: Option<&str>,
    ) -> Result<(), SweepError> {
        let path = problem_path(folder, run);
        let done = match problem {
            Some(text) => fs::write(&path, text),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                done => done,
            },
        };
        done.map_err(|source| SweepError::Io { path, source })
    }

    /// Names of all figures that any run has.
    pub fn figures(&self) -> BTreeSet<&str> {
        self.runs.iter().flat_map(|row| row.figures.keys().map(String::as_str)).collect()
    }

    /// Names of the figures that the page shows.
    pub fn shown_figures(&self) -> Vec<&str> {
        let shown = |name: &&str| {
            self.shown.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            })
        };
        self.figures().into_iter().filter(shown).collect()
    }

    /// The table as comma-separated values: number, state, settings, all figures, and the problem.
    ///
    /// # Panics
    /// Never: it is written to memory.
    pub fn to_csv(&self) -> Vec<u8> {
        let figures = self.figures();
        let mut out = csv::Writer::from_writer(Vec::new());
        let head = ["run", "state"].into_iter().chain(self.keys.iter().map(String::as_str));
        let head = head.chain(figures.iter().copied()).chain(["problem"]);
        out.write_record(head).expect("writing to memory");
        for row in &self.runs {
            let mut cells = vec![row.run.to_string(), row.state.name().to_owned()];
            cells.extend(row.values.iter().cloned());
            let text =
                |name: &&str| row.figures.get(*name).map_or_else(String::new, f64::to_string);
            cells.extend(figures.iter().map(text));
            cells.push(row.problem.clone().unwrap_or_default());
            out.write_record(&cells).expect("writing to memory");
        }
        out.into_inner().expect("writing to memory")
    }

    /// The table as JSON.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data") + "\n"
    }
}

impl SweepState {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Failed => "failed",
            Self::Finished => "finished",
        }
    }
}

/// Where it is noted why a run failed.
fn problem_path(folder: &Path, run: usize) -> PathBuf {
    folder.join(Sweep::folder(run) + ".failed")
}

/// How far the run in a folder is, and its figures.
fn state(
    sweep: &Sweep,
    run: usize,
    path: &Path,
) -> Result<(SweepState, BTreeMap<String, f64>), SweepError> {
    let Ok(folder) = RunFolder::open(path) else {
        return Ok((SweepState::Waiting, BTreeMap::new()));
    };
    let damaged = |error: &dyn std::fmt::Display| SweepError::File {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    let settings = folder.settings().map_err(|error| damaged(&error))?;
    let expected = &sweep.runs[run].settings;
    if settings != *expected {
        let (mine, theirs) = (expected.entries(), settings.entries());
        let key = mine.iter().find(|entry| !theirs.contains(entry));
        let key = key.map_or("setting".into(), |(key, _)| key.clone());
        return Err(SweepError::Other { folder: path.to_owned(), key });
    }
    let file = folder.file("summary.json");
    let Some(text) = read(&file)? else {
        return Ok((SweepState::Begun, BTreeMap::new()));
    };
    let tree: Value = serde_json::from_str(&text)
        .map_err(|error| SweepError::File { path: file, problem: error.to_string() })?;
    let mut figures = BTreeMap::new();
    flatten("", &tree, &mut figures);
    Ok((SweepState::Finished, figures))
}

/// Every number by its dotted name.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, f64>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, into);
            }
        }
        value => {
            if let Some(number) = value.as_f64() {
                into.insert(prefix.to_owned(), number);
            }
        }
    }
}

/// The text of a file that may be missing.
fn read(path: &Path) -> Result<Option<String>, SweepError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SweepError::Io { path: path.to_owned(), source }),
    }
}
