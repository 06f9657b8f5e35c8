//! Command-line arguments.

use clap::{Args, Parser, Subcommand, ValueEnum};
use dvbf::compare::{CONTENDERS, CompareRequest, Contender};
use dvbf::data::{Columns, RawRecordings, RecordingError, find_files, read_files};
use dvbf::eval::Summary;
use dvbf::run::{FolderError, RunError, TrainRequest};
use dvbf::settings::{
    RecordingsSettings, Settings, SettingsError, apply_override, preset, preset_for, usual_source,
};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    /// Make the report of a finished run again: report.html and its picture.
    Report(Report),
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
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// An .npz archive, or .csv files, a folder with them or a pattern.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: Chosen,
    /// Where to draw the first sequences [default: <name>.svg in the current folder].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
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
        let mut settings = preset(self.preset.as_deref().unwrap_or(self.environment.name()))?;
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
    /// Seeds of everything that is random in a training: 0 and up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Few recordings and updates: shows in a minute or two that everything works.
    #[arg(long)]
    quick: bool,
    /// Updates of every trained model [default: 4000; 600 if quick].
    #[arg(long)]
    updates: Option<u64>,
    /// Who takes part, separated by commas: dvbf, deep-kalman, vae, recurrent,
    /// pca-kalman, physics, dvbf-plain, deep-kalman-told [default: all].
    #[arg(long, value_delimiter = ',', value_parser = contender)]
    only: Vec<Contender>,
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
}

