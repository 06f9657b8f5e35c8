//! What an indenter does at random: presses, holds, slides, releases and triangles of force.
//!
//! An indenter goes from segment to segment, in each of which its force and its position move on
//! straight lines. It moves above the skin to a random place, presses to a random force, holds it or slides with it to another place, then goes on to another force or is released; or it
//! rises and falls a few times in triangles. Positions are uniform over the grid, from its outermost
//! taxels to each other, forces uniform up to the greatest, and times uniform in their ranges.

use super::contact::ContactSettings;
use crate::error::{EnvError, between, positive, require};
use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};

/// Ranges of what an indenter does. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrajectorySettings {
    /// The greatest force in N; 10 by default.
    pub force_max: f64,
    /// Shortest and longest time of a change of force in s; 0.1 and 1 by default.
    pub ramp: [f64; 2],
    /// Shortest and longest time of a hold or a slide in s; 0.3 and 3 by default.
    pub hold: [f64; 2],
    /// Shortest and longest time above the skin in s; 0.2 and 2 by default.
    pub rest: [f64; 2],
    /// Share of contacts that are triangles; 0.25 by default.
    pub triangles: f64,
    /// Share of holds that slide; 0.4 by default.
    pub slides: f64,
    /// Share of holds and slides after which the force changes instead of being released; 0.4 by
    /// default.
    pub changes: f64,
}

impl Default for TrajectorySettings {
    fn default() -> Self {
        Self {
            force_max: 10.0,
            ramp: [0.1, 1.0],
            hold: [0.3, 3.0],
            rest: [0.2, 2.0],
            triangles: 0.25,
            slides: 0.4,
            changes: 0.4,
        }
    }
}

impl TrajectorySettings {
    pub(super) fn validate(&self) -> Result<(), EnvError> {
        positive("trajectory.force_max", self.force_max)?;
        for (key, [from, to]) in [
            ("trajectory.ramp", self.ramp),
            ("trajectory.hold", self.hold),
            ("trajectory.rest", self.rest),
        ] {
            positive(key, from)?;
            require(to >= from, key, to, "a shortest and a longest time")?;
        }
        let share = |key, value| between(key, value, (0.0, 1.0), "between 0 and 1");
        share("trajectory.triangles", self.triangles)?;
        share("trajectory.slides", self.slides)?;
        // Otherwise no contact would end.
        between("trajectory.changes", self.changes, (0.0, 0.95), "between 0 and 0.95")
    }
}

/// Numbers of an indenter's plan.
pub(super) const PLAN: usize = 6;

/// What a segment is; it decides what may follow. Numbered, because a state is made of numbers.
mod phase {
    pub(super) const REST: f64 = 0.0;
    pub(super) const PRESS: f64 = 1.0;
    pub(super) const HOLD: f64 = 2.0;
    pub(super) const RELEASE: f64 = 3.0;
    pub(super) const RISE: f64 = 4.0;
    pub(super) const FALL: f64 = 5.0;
}

/// A segment of an indenter: where it leads, and in how many steps.
///
/// The plan of all zeros, with no step left, stands where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    phase: f64,
    /// Steps to the end.
    left: f64,
    /// Force and position at the end.
    end: [f64; 3],
    /// Triangles to come.
    cycles: f64,
}

impl Plan {
    pub(super) fn read(from: &[f64]) -> Self {
        let [phase, left, force, x, y, cycles] = from.try_into().expect("a plan has its size");
        Self { phase, left, end: [force, x, y], cycles }
    }

    pub(super) fn write(&self, to: &mut [f64]) {
        let [force, x, y] = self.end;
        to.copy_from_slice(&[self.phase, self.left, force, x, y, self.cycles]);
    }

    /// The load `(force, x, y)` one step after `load`.
    pub(super) fn follow(&mut self, load: [f64; 3]) -> [f64; 3] {
        if self.left < 1.0 {
            return load;
        }
        let mut next = load;
        for (at, end) in next.iter_mut().zip(self.end) {
            *at += (end - *at) / self.left;
        }
        self.left -= 1.0;
        next
    }
}

/// Draws for indenters on a grid, in steps of `dt`.
pub(super) struct Planner<'a> {
    pub(super) settings: &'a TrajectorySettings,
    pub(super) contact: &'a ContactSettings,
    pub(super) dt: f64,
}

impl Planner<'_> {
    /// An indenter at rest: its load and its plan.
    pub(super) fn start(&self, rng: &mut dyn RngCore) -> ([f64; 3], Plan) {
        let [x, y] = self.place(rng);
        let load = [0.0, x, y];
        let left = self.steps(self.settings.rest, rng);
        (load, Plan { phase: phase::REST, left, end: load, cycles: 0.0 })
    }

    /// Plans the next segment of an indenter with that load if one has ended.
    pub(super) fn plan(&self, load: [f64; 3], plan: &mut Plan, rng: &mut dyn RngCore) {
        if plan.left >= 1.0 {
            return;
        }
        let TrajectorySettings { ramp, hold, rest, triangles, slides, changes, .. } =
            *self.settings;
        let [force, x, y] = load;
        match plan.phase {
            phase::REST => {
                plan.end = [self.force(rng), x, y];
                plan.left = self.steps(ramp, rng);
                if rng.random_bool(triangles) {
                    plan.phase = phase::RISE;
                    plan.cycles = f64::from(rng.random_range(1..=4_u8));
                } else {
                    plan.phase = phase::PRESS;
                }
            }
            phase::PRESS => {
                plan.phase = phase::HOLD;
                plan.left = self.steps(hold, rng);
                let [x, y] = if rng.random_bool(slides) { self.place(rng) } else { [x, y] };
                plan.end = [force, x, y];
            }
            phase::HOLD => {
                let on = rng.random_bool(changes);
                plan.phase = if on { phase::PRESS } else { phase::RELEASE };
                plan.left = self.steps(ramp, rng);
                plan.end = [if on { self.force(rng) } else { 0.0 }, x, y];
            }
            phase::RISE => {
                plan.phase = phase::FALL;
                plan.left = self.steps(ramp, rng);
                plan.cycles -= 1.0;
                plan.end[0] = 0.0;
            }
            phase::FALL if plan.cycles >= 1.0 => {
                plan.phase = phase::RISE;
                plan.left = self.steps(ramp, rng);
                plan.end[0] = self.force(rng);
            }
            _ => {
                plan.phase = phase::REST;
                plan.left = self.steps(rest, rng);
                let [x, y] = self.place(rng);
                plan.end = [0.0, x, y];
            }
        }
    }

    fn place(&self, rng: &mut dyn RngCore) -> [f64; 2] {
        self.contact.reach().map(|reach| crate::pendulum::symmetric(rng, reach))
    }

    fn force(&self, rng: &mut dyn RngCore) -> f64 {
        self.settings.force_max * rng.random::<f64>()
    }

    /// A whole number of steps, at least one.
    fn steps(&self, [from, to]: [f64; 2], rng: &mut dyn RngCore) -> f64 {
        ((from + (to - from) * rng.random::<f64>()) / self.dt).round().max(1.0)
    }
}
