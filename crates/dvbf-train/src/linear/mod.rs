//! Linear state-space models of recordings: what a filter can start from, and has to be better than.

mod counted;
mod counted_start;
mod fit;
mod history;
mod model;
mod moved;
mod regression;
mod turns;

pub use counted::Counted;
pub use model::LinearModel;
pub use moved::moved;
pub use turns::{CountedChannels, counted_channels};

use crate::eval::OpenLoop;
use counted::{CountedModel, changes};
use counted_start::beside;
use dvbf_core::{AffineMap, Dvbf, LinearStart, ModelConfig, Noise, features_of};
use dvbf_data::Dataset;
use fit::{GENTLE, Past};
use history::Track;
use ndarray::{Array1, Array2};

/// Orders of the autoregression that are tried.
const ORDERS: [usize; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
/// Shares of ridge that are tried.
const RIDGES: [f64; 3] = [1e-10, 1e-6, 1e-3];
/// Noise of the sensors that is tried, in units of the channels: the more, the smaller the gain.
const SENSORS: [f64; 4] = [1e-4, 1e-3, 1e-2, 5e-2];
/// Mean square of a component of `w` that the noise of training may add; it is one by itself.
const STRAIN: f64 = 2.0;
/// Regressors, at most.
const REGRESSORS: usize = 200;
/// Training steps that are used, at most.
const STEPS: usize = 40_000;
/// Channels from which on fewer sizes are tried, with regressors up to the second number: a search in all of them
/// takes minutes.
const WIDE: (usize, usize) = (8, 64);
/// Channels of recordings that linear models are made of, at most.
pub const MOST_CHANNELS: usize = 24;

/// Which predictions a linear model is chosen by.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Steps that are filtered first.
    pub filtered: usize,
    /// Numbers of steps that are predicted then.
    pub horizons: Vec<usize>,
    /// Steps that the state starts from.
    pub frames: usize,
    /// Components of the state, at most.
    pub state: usize,
    /// Channels of which changes matter, angles first: components of the state, beside the others.
    pub counted: Vec<Counted>,
}

impl Choice {
    fn longest(&self) -> usize {
        self.horizons.iter().copied().max().unwrap_or(1)
    }
}

/// Linear models of recordings.
#[derive(Clone, Debug)]
pub struct Identified {
    /// The one that predicts the validation part best.
    pub best: LinearModel,
    /// Its errors there at the horizons.
    pub errors: Vec<f64>,
    /// The best one whose corrections are no larger than training bears, which leaves some of them out and adds
    /// noise: a correction that is right only if others follow enlarges both.
    gentle: LinearModel,
    /// The best one of changes.
    changing: Option<CountedModel>,
    counted: Vec<Counted>,
}

impl Identified {
    /// What a filter with `state` components is before training, where it is as good as the best linear model.
    ///
    /// # Panics
    /// If the state is smaller than the model's.
    pub fn best_start(&self, state: usize) -> LinearStart {
        self.in_place(&self.best, state)
    }

    /// What training starts from.
    ///
    /// # Panics
    /// If the state is smaller than the model's.
    pub fn training_start(&self, state: usize) -> LinearStart {
        match &self.changing {
            Some(changing) => changing.start(state),
            None => self.in_place(&self.gentle, state),
        }
    }

    fn in_place(&self, model: &LinearModel, state: usize) -> LinearStart {
        match self.counted.len() {
            0 => model.start(state),
            more => beside(&model.start(state - more), &self.counted),
        }
    }
}

/// The linear models of `train` that predict `validation` best.
///
/// Every candidate has the ratio of its error to the least one at each horizon, and the one whose largest
/// ratio is smallest is taken. `None` if there are too many channels or too few steps.
///
/// # Panics
/// If the validation sequences are shorter than the prediction asks for, or there is no room for what is counted.
pub fn identify(train: &Dataset, validation: &Dataset, choice: &Choice) -> Option<Identified> {
    let (_, _, channels) = train.observations.dim();
    if channels > MOST_CHANNELS {
        return None;
    }
    let (mut tracks, mut steps) = (Vec::new(), 0);
    for n in 0..train.lengths.len() {
        if steps > STEPS {
            break;
        }
        tracks.push(Track::of(train, n, STEPS));
        steps += train.lengths[n];
    }
    let counted = choice.counted.clone();
    let choice = &Choice { state: choice.state - counted.len(), ..choice.clone() };
    let span = (choice.filtered, choice.longest());
    let candidates = candidates(&tracks, steps, choice, |model, _| {
        let errors = model.errors(validation, span.0, span.1);
        // A bound on the strain, too, is worth its price only where channels are counted: corrections that are
        // too small are seldom unlearned.
        Some((model, errors, 0.0))
    });
    let best = chosen(candidates.iter())?;
    let gentle = chosen(candidates.iter().filter(|c| c.is_gentle())).unwrap_or(best);
    let changing =
        if counted.is_empty() { None } else { changing(&tracks, steps, validation, choice) };
    Some(Identified {
        best: best.model.clone().measured(&tracks),
        errors: best.errors.clone(),
        gentle: gentle.model.clone().with_gentle_start().measured(&tracks),
        changing,
        counted,
    })
}

