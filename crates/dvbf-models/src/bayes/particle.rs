//! Bootstrap particle filter (Gordon, Salmond and Smith 1993).
//!
//! `N` particles `zⁱ` with weights `Wⁱ` that sum to one stand for the belief.
//!
//! | | equation |
//! |-|----------|
//! | resampling | if `1 / Σ (Wⁱ)² < threshold · N`: systematic (Kitagawa 1996), then `Wⁱ = 1 / N` |
//! | prediction | `zⁱ ← f(zⁱ, u) + L εⁱ`, `L Lᵀ = Q` |
//! | update | `Wⁱ ← Wⁱ N(x; h(zⁱ), R) / p̂`, `p̂ = Σ Wⁱ N(x; h(zⁱ), R)` |
//!
//! The product of all `p̂` is an unbiased estimate of `p(x₁ … x_T)`. Resampling comes before the
//! prediction, not after the update, so that the belief after an update is that of the weights.

use super::belief::{Belief, log_density};
use super::linearization::Dims;
use super::root::{Root, symmetric};
use super::state_space::StateSpace;
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// A particle filter over one sequence. A step that fails leaves it unchanged.
#[derive(Clone, Debug)]
pub struct ParticleFilter<M> {
    model: M,
    /// `(Z, N)`.
    particles: DMatrix<f64>,
    /// `(N)`, summing to one.
    weights: Vec<f64>,
    threshold: f64,
    step: usize,
    log_likelihood: f64,
}

impl<M: StateSpace> ParticleFilter<M> {
    /// A filter of as many particles as `normals` has standard normal draws for, `Z` a particle,
    /// which draws them from `initial`, the belief about the first state.
    ///
    /// Resampling comes when the effective sample size is below `threshold · N`: never at zero,
    /// always at more than one; one half is usual.
    ///
    /// # Errors
    /// If the belief is invalid or does not fit the model, the draws are none or no multiple of
    /// `Z`, or the threshold is negative or NaN.
    pub fn new(
        model: M,
        initial: &Belief,
        threshold: f64,
        normals: &[f64],
    ) -> Result<Self, BayesError> {
        let z = model.dims().state;
        check::length("initial mean", initial.len(), z)?;
        initial.check()?;
        if threshold.is_nan() || threshold < 0.0 {
            let (key, range) = ("threshold", "zero or positive");
            return Err(BayesError::Setting { key, value: threshold, range });
        }
        let count = normals.len() / z.max(1);
        if count == 0 {
            return Err(BayesError::Empty { what: "particle" });
        }
        check::length("noise", normals.len(), count * z)?;
        check::finite("noise", normals)?;
        let root = Root::new("covariance", &initial.covariance)?;
        let mut particles = root.factor() * DMatrix::from_column_slice(z, count, normals);
        for mut particle in particles.column_iter_mut() {
            particle += &initial.mean;
        }
        let weights = vec![1.0 / count as f64; count];
        Ok(Self { model, particles, weights, threshold, step: 0, log_likelihood: 0.0 })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The particles, a column each, `(Z, N)`.
    pub fn particles(&self) -> &DMatrix<f64> {
        &self.particles
    }

    /// The particles' weights, `N` of them, which sum to one.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The step that the belief is about, the first being zero.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The logarithm of the estimate of `p` of all observations.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// `1 / Σ (Wⁱ)²`: how many equally weighted particles would say as much.
    pub fn effective_sample_size(&self) -> f64 {
        1.0 / self.weights.iter().map(|w| w * w).sum::<f64>()
    }

    /// Weighted mean `Σ Wⁱ zⁱ` and covariance `Σ Wⁱ (zⁱ − m)(zⁱ − m)ᵀ`.
    pub fn belief(&self) -> Belief {
        let weights = DVector::from_column_slice(&self.weights);
        let mean = &self.particles * weights;
        let mut spread = self.particles.clone();
        for (mut particle, &weight) in spread.column_iter_mut().zip(&self.weights) {
            particle -= &mean;
            particle *= weight.sqrt();
        }
        Belief { mean, covariance: symmetric(&spread * spread.transpose()) }
    }

    /// Resamples if the weights ask for it, with `uniform` in `[0, 1)`, and goes on to the next
    /// step under `control`, `U` values, with standard normal draws `normals`, `Z` a particle.
    ///
    /// # Errors
    /// If an argument has the wrong length or is not finite, `uniform` is outside its interval,
    /// or what the model gives is wrong.
    pub fn predict(
        &mut self,
        control: &[f64],
        normals: &[f64],
        uniform: f64,
    ) -> Result<(), BayesError> {
        let Dims { state: z, control: u, .. } = self.model.dims();
        let count = self.weights.len();
        check::control(control, u)?;
        check::length("noise", normals.len(), z * count)?;
        check::finite("noise", normals)?;
        if !(0.0..1.0).contains(&uniform) {
            let (key, range) = ("uniform", "at least 0 and below 1");
            return Err(BayesError::Setting { key, value: uniform, range });
        }
        let noise = self.model.process_noise(self.step);
        check::covariance("process noise", &noise, z)?;
        let root = Root::new("process noise", &noise)?;
        let resample = self.effective_sample_size() < self.threshold * count as f64;
        let parents: Vec<usize> =
            if resample { systematic(&self.weights, uniform) } else { (0..count).collect() };
        let mut moved = root.factor() * DMatrix::from_column_slice(z, count, normals);
        for (i, mut particle) in parents.into_iter().zip(moved.column_iter_mut()) {
            let from = self.particles.column(i).into_owned();
            let to = self.model.transition(self.step, &from, control);
            check::vector("transition of a particle", &to, z)?;
            particle += to;
        }
        self.particles = moved;
        if resample {
            self.weights.fill(1.0 / count as f64);
        }
        self.step += 1;
        Ok(())
    }

    /// Weighs the particles with an observation of `X` values; NaN marks a missing channel and
    /// `None` a missing observation.
    ///
    /// # Errors
    /// If the observation has the wrong length or an infinite value, what the model gives is
    /// wrong, or no particle can explain the observation.
    pub fn update(&mut self, observation: Option<&[f64]>) -> Result<(), BayesError> {
        let Dims { observation: x, .. } = self.model.dims();
        let Some(values) = observation else { return Ok(()) };
        let channels = check::observed(values, x)?;
        if channels.is_empty() {
            return Ok(());
        }
        let noise = self.model.observation_noise(self.step);
        check::covariance("observation noise", &noise, x)?;
        let noise = noise.select_rows(&channels).select_columns(&channels);
        let root = Root::definite("observation noise", &noise)?;
        let observed = DVector::from_iterator(channels.len(), channels.iter().map(|&i| values[i]));
        let mut log_weights = Vec::with_capacity(self.weights.len());
        for (particle, weight) in self.particles.column_iter().zip(&self.weights) {
            let mean = self.model.emission(self.step, &particle.into_owned());
            check::vector("emission of a particle", &mean, x)?;
            let distance = root.squared_distance(&(&observed - mean.select_rows(&channels)));
            log_weights.push(weight.ln() + log_density(distance, &root));
        }
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return Err(BayesError::NoWeight);
        }
        let sum: f64 = log_weights.iter().map(|w| (w - largest).exp()).sum();
        for (weight, log_weight) in self.weights.iter_mut().zip(log_weights) {
            *weight = (log_weight - largest).exp() / sum;
        }
        self.log_likelihood += largest + sum.ln();
        Ok(())
    }
}

