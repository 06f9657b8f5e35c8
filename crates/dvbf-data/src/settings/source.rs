//! Where the data of a run come from.

use super::{RecordingsSettings, ValueError};
use dvbf_envs::{
    BouncingBall, BouncingBallSettings, EnvError, Environment, Pendulum, PendulumSettings,
    TwoBalls, TwoBallsSettings,
};

/// Where the data of a run come from, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Source<'a> {
    /// The simulated pendulum.
    Pendulum(&'a PendulumSettings),
    /// The simulated ball in a box.
    Ball(&'a BouncingBallSettings),
    /// Two simulated balls in a box.
    TwoBalls(&'a TwoBallsSettings),
    /// Recordings from files.
    Recordings(&'a RecordingsSettings),
}

impl Source<'_> {
    /// The source's name: its table in `config.toml`, and its argument of `dvbf train`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pendulum(_) => "pendulum",
            Self::Ball(_) => "ball",
            Self::TwoBalls(_) => "two_balls",
            Self::Recordings(_) => "recordings",
        }
    }

    /// The simulated system; `None` if the data come from elsewhere.
    ///
    /// # Errors
    /// If one of its settings is impossible.
    pub fn environment(self) -> Result<Option<Box<dyn Environment>>, EnvError> {
        match self {
            Self::Pendulum(settings) => Ok(Some(Box::new(Pendulum::new(settings.clone())?))),
            Self::Ball(settings) => Ok(Some(Box::new(BouncingBall::new(settings.clone())?))),
            Self::TwoBalls(settings) => Ok(Some(Box::new(TwoBalls::new(settings.clone())?))),
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
        let impossible = |e: EnvError| ValueError::new(self.name(), e.to_string());
        match self {
            Self::Pendulum(settings) => settings.validate().map_err(impossible),
            Self::Ball(settings) => settings.validate().map_err(impossible),
            Self::TwoBalls(settings) => settings.validate().map_err(impossible),
            Self::Recordings(settings) => settings.validate(),
        }
    }
}