/// The best model of changes that training bears.
fn changing(
    tracks: &[Track],
    steps: usize,
    validation: &Dataset,
    choice: &Choice,
) -> Option<CountedModel> {
    let of_changes: Vec<Track> =
        tracks.iter().map(|track| changes(track, &choice.counted)).collect();
    let both = (tracks, &of_changes[..]);
    let candidates = candidates(&of_changes, steps, choice, |model, past| {
        let model = CountedModel::of(model, past, both, &choice.counted, choice.frames)?;
        let errors = model.errors(validation, choice.filtered, choice.longest());
        let strain = model.strain();
        Some((model, errors, strain))
    });
    let gentle = candidates.iter().filter(|c| c.is_gentle());
    let best = chosen(gentle).or_else(|| chosen(candidates.iter()))?;
    Some(best.model.clone().measured(tracks))
}

/// Models of all orders, sizes and regularizations, with what `rate` makes of them and its errors.
fn candidates<M>(
    tracks: &[Track],
    steps: usize,
    choice: &Choice,
    rate: impl Fn(LinearModel, &Past) -> Option<(M, OpenLoop, f64)>,
) -> Vec<Candidate<M>> {
    let Some(first) = tracks.first().filter(|track| track.len() > 0) else { return Vec::new() };
    let channels = first.x[0].len();
    let width = channels + first.u[0].len();
    let mut candidates = Vec::new();
    for order in ORDERS {
        let wide = channels > WIDE.0;
        let most = if wide { WIDE.1 } else { REGRESSORS };
        let enough = order * width <= most && 5 * order * width < steps;
        if order > 1 && !enough {
            continue;
        }
        for ridge in RIDGES {
            let Some(past) = Past::of(tracks, order, ridge, (2 * order).clamp(10, 40)) else {
                continue;
            };
            let largest = past.rank().min(choice.state);
            for n in (1..=largest).filter(|n| !wide || n % 4 == 0 || *n == largest) {
                let models = past.models(tracks, n, choice.frames, (ridge, &SENSORS));
                for (model, correction) in models.into_iter().flatten() {
                    let Some((model, errors, strain)) = rate(model, &past) else { continue };
                    let errors: Vec<f64> = choice.horizons.iter().map(|&h| errors.at(h)).collect();
                    if errors.iter().all(|e| e.is_finite()) {
                        candidates.push(Candidate { model, errors, correction, strain });
                    }
                }
            }
        }
    }
    candidates
}

struct Candidate<M> {
    model: M,
    /// By horizon.
    errors: Vec<f64>,
    /// The largest factor of a correction.
    correction: f64,
    /// What the noise of training adds to the corrections.
    strain: f64,
}

impl<M> Candidate<M> {
    /// Whether training bears its corrections.
    fn is_gentle(&self) -> bool {
        self.correction <= GENTLE && self.strain <= STRAIN
    }
}

/// The candidate whose largest ratio to the least error of any is smallest.
fn chosen<'a, M>(all: impl Iterator<Item = &'a Candidate<M>> + Clone) -> Option<&'a Candidate<M>> {
    let horizons = all.clone().next()?.errors.len();
    let least: Vec<f64> = (0..horizons)
        .map(|i| all.clone().map(|c| c.errors[i]).fold(f64::INFINITY, f64::min))
        .collect();
    let worst = |c: &Candidate<M>| {
        let ratios = c.errors.iter().zip(&least).map(|(e, least)| (e + 1e-12) / (least + 1e-12));
        ratios.fold(0.0, f64::max)
    };
    all.min_by(|a, b| worst(a).total_cmp(&worst(b)))
}

