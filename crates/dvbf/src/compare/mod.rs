//! Every model on the same splits with the same budget, seed by seed, in one table.
//!
//! Finished rows are in `compare.json` as soon as they are finished; a comparison that was stopped
//! goes on where it was, and a Deep Variational Bayes Filter even within its training.

mod contender;
mod figures;
mod file;
mod markdown;
mod page;
mod recipes;
mod run;
mod table;
mod timing;

pub use contender::{CONTENDERS, Contender};
pub use figures::Figures;
pub use file::{Comparison, Row};
pub use markdown::markdown;
pub use table::{Spread, Summarized, summarize, text};

use crate::data::{DataError, Splits, Supply};
use crate::pool::{Pool, PoolError};
use crate::run::RunError;
use crate::schedule::Ramp;
use crate::settings::{Settings, SettingsError};
use crate::train::TrainError;
use dvbf_core::bayes::BayesError;
use run::Arena;
use std::io;
use std::path::{Path, PathBuf};

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// Settings of the Deep Variational Bayes Filter; its budget is everybody's.
    pub settings: Settings,
    /// Seeds `0 … seeds − 1` of everything that is random in a training.
    pub seeds: u64,
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// The folder of the comparison.
    pub folder: PathBuf,
    /// Threads; as many as there are cores if zero.
    pub threads: usize,
}

/// Who watches a comparison, and may stop it.
pub trait Watcher {
    /// A row begins; `number` of `of`.
    fn begin(&mut self, contender: Contender, seed: u64, number: usize, of: usize);
    /// `made` updates of `of` are made in this row.
    fn progress(&mut self, made: u64, of: u64);
    /// A row is finished and on disk.
    fn finished(&mut self, row: &Row);
    /// Whether to stop.
    fn should_stop(&self) -> bool;
}

/// Where a finished comparison was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// All rows.
    pub rows: PathBuf,
    /// The page.
    pub page: PathBuf,
    /// The table in Markdown.
    pub table: PathBuf,
}

/// How a comparison ended.
#[derive(Debug)]
pub enum CompareOutcome {
    /// All rows are there.
    Finished(Box<Comparison>, Written),
    /// The watcher stopped it; so many rows of so many are on disk.
    Stopped(usize, usize),
}

/// Why a comparison ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `compare.json` is not a comparison.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder holds a comparison with other settings.
    #[error(
        "{} is a comparison with other settings; choose another folder with --out",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// The recordings have gaps or ends of their own, which the models of the comparison take in different ways.
    #[error(
        "the {part} sequences {problem}; the models of a comparison make different things of gaps and \
         ends, so give recordings without"
    )]
    Incomplete {
        /// Which of the sets.
        part: &'static str,
        /// What it has.
        problem: &'static str,
    },
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The training of a Deep Variational Bayes Filter.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The training of a baseline.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A classical filter.
    #[error(transparent)]
    Bayes(#[from] BayesError),
}

/// Refuses what models see in different ways: some use a frame with a gap, others leave it out.
fn complete(splits: &Splits) -> Result<(), CompareError> {
    let sets = [
        ("training", &splits.train),
        ("validation", &splits.validation),
        ("long validation", &splits.validation_long),
        ("test", &splits.test),
        ("long test", &splits.test_long),
    ];
    for (part, set) in sets {
        let steps = set.observations.dim().1;
        if set.lengths.iter().any(|&length| length != steps) {
            return Err(CompareError::Incomplete { part, problem: "differ in length" });
        }
        if set.mask.is_some() {
            return Err(CompareError::Incomplete { part, problem: "have gaps" });
        }
    }
    Ok(())
}

/// Refuses what the filter alone would have.
fn equal(settings: &Settings) -> Result<(), SettingsError> {
    let Settings { training, .. } = settings;
    let alone = |key: &str, problem: &str| {
        Err(SettingsError::Value { key: key.into(), problem: problem.into() })
    };
    if training.finalists > 1 {
        return alone("training.finalists", "has to be 1: other models have no second choice");
    }
    if training.warmup != Ramp::constant(1.0) {
        return alone("training.warmup", "has to be constant: other models do not warm up");
    }
    Ok(())
}

