//! Arguments of `dvbf train`, and the request that they describe.

use crate::require::Requirement;
use crate::source::{Chosen, Environment, Held};
use clap::{ArgGroup, Args};
use dvbf::data::target_names;
use dvbf::eval::Summary;
use dvbf::run::{FolderError, RunError, RunFolder, TrainRequest};
use dvbf::settings::{Settings, SettingsError, apply_override, preset, preset_for};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("subject")
    .args(["environment", "data", "config", "resume"])
    .required(true)
    .multiple(true))]
pub(crate) struct Train {
    /// The system to learn.
    #[arg(conflicts_with = "data", value_parser = Environment::parser())]
    pub(crate) environment: Option<Environment>,
    /// Recordings to learn from: an .npz archive, tables, frames, films, HDF5 or Parquet; a folder or a
    /// pattern.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    #[command(flatten)]
    held: Held,
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
    /// Continue the run in the folder from its checkpoint, with the settings that it began with.
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
    /// End the training as soon as a figure on the validation part reaches a bound, and go on to the
    /// figures of the test part; may be repeated, and then all have to. There are r2.sample.*,
    /// bound.total, bound.kl, and `open_loop.N.model` for `evaluation.chosen_by` = N.
    #[arg(long, value_name = "FIGURE<=BOUND")]
    pub(crate) stop_when: Vec<String>,
}

/// Settings, and the columns that latent states will be regressed on if that is known.
type Planned = (Settings, Option<Vec<String>>);

impl Train {
    /// What the run is about, as arguments with a space before each.
    pub(crate) fn subject(&self) -> String {
        let quoted = |path: &Path| crate::quoted(path);
        if let Some(environment) = self.environment {
            return format!(" {environment}");
        }
        if self.data.is_empty() {
            return String::new();
        }
        self.data
            .iter()
            .fold(" --data".into(), |all, file| format!("{all} {}", quoted(Path::new(file))))
    }

    /// The request that the arguments describe.
    pub(crate) fn request(&self) -> Result<TrainRequest, RunError> {
        let (settings, folder, targets) = if self.resume {
            let folder = self.folder()?;
            let settings = RunFolder::open(&folder)?.settings()?;
            self.check_system(&settings)?;
            self.check_unchanged(&settings)?;
            (settings, folder, None)
        } else {
            let (settings, targets) = self.settings()?;
            let folder = self.out.clone().unwrap_or_else(|| named(&settings));
            (settings, folder, targets)
        };
        for text in &self.required {
            Requirement::parse(text)?.check(&settings, targets.as_deref())?;
        }
        for text in &self.stop_when {
            let bound = Requirement::parse(text)?;
            bound.check(&settings, targets.as_deref())?;
            bound.check_in_training(&settings)?;
        }
        Ok(TrainRequest {
            settings,
            folder,
            resume: self.resume,
            files: if self.resume { self.data.clone() } else { Vec::new() },
            threads: self.threads,
        })
    }

    /// The folder of a run that is to be continued.
    fn folder(&self) -> Result<PathBuf, RunError> {
        if let Some(folder) = &self.out {
            return Ok(folder.clone());
        }
        let mut settings = if let Some(path) = &self.config {
            read_config(path)?
        } else {
            let usual = match self.environment {
                Some(environment) => environment.name(),
                None if self.data.is_empty() => {
                    let problem = "needs the folder of the run in --out".into();
                    return Err(SettingsError::Value { key: "--resume".into(), problem }.into());
                }
                None => "auto".into(),
            };
            let name = self.preset.as_deref().unwrap_or(&usual);
            // The folder is called after the name, whatever recordings make of the settings.
            Settings { preset: name.into(), ..preset("pendulum")? }
        };
        settings.seed = self.seed.unwrap_or(settings.seed);
        Ok(named(&settings))
    }

