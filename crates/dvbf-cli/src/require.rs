//! Figures that a run is required to reach.

use dvbf::eval::figure_names;
use dvbf::run::LogRecord;
use dvbf::settings::{Settings, SettingsError};

/// A bound of a figure of `summary.json`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Requirement<'a> {
    figure: &'a str,
    /// Whether the bound is from above.
    at_most: bool,
    bound: f64,
}

fn wrong(problem: String) -> SettingsError {
    SettingsError::Value { key: "--require".into(), problem }
}

impl<'a> Requirement<'a> {
    /// What a text such as `open_loop.45.model<=0.004` says.
    pub(crate) fn parse(text: &'a str) -> Result<Self, SettingsError> {
        let form = || wrong(format!("{text:?} has not the form figure<=bound or figure>=bound"));
        let (figure, at_most, bound) = match (text.split_once("<="), text.split_once(">=")) {
            (Some((figure, bound)), _) => (figure, true, bound),
            (None, Some((figure, bound))) => (figure, false, bound),
            (None, None) => return Err(form()),
        };
        let bound = bound.trim().parse().map_err(|_| form())?;
        Ok(Self { figure: figure.trim(), at_most, bound })
    }

    /// Refuses a figure that a run with these settings will not have. `targets` are the columns that
    /// latent states are regressed on, if they are known.
    pub(crate) fn check(
        &self,
        settings: &Settings,
        targets: Option<&[String]>,
    ) -> Result<(), SettingsError> {
        let names = figure_names(settings, targets);
        let fits = |name: &String| match name.strip_suffix('*') {
            Some(start) => self.figure.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => name == self.figure,
        };
        if names.iter().any(fits) {
            return Ok(());
        }
        Err(wrong(format!(
            "a run with these settings has no figure {}; there are {}",
            self.figure,
            names.join(", ")
        )))
    }

    /// Refuses a figure that nobody knows before a training ends.
    pub(crate) fn check_in_training(&self, settings: &Settings) -> Result<(), SettingsError> {
        let ahead = format!("open_loop.{}.model", settings.evaluation.chosen_by);
        let known = [ahead.as_str(), "bound.total", "bound.kl"];
        if known.contains(&self.figure) || self.figure.starts_with("r2.sample.") {
            return Ok(());
        }
        let (key, figure) = ("--stop-when".to_owned(), self.figure);
        let problem = format!(
            "{figure} is computed after the training; during it there are r2.sample.*, {}",
            known.join(", ")
        );
        Err(SettingsError::Value { key, problem })
    }

    /// Whether the figure in this summary reaches its bound; what it is otherwise.
    pub(crate) fn reached(&self, summary: &serde_json::Value) -> Result<(), String> {
        let path = format!("/{}", self.figure.replace('.', "/"));
        let value = summary.pointer(&path).and_then(serde_json::Value::as_f64);
        let reached = |value: f64| {
            if self.at_most { value <= self.bound } else { value >= self.bound }
        };
        match value {
            Some(value) if reached(value) => Ok(()),
            Some(value) => Err(format!("{} is {value}", self.figure)),
            None => Err(format!("{} is missing", self.figure)),
        }
    }
}

/// Figures on the validation set, named as those of a summary.
pub(crate) fn figures_of(record: &LogRecord) -> serde_json::Value {
    let ahead = record.open_loop_horizon.to_string();
    serde_json::json!({
        "r2": { "sample": record.r2 },
        "open_loop": { ahead: { "model": record.open_loop } },
        "bound": { "total": record.validation_bound, "kl": record.validation_kl },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_number_is_not_reached() {
        let summary = json!({ "open_loop": { "45": { "model": 0.5, "linear": null } } });
        let reached = |text| Requirement::parse(text).unwrap().reached(&summary);
        assert_eq!(reached("open_loop.45.model <= 0.5"), Ok(()));
        assert_eq!(reached("open_loop.45.model>=0.5"), Ok(()));
        assert_eq!(reached("open_loop.45.model>=0.6"), Err("open_loop.45.model is 0.5".into()));
        assert_eq!(reached("open_loop.45.linear<=9"), Err("open_loop.45.linear is missing".into()));
        assert!(Requirement::parse("open_loop.45.model=1").is_err());
    }
}
