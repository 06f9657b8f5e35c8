//! What makes settings those of a system that is known by name.

use crate::environment::Environment;
use crate::error::EnvError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

/// Settings of a system that is known by name.
pub trait SystemSettings: Serialize + DeserializeOwned + Default {
    /// Name of the system, in lower case with underscores: that of its table.
    const NAME: &'static str;
    /// What is seen of what, as a sentence.
    const ABOUT: &'static str;

    /// The system with these settings.
    ///
    /// # Errors
    /// If a setting is impossible.
    fn environment(self) -> Result<Box<dyn Environment>, EnvError>;
}

/// A kind of system.
#[derive(Clone, Copy, Debug)]
pub struct SystemKind {
    /// [`SystemSettings::NAME`].
    pub name: &'static str,
    /// [`SystemSettings::ABOUT`].
    pub about: &'static str,
    pub(crate) complete: fn(Table) -> Result<Table, String>,
    pub(crate) build: fn(&Table) -> Result<Box<dyn Environment>, EnvError>,
}

impl SystemKind {
    /// The kind that `T` are the settings of.
    pub const fn of<T: SystemSettings>() -> Self {
        Self { name: T::NAME, about: T::ABOUT, complete: complete::<T>, build: build::<T> }
    }

    /// The name as an argument of a command: with hyphens.
    pub fn argument(&self) -> String {
        self.name.replace('_', "-")
    }
}

fn complete<T: SystemSettings>(table: Table) -> Result<Table, String> {
    let settings: T = table.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
    Ok(as_table(&settings))
}

fn build<T: SystemSettings>(table: &Table) -> Result<Box<dyn Environment>, EnvError> {
    let settings: T = table.clone().try_into().expect("the table was completed");
    settings.environment()
}

pub(crate) fn as_table<T: SystemSettings>(settings: &T) -> Table {
    Table::try_from(settings).expect("settings are plain data")
}
