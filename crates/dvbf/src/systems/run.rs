//! The automatic settings on every system, beside the linear models of the same recordings.

use super::catalog::{PLANTS, Plant};
use crate::data::write_tables;
use crate::eval::{OpenLoopRow, Summary};
use crate::run::{LogRecord, Observer, Outcome, Phase, RunError, RunFolder, TrainRequest, train};
use crate::settings::{RecordingsSettings, preset_for, usual_source};
use crate::train::StepStats;
use dvbf_core::replace_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct SystemsRequest {
    /// Seed of the recordings and of the trainings.
    pub seed: u64,
    /// Names of the systems; all if empty.
    pub only: Vec<String>,
    /// Settings that differ from the automatic ones, as `key=value`.
    pub overrides: Vec<String>,
    /// The folder of the comparison; systems that are finished there are not trained again.
    pub folder: PathBuf,
    /// Trainings at the same time; as many as there are cores if zero.
    pub threads: usize,
}

/// A system with its figures on test data, in units of the variance of its channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlantRow {
    /// Its name.
    pub name: String,
    /// Whether its equations are nonlinear.
    pub nonlinear: bool,
    /// Samples.
    pub samples: usize,
    /// Noise of the sensors in units of the channels' standard deviations.
    pub noise: f64,
    /// Errors by number of predicted steps.
    pub open_loop: BTreeMap<usize, OpenLoopRow>,
    /// Seconds of the training.
    pub seconds: f64,
}

impl PlantRow {
    fn of(plant: &Plant, summary: Summary) -> Self {
        Self {
            name: plant.name.into(),
            nonlinear: plant.nonlinear,
            samples: plant.samples,
            noise: plant.noise,
            open_loop: summary.open_loop,
            seconds: summary.seconds,
        }
    }

    /// The least error of a linear model over `horizon` steps.
    pub fn linear(&self, horizon: usize) -> Option<f64> {
        let row = self.open_loop.get(&horizon)?;
        row.linear.into_iter().chain(row.kalman).filter(|e| e.is_finite()).reduce(f64::min)
    }

    /// The model's error beside the least one of a linear model.
    pub fn ratio(&self, horizon: usize) -> Option<f64> {
        Some(self.open_loop.get(&horizon)?.model / self.linear(horizon)?)
    }
}

/// Trains on every system; `finished` hears of each, and `stop` is asked whether to end early. Rows are in the
/// order of [`PLANTS`], and `systems.json` in the folder holds them.
///
/// # Errors
/// If a system is not known, a training breaks down, or a file cannot be written.
pub fn compare_systems(
    request: &SystemsRequest,
    finished: &(dyn Fn(&PlantRow) + Sync),
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Vec<PlantRow>>, RunError> {
    let known = |name: &String| PLANTS.iter().any(|plant| plant.name == name);
    if let Some(name) = request.only.iter().find(|name| !known(name)) {
        let all: Vec<&str> = PLANTS.iter().map(|plant| plant.name).collect();
        let problem = format!("there is no system {name}; there are {}", all.join(", "));
        return Err(crate::settings::SettingsError::Value { key: "--only".into(), problem }.into());
    }
    let wanted = |plant: &&Plant| {
        request.only.is_empty() || request.only.iter().any(|name| name == plant.name)
    };
    let plants: Vec<&Plant> = PLANTS.iter().filter(wanted).collect();
    let threads = match request.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    // Long ones first, so that none of them is left for the end.
    let mut order: Vec<usize> = (0..plants.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(plants[i].samples));
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<Option<Result<PlantRow, RunError>>>> =
        Mutex::new(plants.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(plants.len()) {
            scope.spawn(|| {
                while let Some(&place) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = match one(plants[place], request, stop) {
                        Ok(Some(row)) => {
                            finished(&row);
                            Ok(row)
                        }
                        Ok(None) => break,
                        Err(source) => {
                            let name = plants[place].name.into();
                            Err(RunError::One { name, source: Box::new(source) })
                        }
                    };
                    let mut rows = rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    rows[place] = Some(row);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(rows) = rows.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let rows: Vec<PlantRow> = rows.into_iter().collect::<Result<_, _>>()?;
    let path = request.folder.join("systems.json");
    let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    replace_file(&path, &[text.as_bytes()])
        .map_err(|source| crate::run::FolderError::Io { path, source })?;
    Ok(Some(rows))
}

/// Trains on one system; nothing if it was stopped.
fn one(
    plant: &Plant,
    request: &SystemsRequest,
    stop: &dyn Fn() -> bool,
) -> Result<Option<PlantRow>, RunError> {
    let folder = request.folder.join(plant.name);
    if let Ok(summary) = RunFolder::open(&folder).and_then(|run| run.summary()) {
        return Ok(Some(PlantRow::of(plant, summary)));
    }
    let tables = request.folder.join("recordings").join(plant.name);
    let recordings = plant.record(request.seed);
    let files = write_tables(&tables, &recordings)?;
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let recordings = crate::data::read_files(
        &crate::data::find_files(&files)?,
        &crate::data::Columns::default(),
        &crate::data::Frames::default(),
    )?;
    let here = std::env::current_dir().ok();
    let folder_of_files = here.and_then(|here| here.to_str().map(str::to_owned));
    let source = RecordingsSettings { folder: folder_of_files, ..usual_source(&recordings, files) };
    let mut settings = preset_for("auto", &recordings, source, &request.overrides)?;
    settings.seed = request.seed;
    if Path::new(&folder).exists() {
        // What an earlier comparison left unfinished.
        std::fs::remove_dir_all(&folder)
            .map_err(|source| crate::run::FolderError::Io { path: folder.clone(), source })?;
    }
    let request = TrainRequest { settings, folder, resume: false, files: Vec::new(), threads: 1 };
    match train(&request, &mut Silent { stop })? {
        Outcome::Finished(finished) => Ok(Some(PlantRow::of(plant, finished.summary))),
        Outcome::Stopped(_) => Ok(None),
    }
}

/// Says nothing.
struct Silent<'a> {
    stop: &'a dyn Fn() -> bool,
}

impl Observer for Silent<'_> {
    fn phase(&mut self, _: Phase) {}
    fn note(&mut self, _: &str) {}
    fn step(&mut self, _: u64, _: u64, _: &StepStats) {}
    fn logged(&mut self, _: &LogRecord) {}
    fn should_stop(&self) -> bool {
        (self.stop)()
    }
}
