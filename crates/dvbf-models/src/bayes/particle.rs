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
//! Weights are kept as normalized logarithms. So a particle that one observation makes a millionth
//! of a millionth as likely as others, or far less, counts again when later ones speak for it,
//! unless it was left out by resampling before.
//!
//! The product of all `p̂` is an unbiased estimate of `p(x₁ … x_T)`. Resampling comes before the
//! prediction, not after the update, so that the belief after an update is that of the weights.

use super::belief::{Belief, log_density};
use super::filter::residual;
use super::linearization::Dims;
use super::root::{Root, square};
use super::state_space::StateSpace;
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// A particle filter over one sequence. A step that fails leaves it unchanged.
#[derive(Clone, Debug)]
pub struct ParticleFilter<M> {
    model: M,
    /// `(Z, N)`.
    particles: DMatrix<f64>,
    /// `ln W (N)`.
    log_weights: Vec<f64>,
    /// `W (N)`, summing to one.
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
        let log_weights = vec![-(count as f64).ln(); count];
        let (step, log_likelihood) = (0, 0.0);
        Ok(Self { model, particles, log_weights, weights, threshold, step, log_likelihood })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The particles, a column each, `(Z, N)`.
    pub fn particles(&self) -> &DMatrix<f64> {
        &self.particles
    }

    /// The particles' weights, `N` of them, which sum to one; zero where they underflow.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Logarithms of the particles' weights, `N` of them.
    pub fn log_weights(&self) -> &[f64] {
        &self.log_weights
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

    /// Weighted mean `m = c + Σ Wⁱ (zⁱ ⊖ c)` and covariance `Σ Wⁱ (zⁱ ⊖ m)(zⁱ ⊖ m)ᵀ`, with the
    /// model's difference of states. The particle of the largest weight is the first `c`; the first
    /// mean is the second.
    pub fn belief(&self) -> Belief {
        let weights = DVector::from_column_slice(&self.weights);
        let heaviest = self.log_weights.iter().copied().enumerate();
        let heaviest =
            heaviest.fold((0, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a }).0;
        let mut mean = self.particles.column(heaviest).into_owned();
        for _ in 0..2 {
            mean += self.beyond(&mean) * &weights;
        }
        let mut spread = self.beyond(&mean);
        for (mut particle, &weight) in spread.column_iter_mut().zip(&self.weights) {
            particle *= weight.sqrt();
        }
        Belief { mean, covariance: square(&spread) }
    }

    /// `zⁱ ⊖ c (Z, N)`.
    fn beyond(&self, center: &DVector<f64>) -> DMatrix<f64> {
        let mut beyond = self.particles.clone();
        for mut particle in beyond.column_iter_mut() {
            let difference = self.model.state_difference(&particle.clone_owned(), center);
            particle.copy_from(&difference);
        }
        beyond
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
            self.log_weights.fill(-(count as f64).ln());
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
        let mut log_weights = Vec::with_capacity(self.weights.len());
        for (particle, log_weight) in self.particles.column_iter().zip(&self.log_weights) {
            let mean = self.model.emission(self.step, &particle.into_owned());
            check::vector("emission of a particle", &mean, x)?;
            let residual = residual(values, &mean, |a, b| self.model.observation_difference(a, b))?;
            let distance = root.squared_distance(&residual.select_rows(&channels));
            log_weights.push(log_weight + log_density(distance, &root));
        }
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return Err(BayesError::NoWeight);
        }
        // The largest first: the logarithm of the sum may be lost beside it.
        for log_weight in &mut log_weights {
            *log_weight -= largest;
        }
        let rest = log_weights.iter().map(|w| w.exp()).sum::<f64>().ln();
        for log_weight in &mut log_weights {
            *log_weight -= rest;
        }
        self.weights = log_weights.iter().map(|w| w.exp()).collect();
        self.log_weights = log_weights;
        self.log_likelihood += largest + rest;
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
