//! The settings of a part: the name of its kind, and the settings of that kind.

use super::KindError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The settings of a part, as `{ kind = "residual", hidden = 64 }` in a file of settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindTable {
    /// The name under which the kind is registered.
    pub kind: String,
    /// The settings of the kind; those that are missing have its defaults.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl KindTable {
    /// The kind `name` with its defaults.
    pub fn new(name: &str) -> Self {
        Self { kind: name.into(), settings: Map::new() }
    }

    /// The kind `name` with the settings of `config`.
    ///
    /// # Panics
    /// If the configuration is no table of plain data.
    #[track_caller]
    pub fn of<C: Serialize>(name: &str, config: &C) -> Self {
        match serde_json::to_value(config) {
            Ok(Value::Object(settings)) => Self { kind: name.into(), settings },
            other => panic!("the configuration of {name} is no table: {other:?}"),
        }
    }

    /// The same table with `key` set to `value`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// Sets `key` to `value`.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.settings.insert(key.into(), value.into());
    }

    /// The settings as the configuration of a kind.
    ///
    /// # Errors
    /// If a key is unknown, or a value has the wrong type.
    pub fn parse<C: DeserializeOwned>(&self) -> Result<C, KindError> {
        let read = serde_path_to_error::deserialize(Value::Object(self.settings.clone()));
        read.map_err(|e: serde_path_to_error::Error<serde_json::Error>| {
            let key = e.path().to_string();
            let key = if key == "." { String::new() } else { key };
            KindError::new(key, e.inner().to_string())
        })
    }
}