/// Whether the parts of such a model can start as linear maps.
pub fn can_start(config: &ModelConfig) -> bool {
    let Ok(mut model) = Dvbf::<f32>::random(config, Noise::new(0, 0)) else { return false };
    let (z, u, x) = (config.state, config.control, config.observation);
    let frames = config.initial_frames;
    let zeros = |outputs: usize, inputs: usize| AffineMap {
        weight: Array2::zeros((outputs, inputs)),
        offset: Array1::zeros(outputs),
    };
    let f = features_of(&model.transition().components()).outputs();
    let start = LinearStart {
        transition: zeros(z, z + u),
        remainder: None,
        noise: vec![1.0; z],
        recognition: zeros(config.noise, x + f + u),
        emission: zeros(x, f),
        emission_std: vec![1.0; x],
        initial: zeros(config.noise, frames * x + frames.saturating_sub(1) * u),
        spread: vec![1.0; config.noise],
        initial_spread: vec![1.0; config.noise],
    };
    config.noise == z && model.start_linear(&start).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::rollout_errors;
    use crate::pool::Pool;
    use crate::settings::{ModelSettings, Span};
    use dvbf_core::KindTable;
    use ndarray::Array3;

    /// An oscillator that a control drives, seen with noise.
    fn oscillator(sequences: usize, steps: usize, noise: f64, seed: u64) -> Dataset {
        let mut x = Array3::zeros((sequences, steps, 1));
        let mut u = Array3::zeros((sequences, steps, 1));
        for n in 0..sequences {
            let mut draws = vec![0.0_f64; 2 * steps + 2];
            Noise::new(seed, n as u64).normal(&mut draws);
            let (mut z, mut v) = (draws[2 * steps], draws[2 * steps + 1]);
            for t in 0..steps {
                u[[n, t, 0]] = dvbf_data::narrow(draws[t]);
                x[[n, t, 0]] = dvbf_data::narrow(z + noise * draws[steps + t]);
                (z, v) = (0.95 * z + 0.2 * v, 0.95 * v - 0.2 * z + 0.2 * draws[t]);
            }
        }
        Dataset::observed(x, u)
    }

    fn choice() -> Choice {
        Choice { filtered: 20, horizons: vec![1, 5, 20], frames: 4, state: 4, counted: Vec::new() }
    }

    #[test]
    fn a_linear_system_without_noise_is_found() {
        let (train, held) = (oscillator(20, 60, 0.0, 1), oscillator(20, 60, 0.0, 2));
        let Identified { best: model, errors, .. } = identify(&train, &held, &choice()).unwrap();
        assert!(errors.iter().all(|e| *e < 1e-8), "{errors:?}");
        let truth = (0.95_f64.powi(2) + 0.04).sqrt();
        assert!((model.largest() - truth).abs() < 1e-4, "{}", model.largest());
    }

    /// A model that starts as the linear one filters and predicts as it does.
    #[test]
    fn a_model_that_starts_linear_is_the_linear_model() {
        let (train, held) = (oscillator(30, 60, 0.1, 1), oscillator(30, 60, 0.1, 2));
        let choice = choice();
        let found = identify(&train, &held, &choice).unwrap();
        let size = choice.state + 1;
        let settings = ModelSettings {
            state: size,
            noise: size,
            hidden: 32,
            initial_frames: choice.frames,
            initial: KindTable::new("first-frames"),
            recognition: KindTable::new("feedforward"),
            transition: KindTable::new("sum").with("linear", serde_json::json!({})),
            emission: KindTable::new("gaussian").with("std_kind", "learned-per-channel"),
        };
        for transition in [settings.transition.clone(), KindTable::new("residual")] {
            let config = ModelSettings { transition, ..settings.clone() }.resolve(1, 1).unwrap();
            assert!(can_start(&config));
            let mut model = Dvbf::<f32>::random(&config, Noise::new(1, 0)).unwrap();
            model.start_linear(&found.best.start(size)).unwrap();
            let span = Span { filtered: choice.filtered, horizon: choice.longest() };
            let errors = rollout_errors(&model, &held, span, &Pool::new(1).unwrap());
            for (&horizon, own) in choice.horizons.iter().zip(&found.errors) {
                let ratio = errors.at(horizon) / own;
                assert!((ratio - 1.0).abs() < 1e-3, "{horizon} steps: {ratio}");
            }
            // What a correction leaves is the noise of the sensor.
            let std = f64::from(model.emission().log_std()[0].exp());
            assert!((0.05..0.12).contains(&std), "{std}");
        }
    }

    #[test]
    fn parts_of_other_kinds_cannot_start() {
        let settings = ModelSettings {
            state: 3,
            noise: 3,
            hidden: 4,
            initial_frames: 2,
            initial: KindTable::new("first-frames"),
            recognition: KindTable::new("feedforward"),
            transition: KindTable::new("residual"),
            emission: KindTable::new("gaussian"),
        };
        let can = |settings: &ModelSettings| can_start(&settings.resolve(1, 1).unwrap());
        assert!(can(&ModelSettings { hidden: 16, ..settings.clone() }));
        let transition = KindTable::new("locally-linear");
        assert!(!can(&ModelSettings { transition, hidden: 16, ..settings }));
    }

    /// The noise of the sensor is the least error there is; a filter of order two is enough.
    #[test]
    fn noise_of_the_sensor_is_filtered() {
        let (train, held) = (oscillator(40, 60, 0.1, 1), oscillator(40, 60, 0.1, 2));
        let Identified { best: model, errors, .. } = identify(&train, &held, &choice()).unwrap();
        assert!(errors.iter().all(|e| *e < 0.02), "{} states: {errors:?}", model.state());
        assert!((model.residual()[0] - 0.1).abs() < 0.03, "{:?}", model.residual());
    }
}
