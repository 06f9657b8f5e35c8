//! Constants of a skin whose equations are known: where they start, what is likely, and the skin that has them.
//!
//! `θ` holds the logarithms of the taxels' factors, then, in the order of [`OTHERS`], the width of a contact, the
//! exponent and the offset of the conductance, and the logarithms of the cross-talk, of the compliances of creep, of a
//! factor of its times, and of the weights and thresholds of play, each beside a value that is usual. Times of creep
//! stay a decade apart: in a short piece, one of them does the work of two. Priors are as wide as the
//! ranges of cheap sensors, and not centered at those of the default skin.

use dvbf_envs::{Skin, SkinSettings};
use nalgebra::{DMatrix, DVector};

/// Where a constant starts, the standard deviation of its prior, the step of a difference, and its range.
struct Constant {
    start: f64,
    std: f64,
    step: f64,
    range: (f64, f64),
}

const fn constant(start: f64, std: f64, step: f64, range: (f64, f64)) -> Constant {
    Constant { start, std, step, range }
}

/// The logarithm of a constant that is positive, beside that of its usual value.
const fn log(std: f64) -> Constant {
    constant(0.0, std, 0.1, (-2.5, 1.5))
}

const OTHERS: [Constant; 14] = [
    constant(1.0, 0.25, 0.02, (0.3, 3.0)),
    constant(0.9, 0.15, 0.02, (0.4, 1.6)),
    constant(0.001, 0.003, 2e-4, (0.0, 0.05)),
    log(1.0),
    log(0.5),
    log(0.5),
    log(0.5),
    log(0.3),
    log(0.6),
    log(0.6),
    log(0.6),
    log(0.5),
    log(0.5),
    log(0.5),
];
const FACTOR: Constant = constant(-0.1, 0.2, 0.01, (-2.5, 2.5));
/// Usual values: the cross-talk, compliances and times of creep in s, weights of play, and its thresholds as shares
/// of full scale.
const SHARE: f64 = 0.03;
const COMPLIANCES: [f64; 3] = [0.05; 3];
const TIMES: [f64; 3] = [0.4, 4.0, 40.0];
const WEIGHTS: [f64; 3] = [0.06; 3];
const THRESHOLDS: [f64; 3] = [0.002, 0.007, 0.025];

fn all(taxels: usize) -> impl Iterator<Item = &'static Constant> {
    std::iter::repeat_n(&FACTOR, taxels).chain(&OTHERS)
}

fn each(taxels: usize, of: impl Fn(&Constant) -> f64) -> DVector<f64> {
    DVector::from_iterator(taxels + OTHERS.len(), all(taxels).map(of))
}

/// The mean of the prior.
pub(super) fn start(taxels: usize) -> DVector<f64> {
    each(taxels, |constant| constant.start)
}

/// The inverse covariance of the prior.
pub(super) fn prior(taxels: usize) -> DMatrix<f64> {
    DMatrix::from_diagonal(&each(taxels, |constant| constant.std.powi(-2)))
}

/// Steps of differences.
pub(super) fn steps(taxels: usize) -> DVector<f64> {
    each(taxels, |constant| constant.step)
}

/// A step that takes no constant further than two standard deviations of its prior, or out of its range.
pub(super) fn limited(at: &DVector<f64>, step: &DVector<f64>) -> DVector<f64> {
    let taxels = at.len() - OTHERS.len();
    let next = all(taxels).zip(at.iter().zip(step.iter())).map(|(constant, (at, step))| {
        let most = 2.0 * constant.std;
        (at + step.clamp(-most, most)).clamp(constant.range.0, constant.range.1)
    });
    DVector::from_iterator(at.len(), next)
}

/// The skin with these constants, in which only the taxels `live` show anything. Of `settings` the grid, the
/// read-out and the full scale count.
pub(super) fn skin(settings: &SkinSettings, live: &[usize], at: &DVector<f64>) -> Option<Skin> {
    let taxels = settings.contact.taxels();
    let (factors, others) = at.as_slice().split_at(taxels);
    let full = settings.trajectory.force_max;
    let usual = |usual: [f64; 3], logs: &[f64]| -> Vec<f64> {
        usual.iter().zip(logs).map(|(value, log)| value * log.exp()).collect()
    };
    let mut settings = settings.clone();
    settings.contact.width = others[0];
    settings.conductance.exponent = others[1];
    settings.conductance.offset = others[2];
    settings.crosstalk.share = SHARE * others[3].exp();
    settings.creep.compliances = usual(COMPLIANCES, &others[4..7]);
    settings.creep.times = usual(TIMES, &[others[7]; 3]);
    settings.play.weights = usual(WEIGHTS, &others[8..11]);
    settings.play.thresholds = usual(THRESHOLDS.map(|share| share * full), &others[11..]);
    let dead = (0..taxels).filter(|i| !live.contains(i)).collect();
    Skin::with_sensor(settings, factors.iter().map(|f| f.exp()).collect(), dead).ok()
}
