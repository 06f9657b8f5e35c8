//! Using a trained model: filter recordings, simulate, evaluate again.

use crate::source::Chosen;
use crate::terminal::outln;
use clap::Args;
use dvbf::apply::{
    ApplyError, Beliefs, FilterOptions, Simulation, Start, Trained, Verdict, film, filter, simulate,
};
use dvbf::data::{RawRecordings, find_files, write_npz};
use dvbf::pool::Pool;
use dvbf::run::RunFolder;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Folder of the run, or a model file.
    run: PathBuf,
    /// The recordings: an .npz archive, tables, frames, films, HDF5 or Parquet; a folder or a
    /// pattern.
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    data: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    /// The .npz archive of beliefs.
    #[arg(long)]
    out: PathBuf,
    /// Sample paths that carry the spread; at least 4.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(4..=65_536))]
    samples: u32,
    /// An observation whose normalized innovation squared is beyond this quantile, such as 0.9999, counts
    /// as missing.
    #[arg(long)]
    gate: Option<f64>,
    /// Seed of the sample paths.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Folder of the run, or a model file.
    run: PathBuf,
    /// Recordings whose first steps are filtered and whose controls drive what follows
    /// [default: the run's test sequences].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    /// Start from draws of the model's prior, without controls.
    #[arg(long, conflicts_with_all = ["data", "filtered", "draws", "observe", "control", "state", "time"])]
    prior: bool,
    /// Sequences: the first of the recordings, or draws of the prior.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sequences: u32,
    /// Steps that are filtered [default: those of the run's evaluation].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    filtered: Option<u32>,
    /// Simulated steps [default: to the end of the recordings; 100 from the prior]. Controls beyond the
    /// recordings are zero.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: Option<u32>,
    /// Random futures of every sequence; the mean path alone if 0.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    draws: u32,
    /// Add the noise of the sensors to observations.
    #[arg(long)]
    sensor_noise: bool,
    /// Seed of all noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The .npz archive of recordings; the latent state is its state.
    #[arg(long)]
    out: PathBuf,
    /// Where to write an animated .png of the first sequences, if they are images.
    #[arg(long, value_name = "FILE")]
    animation: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// The recordings of the run [default: the files that its config.toml names].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<String>,
    /// Print the figures as JSON and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
}

/// Refuses an output that has another ending, is read, or belongs to the run.
fn protect(out: &Path, ending: &str, files: &[String], run: &Path) -> Result<(), ApplyError> {
    let refused = |problem: String| Err(ApplyError::Output { path: out.to_owned(), problem });
    if !out.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending)) {
        return refused(format!("its name has to end with .{ending}"));
    }
    let Ok(full) = out.canonicalize() else { return Ok(()) };
    let mut read = find_files(files).unwrap_or_default();
    read.push(run.to_owned());
    let folder = if run.is_dir() { run } else { run.parent().unwrap_or(run) };
    if let Ok(settings) = RunFolder::open(folder).and_then(|folder| folder.settings())
        && let Some(source) = settings.recordings
    {
        read.extend(source.found());
    }
    if read.iter().any(|file| file.canonicalize().is_ok_and(|file| file == full)) {
        return refused("it is read; choose another file".into());
    }
    Ok(())
}

/// Prints what somebody should know of how recordings were read.
fn remark(recordings: &RawRecordings) {
    for remark in &recordings.remarks {
        outln!("{remark}");
    }
    if !recordings.ignored.is_empty() {
        outln!("not used: {}", recordings.ignored.join(", "));
    }
}

/// Writes what the filter believes after every step of recordings.
pub(crate) fn run_filter(arguments: &Filter) -> Result<(), ApplyError> {
    protect(&arguments.out, "npz", &arguments.data, &arguments.run)?;
    let pool = Pool::new(arguments.threads)?;
    let trained = Trained::open(&arguments.run)?;
    let recordings = arguments.columns.read_for(&trained, &arguments.data)?;
    let options = FilterOptions {
        samples: arguments.samples as usize,
        seed: arguments.seed,
        gate: arguments.gate,
        ..FilterOptions::default()
    };
    let beliefs = filter(&trained, &recordings, options, &pool)?;
    beliefs.write(&arguments.out)?;
    remark(&recordings);
    tell(&beliefs);
    outln!("beliefs  {}", arguments.out.display());
    Ok(())
}

fn tell(beliefs: &Beliefs) {
    outln!(
        "{}, {}",
        counted(beliefs.sequences.len(), "sequence"),
        counted(beliefs.steps(), "step")
    );
    let kinds = [
        (Verdict::Missing, "without an observation"),
        (Verdict::Partly, "with some channels missing"),
        (Verdict::Gated, "beyond the gate or far from the training data, taken for missing"),
        (Verdict::Restarted, "at which the filter restarted because its belief was lost"),
    ];
    for (verdict, what) in kinds {
        let count = beliefs.count(verdict);
        if count > 0 {
            outln!("  {count} {what}");
        }
    }
    if let Some((log, nis)) = beliefs.score() {
        outln!(
            "one-step predictions: log-likelihood {} nats a step, normalized innovation squared {} a channel",
            figure(log),
            figure(nis)
        );
    }
}

/// A figure of any size in few digits.
fn figure(value: f64) -> String {
    if value.abs() < 1e6 { format!("{value:.2}") } else { format!("{value:.2e}") }
}

/// `1 step`, `2 steps`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Writes what the model simulates.
pub(crate) fn run_simulate(arguments: &Simulate) -> Result<(), ApplyError> {
    protect(&arguments.out, "npz", &arguments.data, &arguments.run)?;
    if let Some(animation) = &arguments.animation {
        protect(animation, "png", &arguments.data, &arguments.run)?;
    }
    let trained = Trained::open(&arguments.run)?;
    let count = arguments.sequences as usize;
    let usual = || trained.settings().map(|settings| settings.evaluation.filtered);
    let filtered = arguments.filtered.map(|n| n as usize).or_else(usual);
    let filtered = filtered.unwrap_or_else(|| trained.filter().model().initial_frames());
    let recordings = if arguments.prior {
        None
    } else if arguments.data.is_empty() {
        Some(trained.test_sequences(count)?)
    } else {
        let mut read = arguments.columns.read_for(&trained, &arguments.data)?;
        read.sequences.truncate(count);
        Some(read)
    };
    let start = recordings
        .as_ref()
        .map_or(Start::Prior(count), |recordings| Start::Recordings { recordings, filtered });
    let simulation = Simulation {
        steps: arguments.steps.map(|steps| steps as usize),
        draws: arguments.draws as usize,
        sensor_noise: arguments.sensor_noise,
        seed: arguments.seed,
    };
    let simulated = simulate(&trained, start, &simulation)?;
    if let Some(path) = &arguments.animation {
        film(&simulated, path)?;
    }
    write_npz(&arguments.out, &simulated)?;
    recordings.iter().for_each(remark);
    remark(&simulated);
    outln!(
        "{} of at most {}, {}",
        counted(simulated.sequences.len(), "sequence"),
        counted(simulated.longest(), "step"),
        if arguments.prior {
            "from draws of the prior".to_owned()
        } else {
            format!("after {} each", counted(filtered, "filtered step"))
        }
    );
    outln!("simulation {}", arguments.out.display());
    if let Some(path) = &arguments.animation {
        outln!("animation  {}", path.display());
    }
    Ok(())
}