    fn settings(&self) -> Result<Planned, RunError> {
        let (settings, targets) = if let Some(path) = &self.config {
            let mut settings = read_config(path)?;
            if !self.data.is_empty() {
                let Some(source) = settings.recordings.take() else {
                    let key = path.display().to_string();
                    let problem = "simulates its system and has no recordings; --data without \
                                   --config makes settings for some"
                        .into();
                    return Err(SettingsError::Value { key, problem }.into());
                };
                settings.recordings = Some(self.columns.instead(source, &self.data, &self.held)?);
            }
            (self.overridden(settings)?, None)
        } else if self.data.is_empty() {
            let usual = self.environment.map_or("pendulum".into(), Environment::name);
            (self.overridden(preset(self.preset.as_deref().unwrap_or(&usual))?)?, None)
        } else {
            let name = self.preset.as_deref().unwrap_or("auto");
            let (columns, recordings) = if name == "auto" {
                self.columns.paced(&self.data, &self.held, false)?
            } else {
                (self.columns.clone(), self.columns.read(&self.data, &self.held)?)
            };
            let source = columns.source(&recordings, &self.data, &self.held);
            let settings = preset_for(name, &recordings, source, &self.overrides)?;
            (settings, Some(target_names(&recordings.state_names, &recordings.state_kinds())))
        };
        let settings = self.with_seed_and_steps(settings);
        settings.validate()?;
        self.check_system(&settings)?;
        Ok((settings, targets))
    }

    /// The settings with every `--set` in its turn.
    fn overridden(&self, settings: Settings) -> Result<Settings, SettingsError> {
        self.overrides.iter().try_fold(settings, |settings, text| apply_override(&settings, text))
    }

    /// The settings with the seed and the number of updates that have flags of their own.
    fn with_seed_and_steps(&self, mut settings: Settings) -> Settings {
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.training.steps = self.steps.unwrap_or(settings.training.steps);
        settings
    }

    /// Refuses settings of another system than the one that was named.
    fn check_system(&self, settings: &Settings) -> Result<(), SettingsError> {
        self.environment.map_or(Ok(()), |environment| environment.check(settings))
    }

    /// Refuses to continue a run with other settings than those that it began with.
    fn check_unchanged(&self, settings: &Settings) -> Result<(), SettingsError> {
        let (steps, seed) = (settings.training.steps, settings.seed);
        if self.with_seed_and_steps(self.overridden(settings.clone())?) == *settings {
            return Ok(());
        }
        let differs =
            |text: &&String| apply_override(settings, text).is_ok_and(|other| other != *settings);
        let key = match (self.steps, self.seed) {
            (Some(asked), _) if asked != steps => "--steps",
            (_, Some(asked)) if asked != seed => "--seed",
            _ => self.overrides.iter().rev().find(differs).map_or("--set", String::as_str),
        };
        let problem = "is not what the run began with; it goes on with the settings in its \
                       config.toml"
            .into();
        Err(SettingsError::Value { key: key.into(), problem })
    }

    /// Success if all required figures are reached, otherwise exit status 3.
    pub(crate) fn requirements(&self, summary: &Summary) -> ExitCode {
        let tree = serde_json::to_value(summary).unwrap_or_default();
        let mut code = ExitCode::SUCCESS;
        for text in &self.required {
            let Ok(required) = Requirement::parse(text) else { continue };
            if let Err(got) = required.reached(&tree) {
                crate::terminal::error_line(&format!("required {text}, but {got}"));
                code = ExitCode::from(3);
            }
        }
        code
    }
}

/// The usual folder of a run.
fn named(settings: &Settings) -> PathBuf {
    format!("runs/{}-seed{}", settings.preset, settings.seed).into()
}

fn read_config(path: &Path) -> Result<Settings, RunError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| RunError::Folder(FolderError::Io { path: path.to_owned(), source }))?;
    let settings = Settings::from_toml(&text)
        .map_err(|source| FolderError::Settings { path: path.to_owned(), source })?;
    Ok(settings)
}
