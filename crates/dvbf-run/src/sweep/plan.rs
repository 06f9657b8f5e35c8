//! The file of a sweep, and the runs that it stands for.
//!
//! ```toml
//! preset = "pendulum"              # or config = "config.toml", beside this file
//! set = ["training.steps=2000"]    # what all runs have in common
//! figures = ["r2.sample.*"]        # columns of the page
//!
//! [vary]                           # a run for every combination, the last key changing fastest
//! model.transition = ["locally-linear", "residual"]
//! seed = [0, 1, 2]
//! ```
//!
//! Keys are taken in alphabetical order.

use crate::figures::figure_names;
use crate::settings::{Settings, SettingsError, apply_override, preset};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::{fs, io};
use toml::Value;

/// More runs than anybody means.
const MOST_RUNS: usize = 100_000;

/// What the page shows unless the file says otherwise.
const FIGURES: [&str; 3] = ["r2.sample.*", "open_loop.*", "bound.total"];

/// A sweep cannot be planned or its table not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that no sweep can be.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A setting does not exist or has an impossible value.
    #[error("{}: {run}{source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// The run that has it, unless all have.
        run: String,
        /// What is wrong with it.
        source: SettingsError,
    },
    /// There is a run of another sweep.
    #[error(
        "{} holds a run with another {key} than the file of the sweep says; choose another folder \
         with --out",
        folder.display()
    )]
    Other {
        /// The folder of the run.
        folder: PathBuf,
        /// A setting that differs.
        key: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SweepFile {
    preset: Option<String>,
    config: Option<PathBuf>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    figures: Vec<String>,
    vary: toml::Table,
}

/// The runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The settings that vary, in alphabetical order.
    pub keys: Vec<String>,
    /// Figures that the page shows; a `*` at the end stands for any.
    pub figures: Vec<String>,
    /// The runs, in the order of their numbers.
    pub runs: Vec<SweepRun>,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRun {
    /// The values of the settings that vary.
    pub values: Vec<String>,
    /// All settings.
    pub settings: Settings,
}

impl Sweep {
    /// Reads the file of a sweep and checks the settings of every run.
    ///
    /// # Errors
    /// If the file cannot be read or is not understood, or a setting of any run does not exist or has
    /// an impossible value.
    pub fn read(path: &Path) -> Result<Self, SweepError> {
        let unread = |source| SweepError::Io { path: path.to_owned(), source };
        let wrong = |problem: String| SweepError::File { path: path.to_owned(), problem };
        let text = fs::read_to_string(path).map_err(unread)?;
        let file: SweepFile = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let common =
            |source| SweepError::Settings { path: path.into(), run: String::new(), source };
        let base = match (&file.preset, &file.config) {
            (Some(name), None) => preset(name).map_err(common)?,
            (None, Some(config)) => {
                let config = path.parent().unwrap_or(Path::new("")).join(config);
                let text = fs::read_to_string(&config)
                    .map_err(|source| SweepError::Io { path: config.clone(), source })?;
                let run = String::new();
                Settings::from_toml(&text).map_err(|source| SweepError::Settings {
                    path: config,
                    run,
                    source,
                })?
            }
            _ => return Err(wrong("it must name either a preset or a config".into())),
        };
        let base = overridden(base, &file.set).map_err(common)?;
        let mut axes = Vec::new();
        for (key, value) in file.vary {
            flatten(key, value, &mut axes).map_err(wrong)?;
        }
        axes.sort();
        let count = axes.iter().try_fold(1_usize, |all, (_, values)| all.checked_mul(values.len()));
        if axes.is_empty() {
            return Err(wrong("vary: there is no setting".into()));
        }
        let count = count.filter(|&count| count <= MOST_RUNS);
        let count = count.ok_or_else(|| wrong(format!("vary: more than {MOST_RUNS} runs")))?;
        let keys: Vec<String> = axes.iter().map(|(key, _)| key.clone()).collect();
        let run = |number: usize| {
            let mut rest = number;
            let mut values: Vec<String> = Vec::with_capacity(axes.len());
            for (_, all) in axes.iter().rev() {
                values.push(all[rest % all.len()].clone());
                rest /= all.len();
            }
            values.reverse();
            let changes: Vec<String> =
                keys.iter().zip(&values).map(|(key, value)| format!("{key}={value}")).collect();
            let settings = overridden(base.clone(), &changes).and_then(|settings| {
                settings.validate()?;
                Ok(settings)
            });
            let run = format!("run {number} ({}): ", changes.join(", "));
            settings
                .map(|settings| SweepRun { values, settings })
                .map_err(|source| SweepError::Settings { path: path.into(), run, source })
        };
        let runs: Vec<SweepRun> = (0..count).map(run).collect::<Result<_, _>>()?;
        let names = figure_names(&runs[0].settings, None);
        if let Some(figure) =
            file.figures.iter().find(|figure| !names.iter().any(|n| fits(n, figure)))
        {
            let known = names.join(", ");
            return Err(wrong(format!("figures: there is no {figure}; there are {known}")));
        }
        let usual = || FIGURES.map(str::to_owned).to_vec();
        let figures = if file.figures.is_empty() { usual() } else { file.figures };
        Ok(Self { keys, figures, runs })
    }

    /// The name of a run's folder in that of the sweep.
    pub fn folder(run: usize) -> String {
        format!("{run:04}")
    }

    /// What makes a run differ from the others.
    pub fn label(&self, run: usize) -> String {
        let values = self.keys.iter().zip(&self.runs[run].values);
        values.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a name of a figure and a pattern, either of which may end with `*`, can be the same.
fn fits(name: &str, pattern: &str) -> bool {
    match (name.strip_suffix('*'), pattern.strip_suffix('*')) {
        (None, None) => name == pattern,
        (Some(start), None) => pattern.starts_with(start),
        (None, Some(start)) => name.starts_with(start),
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
    }
}

fn overridden(settings: Settings, changes: &[String]) -> Result<Settings, SettingsError> {
    changes.iter().try_fold(settings, |settings, text| apply_override(&settings, text))
}

/// Lists of values by dotted key; `a.b = […]` and `"a.b" = […]` are the same.
fn flatten(key: String, value: Value, into: &mut Vec<(String, Vec<String>)>) -> Result<(), String> {
    match value {
        Value::Table(table) => {
            table.into_iter().try_for_each(|(k, v)| flatten(format!("{key}.{k}"), v, into))
        }
        Value::Array(values) if !values.is_empty() => {
            let text = |value| match value {
                Value::String(text) => text,
                value => value.to_string(),
            };
            into.push((key, values.into_iter().map(text).collect()));
            Ok(())
        }
        _ => Err(format!("vary.{key}: must be a list of values, such as [1, 2]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sweep, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.toml");
        fs::write(&path, text).unwrap();
        Sweep::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn there_is_a_run_for_every_combination() {
        let sweep = read(
            "preset = 'smoke'\nset = ['training.steps=9']\n[vary]\n\
             training.learning_rate = [1e-3, 2e-3]\nseed = [3, 4]",
        )
        .unwrap();
        assert_eq!(sweep.keys, ["seed", "training.learning_rate"]);
        let seen: Vec<(f64, u64, u64)> = sweep
            .runs
            .iter()
            .map(|run| {
                let training = &run.settings.training;
                (training.learning_rate.from, run.settings.seed, training.steps)
            })
            .collect();
        let expected = [3, 4].map(|seed| [1e-3, 2e-3].map(|rate| (rate, seed, 9)));
        assert_eq!(seen, expected.as_flattened());
        assert_eq!(sweep.label(3), "seed=4 training.learning_rate=0.002");
        assert_eq!(Sweep::folder(3), "0003");
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        for (text, part) in [
            ("[vary]\nseed = [1]", "either a preset or a config"),
            ("preset = 'smoke'\nconfig = 'a'\n[vary]\nseed = [1]", "either a preset or a config"),
            ("preset = 'smok'\n[vary]\nseed = [1]", "did you mean smoke?"),
            ("preset = 'smoke'\nvari = 1\n[vary]\nseed = [1]", "vari"),
            ("preset = 'smoke'\n[vary]", "there is no setting"),
            ("preset = 'smoke'\n[vary]\nseed = 1", "vary.seed: must be a list"),
            ("preset = 'smoke'\n[vary]\nseed = []", "vary.seed: must be a list"),
            ("preset = 'smoke'\nset = ['sed=1']\n[vary]\nseed = [1]", "unknown setting sed"),
            ("preset = 'smoke'\n[vary]\nseed = [1]\ntraining.step = [1]", "training.step"),
            ("preset = 'smoke'\n[vary]\ntraining.batch = [4, 0]", "run 1 (training.batch=0): "),
            ("preset = 'smoke'\nfigures = ['r3.*']\n[vary]\nseed = [1]", "there is no r3.*"),
            ("config = 'none.toml'\n[vary]\nseed = [1]", "none.toml"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
