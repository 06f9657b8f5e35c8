//! The folder of a run and its files.

use super::forces::ForceSeries;
use super::lock::{self, LockError, RunLock, Writer};
use super::record::LogRecord;
use super::summary::Summary;
use crate::settings::{Settings, SettingsError};
use dvbf_core::{
    FileError, ModelFile, append_file, create_folder, remove_scratch_files, replace_file,
};
use dvbf_train::skin::StoredGreyBox;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file of a run could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder holds a run already.
    #[error(
        "{} holds a run already; continue it with --resume, or choose another folder with --out",
        path.display()
    )]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes the folder.
    #[error(
        "{} is being written by {writer}; wait until that run ends, or stop it, and then use --resume",
        path.display()
    )]
    Running {
        /// The folder.
        path: PathBuf,
        /// Process and host.
        writer: String,
    },
    /// There is no run.
    #[error("{} holds no run: {missing} is missing", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file that is missing.
        missing: &'static str,
    },
    /// The run has not come so far as to have a model.
    #[error(
        "{} holds no model yet: best.dvbf is missing; dvbf train with --resume brings the run to its end",
        path.display()
    )]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A model file or checkpoint.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run's settings.
    #[error("{}: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SettingsError,
    },
    /// A file of the run is damaged.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The folder `runs/<name>` and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

const CONFIG: &str = "config.toml";
const CHECKPOINT: &str = "checkpoint.dvbf";
const SUMMARY: &str = "summary.json";
const FORCES: &str = "calibration.json";
const SKIN: &str = "skin.json";

impl RunFolder {
    /// A new folder for a run, made if need be, with its `config.toml`, and the right to write it. Of several
    /// processes that ask at once, one gets it.
    ///
    /// # Errors
    /// If a run is there already, another process makes one, or the folder cannot be written.
    pub fn create(path: &Path, settings: &Settings) -> Result<(Self, RunLock), FolderError> {
        let folder = Self { path: path.to_owned() };
        let exists = || folder.file(CONFIG).exists() || folder.file(CHECKPOINT).exists();
        if exists() && lock::writer(path).is_none() {
            return Err(FolderError::Exists { path: path.to_owned() });
        }
        create_folder(path).map_err(|source| io_error(path, source))?;
        let lock = folder.lock()?;
        if exists() {
            return Err(FolderError::Exists { path: path.to_owned() });
        }
        folder.write(CONFIG, settings.to_toml().as_bytes())?;
        Ok((folder, lock))
    }

    /// The right to write the folder, until it is dropped.
    ///
    /// # Errors
    /// If another process has it, or the system refuses.
    pub fn lock(&self) -> Result<RunLock, FolderError> {
        RunLock::take(&self.path).map_err(|error| match error {
            LockError::Held(writer) => FolderError::Running { path: self.path.clone(), writer },
            LockError::Io { path, source } => FolderError::Io { path, source },
        })
    }

    /// The process that writes the folder now; nothing if there is none.
    pub fn writer(&self) -> Option<Writer> {
        lock::writer(&self.path)
    }

