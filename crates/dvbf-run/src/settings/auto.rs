//! Settings that follow from recordings, without tuning.

use super::preset::AUTOMATIC;
use super::{
    Division, EvaluationSettings, ModelSettings, RecordingsSettings, Settings, SettingsError,
    apply_override, preset,
};
use dvbf_core::KindTable;
use dvbf_data::division::{Parts, Piece, divide, segments, stride, usual_division};
use dvbf_data::{DataError, Frames, RawRecordings, noise};
use dvbf_train::linear::{MOST_CHANNELS, can_start, counted_channels};
use dvbf_train::schedule::{Ramp, Shape};
use serde_json::json;
use std::collections::BTreeMap;

/// The preset that starts from the best linear model.
const LINEAR: &str = "auto";
/// Sequences that a part is evaluated on, at most.
const EVALUATED: usize = 500;
/// Steps of an open-loop prediction with the frames before it, at most.
const LONGEST: usize = 100;

/// What is done with recordings of which nothing but these files and columns is known.
pub fn usual_source(recordings: &RawRecordings, files: Vec<String>) -> RecordingsSettings {
    RecordingsSettings {
        files,
        folder: None,
        observe: Vec::new(),
        control: Vec::new(),
        state: Vec::new(),
        time: None,
        episode: None,
        every: 1,
        resample: None,
        angles: BTreeMap::new(),
        levels: Vec::new(),
        validation: Vec::new(),
        test: Vec::new(),
        frames: Frames::default(),
        division: usual_division(recordings),
        held_out: if usual_division(recordings) == Division::Time { 0.2 } else { 0.15 },
        normalize: recordings.image.is_none(),
        checksum: recordings.checksum(),
    }
}

/// The preset `name` for recordings, with `key=value` overrides: its model and its training, with the
/// lengths and numbers that follow from the recordings and from what was chosen.
///
/// # Errors
/// If there is no such preset, an override cannot be made, or the recordings are too short to be
/// divided, or for a window or prediction that was chosen.
pub fn preset_for(
    name: &str,
    recordings: &RawRecordings,
    source: RecordingsSettings,
    overrides: &[String],
) -> Result<Settings, DataError> {
    if let Some(channel) = recordings.unseen() {
        return Err(unfit(format!(
            "{}: observation {channel} is missing at every step, so nothing can be learned of it",
            source.files.join(", ")
        )));
    }
    let invalid = |e: SettingsError| unfit(e.to_string());
    let about = |settings: Settings, source: RecordingsSettings| Settings {
        system: None,
        recordings: Some(source),
        ..settings
    };
    let chosen = |settings: Settings| {
        let mut all = overrides.iter();
        all.try_fold(settings, |settings, text| apply_override(&settings, text)).map_err(invalid)
    };
    // How to divide them may have been chosen, and everything else follows from the parts.
    let first = about(super::preset::pendulum(), source);
    let early = |text: &&String| {
        ["data.", "recordings."].iter().any(|table| text.trim_start().starts_with(table))
    };
    let first = overrides
        .iter()
        .filter(early)
        .try_fold(first, |settings, text| apply_override(&settings, text))
        .map_err(invalid)?;
    let (seed, source) = (first.data.seed, first.recordings.clone());
    let Some(mut source) = source else {
        return Err(unfit("the settings name no recordings"));
    };
    source.validate().map_err(|e| invalid(e.into()))?;
    let parts = divide(recordings, source.division, source.held_out, seed)
        .map_err(|problem| unfit(format!("{} {problem}", source.files.join(", "))))?;
    let follows = AUTOMATIC.contains(&name);
    let counted = ["recordings.angles", "recordings.levels"];
    if name == LINEAR && !counted.iter().any(|key| is_chosen(key, overrides)) {
        count(recordings, &parts.train, &mut source);
    }
    let mut settings = if follows {
        let counted = Counted { angles: source.angles.len(), levels: source.levels.len() };
        automatic(name, recordings, &parts.train, counted)
    } else {
        preset(name).map_err(invalid)?
    };
    let before = settings.model.clone();
    settings.data.seed = seed;
    settings = chosen(about(settings, source))?;
    if follows {
        follow_state(&mut settings, &before, overrides);
    }
    let trained = longest(&parts.train);
    let open = typical(&parts.validation).min(typical(&parts.test)).min(LONGEST);
    if let Some(problem) = fit_lengths(&mut settings, trained, open) {
        // How they were read may be the reason.
        let remarks = recordings.remarks.iter().map(|remark| format!("; {remark}"));
        return Err(unfit(problem + &remarks.collect::<String>()));
    }
    settings = chosen(settings)?;
    fit_numbers(&mut settings, &parts);
    settings = chosen(settings)?;
    fit_batch(&mut settings);
    settings = chosen(settings)?;
    fits(&settings, trained, overrides)?;
    if recordings.dt.is_none() && !recordings.is_irregular() && settings.model.has_equation() {
        let problem = "model.transition.known: a differential equation needs the seconds between two steps, which \
                       these recordings do not tell: name their column of times with --time, or its values in the \
                       file's dt";
        return Err(unfit(problem.to_owned()));
    }
    if settings.training.linear_start && !is_chosen("training.linear_start", overrides) {
        let controls = recordings.control_names.len() + usize::from(recordings.is_irregular());
        let config = settings.model.config(recordings.observation_names.len(), controls);
        // Whoever chose a part that cannot be linear gets it.
        settings.training.linear_start = can_start(&config);
    }
    Ok(settings)
}

