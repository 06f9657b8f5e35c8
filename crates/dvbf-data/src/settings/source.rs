//! Where the data of a run come from.

use super::{RecordingsSettings, ValueError};
use dvbf_envs::{EnvError, Environment, System};

/// Where the data of a run come from, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A simulated system.
    System(&'a System),
    /// Recordings from files.
    Recordings(&'a RecordingsSettings),
}

impl Source<'_> {
    /// The source's name: its table in `config.toml`, and its argument of `dvbf train`.
    pub fn name(self) -> &'static str {
        match self {
            Self::System(system) => system.name(),
            Self::Recordings(_) => "recordings",
        }
    }

    /// The simulated system; `None` if the data come from elsewhere.
    ///
    /// # Errors
    /// If one of its settings is impossible.
    pub fn environment(self) -> Result<Option<Box<dyn Environment>>, EnvError> {
        match self {
            Self::System(system) => system.environment().map(Some),
            Self::Recordings(_) => Ok(None),
        }
    }

    /// By how much the start of a prediction by the true equations is off, such as
    /// `0.05 (angle), 0.2 (velocity)`; none if the equations are unknown.
    pub fn start_errors(self) -> Option<String> {
        let state = self.environment().ok()??.spec().state;
        let parts: Vec<_> = state.iter().map(|v| format!("{} ({})", v.error, v.name)).collect();
        Some(parts.join(", "))
    }

    /// Checks the settings of the source.
    ///
    /// # Errors
    /// Names the first impossible setting.
    pub fn validate(self) -> Result<(), ValueError> {
        match self {
            Self::System(system) => {
                let impossible = |e: EnvError| ValueError::new(system.name(), e.to_string());
                system.environment().map(|_| ()).map_err(impossible)
            }
            Self::Recordings(settings) => settings.validate(),
        }
    }
}
