//! What a trained model predicts of recordings, in the figures of system identification.
//!
//! With an observed channel `y` and its prediction `ŷ` over the scored steps,
//!
//! | figure | equation |
//! |--------|----------|
//! | RMSE | `√ mean (y − ŷ)²` |
//! | fit | `100 (1 − ‖y − ŷ‖ / ‖y − mean y‖)` percent |
//! | whiteness | the largest autocorrelation of the residuals of one step, lags 1 to 20 |
//! | input | the largest correlation of these residuals with an input, lags 0 to 20 |
//!
//! (Ljung, System Identification, 2nd ed. 1999, ch. 16).

use super::residuals::{Correlations, Residuals};
use super::trained::counted;
use super::{ApplyError, Trained};
use crate::data::{Dataset, RawRecordings, Set, Supply};
use crate::eval::{LinearModels, OpenLoop, predict};
use crate::pool::Pool;
use crate::settings::Span;
use ndarray::{Array3, s};
use serde::Serialize;
use std::collections::BTreeMap;

/// Windows that predictions of a number of steps are judged on, about.
const WINDOWS: usize = 1000;
/// A ratio of two errors that counts as equal.
const EQUAL: f64 = 1.02;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoreRequest {
    /// Steps that are filtered before a prediction.
    pub after: usize,
    /// Numbers of predicted steps; those of the run if empty.
    pub horizons: Vec<usize>,
}

/// A simulation without looking, from the last filtered step to the end of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FreeRun {
    /// Root mean square error in the unit of the recording.
    pub rmse: f64,
    /// Fit in percent: 100 is perfect, 0 as good as the mean.
    pub fit_percent: f64,
}

/// Root mean square errors of predictions of exactly so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepErrors {
    /// The model.
    pub model: f64,
    /// A linear autoregressive model with inputs, fitted to the training part of the run.
    pub linear: Option<f64>,
    /// A Kalman filter fitted to it.
    pub kalman: Option<f64>,
    /// The last observation.
    pub persistence: f64,
}

/// The score of a model on recordings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The verdict in one sentence.
    pub verdict: String,
    /// Steps that were filtered before every prediction.
    pub after: usize,
    /// Sequences that were long enough.
    pub sequences: usize,
    /// Steps that the free run predicts, over all sequences.
    pub steps: usize,
    /// The free run by channel.
    pub free_run: BTreeMap<String, FreeRun>,
    /// The free run of a linear autoregressive model with inputs, fitted to the training part of the run; none
    /// where there is no such model or it grows without end.
    pub free_run_linear: Option<BTreeMap<String, FreeRun>>,
    /// Errors by number of predicted steps.
    pub n_step: BTreeMap<usize, StepErrors>,
    /// What the errors of `n_step` are measured in.
    pub unit: String,
    /// Residuals of one step by channel.
    pub residuals: BTreeMap<String, Residuals>,
}

