//! Where the data of a run come from.

use super::{Settings, SettingsError, value_error};
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
}

impl Source<'_> {
    /// The source's name: its table in `config.toml`, and its argument of `dvbf train`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pendulum(_) => "pendulum",
            Self::Ball(_) => "ball",
            Self::TwoBalls(_) => "two_balls",
        }
    }

    /// The simulated system.
    ///
    /// # Errors
    /// If one of its settings is impossible.
    pub fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        match self {
            Self::Pendulum(settings) => Ok(Box::new(Pendulum::new(settings.clone())?)),
            Self::Ball(settings) => Ok(Box::new(BouncingBall::new(settings.clone())?)),
            Self::TwoBalls(settings) => Ok(Box::new(TwoBalls::new(settings.clone())?)),
        }
    }

    /// By how much the start of a prediction by the true equations is off, such as
    /// `0.05 (angle), 0.2 (velocity)`; none if the equations are unknown.
    pub fn start_errors(self) -> Option<String> {
        let state = self.environment().ok()?.spec().state;
        let parts: Vec<_> = state.iter().map(|v| format!("{} ({})", v.error, v.name)).collect();
        Some(parts.join(", "))
    }

    fn validate(self) -> Result<(), EnvError> {
        match self {
            Self::Pendulum(settings) => settings.validate(),
            Self::Ball(settings) => settings.validate(),
            Self::TwoBalls(settings) => settings.validate(),
        }
    }
}

impl Settings {
    /// The sources that have settings.
    fn sources(&self) -> Vec<Source<'_>> {
        let pendulum = self.pendulum.iter().map(Source::Pendulum);
        let balls = self.ball.iter().map(Source::Ball);
        pendulum.chain(balls).chain(self.two_balls.iter().map(Source::TwoBalls)).collect()
    }

    /// The only source, if its settings are possible.
    pub(super) fn checked_source(&self) -> Result<Source<'_>, SettingsError> {
        match self.sources()[..] {
            [] => Err(value_error("pendulum", "is missing; a run needs a source of data")),
            [source] => {
                source.validate().map_err(|e| value_error(source.name(), e.to_string()))?;
                Ok(source)
            }
            [first, second, ..] => {
                let problem = format!("stands beside {}; a run has one source", second.name());
                Err(value_error(first.name(), problem))
            }
        }
    }

    /// Where the data come from.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    #[track_caller]
    pub fn source(&self) -> Source<'_> {
        let sources = self.sources();
        assert_eq!(sources.len(), 1, "a run has one source of data");
        sources[0]
    }
}

#[cfg(test)]
mod tests {
    use super::super::preset;

    #[test]
    fn a_run_has_exactly_one_source() {
        let mut settings = preset("pendulum").unwrap();
        assert_eq!(settings.source().name(), "pendulum");
        assert_eq!(settings.source().start_errors().unwrap(), "0.05 (angle), 0.2 (velocity)");
        settings.pendulum = None;
        let error = settings.validate().unwrap_err().to_string();
        assert_eq!(error, "pendulum: is missing; a run needs a source of data");
    }
}
