//! Simulated systems by name: the settings of one, as a table that says which system it is about.
//!
//! To add a system, implement [`SystemSettings`] for its settings in a file of its own and add a line
//! to [`SYSTEMS`].

use crate::environment::Environment;
use crate::error::EnvError;
use crate::system_kind::{SystemKind, SystemSettings, as_table};
use std::fmt;
use toml::{Table, Value};

impl SystemKind {
    /// The kind of this name; hyphens count as underscores.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.replace('-', "_");
        SYSTEMS.iter().find(|kind| kind.name == name)
    }
}

/// All systems that are known by name.
pub static SYSTEMS: [SystemKind; 6] = [
    SystemKind::of::<crate::PendulumSettings>(),
    SystemKind::of::<crate::BouncingBallSettings>(),
    SystemKind::of::<crate::TwoBallsSettings>(),
    SystemKind::of::<crate::CartPoleSettings>(),
    SystemKind::of::<crate::SkinSettings>(),
    SystemKind::of::<crate::VideoSettings>(),
];

/// A system that is known by name, with all of its settings.
///
/// ```
/// use dvbf_envs::{PendulumSettings, System};
/// let system = System::from(PendulumSettings { damping: 0.2, ..PendulumSettings::default() });
/// assert_eq!(system.name(), "pendulum");
/// assert_eq!(system.get::<PendulumSettings>().unwrap().damping, 0.2);
/// assert_eq!(system.environment()?.spec().control_size, 1);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone)]
pub struct System {
    // Invariant: complete settings of that kind.
    kind: &'static SystemKind,
    settings: Table,
}

impl System {
    /// The system of the kind `name` with the settings in `table`; settings left out take their
    /// default.
    ///
    /// # Errors
    /// If there is no such kind, or a setting is unknown or of the wrong type.
    pub fn from_table(name: &str, table: Table) -> Result<Self, String> {
        let kind = SystemKind::named(name).ok_or_else(|| {
            let known: Vec<_> = SYSTEMS.iter().map(|kind| kind.name).collect();
            format!("there is no system {name}; there are {}", known.join(", "))
        })?;
        Ok(Self { kind, settings: (kind.complete)(table)? })
    }

    /// Name of its kind.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// All settings.
    pub fn settings(&self) -> &Table {
        &self.settings
    }

    /// The settings, if the system is of this kind.
    ///
    /// # Panics
    /// Never: the settings are complete.
    pub fn get<T: SystemSettings>(&self) -> Option<T> {
        let same = T::NAME == self.kind.name;
        same.then(|| self.settings.clone().try_into().expect("the table was completed"))
    }

    /// The system itself.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn environment(&self) -> Result<Box<dyn Environment>, EnvError> {
        (self.kind.build)(&self.settings)
    }
}

impl<T: SystemSettings> From<T> for System {
    /// # Panics
    /// If the kind is not one of [`SYSTEMS`].
    fn from(settings: T) -> Self {
        let kind = SystemKind::named(T::NAME).expect("a system that is registered");
        Self { kind, settings: as_table(&settings) }
    }
}

impl PartialEq for System {
    fn eq(&self, other: &Self) -> bool {
        (self.name(), &self.settings) == (other.name(), &other.settings)
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), Value::Table(self.settings.clone()))
    }
}