fn contender(name: &str) -> Result<Contender, String> {
    Contender::named(name).ok_or_else(|| {
        let names: Vec<_> = CONTENDERS.iter().map(|c| c.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

impl Compare {
    /// The request that the arguments describe.
    pub(crate) fn request(&self) -> Result<CompareRequest, SettingsError> {
        let mut settings = preset(if self.quick { "smoke" } else { "pendulum" })?;
        // Four initializations are enough to leave the bad ones out, at half the price.
        settings.training.restarts = if self.quick { 2 } else { 4 };
        settings.training.restart_steps = if self.quick { 100 } else { 400 };
        settings.training.steps = if self.quick { 600 } else { 4_000 };
        settings.training.log_interval = settings.training.log_interval.min(500);
        for text in &self.overrides {
            settings = apply_override(&settings, text)?;
        }
        settings.training.steps = self.updates.unwrap_or(settings.training.steps);
        settings.validate()?;
        let named = || match self.environment {
            Compared::Pendulum => "runs/compare-pendulum".into(),
        };
        let everybody = || CONTENDERS.to_vec();
        Ok(CompareRequest {
            settings,
            seeds: self.seeds,
            contenders: if self.only.is_empty() { everybody() } else { self.only.clone() },
            folder: self.out.clone().unwrap_or_else(named),
            threads: self.threads,
        })
    }
}

/// Systems that recordings are simulated of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Environment {
    /// A damped pendulum under torque, seen as small images.
    Pendulum,
    /// A ball in a box whose velocity is changed by the control, seen as small images.
    Ball,
    /// Two balls in a box that nobody steers, seen as small images.
    TwoBalls,
}

impl Environment {
    /// Its name as an argument, and that of its first preset.
    fn name(self) -> &'static str {
        match self {
            Self::Pendulum => "pendulum",
            Self::Ball => "ball",
            Self::TwoBalls => "two-balls",
        }
    }

    /// Refuses settings of another system.
    fn check(self, settings: &Settings) -> Result<(), SettingsError> {
        let about = settings.source().name();
        if about == self.name().replace('-', "_") {
            return Ok(());
        }
        let problem = format!("the settings are about another system and have a table {about}");
        Err(SettingsError::Value { key: self.name().into(), problem })
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// The system to learn.
    #[arg(required_unless_present_any = ["data", "config"], conflicts_with = "data")]
    pub(crate) environment: Option<Environment>,
    /// Recordings to learn from: an .npz archive, or .csv files, a folder with them or a pattern.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    /// Named set of settings to start from [default: that of the system's name; auto for --data].
    #[arg(long)]
    preset: Option<String>,
    /// TOML file with all settings, such as the config.toml of another run.
    #[arg(long, conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// Change one setting, such as training.steps=1000; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Seed of parameters, batches and noise.
    #[arg(long)]
    seed: Option<u64>,
    /// Updates of the parameters.
    #[arg(long)]
    steps: Option<u64>,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Folder of the run [default: runs/<preset>-seed<seed>].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Continue the run in the folder from its checkpoint.
    #[arg(long)]
    resume: bool,
    /// Print nothing but errors.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the summary as JSON and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail with exit status 3 unless a figure reaches a bound, such as `open_loop.45.model<=0.004` or
    /// `r2.sample.velocity>=0.95`, named as in summary.json; may be repeated.
    #[arg(long = "require", value_name = "FIGURE<=BOUND")]
    required: Vec<String>,
}

/// Columns of tables by what they are; without any, names such as `x_…`, `u_…` and `state_…` say it.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Observed columns of tables, such as a,b.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    observe: Vec<String>,
    /// Columns with controls.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    control: Vec<String>,
    /// Columns with components of the true state, for evaluation only.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    state: Vec<String>,
}

impl Chosen {
    /// Reads recordings.
    pub(crate) fn read(&self, files: &[String]) -> Result<RawRecordings, RecordingError> {
        let columns = Columns {
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
        };
        read_files(&find_files(files)?, &columns)
    }

    /// What is done with them.
    pub(crate) fn source(
        &self,
        recordings: &RawRecordings,
        files: &[String],
    ) -> RecordingsSettings {
        RecordingsSettings {
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
            ..usual_source(recordings, files.to_vec())
        }
    }
}

impl Train {
    /// What the run is about, as arguments.
    pub(crate) fn subject(&self) -> String {
        match self.environment {
            Some(environment) => environment.to_string(),
            None => self.data.iter().fold("--data".into(), |all, file| {
                format!("{all} {}", crate::quoted(Path::new(file)))
            }),
        }
    }

    /// The request that the arguments describe.
    pub(crate) fn request(&self) -> Result<TrainRequest, RunError> {
        let settings = self.settings()?;
        for text in &self.required {
            parse_requirement(text)?;
        }
        let named = || format!("runs/{}-seed{}", settings.preset, settings.seed).into();
        let folder = self.out.clone().unwrap_or_else(named);
        Ok(TrainRequest { settings, folder, resume: self.resume, threads: self.threads })
    }

    fn settings(&self) -> Result<Settings, RunError> {
        let mut settings = if let Some(path) = &self.config {
            let text = std::fs::read_to_string(path).map_err(|source| {
                RunError::Folder(FolderError::Io { path: path.clone(), source })
            })?;
            Settings::from_toml(&text)
                .map_err(|source| FolderError::Settings { path: path.clone(), source })?
        } else if self.data.is_empty() {
            let usual = self.environment.map_or("pendulum", Environment::name);
            preset(self.preset.as_deref().unwrap_or(usual))?
        } else {
            let recordings = self.columns.read(&self.data)?;
            let source = self.columns.source(&recordings, &self.data);
            preset_for(self.preset.as_deref().unwrap_or("auto"), &recordings, source)?
        };
        for text in &self.overrides {
            settings = apply_override(&settings, text)?;
        }
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.training.steps = self.steps.unwrap_or(settings.training.steps);
        settings.validate()?;
        if let Some(environment) = self.environment {
            environment.check(&settings)?;
        }
        Ok(settings)
    }

    /// Success if all required figures are reached, otherwise exit status 3.
    pub(crate) fn requirements(&self, summary: &Summary) -> ExitCode {
        let tree = serde_json::to_value(summary).unwrap_or_default();
        let mut code = ExitCode::SUCCESS;
        for text in &self.required {
            let Ok((key, at_most, bound)) = parse_requirement(text) else { continue };
            let path = format!("/{}", key.replace('.', "/"));
            let figure = tree.pointer(&path).and_then(serde_json::Value::as_f64);
            let reached = figure.is_some_and(|f| if at_most { f <= bound } else { f >= bound });
            if !reached {
                let got = figure.map_or_else(|| "missing".into(), |f| f.to_string());
                crate::progress::error_line(&format!("required {text}, but {key} is {got}"));
                code = ExitCode::from(3);
            }
        }
        code
    }
}

/// `(figure, whether the bound is from above, bound)`.
fn parse_requirement(text: &str) -> Result<(&str, bool, f64), SettingsError> {
    let problem = || SettingsError::Value {
        key: "--require".into(),
        problem: format!("{text:?} has not the form figure<=bound or figure>=bound"),
    };
    let (key, at_most, bound) = match (text.split_once("<="), text.split_once(">=")) {
        (Some((key, bound)), _) => (key, true, bound),
        (None, Some((key, bound))) => (key, false, bound),
        (None, None) => return Err(problem()),
    };
    Ok((key.trim(), at_most, bound.trim().parse().map_err(|_| problem())?))
}
