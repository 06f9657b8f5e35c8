//! How much faster a recording is than what it shows.
//!
//! A recording at 1 kHz of something that moves within tenths of seconds has the same in a hundred steps as in two:
//! straight lines between means over `N` steps show every step of it, but for the noise of the sensors. Then `N` steps
//! can be one.

use super::division::Piece;
use super::noise::noise;
use super::raw::{Part, RawRecordings, RawSequence};

/// Numbers of steps that may become one.
const EVERY: [usize; 13] = [2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 200, 500, 1000];
/// Steps that are left to learn from, at least.
const LEFT: usize = 2000;
/// Error of the lines that counts as none, in standard deviations of the channel.
const NOTHING: f64 = 5e-3;
/// Variance of the noise that the lines may leave, and a little more.
const NOISE: f64 = 1.2;
/// Noise of a sensor, in standard deviations of the channel, from which on it may as well be fast motion.
const LOUD: f64 = 0.2;
/// Correlation of what neighboring steps leave, from which on it is no noise.
const WHITE: f64 = 0.3;

/// How many steps can become one without a loss that can be seen; one for images, steps of different lengths and
/// recordings of less than four thousand steps.
pub fn thinning(recordings: &RawRecordings) -> usize {
    if recordings.image.is_some() || recordings.is_irregular() {
        return 1;
    }
    let whole = |(sequence, all): (usize, &RawSequence)| {
        let length = all.observations.nrows();
        Piece { sequence, start: 0, length }
    };
    let pieces: Vec<Piece> = recordings.sequences.iter().enumerate().map(whole).collect();
    let sensors = noise(recordings, &pieces);
    let learned = |s: &&RawSequence| !matches!(s.part, Some(Part::Validation | Part::Test));
    let enough = |every: usize| {
        let own = recordings.sequences.iter().filter(learned).map(|s| s.observations.nrows());
        own.clone().map(|steps| steps / every).sum::<usize>() >= LEFT
            && own.max().unwrap_or(0) / every >= LEFT / 20
    };
    let fine = |every: usize| {
        (0..sensors.len()).all(|channel| {
            let Left { error, correlation, variance } = lines(recordings, channel, every);
            let noise = sensors[channel].powi(2);
            let quiet = noise <= LOUD.powi(2) * variance && correlation < WHITE;
            error <= NOTHING.powi(2) * variance + if quiet { NOISE * noise } else { 0.0 }
        })
    };
    let fitting = EVERY.into_iter().take_while(|&every| enough(every) && fine(every));
    fitting.last().unwrap_or(1)
}

/// What straight lines between means over some steps leave of a channel.
struct Left {
    /// Mean square.
    error: f64,
    /// Correlation of neighboring steps.
    correlation: f64,
    /// Variance of the channel.
    variance: f64,
}

fn lines(recordings: &RawRecordings, channel: usize, every: usize) -> Left {
    let (mut error, mut product, mut steps) = (0.0, 0.0, 0.0_f64);
    let (mut sum, mut squares, mut seen) = (0.0, 0.0, 0.0_f64);
    let middle = (every - 1) as f64 / 2.0;
    for sequence in &recordings.sequences {
        let values: Vec<f64> =
            sequence.observations.column(channel).iter().map(|&x| f64::from(x)).collect();
        for x in values.iter().filter(|x| !x.is_nan()) {
            seen += 1.0;
            let off = x - sum;
            sum += off / seen;
            squares += off * (x - sum);
        }
        let means: Vec<f64> = values
            .chunks_exact(every)
            .map(|block| block.iter().sum::<f64>() / every as f64)
            .collect();
        let mut last = 0.0;
        for (t, x) in values.iter().enumerate() {
            // Between the middles of two blocks.
            let place = (t as f64 - middle) / every as f64;
            let (before, part) = (place.floor(), place - place.floor());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a negative place is none"
            )]
            let two = (before >= 0.0).then(|| means.get(before as usize..)?.first_chunk::<2>());
            if let Some(Some([from, to])) = two {
                let off = x - (from + (to - from) * part);
                if !off.is_nan() {
                    error += off * off;
                    product += off * last;
                    last = off;
                    steps += 1.0;
                }
            }
        }
    }
    let correlation = if error > 0.0 { product / error } else { 0.0 };
    Left { error: error / steps.max(1.0), correlation, variance: squares / seen.max(1.0) }
}

/// A length in seconds for steps that are to be even: the longest of the usual steps of the sequences, in two digits;
/// `None` if steps are even or their lengths unknown.
pub fn usual_step(recordings: &RawRecordings) -> Option<f64> {
    let usual = |sequence: &RawSequence| {
        let intervals = sequence.intervals.as_ref()?;
        let mut own: Vec<f32> = intervals[..intervals.len().saturating_sub(1)].to_vec();
        own.sort_by(f32::total_cmp);
        own.get(own.len() / 2).copied()
    };
    let longest = recordings.sequences.iter().filter_map(usual).reduce(f32::max)?;
    let seconds: f64 = format!("{longest:.1e}").parse().ok()?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}
