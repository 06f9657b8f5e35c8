//! `compare.json`: the settings of a comparison and its finished rows.

use super::{CompareError, Contender, Figures};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A finished row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose it is.
    pub contender: Contender,
    /// Its seed; zero for what has none.
    pub seed: u64,
    /// What was measured.
    pub figures: Figures,
}

/// A comparison and what is finished of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Settings of the Deep Variational Bayes Filter, seed apart, whose budget is everybody's.
    #[serde(with = "as_toml")]
    pub settings: Settings,
    /// The finished rows, in the order in which they were finished.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// The comparison's file in its folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("compare.json")
    }

    /// The comparison in the folder, or a new one.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or belongs to other settings.
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self, CompareError> {
        let path = Self::path(folder);
        let settings = Settings { seed: 0, ..settings.clone() };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)
                    .map_err(|source| CompareError::Io { path: folder.to_owned(), source })?;
                return Ok(Self { settings, rows: Vec::new() });
            }
            Err(source) => return Err(CompareError::Io { path, source }),
        };
        let damaged = |e: serde_json::Error| CompareError::Damaged {
            path: path.clone(),
            problem: format!("it is no comparison: {e}"),
        };
        let comparison: Self = serde_json::from_str(&text).map_err(damaged)?;
        if comparison.settings == settings {
            Ok(comparison)
        } else {
            Err(CompareError::Other { path })
        }
    }

    /// The row of a contender with a seed, if it is finished.
    pub fn row(&self, contender: Contender, seed: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.contender == contender && row.seed == seed)
    }

    /// Adds a row and writes the file; the old one stays whole if that fails.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// Never: figures are plain data.
    pub fn add(&mut self, folder: &Path, row: Row) -> Result<(), CompareError> {
        self.rows.push(row);
        let text = serde_json::to_string_pretty(self).expect("figures are plain data");
        write(&Self::path(folder), (text + "\n").as_bytes())
    }
}

/// Settings as the text of a `config.toml`: JSON has no infinite numbers.
mod as_toml {
    use crate::settings::Settings;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(settings: &Settings, to: S) -> Result<S::Ok, S::Error> {
        settings.to_toml().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Settings, D::Error> {
        Settings::from_toml(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Writes a file beside its place, then moves it there.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), CompareError> {
    let refused = |source| CompareError::Io { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut scratch = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
    scratch.write_all(content).and_then(|()| scratch.as_file().sync_all()).map_err(refused)?;
    // A scratch file is private; what takes its place is to be read like any other.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(0o644);
        scratch.as_file().set_permissions(permissions).map_err(refused)?;
    }
    scratch.persist(path).map_err(|e| refused(e.error))?;
    Ok(())
}
