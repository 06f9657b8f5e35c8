//! Recordings that methods are judged on: other trajectories and other temperatures than those before.

use super::labels::{Labels, wide};
use dvbf_envs::{Recordings, Skin, record};
use ndarray::{Array2, Array3, ArrayView3, s};

/// Seconds and number of random recordings.
const RANDOM: (f64, usize) = (60.0, 4);
/// Peak and period of triangles, and their number at a place.
const TRIANGLES: (f64, f64, usize) = (0.8, 4.0, 4);
/// Force and seconds of holds.
const HOLD: (f64, f64) = (0.5, 62.0);
/// Seconds without load.
const UNLOADED: f64 = 600.0;
/// Places in shares of the reach, of which not all are in the middle of a taxel.
const PLACES: [[f64; 2]; 3] = [[0.0, 0.0], [0.5, -0.6], [-0.8, 0.3]];

/// A recording with its truth.
#[derive(Clone, Debug)]
pub struct Trial {
    /// `(T, X)`.
    pub readings: Array2<f32>,
    /// `(T, 3)`: force in N and position in pitches.
    pub loads: Array2<f64>,
}

impl Trial {
    fn of(recordings: &Recordings, sequence: usize) -> Self {
        Self {
            readings: recordings.observations.slice(s![sequence, .., ..]).to_owned(),
            loads: wide(recordings.states.slice(s![sequence, .., ..3])),
        }
    }
}

/// What methods are judged on.
#[derive(Clone, Debug)]
pub struct Trials {
    /// Random presses, holds, slides and releases.
    pub random: Vec<Trial>,
    /// Triangles, and the steps of a period.
    pub triangles: (Vec<Trial>, usize),
    /// Holds.
    pub holds: Vec<Trial>,
    /// No load.
    pub unloaded: Trial,
    /// Seconds of a step.
    pub dt: f64,
    /// Full scale in N.
    pub full_scale: f64,
}

impl Trials {
    /// Recordings of this skin.
    ///
    /// # Panics
    /// If the skin has more than one indenter.
    #[track_caller]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of steps")]
    pub fn record(skin: &Skin, seed: u64) -> Self {
        let settings = skin.settings();
        assert_eq!(settings.contact.indenters, 1, "the force of one indenter is measured");
        let (dt, full) = (settings.dt, settings.trajectory.force_max);
        let steps = |seconds: f64| (seconds / dt).round() as usize;
        let all = record(skin, RANDOM.1, steps(RANDOM.0), seed);
        let place = |[x, y]: [f64; 2]| {
            let [across, down] = settings.contact.reach();
            [x * across, y * down]
        };
        let mut number = seed;
        let mut under = |loads: ArrayView3<'_, f64>| {
            number = number.wrapping_add(1);
            Trial::of(&skin.record_loads(loads, number), 0)
        };
        let (peak, period, cycles) = TRIANGLES;
        let triangles = PLACES
            .map(|at| under(skin.triangles(place(at), peak * full, period, cycles).view()))
            .to_vec();
        let holds =
            PLACES.map(|at| under(skin.hold(place(at), HOLD.0 * full, HOLD.1).view())).to_vec();
        let unloaded = under(skin.unloaded(UNLOADED).view());
        Self {
            random: (0..RANDOM.1).map(|n| Trial::of(&all, n)).collect(),
            triangles: (triangles, steps(period)),
            holds,
            unloaded,
            dt,
            full_scale: full,
        }
    }
}

impl Labels {
    /// A labelled piece of this skin: the prescribed sweep, then random presses up to `seconds`.
    pub fn record(skin: &Skin, seconds: f64, seed: u64) -> Self {
        let settings = skin.settings();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of steps"
        )]
        let steps = (seconds / settings.dt).round() as usize;
        let sweep = skin.prescribed();
        let rest = record(skin, 1, steps.saturating_sub(sweep.dim().0).max(1), seed);
        let mut loads = Array3::zeros((steps, settings.contact.indenters, 3));
        for (t, mut row) in loads.outer_iter_mut().enumerate() {
            match t.checked_sub(sweep.dim().0) {
                None => row.assign(&sweep.slice(s![t, .., ..])),
                Some(t) => {
                    for (i, value) in row.iter_mut().enumerate() {
                        *value = f64::from(rest.states[[0, t, i]]).max(if i % 3 == 0 {
                            0.0
                        } else {
                            f64::NEG_INFINITY
                        });
                    }
                }
            }
        }
        let recorded = skin.record_loads(loads.view(), seed);
        Self {
            readings: recorded.observations.slice(s![0, .., ..]).to_owned(),
            force: loads.slice(s![.., 0, 0]).to_vec(),
            dt: settings.dt,
            full_scale: settings.trajectory.force_max,
        }
    }
}