/// Scores the model on recordings that are not divided: every sequence counts as a whole.
///
/// # Errors
/// If the recordings do not fit the model or are too short, or a prediction is not finite.
pub fn score(
    trained: &Trained,
    recordings: &RawRecordings,
    request: &ScoreRequest,
    pool: &Pool,
) -> Result<Score, ApplyError> {
    let model = &**trained.filter().model();
    let least = model.initial_frames();
    let after = request.after;
    if after < least {
        return Err(ApplyError::unfit(format!(
            "--after {after}: the first {} start the state of this model",
            counted(least, "step")
        )));
    }
    let matched = trained.matched(recordings).map_err(ApplyError::unfit)?;
    let units = trained.filter().units();
    let enough = matched.sequences.iter().filter(|s| s.observations.nrows() > after).count();
    if enough == 0 {
        let longest = counted(matched.longest(), "step");
        return Err(ApplyError::unfit(format!(
            "the longest sequence has {longest}; {after} are filtered, and at least one more is to be \
             predicted"
        )));
    }
    let scale =
        |channel: usize| units.map_or(1.0, |units| f64::from(units.observation.scale()[channel]));
    let names = match matched.image {
        None => matched.observation_names.clone(),
        Some(_) => vec!["pixels".into()],
    };
    let yardsticks = yardsticks(trained, pool);
    let autoregression = yardsticks.as_ref().and_then(LinearModels::autoregression);
    let mut free = Free::new(names.len());
    let mut free_linear = Free::new(names.len());
    let mut residuals = Correlations::new(names.len());
    for n in 0..matched.sequences.len() {
        let whole = matched.windows(units, n..n + 1, usize::MAX, 1);
        let steps = whole.lengths.first().copied().unwrap_or(0);
        if steps <= after {
            continue;
        }
        let span = Span { filtered: after, horizon: steps - after };
        let predicted = predict(model, &whole, span);
        if predicted.iter().any(|v| !v.is_finite()) {
            let name = &matched.sequences[n].name;
            return Err(ApplyError::unfit(format!("{name}: the free run is not finite")));
        }
        free.add(&predicted, &whole, after);
        if let Some(autoregression) = autoregression {
            free_linear.add(&autoregression.predict(&whole, span), &whole, after);
        }
        let one = Span { filtered: after, horizon: 1 };
        let ahead = matched.windows(units, n..n + 1, after + 1, 1);
        residuals.add(&predict(model, &ahead, one), &ahead, after);
    }
    let horizons = horizons(trained, request, matched.longest() - after);
    let longest = horizons.iter().copied().max().unwrap_or(1);
    let span = Span { filtered: after, horizon: longest };
    let begun: usize = matched
        .sequences
        .iter()
        .map(|s| (s.observations.nrows() + 1).saturating_sub(span.frames()))
        .sum();
    let every = begun.div_ceil(WINDOWS).max(1);
    let windows = matched.windows(units, 0..matched.sequences.len(), span.frames(), every);
    let own = OpenLoop::between(&predict(model, &windows, span), &windows, after);
    let errors = yardsticks.as_ref().map(|models| models.errors(&windows, span, pool));
    let (linear, kalman) =
        errors.map_or((None, None), |errors| (errors.autoregression, errors.kalman));
    let last = persistence(&windows, span);
    let at = |errors: &OpenLoop, horizon: usize| {
        errors.by_frame.get(horizon - 1).copied().flatten().map_or(f64::NAN, f64::sqrt)
    };
    let row = |&horizon: &usize| {
        let of = |errors: &Option<OpenLoop>| errors.as_ref().map(|errors| at(errors, horizon));
        let row = StepErrors {
            model: at(&own, horizon),
            linear: of(&linear),
            kalman: of(&kalman),
            persistence: at(&last, horizon),
        };
        (horizon, row)
    };
    let n_step: BTreeMap<usize, StepErrors> = horizons.iter().map(row).collect();
    let free_run_linear = (free_linear.steps > 0)
        .then(|| free_linear.figures(&names, scale))
        .filter(|all| all.values().all(|run| run.rmse.is_finite()));
    Ok(Score {
        verdict: verdict(&n_step),
        after,
        sequences: enough,
        steps: free.steps,
        free_run: free.figures(&names, scale),
        free_run_linear,
        n_step,
        unit: if units.is_some() {
            "standard deviations of the training part".into()
        } else {
            "units of the recordings".into()
        },
        residuals: residuals.figures(&names),
    })
}

/// Numbers of predicted steps for which the recordings are long enough; at least one.
fn horizons(trained: &Trained, request: &ScoreRequest, longest: usize) -> Vec<usize> {
    let own = trained.settings().map(|settings| settings.evaluation.horizons.clone());
    let asked = if request.horizons.is_empty() {
        own.unwrap_or_else(|| vec![1, 5, 20, 50])
    } else {
        request.horizons.clone()
    };
    let mut fitting: Vec<usize> = asked.into_iter().filter(|h| (1..=longest).contains(h)).collect();
    if fitting.is_empty() {
        fitting.push(longest.max(1));
    }
    fitting
}

/// Linear models of the training part of the run; nothing where it cannot be read.
fn yardsticks(trained: &Trained, pool: &Pool) -> Option<LinearModels> {
    let settings = trained.settings()?;
    let supply = Supply::open(settings).ok()?;
    let train = supply.sequences(Set::Train).all();
    let held = supply.sequences(Set::ValidationLong).all();
    Some(LinearModels::fit(&train, &held, settings.evaluation.longest_span(), pool))
}