    /// The folder of an existing run.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = Self { path: path.to_owned() };
        if folder.file(CONFIG).exists() {
            Ok(folder)
        } else {
            Err(FolderError::NoRun { path: path.to_owned(), missing: CONFIG })
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last part of the folder's path, also where the path is `.` or `..`.
    pub fn name(&self) -> String {
        let full = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        full.file_name()
            .map_or_else(|| full.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The run's settings.
    ///
    /// # Errors
    /// If `config.toml` cannot be read or is not a complete set of settings.
    pub fn settings(&self) -> Result<Settings, FolderError> {
        let path = self.file(CONFIG);
        let text = fs::read_to_string(&path).map_err(|source| io_error(&path, source))?;
        Settings::from_toml(&text).map_err(|source| FolderError::Settings { path, source })
    }

    /// Removes what writes left behind that a killed process had begun.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn clean(&self) -> Result<(), FolderError> {
        remove_scratch_files(&self.path).map_err(|source| io_error(&self.path, source))
    }

    /// Whether the run was stopped before it had anything to keep: it then begins again.
    ///
    /// # Errors
    /// If `metrics.jsonl` cannot be read.
    pub fn is_unbegun(&self) -> Result<bool, FolderError> {
        let kept = [CHECKPOINT, "best.dvbf"].iter().any(|name| self.file(name).exists());
        Ok(!kept && self.history()?.is_empty())
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// If there is none, or it is foreign or damaged.
    pub fn checkpoint(&self) -> Result<ModelFile, FolderError> {
        let path = self.file(CHECKPOINT);
        if !path.exists() {
            return Err(FolderError::NoRun { path: self.path.clone(), missing: CHECKPOINT });
        }
        Ok(ModelFile::read(&path)?)
    }

    /// The model that the summary is about.
    ///
    /// # Errors
    /// If there is none, or it is foreign or damaged.
    pub fn best(&self) -> Result<ModelFile, FolderError> {
        Ok(ModelFile::read(&self.best_path()?)?)
    }

    /// Where the best model lies.
    ///
    /// # Errors
    /// If there is none yet.
    pub fn best_path(&self) -> Result<PathBuf, FolderError> {
        let path = self.file("best.dvbf");
        if path.exists() { Ok(path) } else { Err(FolderError::NoModel { path: self.path.clone() }) }
    }

    /// The figures of a finished run.
    ///
    /// # Errors
    /// If there are none, or `summary.json` holds something else.
    pub fn summary(&self) -> Result<Summary, FolderError> {
        let path = self.file(SUMMARY);
        let text = fs::read_to_string(&path).map_err(|source| io_error(&path, source))?;
        serde_json::from_str(&text)
            .map_err(|e| FolderError::Damaged { path, problem: e.to_string() })
    }

    /// What the page of a skin draws; `None` in the folder of another system.
    ///
    /// # Errors
    /// If `calibration.json` cannot be read or holds something else.
    pub fn forces(&self) -> Result<Option<ForceSeries>, FolderError> {
        let path = self.file(FORCES);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|source| io_error(&path, source))?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| FolderError::Damaged { path, problem: e.to_string() })
    }

    /// Writes what the page of a skin draws.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// Never: series are plain data.
    pub fn save_forces(&self, forces: &ForceSeries) -> Result<(), FolderError> {
        let text = serde_json::to_string(forces).expect("series are plain data");
        self.write(FORCES, text.as_bytes()).map(|_| ())
    }

    /// Writes the calibrated equations of a skin to `skin.json`, or removes the file where there are none.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// Never: constants are plain data.
    pub fn save_grey_box(&self, known: Option<&StoredGreyBox>) -> Result<(), FolderError> {
        if let Some(known) = known {
            let text = serde_json::to_string_pretty(known).expect("constants are plain data");
            return self.write(SKIN, text.as_bytes()).map(|_| ());
        }
        let path = self.file(SKIN);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error(&path, e)),
            _ => Ok(()),
        }
    }

    /// Writes the figures of a finished run.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// Never: figures are plain data.
    pub fn save_summary(&self, summary: &Summary) -> Result<(), FolderError> {
        let text = serde_json::to_string_pretty(summary).expect("figures are plain data");
        self.write(SUMMARY, (text + "\n").as_bytes()).map(|_| ())
    }

    /// Replaces the checkpoint, durably, and makes the records before it durable first: a run that is resumed
    /// from it has them all.
    ///
    /// # Errors
    /// If the system refuses; the old checkpoint is then intact.
    pub fn save_checkpoint(&self, file: &ModelFile) -> Result<(), FolderError> {
        let path = self.file("metrics.jsonl");
        match OpenOptions::new().append(true).open(&path).and_then(|metrics| metrics.sync_all()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&path, source));
            }
            _ => (),
        }
        Ok(file.write(&self.file(CHECKPOINT))?)
    }

    /// Replaces the best model, durably.
    ///
    /// # Errors
    /// If the system refuses; the old file is then intact.
    pub fn save_best(&self, file: &ModelFile) -> Result<(), FolderError> {
        Ok(file.write(&self.file("best.dvbf"))?)
    }

    /// Replaces a file, durably.
    ///
    /// # Errors
    /// If the system refuses; the old file is then intact.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, FolderError> {
        let path = self.file(name);
        replace_file(&path, &[content]).map_err(|source| io_error(&path, source))?;
        Ok(path)
    }

    /// Appends a record to `metrics.jsonl`.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// Never: a record is plain data.
    pub fn append(&self, record: &LogRecord) -> Result<(), FolderError> {
        let path = self.file("metrics.jsonl");
        let mut line = serde_json::to_string(record).expect("a record is plain data");
        line.push('\n');
        append_file(&path, line.as_bytes()).map_err(|source| io_error(&path, source))
    }

    /// All records of `metrics.jsonl`; none if there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read or holds something else.
    pub fn history(&self) -> Result<Vec<LogRecord>, FolderError> {
        Ok(self.lines()?.into_iter().map(|(record, _)| record).collect())
    }

    /// Every record of `metrics.jsonl` with the line that it was read from.
    fn lines(&self) -> Result<Vec<(LogRecord, String)>, FolderError> {
        let path = self.file("metrics.jsonl");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error(&path, source)),
        };
        // Zeros stand where a loss of power took records that were not synced: the history ends before them.
        let whole = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text = String::from_utf8(bytes[..whole].to_vec()).map_err(|e| {
            FolderError::Damaged { path: path.clone(), problem: e.utf8_error().to_string() }
        })?;
        let mut records = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(record) => records.push((record, (*line).to_owned())),
                // A crash may leave the last line half written.
                Err(_) if number + 1 == lines.len() && !text.ends_with('\n') => {}
                Err(e) => {
                    let problem = format!("line {}: {e}", number + 1);
                    return Err(FolderError::Damaged { path, problem });
                }
            }
        }
        Ok(records)
    }

    /// Drops the records after update `step`, which a resumed run will write again.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn truncate_history(&self, step: u64) -> Result<(), FolderError> {
        let kept: String = self
            .lines()?
            .into_iter()
            .filter(|(record, _)| record.step <= step)
            .map(|(_, line)| line + "\n")
            .collect();
        self.write("metrics.jsonl", kept.as_bytes()).map(|_| ())
    }
}

fn io_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}
