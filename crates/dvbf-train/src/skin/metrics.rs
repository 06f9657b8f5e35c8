//! How well a method tells the force, in percent of full scale.

use super::method::ForceMethod;
use super::trials::{Trial, Trials};
use crate::nullable;
use dvbf_core::Estimate;
use serde::{Deserialize, Serialize};

/// Seconds at the start of a recording that no figure looks at: a recursion has to settle.
const START: f64 = 0.2;
/// Levels of a triangle at which loading and unloading are compared, as shares of its peak.
const LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// Seconds of the windows whose means tell the drift.
const WINDOW: f64 = 10.0;
/// The longest delay in seconds that is looked for.
const DELAY: f64 = 0.2;

/// Figures of a method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForceFigures {
    /// Root mean square error on random trajectories.
    #[serde(deserialize_with = "nullable::number")]
    pub rmse_percent: f64,
    /// Largest difference between loading and unloading on triangles, at the same true force.
    #[serde(deserialize_with = "nullable::number")]
    pub hysteresis_percent: f64,
    /// Difference between 60 s and 1 s of a hold.
    #[serde(deserialize_with = "nullable::number")]
    pub creep_percent: f64,
    /// Largest change of the mean without load over ten minutes.
    #[serde(deserialize_with = "nullable::number")]
    pub drift_percent: f64,
    /// Fraction of steps whose force lies in the interval of 90 %.
    #[serde(deserialize_with = "nullable::number")]
    pub coverage90: f64,
    /// By how much the estimate comes late, in ms.
    #[serde(deserialize_with = "nullable::number")]
    pub delay_ms: f64,
}

