//! Elastic collisions without a step size: walls by unfolding, two balls from event to event.
//!
//! **One coordinate between two walls.** A point that moves freely on the line and is then folded
//! into `[−L, L]`, `… ↗ ↘ ↗ …` with period `4L`, is a point that bounces off walls at `±L`. No speed
//! can carry it through.
//!
//! **Two balls.** Between events both move on straight lines, so the next event is known exactly: a
//! wall is reached at `t = (±L − q) / v`, and the balls touch at the smaller root of
//!
//! `|Δq + t Δv|² = (ρ₁ + ρ₂)²`, which only balls that approach have, `Δq · Δv < 0`.
//!
//! At a contact with the unit normal `n = Δq / |Δq|` they exchange the impulse
//! `j = 2 (n · Δv) / (1/m₁ + 1/m₂)`, which keeps momentum and energy:
//! `v₁ += j n / m₁`, `v₂ −= j n / m₂`, with `Δ = (2) − (1)`.

use std::array::from_fn;

/// Folds the freely moved coordinate `at` into `[−limit, limit]`. Also says whether the velocity
/// has changed its sign.
pub(crate) fn fold(at: f64, limit: f64) -> (f64, bool) {
    if (-limit..=limit).contains(&at) {
        return (at, false);
    }
    let along = (at + limit).rem_euclid(4.0 * limit);
    let back = along > 2.0 * limit;
    let folded = if back { 3.0 * limit - along } else { along - limit };
    (folded.clamp(-limit, limit), back)
}

/// A ball in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) position: [f64; 2],
    pub(crate) velocity: [f64; 2],
    pub(crate) radius: f64,
    pub(crate) mass: f64,
}

impl Body {
    /// How far its center may be from the middle of the box.
    fn limit(&self) -> f64 {
        1.0 - self.radius
    }

    /// Seconds until its center reaches the wall on this axis to which it moves.
    fn until_wall(&self, axis: usize) -> f64 {
        let (at, speed) = (self.position[axis], self.velocity[axis]);
        if speed == 0.0 {
            return f64::INFINITY;
        }
        ((self.limit().copysign(speed) - at) / speed).max(0.0)
    }

    fn fly(&mut self, seconds: f64) {
        let limit = self.limit();
        for (at, speed) in self.position.iter_mut().zip(self.velocity) {
            // Rounding may put it behind the wall by a unit in the last place.
            *at = (*at + seconds * speed).clamp(-limit, limit);
        }
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// What happens next.
#[derive(Clone, Copy)]
enum Event {
    Wall(usize, usize),
    Contact,
}

/// Moves both balls for `seconds`.
///
/// Balls outside the box are put to its wall first. Balls that overlap bounce off each other at
/// once if they approach, and pass through each other to their rims if they do not.
pub(crate) fn fly(bodies: &mut [Body; 2], seconds: f64) {
    both(bodies, 0.0);
    let mut left = seconds;
    loop {
        let walls = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(i, axis)| (bodies[i].until_wall(axis), Event::Wall(i, axis)));
        let (wait, event) =
            walls.into_iter().fold((until_contact(bodies), Event::Contact), |first, next| {
                if next.0 < first.0 { next } else { first }
            });
        if wait >= left {
            both(bodies, left);
            return;
        }
        both(bodies, wait);
        left -= wait;
        match event {
            Event::Wall(i, axis) => {
                let body = &mut bodies[i];
                body.position[axis] = body.limit().copysign(body.velocity[axis]);
                body.velocity[axis] = -body.velocity[axis];
            }
            Event::Contact => collide(bodies),
        }
    }
}

fn both(bodies: &mut [Body; 2], seconds: f64) {
    for body in bodies {
        body.fly(seconds);
    }
}

/// Seconds until the balls touch; infinity if they do not while nothing else happens.
fn until_contact([first, second]: &[Body; 2]) -> f64 {
    let apart: [f64; 2] = from_fn(|i| second.position[i] - first.position[i]);
    let speed: [f64; 2] = from_fn(|i| second.velocity[i] - first.velocity[i]);
    let approach = dot(apart, speed);
    if approach >= 0.0 {
        return f64::INFINITY;
    }
    let square = dot(speed, speed);
    let gap = dot(apart, apart) - (first.radius + second.radius).powi(2);
    let discriminant = approach * approach - square * gap;
    if discriminant < 0.0 {
        return f64::INFINITY;
    }
    // The smaller root in the form that does not cancel when the gap is small.
    (gap / (discriminant.sqrt() - approach)).max(0.0)
}

fn collide([first, second]: &mut [Body; 2]) {
    let apart: [f64; 2] = from_fn(|i| second.position[i] - first.position[i]);
    let speed: [f64; 2] = from_fn(|i| second.velocity[i] - first.velocity[i]);
    let square = dot(apart, apart);
    let impulse = 2.0 * dot(apart, speed) / square / (1.0 / first.mass + 1.0 / second.mass);
    for (i, apart) in apart.into_iter().enumerate() {
        first.velocity[i] += impulse * apart / first.mass;
        second.velocity[i] -= impulse * apart / second.mass;
    }
}