/// Finds channels of which changes matter.
fn count(recordings: &RawRecordings, train: &[Piece], source: &mut RecordingsSettings) {
    let found = counted_channels(recordings, train);
    let name = |channel: usize| recordings.observation_names[channel].clone();
    source.angles = found.angles.into_iter().map(|(channel, turn)| (name(channel), turn)).collect();
    source.levels = found.levels.into_iter().map(name).collect();
}

fn unfit(problem: impl Into<String>) -> DataError {
    DataError::Unfit { problem: problem.into() }
}

/// Whether an override is about `key`.
fn is_chosen(key: &str, overrides: &[String]) -> bool {
    overrides.iter().any(|text| text.split('=').next().is_some_and(|own| own.trim() == key))
}

/// What was as large as the state stays so, unless it was chosen too.
fn follow_state(settings: &mut Settings, before: &ModelSettings, overrides: &[String]) {
    let model = &mut settings.model;
    let state = model.state;
    for (key, old, value) in [("model.noise", before.noise, &mut model.noise)] {
        if old == before.state && !is_chosen(key, overrides) {
            *value = state;
        }
    }
}

/// Sets what the lengths of the sequences decide: the longest that is trained on has `trained` steps,
/// and `open` steps are there to be predicted. What is wrong if they are too few.
fn fit_lengths(settings: &mut Settings, trained: usize, open: usize) -> Option<String> {
    let Settings { data, training, evaluation, model, .. } = settings;
    let least = 3;
    if trained < least || open < least {
        return Some(format!(
            "sequences of {trained} training steps and {open} steps for validation and test are too \
             short to learn dynamics from; at least {least} are needed"
        ));
    }
    let window = if training.window == 0 { trained } else { training.window.min(trained) };
    training.window = window;
    data.steps = (2 * window).min(trained);
    model.initial_frames = model.initial_frames.min(window.saturating_sub(1)).min(open / 2).max(1);
    data.long_steps = open;
    evaluation.filtered =
        evaluation.filtered.clamp(model.initial_frames, (open / 2).max(model.initial_frames));
    let ahead = open - evaluation.filtered;
    evaluation.horizons.retain(|&h| h < ahead);
    evaluation.horizons.push(ahead);
    evaluation.chosen_by = evaluation.chosen_by.min(ahead);
    None
}

/// Sets what the number of segments decides.
fn fit_numbers(settings: &mut Settings, parts: &Parts) {
    let Settings { data, training, .. } = settings;
    let every = match training.window {
        0 => data.steps,
        window => stride(data.steps, window),
    };
    data.train = segments(&parts.train, data.steps.max(1), every.max(1)).len();
    let steps = data.steps.max(1);
    let held = |pieces: &[Piece]| segments(pieces, steps, steps).len().min(EVALUATED);
    (data.validation, data.test) = (held(&parts.validation), held(&parts.test));
}

/// Makes no update larger than all that there is.
fn fit_batch(settings: &mut Settings) {
    let Settings { data, training, .. } = settings;
    training.batch = training.batch.min(data.train);
    training.shard = training.shard.min(training.batch.div_ceil(2));
    training.block = training.block.min(training.shard);
}

/// Refuses lengths that were chosen and that the recordings do not have.
fn fits(settings: &Settings, trained: usize, overrides: &[String]) -> Result<(), DataError> {
    let Settings { data, training, evaluation, .. } = settings;
    if training.window > trained {
        return Err(unfit(format!(
            "training.window: is {}; the longest training sequence of the recordings has {trained} steps",
            training.window
        )));
    }
    let ahead = evaluation.horizons.iter().copied().max().unwrap_or(0).max(evaluation.chosen_by);
    if !is_chosen("data.long_steps", overrides) && evaluation.filtered + ahead > data.long_steps {
        return Err(unfit(format!(
            "evaluation.horizons: {} filtered and {ahead} predicted steps are more than the {} that \
             validation and test sequences of the recordings have",
            evaluation.filtered, data.long_steps
        )));
    }
    Ok(())
}

fn longest(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.length).max().unwrap_or(0)
}