/// The figures of a method.
pub fn figures(method: &dyn ForceMethod, trials: &Trials) -> ForceFigures {
    let (dt, full) = (trials.dt, trials.full_scale);
    let run = |trial: &Trial| method.estimate(trial.readings.view());
    let random: Vec<Vec<Estimate>> = trials.random.iter().map(run).collect();
    let from = steps(START, dt);
    let (mut squares, mut covered, mut count) = (0.0, 0.0, 0.0);
    for (trial, estimates) in trials.random.iter().zip(&random) {
        for (truth, estimate) in trial.loads.column(0).iter().zip(estimates).skip(from) {
            let off = estimate.value - truth;
            squares += off * off;
            covered += f64::from(u8::from(off.abs() <= estimate.half_width));
            count += 1.0;
        }
    }
    let (triangles, period) = &trials.triangles;
    let loops = triangles.iter().map(|trial| opening(trial, &run(trial), *period));
    let holds = trials.holds.iter().map(|trial| {
        let values = run(trial);
        (around(&values, 60.0, dt) - around(&values, 1.0, dt)).abs()
    });
    ForceFigures {
        rmse_percent: 100.0 * (squares / count).sqrt() / full,
        hysteresis_percent: 100.0 * mean(loops) / full,
        creep_percent: 100.0 * mean(holds) / full,
        drift_percent: 100.0 * drift(&run(&trials.unloaded), dt) / full,
        coverage90: covered / count,
        delay_ms: 1e3 * dt * delay(trials, &random),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of steps")]
fn steps(seconds: f64, dt: f64) -> usize {
    (seconds / dt).round() as usize
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// The largest distance between the branches of the mean loop of all periods but the first.
fn opening(trial: &Trial, estimates: &[Estimate], period: usize) -> f64 {
    let force = trial.loads.column(0);
    let peak = force.iter().copied().fold(0.0, f64::max);
    let mut widest = 0.0_f64;
    for level in LEVELS {
        let (mut off, mut count) = ([0.0; 2], [0.0; 2]);
        for t in period..force.len().saturating_sub(1) {
            let (a, b, at) = (force[t], force[t + 1], level * peak);
            let up = a <= at && at < b;
            if up || (b <= at && at < a) {
                let share = (at - a) / (b - a);
                let value = estimates[t].value * (1.0 - share) + estimates[t + 1].value * share;
                off[usize::from(up)] += value;
                count[usize::from(up)] += 1.0;
            }
        }
        widest = widest.max((off[0] / count[0] - off[1] / count[1]).abs());
    }
    widest
}

/// Mean over a quarter of a second to both sides.
fn around(estimates: &[Estimate], seconds: f64, dt: f64) -> f64 {
    let (at, half) = (steps(seconds, dt), steps(0.25, dt));
    let last = estimates.len().min(at + half + 1);
    mean(estimates[at.saturating_sub(half).min(last)..last].iter().map(|e| e.value))
}

fn drift(estimates: &[Estimate], dt: f64) -> f64 {
    let from = estimates.len().min(steps(START, dt));
    let means: Vec<f64> = estimates[from..]
        .chunks_exact(steps(WINDOW, dt).max(1))
        .map(|window| mean(window.iter().map(|e| e.value)))
        .collect();
    let first = means.first().copied().unwrap_or(0.0);
    means.iter().map(|m| (m - first).abs()).fold(0.0, f64::max)
}

/// The shift in steps by which the estimates have to come earlier to be nearest to the force.
fn delay(trials: &Trials, random: &[Vec<Estimate>]) -> f64 {
    let most = steps(DELAY, trials.dt);
    let error = |shift: usize| -> f64 {
        let pairs = trials.random.iter().zip(random);
        pairs
            .map(|(trial, estimates)| {
                let force = trial.loads.column(0);
                let late = estimates.iter().skip(most + shift).zip(force.iter().skip(most));
                late.take(force.len().saturating_sub(2 * most))
                    .map(|(e, f)| (e.value - f).powi(2))
                    .sum::<f64>()
            })
            .sum()
    };
    let best = (0..=most).min_by(|&a, &b| error(a).total_cmp(&error(b)));
    best.unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::Interval;
    use dvbf_envs::{Skin, SkinSettings};
    use ndarray::ArrayView2;

    /// The sum of an ideal skin, with faults of known size.
    struct Faulty {
        lag: usize,
        gain: f64,
        offset: f64,
    }

    impl ForceMethod for Faulty {
        fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
            let sums: Vec<f64> =
                readings.rows().into_iter().map(|row| f64::from(row.sum())).collect();
            let interval = Interval { constant: 0.2, relative: 0.0 };
            (0..sums.len())
                .map(|t| {
                    interval.around(self.gain * sums[t.saturating_sub(self.lag)] + self.offset)
                })
                .collect()
        }
    }

    #[test]
    fn faults_are_measured_as_they_are() {
        let skin = Skin::new(SkinSettings::ideal()).unwrap();
        let trials = Trials::record(&skin, 5);
        let of = |lag, gain, offset| figures(&Faulty { lag, gain, offset }, &trials);
        let exact = of(0, 1.0, 0.0);
        assert!(exact.rmse_percent < 1e-4 && exact.hysteresis_percent < 1e-4, "{exact:?}");
        assert!(exact.creep_percent < 1e-4 && exact.drift_percent < 1e-4);
        assert!((exact.coverage90 - 1.0).abs() < 1e-9 && exact.delay_ms.abs() < 1e-9);
        // An offset of 3 % of full scale is an error of 3 %, and outside of the interval.
        let offset = of(0, 1.0, 0.3);
        assert!((offset.rmse_percent - 3.0).abs() < 1e-3 && offset.coverage90 < 1e-9, "{offset:?}");
        // A triangle of 8 N in 4 s moves 4 N a second; 50 ms late opens it by 0.4 N, 4 %.
        let late = of(5, 1.0, 0.0);
        assert!((late.hysteresis_percent - 4.0).abs() < 0.05, "{late:?}");
        assert!((late.delay_ms - 50.0).abs() < 1e-6, "{late:?}");
    }
}
