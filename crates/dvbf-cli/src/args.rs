//! Command-line arguments.

use crate::align::Align;
use crate::apply::{Eval, Filter, Simulate};
use crate::calibrate::Calibrate;
use crate::score::Score;
use crate::source::{Chosen, Environment};
use crate::sweep::Sweeping;
use crate::train::Train;
use clap::{Args, Parser, Subcommand, ValueEnum};
use dvbf::compare::{CONTENDERS, CompareRequest, Contender};
use dvbf::schedule::Ramp;
use dvbf::settings::{Settings, SettingsError, apply_override, preset};
use dvbf::systems::SystemsRequest;
use std::path::PathBuf;

/// Learn a simulator and a filter from recordings.
#[derive(Debug, Parser)]
#[command(name = "dvbf", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model, evaluate it, and write a run folder.
    Train(Train),
    /// Show what is in recordings and what would be done with them, and draw the first sequences.
    Inspect(Inspect),
    /// Write the recordings that a training on a simulated system uses.
    Data(Data),
    /// Train every model on the same recordings and compare them in one table.
    Compare(Compare),
    /// Make many runs that differ in some settings, side by side, and one table of them.
    Sweep(Sweeping),
    /// Filter recordings with a trained model: a belief after every step.
    Filter(Filter),
    /// Let a trained model simulate: predictions or random futures, as recordings.
    Simulate(Simulate),
    /// Bring a sensor and a reference with clocks of their own into one table.
    Align(Align),
    /// Fit a read-out from a trained filter to a reference sensor, and store it with the model.
    Calibrate(Calibrate),
    /// Evaluate the model of a finished run again and print its tables; nothing is written.
    Eval(Eval),
    /// Score a model on recordings that it has not seen: free run, predictions, residuals.
    Score(Score),
    /// Make the report of a finished run again: report.html and its picture.
    Report(Report),
    /// Estimate empowerment on a learned model, train policies in it and try them from pixels.
    Empower(crate::empower::Empower),
    /// Write the weights of a model for other programs.
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Folder of the run, or a model file.
    pub(crate) run: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value_t = Format::Safetensors)]
    pub(crate) format: Format,
    /// The file [default: the model's name with the format's ending, beside it].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

/// Formats of weights.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Named arrays with the configuration as metadata.
    Safetensors,
    /// The mean path of the filter for machines without an operating system; see the crate `dvbf-embedded`.
    Embedded,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// The recordings of the run [default: the files that its config.toml names].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<String>,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Recordings: an .npz archive, tables, frames, films, HDF5 or Parquet; a folder or a pattern.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: Chosen,
    /// Where to draw the first sequences [default: <name>.svg in the current folder].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Print what is shown as JSON and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Formats of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordingFormat {
    /// One archive of arrays for NumPy.
    Npz,
    /// A folder of tables, one file a sequence.
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The system to simulate.
    #[arg(value_parser = Environment::parser())]
    pub(crate) environment: Environment,
    /// The archive, or the folder of tables.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value = "npz")]
    pub(crate) format: RecordingFormat,
    /// Named set of settings to start from [default: that of the system's name].
    #[arg(long)]
    preset: Option<String>,
    /// Change one setting, such as data.train=100; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

impl Data {
    /// The settings that the recordings are made with.
    pub(crate) fn settings(&self) -> Result<Settings, SettingsError> {
        let usual = self.environment.name();
        let mut settings = preset(self.preset.as_deref().unwrap_or(&usual))?;
        for text in &self.overrides {
            settings = apply_override(&settings, text)?;
        }
        self.environment.check(&settings)?;
        settings.validate()?;
        Ok(settings)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The system to learn.
    pub(crate) environment: Compared,
    /// Seeds of everything that is random in a training: 0 and up. Of systems, the recordings have seeds
    /// too.
    /// [default: 5; 1 of systems]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Few recordings and updates: shows in a minute or two that everything works.
    #[arg(long)]
    quick: bool,
    /// Updates of every trained model [default: 4000; 600 if quick].
    #[arg(long)]
    updates: Option<u64>,
    /// Who takes part, separated by commas: dvbf, deep-kalman, vae, recurrent,
    /// pca-kalman, physics, dvbf-plain, deep-kalman-told; or names of systems [default: all].
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Change one setting, such as training.batch=30; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Threads; all cores by default. Only times depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Folder of the comparison; one that was stopped goes on [default: runs/compare-pendulum].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print nothing but errors.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Systems that a comparison has recipes for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Compared {
    /// A damped pendulum under torque, seen as small images.
    Pendulum,
    /// The automatic settings on twenty simulated systems as somebody's recordings, beside linear models.
    Systems,
}

fn contender(name: &String) -> Result<Contender, SettingsError> {
    Contender::named(name).ok_or_else(|| {
        let names: Vec<_> = CONTENDERS.iter().map(|c| c.name()).collect();
        let problem = format!("there is no {name}; there are {}", names.join(", "));
        SettingsError::Value { key: "--only".into(), problem }
    })
}

impl Compare {
    /// The request that the arguments describe.
    pub(crate) fn request(&self) -> Result<CompareRequest, SettingsError> {
        let mut settings = preset(if self.quick { "smoke" } else { "pendulum" })?;
        // Four initializations are enough to leave the bad ones out, at half the price.
        settings.training.restarts = if self.quick { 2 } else { 4 };
        settings.training.restart_steps = if self.quick { 100 } else { 400 };
        settings.training.finalists = 1;
        if self.quick {
            // An average over more updates than there are would be of the initialization.
            settings.training.average = 0.98;
        }
        settings.training.learning_rate.from = 3e-3;
        settings.training.warmup = Ramp::constant(1.0);
        settings.training.steps = if self.quick { 600 } else { 4_000 };
        settings.training.log_interval = settings.training.log_interval.min(500);
        for text in &self.overrides {
            settings = apply_override(&settings, text)?;
        }
        settings.training.steps = self.updates.unwrap_or(settings.training.steps);
        settings.validate()?;
        let chosen = self.only.iter().map(contender).collect::<Result<Vec<_>, _>>()?;
        Ok(CompareRequest {
            settings,
            seeds: self.seeds.unwrap_or(5),
            contenders: if chosen.is_empty() { CONTENDERS.to_vec() } else { chosen },
            folder: self.folder(0),
            threads: self.threads,
        })
    }

    /// The request about systems with this seed.
    pub(crate) fn systems(&self, seed: u64) -> SystemsRequest {
        let mut overrides = self.overrides.clone();
        let updates = if self.quick { Some(self.updates.unwrap_or(600)) } else { self.updates };
        overrides.extend(updates.map(|updates| format!("training.steps={updates}")));
        SystemsRequest {
            seed,
            only: self.only.clone(),
            overrides,
            folder: self.folder(seed),
            threads: self.threads,
        }
    }

    /// Seeds of a comparison of systems, of which there is one unless more are asked for.
    pub(crate) fn system_seeds(&self) -> std::ops::Range<u64> {
        0..self.seeds.unwrap_or(1)
    }

    fn folder(&self, seed: u64) -> PathBuf {
        match (&self.out, self.environment) {
            (Some(out), Compared::Systems) if self.seeds.is_some_and(|seeds| seeds > 1) => {
                out.join(format!("seed{seed}"))
            }
            (Some(out), _) => out.clone(),
            (None, Compared::Pendulum) => "runs/compare-pendulum".into(),
            (None, Compared::Systems) => format!("runs/systems-seed{seed}").into(),
        }
    }
}