/// Median length of pieces.
fn typical(pieces: &[Piece]) -> usize {
    let mut lengths: Vec<usize> = pieces.iter().map(|p| p.length).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

/// Values of images from which on they are seen through convolutions.
const LARGE: usize = 600;

/// Channels whose whole turns count, and those whose value does not matter.
#[derive(Clone, Copy, Debug)]
struct Counted {
    angles: usize,
    levels: usize,
}

/// Model and training for recordings like these. Images take the recipe of the pendulum, large ones that of its
/// video.
fn automatic(
    name: &str,
    recordings: &RawRecordings,
    train: &[Piece],
    counted: Counted,
) -> Settings {
    let width = recordings.observation_names.len();
    let large = recordings.image.filter(|_| width > LARGE);
    let mut settings = match large {
        Some((height, width)) => {
            let colors = recordings.colors.max(1);
            super::preset::of_images((height / colors, width), colors)
        }
        None => super::preset::pendulum(),
    };
    settings.preset = name.into();
    if recordings.image.is_some() {
        settings
    } else if name != LINEAR || width > MOST_CHANNELS {
        from_networks(settings, width, typical_noise(recordings, train))
    } else {
        from_linear(settings, width, counted)
    }
}

/// Vectors: the linear model that predicts best, and a network that learns what it lacks.
///
/// The state has room for what is seen, how fast it changes, and some past. The noise of the sensors is
/// learned, from that of the linear model's predictions. Divergence counts little: where it counts in full,
/// corrections by observations are too small, and predictions of one step suffer for those of many. Recognition is
/// left out at most of the steps, so that the transition learns to predict many.
fn from_linear(mut settings: Settings, width: usize, counted: Counted) -> Settings {
    let Counted { angles, levels } = counted;
    let Settings { model, training, evaluation, .. } = &mut settings;
    model.state = (4 + 2 * width).min(16) + angles + levels;
    model.noise = model.state;
    model.hidden = 64;
    model.initial_frames = 8;
    model.transition = KindTable::new("sum")
        .with("linear", json!({}))
        .with("remainder", json!({ "hidden": 64, "penalty": 0.0 }));
    for (key, count) in [("angles", angles), ("levels", levels)] {
        if count > 0 {
            model.transition.set(key, count);
        }
    }
    model.emission =
        KindTable::new("gaussian").with("std_kind", "learned-per-channel").with("std", 0.1);
    training.linear_start = true;
    training.steps = 10_000;
    training.restarts = 1;
    training.finalists = 1;
    training.learning_rate = super::preset::slow();
    if angles + levels > 0 {
        // What is counted is large beside its changes, and weights on it have to be exact.
        training.learning_rate = Ramp { from: 5e-4, to: 3e-5, ..training.learning_rate };
    }
    training.warmup = Ramp::constant(1.0);
    training.window = 24;
    training.kl_weight = Ramp::constant(0.05);
    training.drop = Ramp { from: 0.7, to: 0.3, start: 0.3, end: 0.8, shape: Shape::Linear };
    training.input_noise = Ramp::constant(0.0);
    training.start_noise = Ramp::constant(0.0);
    training.log_interval = 250;
    evaluated(evaluation);
    settings
}

/// Networks as they are drawn: twice as many dimensions of the state as there are channels, for what is seen and how
/// fast it changes; an emission whose noise is that of every sensor, as differences between steps
/// tell it, for a noise that is learned is too large while the dynamics are not yet known; and noise of
/// about the same size on what the recognition network sees, which fades; decay of its weights.
fn from_networks(mut settings: Settings, width: usize, std: f64) -> Settings {
    let Settings { model, training, evaluation, .. } = &mut settings;
    model.state = (2 * width).clamp(3, 16);
    model.noise = model.state;
    model.transition.set("shared", 0);
    model.hidden = if width > 16 { 128 } else { 64 };
    model.initial_frames = 8;
    model.emission =
        KindTable::new("gaussian").with("std_kind", "fixed-per-channel").with("std", std);
    training.steps = 40_000;
    training.restarts = 4;
    training.restart_steps = 400;
    training.finalists = 1;
    training.learning_rate = super::preset::slow();
    training.warmup = Ramp::constant(1.0);
    training.window = 24;
    training.weight_decay = 0.1;
    training.kl_weight.from = 2.0;
    training.input_noise = Ramp { from: std, to: 0.0, start: 0.3, end: 0.7, shape: Shape::Linear };
    training.start_noise = training.input_noise;
    training.log_interval = 1_000;
    evaluated(evaluation);
    settings
}

fn evaluated(evaluation: &mut EvaluationSettings) {
    evaluation.filtered = 20;
    evaluation.horizons = vec![1, 5, 20, 50];
    evaluation.chosen_by = 20;
}

/// Median noise of the sensors in units of their standard deviations.
fn typical_noise(recordings: &RawRecordings, train: &[Piece]) -> f64 {
    let spread = |channel: usize| {
        let values = train.iter().flat_map(|piece| {
            let column = recordings.sequences[piece.sequence].observations.column(channel);
            column.iter().skip(piece.start).take(piece.length).copied().collect::<Vec<f32>>()
        });
        let seen: Vec<f64> = values.filter(|v| !v.is_nan()).map(f64::from).collect();
        let mean = seen.iter().sum::<f64>() / seen.len().max(1) as f64;
        (seen.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / seen.len().max(1) as f64).sqrt()
    };
    let relative = |(i, std): (usize, f64)| if spread(i) > 0.0 { std / spread(i) } else { 0.0 };
    let mut all: Vec<f64> =
        noise(recordings, train).into_iter().enumerate().map(relative).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2].clamp(0.05, 0.7)
}
