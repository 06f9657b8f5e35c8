//! Where the data of a run come from.

use super::{RecordingsSettings, Settings, SettingsError, value_error};
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

    fn validate(self) -> Result<(), SettingsError> {
        let impossible = |e: EnvError| value_error(self.name(), e.to_string());
        match self {
            Self::Pendulum(settings) => settings.validate().map_err(impossible),
            Self::Ball(settings) => settings.validate().map_err(impossible),
            Self::TwoBalls(settings) => settings.validate().map_err(impossible),
            Self::Recordings(settings) => settings.validate(),
        }
    }
}

impl Settings {
    /// The sources that have settings.
    fn sources(&self) -> Vec<Source<'_>> {
        let pendulum = self.pendulum.iter().map(Source::Pendulum);
        let balls = self.ball.iter().map(Source::Ball);
        let simulated = pendulum.chain(balls).chain(self.two_balls.iter().map(Source::TwoBalls));
        simulated.chain(self.recordings.iter().map(Source::Recordings)).collect()
    }

    /// The only source, if its settings are possible.
    pub(super) fn checked_source(&self) -> Result<Source<'_>, SettingsError> {
        match self.sources()[..] {
            [] => Err(value_error("pendulum", "is missing; a run needs a source of data")),
            [source] => {
                source.validate()?;
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