/// Indices that systematic resampling draws: `(i + uniform) / N` for `i = 0 … N − 1`, looked up
/// among the cumulated weights. Rounding of the last sum cannot choose a weight of zero.
fn systematic(weights: &[f64], uniform: f64) -> Vec<usize> {
    let count = weights.len();
    let total: f64 = weights.iter().sum();
    let mut chosen = Vec::with_capacity(count);
    let last = weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
    let (mut at, mut cumulated) = (0, weights[0]);
    for i in 0..count {
        let position = (i as f64 + uniform) / count as f64 * total;
        while cumulated <= position && at < last {
            at += 1;
            cumulated += weights[at];
        }
        chosen.push(at);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::systematic;

    #[test]
    fn systematic_resampling_takes_each_particle_its_share_of_times() {
        let weights = [0.5, 0.0, 0.3, 0.2];
        for uniform in [0.0, 0.3, 0.999_999] {
            let chosen = systematic(&weights, uniform);
            for (i, weight) in weights.iter().enumerate() {
                let times = chosen.iter().filter(|&&c| c == i).count() as f64;
                assert!((times - 4.0 * weight).abs() < 1.0, "{i} {times} times at {uniform}");
            }
        }
    }

    #[test]
    fn a_last_particle_without_weight_is_not_drawn() {
        let weights = [0.1; 10].into_iter().chain([0.0]).collect::<Vec<_>>();
        let chosen = systematic(&weights, 1.0 - f64::EPSILON);
        assert!(chosen.iter().all(|&c| c < 10), "{chosen:?}");
    }
}
