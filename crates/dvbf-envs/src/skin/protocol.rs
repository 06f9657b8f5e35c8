//! Prescribed loads: a sweep for labels, and tests of hysteresis, creep and drift.
//!
//! Loads are arrays `(T, K, 3)`: at each of `T` steps of `dt`, for each of `K` indenters, the force in
//! N and the position in pitches from the middle of the grid. Only the first indenter presses; the
//! others stand above the middle.

use super::{LOAD, Skin, SkinSettings};
use crate::environment::Environment;
use crate::recording::{Chance, Recordings, narrow};
use ndarray::{Array3, ArrayView3, Axis, s};
use rand::Rng;
use rand_distr::StandardNormal;

/// Times of a press of the sweep in s: rise, hold, fall and rest.
const PRESS: [f64; 4] = [0.5, 0.25, 0.4, 0.1];

impl Skin {
    /// A sweep for labels: one press of 1.25 s in the middle of every taxel, so 16 presses on a grid of 4×4, in an
    /// order that spreads over the grid from the first presses on.
    ///
    /// A press rises for 0.5 s, holds for 0.25 s, falls for 0.4 s and rests for 0.1 s. The peaks are
    /// all multiples of the greatest force over the number of taxels, in an order that covers the range from the
    /// first presses on.
    pub fn prescribed(&self) -> Array3<f64> {
        let contact = &self.settings.contact;
        let taxels = contact.taxels();
        // A stride near the golden section without a common divisor visits every multiple once.
        let golden = (taxels as f64 * 0.618).round();
        let stride = (1..=taxels)
            .filter(|&stride| divisor(stride, taxels) == 1)
            .min_by(|&a, &b| (a as f64 - golden).abs().total_cmp(&(b as f64 - golden).abs()))
            .unwrap_or(1);
        let mut times = Vec::new();
        for press in 0..taxels {
            let taxel = press * stride % taxels;
            let step = press * (taxels - stride) % taxels + 1;
            let peak = self.settings.trajectory.force_max * step as f64 / taxels as f64;
            let place = contact.place(taxel);
            let start = press as f64 * PRESS.iter().sum::<f64>();
            let [rise, hold, fall, _] = PRESS;
            let corners =
                [(0.0, 0.0), (rise, peak), (rise + hold, peak), (rise + hold + fall, 0.0)];
            times
                .extend(corners.map(|(after, force)| (start + after, [force, place[0], place[1]])));
        }
        self.polyline(&times, taxels as f64 * PRESS.iter().sum::<f64>())
    }

    /// Triangles for hysteresis: `cycles` times from no force to `peak` N and back, at `position`, each in
    /// `period` seconds.
    pub fn triangles(
        &self,
        position: [f64; 2],
        peak: f64,
        period: f64,
        cycles: usize,
    ) -> Array3<f64> {
        let [x, y] = position;
        let corners: Vec<_> = (0..=2 * cycles)
            .map(|half| {
                (half as f64 * period / 2.0, [if half % 2 == 1 { peak } else { 0.0 }, x, y])
            })
            .collect();
        self.polyline(&corners, cycles as f64 * period)
    }

    /// A hold for creep: the `force` in N from the first step on, for `seconds`, at `position`.
    pub fn hold(&self, position: [f64; 2], force: f64, seconds: f64) -> Array3<f64> {
        self.polyline(&[(0.0, [force, position[0], position[1]])], seconds)
    }

    /// No load for `seconds`, for drift: 600 s are ten minutes.
    pub fn unloaded(&self, seconds: f64) -> Array3<f64> {
        self.polyline(&[(0.0, [0.0; LOAD])], seconds)
    }

    /// Records one sequence under given `loads (T, K, 3)`, with temperature and noise of `seed`.
    ///
    /// The skin is relaxed until the first load, which the first reading already shows. Equal
    /// arguments give equal recordings.
    ///
    /// # Panics
    /// If there are other loads than those of `K` indenters, or if one pulls or is not finite.
    #[track_caller]
    pub fn record_loads(&self, loads: ArrayView3<'_, f64>, seed: u64) -> Recordings {
        let (steps, indenters, numbers) = loads.dim();
        let shape = (self.settings.contact.indenters, LOAD);
        assert_eq!((indenters, numbers), shape, "loads against (T, K, 3)");
        let mut chance = Chance::new(seed, 0);
        let mut out = Recordings::zeros(self.spec(), 1, steps);
        let (mut state, visible) = (self.relaxed(), self.visible());
        let SkinSettings { temperature, .. } = &self.settings;
        let start: f64 = chance.disturbance.sample(StandardNormal);
        state[visible - 1] = temperature.std * start;
        let mut states = out.states.index_axis_mut(Axis(0), 0);
        let mut readings = out.observations.index_axis_mut(Axis(0), 0);
        for (t, load) in loads.outer_iter().enumerate() {
            let load: Vec<[f64; LOAD]> =
                load.rows().into_iter().map(|row| [row[0], row[1], row[2]]).collect();
            if t > 0 {
                *self.split(&mut state).noise = chance.disturbance.sample(StandardNormal);
                self.step(&mut state, &load);
            } else {
                self.step_at_once(&mut state, &load);
            }
            states.row_mut(t).iter_mut().zip(&state).for_each(|(to, &from)| *to = narrow(from));
            let mut row = readings.row_mut(t);
            let row = row.as_slice_mut().expect("recordings are stored row by row");
            self.sense(&mut chance.sensor, &state, row);
        }
        out
    }

    /// Puts the first load on a relaxed skin, which has no time to creep or to cool.
    fn step_at_once(&self, state: &mut [f64], load: &[[f64; LOAD]]) {
        let temperature = state[self.visible() - 1];
        self.step(state, load);
        state[self.visible() - 1] = temperature;
    }

    /// Loads on straight lines between corners at given times, for `seconds`; positions jump at the
    /// corners. The last corner stays.
    fn polyline(&self, corners: &[(f64, [f64; LOAD])], seconds: f64) -> Array3<f64> {
        let dt = self.settings.dt;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of steps, saturating"
        )]
        let steps = (seconds / dt).round() as usize;
        let mut loads = Array3::zeros((steps, self.settings.contact.indenters, LOAD));
        for (t, mut row) in loads.slice_mut(s![.., 0, ..]).outer_iter_mut().enumerate() {
            // A corner within rounding of a step is at this step.
            let time = (t as f64 + 1e-6) * dt;
            let next = corners.partition_point(|corner| corner.0 <= time);
            let (from, [force, x, y]) = corners[next - 1];
            let force = corners.get(next).map_or(force, |&(to, [end, ..])| {
                let share = ((t as f64 * dt - from) / (to - from)).clamp(0.0, 1.0);
                force + (end - force) * share
            });
            row.assign(&ndarray::arr1(&[force, x, y]));
        }
        loads
    }
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}