/// The last observation, repeated; zero, the mean, where none was seen.
fn persistence(data: &Dataset, span: Span) -> OpenLoop {
    let (count, _, channels) = data.observations.dim();
    let mut last = Array3::zeros((count, span.horizon, channels));
    for n in 0..count {
        for c in 0..channels {
            let seen = (0..span.filtered).rev().find(|&t| data.is_observed((n, t, c)));
            let value = seen.map_or(0.0, |t| data.observations[[n, t, c]]);
            last.slice_mut(s![n, .., c]).fill(value);
        }
    }
    OpenLoop::between(&last, data, span.filtered)
}

/// Where the model is better than the best linear one, where equal and where worse.
fn verdict(rows: &BTreeMap<usize, StepErrors>) -> String {
    let ratio = |row: &StepErrors| {
        let linear = row.linear.into_iter().chain(row.kalman).filter(|e| e.is_finite());
        Some(row.model / linear.reduce(f64::min)?)
    };
    let Some(ratios) =
        rows.iter().map(|(h, row)| Some((*h, ratio(row)?))).collect::<Option<Vec<_>>>()
    else {
        return "There is no linear model to compare with: the training part of the run was not found, or \
                is too short for one."
            .into();
    };
    let of = |wanted: fn(f64) -> bool| {
        ratios.iter().filter(|(_, r)| wanted(*r)).map(|(h, _)| h.to_string()).collect::<Vec<_>>()
    };
    let better = of(|r| r < 1.0 / EQUAL);
    let equal = of(|r| (1.0 / EQUAL..=EQUAL).contains(&r));
    let worse = of(|r| r.is_nan() || r > EQUAL);
    let mut parts = Vec::new();
    for (what, at) in [("better than", better), ("as good as", equal), ("worse than", worse)] {
        if at.len() == ratios.len() {
            return format!("The model is {what} the best linear model at every horizon.");
        }
        if !at.is_empty() {
            let unit = if at == ["1"] { "step" } else { "steps" };
            parts.push(format!("{what} the best linear model over {} {unit}", listed(&at)));
        }
    }
    format!("The model is {}.", parts.join(", and "))
}

/// `1`, `1 and 5`, `1, 5 and 20`.
fn listed(all: &[String]) -> String {
    match all {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => all.concat(),
    }
}

/// Sums of a free run by channel.
struct Free {
    squares: Vec<f64>,
    values: Vec<Vec<f64>>,
    steps: usize,
}

impl Free {
    fn new(names: usize) -> Self {
        Self { squares: vec![0.0; names], values: vec![Vec::new(); names], steps: 0 }
    }

    fn add(&mut self, predicted: &Array3<f32>, truth: &Dataset, after: usize) {
        let names = self.squares.len();
        self.steps += predicted.dim().1;
        for ((_, t, c), &value) in predicted.indexed_iter() {
            if truth.is_observed((0, after + t, c)) {
                let seen = truth.observations[[0, after + t, c]];
                let at = c % names;
                self.squares[at] += (f64::from(value) - f64::from(seen)).powi(2);
                self.values[at].push(f64::from(seen));
            }
        }
    }

    fn figures(self, names: &[String], scale: impl Fn(usize) -> f64) -> BTreeMap<String, FreeRun> {
        let each = |(c, name): (usize, &String)| {
            let values = &self.values[c];
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            let run = FreeRun {
                rmse: (self.squares[c] / count).sqrt() * scale(c),
                fit_percent: 100.0 * (1.0 - (self.squares[c] / spread).sqrt()),
            };
            (name.clone(), run)
        };
        names.iter().enumerate().map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(model: f64, linear: f64) -> StepErrors {
        StepErrors { model, linear: Some(linear), kalman: None, persistence: 1.0 }
    }

    #[test]
    fn the_verdict_says_where() {
        let rows = BTreeMap::from([(1, errors(1.0, 1.0)), (5, errors(0.5, 1.0))]);
        assert_eq!(
            verdict(&rows),
            "The model is better than the best linear model over 5 steps, and as good as the best linear model \
             over 1 step."
        );
        let rows = BTreeMap::from([(1, errors(f64::NAN, 1.0))]);
        assert_eq!(
            verdict(&rows),
            "The model is worse than the best linear model at every horizon."
        );
    }
}
