//! Settings that follow from recordings, without tuning.

use super::{Division, RecordingsSettings, Settings, preset};
use crate::data::division::{Parts, Piece, divide, segments, usual_division};
use crate::data::{DataError, RawRecordings, noise};
use crate::schedule::{Ramp, Shape};
use dvbf_core::EmissionStd;

/// Sequences that a part is evaluated on, at most.
const EVALUATED: usize = 500;
/// Steps of an open-loop prediction with the frames before it, at most.
const LONGEST: usize = 100;

/// What is done with recordings of which nothing but these files and columns is known.
pub fn usual_source(recordings: &RawRecordings, files: Vec<String>) -> RecordingsSettings {
    RecordingsSettings {
        files,
        observe: Vec::new(),
        control: Vec::new(),
        state: Vec::new(),
        division: usual_division(recordings),
        held_out: if usual_division(recordings) == Division::Time { 0.2 } else { 0.15 },
        normalize: recordings.image.is_none(),
        checksum: recordings.checksum(),
    }
}

/// The preset `name` for recordings: its model and its training, with the lengths and numbers that
/// the recordings have.
///
/// # Errors
/// If there is no such preset, or the recordings are too short to be divided.
pub fn preset_for(
    name: &str,
    recordings: &RawRecordings,
    source: RecordingsSettings,
) -> Result<Settings, DataError> {
    let unfit = |problem: String| DataError::Unfit { problem };
    let seed = super::preset::pendulum().data.seed;
    let parts = divide(recordings, source.division, source.held_out, seed)
        .map_err(|problem| unfit(format!("{} {problem}", source.files.join(", "))))?;
    let mut settings = if name == "auto" {
        automatic(recordings, &parts.train)
    } else {
        preset(name).map_err(|e| unfit(e.to_string()))?
    };
    settings.data.seed = seed;
    (settings.pendulum, settings.ball, settings.two_balls) = (None, None, None);
    settings.recordings = Some(source);
    fit_lengths(&mut settings, &parts)?;
    Ok(settings)
}

/// Sets what the lengths of the sequences decide.
fn fit_lengths(settings: &mut Settings, parts: &Parts) -> Result<(), DataError> {
    let Settings { data, training, evaluation, model, .. } = settings;
    let longest = |pieces: &[Piece]| pieces.iter().map(|p| p.length).max().unwrap_or(0);
    let trained = longest(&parts.train);
    let open = typical(&parts.validation).min(typical(&parts.test)).min(LONGEST);
    let least = 3;
    if trained < least || open < least {
        let problem = format!(
            "sequences of {trained} training steps and {open} steps for validation and test are too \
             short to learn dynamics from; at least {least} are needed"
        );
        return Err(DataError::Unfit { problem });
    }
    let window = if training.window == 0 { trained } else { training.window.min(trained) };
    training.window = window;
    data.steps = (2 * window).min(trained);
    model.initial_frames = model.initial_frames.min(window - 1).min(open / 2).max(1);
    data.long_steps = open;
    evaluation.filtered =
        evaluation.filtered.clamp(model.initial_frames, (open / 2).max(model.initial_frames));
    let ahead = open - evaluation.filtered;
    evaluation.horizons.retain(|&h| h < ahead);
    evaluation.horizons.push(ahead);
    evaluation.chosen_by = evaluation.chosen_by.min(ahead);

    data.train = segments(&parts.train, data.steps, window).len();
    let held = |pieces: &[Piece]| segments(pieces, data.steps, data.steps).len().min(EVALUATED);
    (data.validation, data.test) = (held(&parts.validation), held(&parts.test));
    training.batch = training.batch.min(data.train);
    training.shard = training.shard.min(training.batch.div_ceil(2));
    training.block = training.block.min(training.shard);
    Ok(())
}

/// Median length of pieces.
fn typical(pieces: &[Piece]) -> usize {
    let mut lengths: Vec<usize> = pieces.iter().map(|p| p.length).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

/// Model and training for recordings like these. Images take the recipe of the pendulum.
///
/// Vectors get twice as many dimensions of the state as they have channels, for what is seen and how
/// fast it changes; an emission whose noise is that of every sensor, as differences between steps
/// tell it, for a noise that is learned is too large while the dynamics are not yet known; and noise of
/// about the same size on what the recognition network sees, which fades.
fn automatic(recordings: &RawRecordings, train: &[Piece]) -> Settings {
    let mut settings = super::preset::pendulum();
    settings.preset = "auto".into();
    if recordings.image.is_some() {
        return settings;
    }
    let width = recordings.observation_names.len();
    let std = typical_noise(recordings, train);
    let Settings { model, training, evaluation, .. } = &mut settings;
    model.state = (2 * width).clamp(3, 16);
    model.noise = model.state;
    model.emission_state = model.state;
    model.shared_state = 0;
    model.hidden = if width > 16 { 128 } else { 64 };
    model.initial_frames = 8;
    model.emission_std_kind = EmissionStd::FixedPerChannel;
    model.emission_std = std;
    training.steps = 40_000;
    training.restarts = 4;
    training.window = 24;
    training.kl_weight.from = 2.0;
    training.input_noise = Ramp { from: std, to: 0.0, start: 0.3, end: 0.7, shape: Shape::Linear };
    training.start_noise = training.input_noise;
    training.log_interval = 1_000;
    evaluation.filtered = 20;
    evaluation.horizons = vec![1, 5, 20, 50];
    evaluation.chosen_by = 20;
    settings
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
        noise::noise(recordings, train).into_iter().enumerate().map(relative).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2].clamp(0.05, 0.7)
}
