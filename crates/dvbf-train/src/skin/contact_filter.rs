//! An iterated extended filter of one contact: force and position, with a memory that follows the belief.
//!
//! The state is `c = (F, x, y)`, a random walk that forgets its position:
//! `F' = F + w_F`, `x' = ρ x + √(1 − ρ²) w_x`. Creep and hysteresis are functions of the loads that have been, so
//! they follow the mean and are no part of the state. An update minimizes
//! `|R^{−½} (v − h(c))|² + |P^{−½} (c − c̃)|²` by Gauss–Newton steps on differences of `h`, which the
//! equations of the skin give. Where the force is known, it is one measurement more.

use dvbf_envs::{Skin, SkinMemory};
use nalgebra::{Matrix3, Vector3};
use ndarray::{Array2, ArrayView2};

/// Standard deviation of a step of the force, as a share of full scale.
pub(super) const FORCE_STEP: f64 = 0.025;
/// How much of a position is left after a step, and the standard deviation that it has in the long run, in pitches.
pub(super) const KEPT: f64 = 0.998;
pub(super) const PLACE_STD: f64 = 1.2;
/// Steps of Gauss and Newton in an update.
const ITERATIONS: usize = 2;
/// Standard deviation of what the equations do not say, beside the noise of a voltage.
const MODEL_STD: f64 = 1e-3;

/// A filter over one sequence.
#[derive(Debug)]
pub(super) struct ContactFilter<'a> {
    skin: &'a Skin,
    live: &'a [usize],
    memory: SkinMemory,
    mean: Vector3<f64>,
    covariance: Matrix3<f64>,
    steps: [f64; 3],
    most: Vector3<f64>,
    begun: bool,
}

/// Beliefs of a sequence.
#[derive(Debug)]
pub(super) struct Track {
    /// `(T, 3)`: force, x and y.
    pub(super) loads: Array2<f64>,
    /// `(T)`: standard deviations of the force.
    pub(super) spreads: Vec<f64>,
    /// What an update leaves of the voltages of the taxels that live, and of a known force, in standard deviations,
    /// step by step.
    pub(super) residuals: Vec<f64>,
}

/// Forces that are known, NaN where one is not, with their standard deviation in N.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) force: &'a [f64],
    pub(super) std: f64,
}

impl<'a> ContactFilter<'a> {
    pub(super) fn new(skin: &'a Skin, live: &'a [usize]) -> Self {
        let settings = skin.settings();
        let full = settings.trajectory.force_max;
        let [x, y] = settings.contact.reach();
        Self {
            skin,
            live,
            memory: skin.memory(),
            mean: Vector3::zeros(),
            covariance: Matrix3::from_diagonal(&Vector3::new(
                (0.1 * full).powi(2),
                PLACE_STD * PLACE_STD,
                PLACE_STD * PLACE_STD,
            )),
            steps: [1e-3 * full, 0.01, 0.01],
            most: Vector3::new(1.5 * full, x + 0.5, y + 0.5),
            begun: false,
        }
    }

    /// Filters readings `(T, X)` from the start of a sequence.
    pub(super) fn run(self, readings: ArrayView2<'_, f32>) -> Track {
        self.run_with(readings, None)
    }

    /// The same where `(T)` forces are known.
    ///
    /// # Panics
    /// If there are fewer forces than readings.
    pub(super) fn run_with(
        mut self,
        readings: ArrayView2<'_, f32>,
        known: Option<Known<'_>>,
    ) -> Track {
        let mut loads = Array2::zeros((readings.nrows(), 3));
        let mut residuals = Vec::with_capacity(readings.nrows() * (1 + self.live.len()));
        let mut spreads = Vec::with_capacity(readings.nrows());
        for (t, row) in readings.rows().into_iter().enumerate() {
            let seen: Vec<f64> = self.live.iter().map(|&i| f64::from(row[i])).collect();
            let force = known.map(|known| (known.force[t], known.std));
            self.step(&seen, force.filter(|known| known.0.is_finite()), &mut residuals);
            loads.row_mut(t).iter_mut().zip(&self.mean).for_each(|(to, &from)| *to = from);
            spreads.push(self.covariance[(0, 0)].max(0.0).sqrt());
        }
        Track { loads, spreads, residuals }
    }

