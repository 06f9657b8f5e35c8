//! Units in which a model sees recordings.

use super::Origins;
use super::controls::{control_width, controls};
use super::division::Piece;
use super::raw::{RawRecordings, RawSequence, narrow};
use dvbf_core::{Channels, Units};
use ndarray::{Array2, s};

/// Mean and standard deviation of every channel over the training pieces.
struct Scales {
    mean: Vec<f64>,
    scale: Vec<f32>,
}

impl Scales {
    fn of(
        recordings: &RawRecordings,
        train: &[Piece],
        values: &dyn Fn(&RawSequence) -> Array2<f32>,
        width: usize,
    ) -> Self {
        let mut sums = vec![(0.0_f64, 0.0_f64, 0.0_f64); width];
        let visit = |each: &mut dyn FnMut(usize, f64)| {
            for piece in train {
                let values = values(&recordings.sequences[piece.sequence]);
                let rows = values.slice(s![piece.start..piece.start + piece.length, ..]);
                for ((_, i), &v) in rows.indexed_iter() {
                    if !v.is_nan() {
                        each(i, f64::from(v));
                    }
                }
            }
        };
        let mut first = sums.clone();
        visit(&mut |i, v| {
            first[i].0 += 1.0;
            first[i].1 += v;
        });
        let mean: Vec<f64> = first.iter().map(|(n, sum, _)| sum / n.max(1.0)).collect();
        visit(&mut |i, v| {
            sums[i].0 += 1.0;
            sums[i].2 += (v - mean[i]).powi(2);
        });
        let scale = sums.iter().zip(&mean).map(|((n, _, squares), mean)| {
            let std = (squares / n.max(1.0)).sqrt();
            // A channel that never changes, but for its last digits, says nothing in any unit.
            if std > f64::from(f32::EPSILON) * mean.abs() { std } else { 1.0 }
        });
        let scale = scale.map(|s| narrow(s).max(f32::MIN_POSITIVE)).collect();
        Self { mean, scale }
    }

    /// The units of what recordings hold.
    fn held(&self) -> Channels {
        Channels::new(self.mean.iter().map(|&m| narrow(m)).collect::<Vec<_>>(), self.scale.clone())
    }

    /// The units of the files.
    fn whole(&self, origins: &[f64]) -> Channels {
        if origins.is_empty() {
            return self.held();
        }
        // The origin and what single precision has of the mean: what was taken off, digit by digit.
        let mean = |(i, &m): (usize, &f64)| Origins::of(origins, i) + f64::from(narrow(m));
        let mean: Vec<f64> = self.mean.iter().enumerate().map(mean).collect();
        Channels::new(mean, self.scale.clone())
    }
}

/// The units of observations and controls, of what recordings hold and of their files.
pub(super) struct Scaling {
    /// Of what recordings hold, less their origins.
    pub(super) held: Units,
    /// Of what is in the files.
    pub(super) whole: Units,
}

impl Scaling {
    /// The units; `None` if a model sees what is in the files.
    pub(super) fn of(recordings: &RawRecordings, train: &[Piece], normalize: bool) -> Option<Self> {
        let observed = |s: &RawSequence| s.observations.clone();
        let (x, u) = (recordings.observation_names.len(), control_width(recordings));
        let Origins { observation: seen, control: acting, .. } = &recordings.origins;
        if !normalize && seen.is_empty() && acting.is_empty() {
            return None;
        }
        let plain = |width: usize| Scales { mean: vec![0.0; width], scale: vec![1.0; width] };
        let (observation, control) = if normalize {
            let observation = Scales::of(recordings, train, &observed, x);
            (observation, Scales::of(recordings, train, &controls, u))
        } else {
            (plain(x), plain(u))
        };
        Some(Self {
            held: Units { observation: observation.held(), control: control.held() },
            whole: Units { observation: observation.whole(seen), control: control.whole(acting) },
        })
    }
}
