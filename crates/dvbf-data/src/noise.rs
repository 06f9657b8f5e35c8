//! How noisy a sensor is, from recordings alone.

use super::division::Piece;
use super::raw::RawRecordings;

/// Standard deviation of the noise of every channel over these pieces.
///
/// The `k`-th difference of white noise of variance `σ²` has the variance `C(2k, k) σ²`, and that of
/// what changes slowly is small. The smallest estimate over `k = 1 … 5` counts; it is too large where
/// the signal itself changes from step to step.
pub fn noise(recordings: &RawRecordings, pieces: &[Piece]) -> Vec<f64> {
    (0..recordings.observation_names.len())
        .map(|channel| {
            let mut moments = Moments::default();
            let mut differences = [Moments::default(); 5];
            for piece in pieces {
                let mut last: Vec<f64> = Vec::new();
                let values = recordings.sequences[piece.sequence].observations.column(channel);
                for &value in values.iter().skip(piece.start).take(piece.length) {
                    if value.is_nan() {
                        last.clear();
                        continue;
                    }
                    moments.add(f64::from(value));
                    // The differences of all orders that end here.
                    let mut now = vec![f64::from(value)];
                    for (k, before) in last.iter().enumerate().take(5) {
                        let difference = now[k] - before;
                        differences[k].add(difference);
                        now.push(difference);
                    }
                    last = now;
                }
            }
            let mut binomial = 1.0;
            let mut least = moments.variance();
            for (k, moments) in differences.iter().enumerate() {
                let k = k as f64 + 1.0;
                binomial *= 2.0 * (2.0 * k - 1.0) / k;
                // An estimate from a few values may be small by chance.
                if moments.count >= 30.0 {
                    least = least.min(moments.square() / binomial);
                }
            }
            least.sqrt()
        })
        .collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    scatter: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.scatter += off * (value - self.mean);
        self.squares += value * value;
    }

    fn variance(&self) -> f64 {
        self.scatter / self.count.max(1.0)
    }

    fn square(&self) -> f64 {
        self.squares / self.count.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RawSequence, narrow};
    use dvbf_core::Noise;
    use ndarray::Array2;

    const ALL: [Piece; 1] = [Piece { sequence: 0, start: 0, length: 4000 }];

    fn recordings(signal: impl Fn(f64) -> f64, std: f64) -> RawRecordings {
        let mut draws = vec![0.0_f64; 4000];
        Noise::new(3, 1).normal(&mut draws);
        let values: Vec<f32> = draws
            .iter()
            .enumerate()
            .map(|(t, e)| if t % 7 == 3 { f32::NAN } else { narrow(signal(t as f64) + std * e) })
            .collect();
        RawRecordings {
            sequences: vec![RawSequence {
                name: String::new(),
                observations: Array2::from_shape_vec((4000, 1), values).unwrap(),
                controls: Array2::zeros((4000, 0)),
                intervals: None,
                states: None,
                part: None,
            }],
            observation_names: vec!["x".into()],
            control_names: Vec::new(),
            state_names: Vec::new(),
            dt: None,
            image: None,
            colors: 1,
            ignored: Vec::new(),
            remarks: Vec::new(),
            origins: crate::Origins::default(),
        }
    }

    #[test]
    fn noise_on_a_slow_signal_is_found() {
        for std in [0.05, 0.2, 1.0] {
            let found = noise(&recordings(|t| (0.1 * t).sin(), std), &ALL)[0];
            assert!((found / std - 1.0).abs() < 0.08, "{found} against {std}");
        }
        assert!(noise(&recordings(|t| (0.1 * t).sin(), 0.0), &ALL)[0] < 1e-3);
        assert!(noise(&recordings(|_| 4.0, 0.0), &ALL)[0].abs() < 1e-12, "a constant");
    }
}
