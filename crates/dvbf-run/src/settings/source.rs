//! The one source of data of a run, and what of its settings data and training need.

use super::{DataPlan, Settings, SettingsError, Source, TrainingPlan, value_error};
use dvbf_data::DataError;

impl Settings {
    /// The sources that have settings.
    fn sources(&self) -> Vec<Source<'_>> {
        let simulated = self.system.iter().map(Source::System);
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

    /// The same settings with the recordings read from `files`, which hold what the run began with;
    /// unchanged if there are none.
    ///
    /// # Errors
    /// If the run has no recordings, or the files cannot be read or hold something else.
    pub fn with_files(mut self, files: &[String]) -> Result<Self, DataError> {
        if files.is_empty() {
            return Ok(self);
        }
        let Some(recordings) = &mut self.recordings else {
            let problem = "the run simulates its system and reads no recordings; leave out --data";
            return Err(DataError::Unfit { problem: problem.into() });
        };
        recordings.read_from(files)?;
        Ok(self)
    }
}

impl<'a> From<&'a Settings> for DataPlan<'a> {
    /// # Panics
    /// If the settings are not [valid](Settings::validate).
    #[track_caller]
    fn from(settings: &'a Settings) -> Self {
        let recordings = settings.recordings.as_ref().map(Source::Recordings);
        let span = settings.evaluation.longest_span();
        Self {
            source: recordings.unwrap_or_else(|| settings.source()),
            data: &settings.data,
            window: settings.training.window,
            batch: settings.training.batch,
            filtered: span.filtered,
            chosen_by: settings.evaluation.chosen_by,
            longest: span.horizon,
        }
    }
}

impl<'a> From<&'a Settings> for TrainingPlan<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self { seed: settings.seed, model: &settings.model, training: &settings.training }
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
        settings.system = None;
        let error = settings.validate().unwrap_err().to_string();
        assert_eq!(error, "pendulum: is missing; a run needs a source of data");
    }
}
