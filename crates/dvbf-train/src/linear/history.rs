//! Sequences as regressions see them: what was seen and done just before a step.

use dvbf_data::Dataset;
use nalgebra::DVector;

/// A sequence in double precision. What is missing has the value that was seen last, zero before any.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Observations, one vector a step.
    pub(super) x: Vec<Vec<f64>>,
    /// Controls, one vector a step; those of step `t` act between `t` and `t + 1`.
    pub(super) u: Vec<Vec<f64>>,
    /// Whether all channels were observed.
    pub(super) seen: Vec<bool>,
}

impl Track {
    /// The first `steps` steps of sequence `n`, or all of fewer.
    pub(super) fn of(data: &Dataset, n: usize, steps: usize) -> Self {
        let (_, _, channels) = data.observations.dim();
        let length = data.lengths[n].min(steps);
        let mut last = vec![0.0; channels];
        let (mut x, mut seen) = (Vec::new(), Vec::new());
        for t in 0..length {
            let mut all = true;
            for (c, last) in last.iter_mut().enumerate() {
                if data.is_observed((n, t, c)) {
                    *last = f64::from(data.observations[[n, t, c]]);
                } else {
                    all = false;
                }
            }
            x.push(last.clone());
            seen.push(all);
        }
        let control =
            |t| data.controls.slice(ndarray::s![n, t, ..]).iter().map(|&u| f64::from(u)).collect();
        Self { x, u: (0..length).map(control).collect(), seen }
    }

    /// `T`.
    pub(super) fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether everything was seen at the `count` steps up to step `t`, or at those of them that there are.
    pub(super) fn knows(&self, t: usize, count: usize) -> bool {
        let last = (t + 1).min(self.len());
        self.seen[last.saturating_sub(count)..last].iter().all(|&seen| seen)
    }

    /// `[x_t, …, x_{t−p+1}, u_{t−1}, …, u_{t−p+1}]`, for `t ≥ p − 1`.
    pub(super) fn past(&self, t: usize, order: usize) -> DVector<f64> {
        let x = (0..order).flat_map(|i| self.x[t - i].iter());
        let u = (1..order).flat_map(|i| self.u[t - i].iter());
        DVector::from_vec(x.chain(u).copied().collect())
    }

    /// `[x_t, …, x_{t+k−1}, u_t, …, u_{t+k−2}]`.
    pub(super) fn beginning(&self, t: usize, frames: usize) -> DVector<f64> {
        let x = (0..frames).flat_map(|i| self.x[t + i].iter());
        let u = (0..frames - 1).flat_map(|i| self.u[t + i].iter());
        DVector::from_vec(x.chain(u).copied().collect())
    }
}