/// Runs a comparison: seed by seed, every contender. Rows that are on disk already are kept.
///
/// # Errors
/// If a file cannot be read or written, a setting is impossible, the folder holds a comparison with
/// other settings, recordings have gaps or differ in length, or a training breaks down; finished rows
/// stay on disk.
pub fn compare(
    request: &CompareRequest,
    watcher: &mut dyn Watcher,
) -> Result<CompareOutcome, CompareError> {
    request.settings.validate()?;
    equal(&request.settings)?;
    let pool = Pool::new(request.threads)?;
    let mut comparison = Comparison::open(&request.folder, &request.settings)?;
    let supply = Supply::open(&request.settings)?;
    supply.recorded().map_or(Ok(()), complete)?;
    let rows = rows(request);
    for (number, &(contender, seed)) in rows.iter().enumerate() {
        if comparison.row(contender, seed).is_some() {
            continue;
        }
        watcher.begin(contender, seed, number + 1, rows.len());
        let settings = Settings { seed, ..request.settings.clone() };
        let folder = request.folder.join(format!("{}-seed{seed}", contender.name()));
        let arena = Arena { settings: &settings, supply: &supply, pool: &pool, folder };
        let figures = match contender {
            Contender::Dvbf => arena.dvbf(settings.clone(), watcher)?,
            Contender::DvbfPlain => arena.dvbf(recipes::plain(&settings), watcher)?,
            Contender::DeepKalman => arena.deep_kalman(settings.model.state, watcher)?,
            Contender::DeepKalmanTold => {
                arena.deep_kalman(settings.model.emission_state(), watcher)?
            }
            Contender::Vae => arena.vae(watcher)?,
            Contender::Recurrent => arena.recurrent(watcher)?,
            Contender::PcaKalman => arena.pca_kalman()?,
            Contender::Physics => arena.physics()?,
        };
        let Some(figures) = figures else {
            return Ok(CompareOutcome::Stopped(comparison.rows.len(), rows.len()));
        };
        let row = Row { contender, seed, figures };
        comparison.add(&request.folder, row.clone())?;
        write_tables(&request.folder, &comparison)?;
        watcher.finished(&row);
        if watcher.should_stop() && comparison.rows.len() < rows.len() {
            return Ok(CompareOutcome::Stopped(comparison.rows.len(), rows.len()));
        }
    }
    let (page, table) = write_tables(&request.folder, &comparison)?;
    let written = Written { rows: Comparison::path(&request.folder), page, table };
    Ok(CompareOutcome::Finished(Box::new(comparison), written))
}

/// Seed by seed, so that what is there after an interruption is balanced; what has no seed comes
/// with the first, and ablations come last.
fn rows(request: &CompareRequest) -> Vec<(Contender, u64)> {
    let of_seed = |ablation, seed| {
        let takes_part = move |contender: &Contender| {
            contender.is_ablation() == ablation && (seed == 0 || contender.is_random())
        };
        let order = CONTENDERS.into_iter().filter(|c| request.contenders.contains(c));
        order.filter(takes_part).map(move |contender| (contender, seed))
    };
    let part = |ablation| (0..request.seeds).flat_map(move |seed| of_seed(ablation, seed));
    part(false).chain(part(true)).collect()
}

/// Writes the page and the table in Markdown.
fn write_tables(
    folder: &Path,
    comparison: &Comparison,
) -> Result<(PathBuf, PathBuf), CompareError> {
    let (page, table) = (folder.join("compare.html"), folder.join("compare.md"));
    file::write(&page, page::render(comparison).as_bytes())?;
    file::write(&table, markdown(comparison).as_bytes())?;
    Ok((page, table))
}