    /// The force after the next readings `(X)`.
    pub(super) fn follow(&mut self, readings: &[f32]) -> f64 {
        let seen: Vec<f64> = self.live.iter().map(|&i| f64::from(readings[i])).collect();
        self.step(&seen, None, &mut Vec::new());
        self.mean[0]
    }

    fn step(&mut self, seen: &[f64], known: Option<(f64, f64)>, residuals: &mut Vec<f64>) {
        if self.begun {
            self.skin.relax(&mut self.memory, &[self.mean.into()]);
            self.predict();
        }
        self.begun = true;
        let weights: Vec<f64> = seen
            .iter()
            .map(|&v| (self.skin.noise_std(v).powi(2) + MODEL_STD * MODEL_STD).recip())
            .collect();
        let before = self.mean;
        let precision = self.covariance.try_inverse().unwrap_or_else(Matrix3::identity);
        let mut shown = vec![0.0; self.skin.settings().contact.taxels()];
        let mut scratch = shown.clone();
        for _ in 0..ITERATIONS {
            self.show(self.mean, &mut shown);
            let jacobian = self.jacobian(&shown, &mut scratch);
            let (mut normal, mut side) = (precision, Vector3::zeros());
            for ((&i, &v), (row, &w)) in
                self.live.iter().zip(seen).zip(jacobian.iter().zip(&weights))
            {
                normal += row * row.transpose() * w;
                side += row * (w * (v - shown[i] + row.dot(&(self.mean - before))));
            }
            if let Some((force, std)) = known {
                normal[(0, 0)] += std.powi(-2);
                side[0] += std.powi(-2) * (force - before[0]);
            }
            let Some(covariance) = normal.try_inverse() else { continue };
            self.covariance = covariance;
            let next = before + covariance * side;
            if next.iter().all(|v| v.is_finite()) {
                self.mean = self.inside(next);
            }
        }
        self.show(self.mean, &mut shown);
        let rest = self.live.iter().zip(seen).zip(&weights);
        residuals.extend(rest.map(|((&i, v), w)| (v - shown[i]) * w.sqrt()));
        residuals.extend(known.map(|(force, std)| (force - self.mean[0]) / std));
        self.skin.settle(&mut self.memory, &[self.mean.into()]);
    }

    fn predict(&mut self) {
        let kept = Vector3::new(1.0, KEPT, KEPT);
        self.mean.component_mul_assign(&kept);
        let map = Matrix3::from_diagonal(&kept);
        self.covariance = map * self.covariance * map;
        let place = (1.0 - KEPT * KEPT) * PLACE_STD * PLACE_STD;
        let force = FORCE_STEP * self.skin.settings().trajectory.force_max;
        for (i, variance) in [force * force, place, place].into_iter().enumerate() {
            self.covariance[(i, i)] += variance;
        }
    }

    /// A force that does not pull, at a place on the skin.
    fn inside(&self, mean: Vector3<f64>) -> Vector3<f64> {
        let [force, x, y] = self.most.into();
        Vector3::new(mean[0].clamp(0.0, force), mean[1].clamp(-x, x), mean[2].clamp(-y, y))
    }

    fn show(&self, load: Vector3<f64>, out: &mut [f64]) {
        self.skin.shown(&self.memory, &[load.into()], 0.0, out);
    }

    /// A row for each taxel that lives, by differences from what is `shown` at the mean.
    fn jacobian(&self, shown: &[f64], scratch: &mut [f64]) -> Vec<Vector3<f64>> {
        let mut rows = vec![Vector3::zeros(); self.live.len()];
        for (k, step) in self.steps.into_iter().enumerate() {
            let mut load = self.mean;
            load[k] += step;
            self.show(load, scratch);
            for (row, &i) in rows.iter_mut().zip(self.live) {
                row[k] = (scratch[i] - shown[i]) / step;
            }
        }
        rows
    }
}
