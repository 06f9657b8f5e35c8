//! How components are read off encoded frames.

use crate::kind::Context;
use dvbf_dynamics::ComponentKind;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView1, ArrayViewMut1};

/// How a component is read off encoded frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Column of a value on the line.
    Line(usize),
    /// First of the columns of sine and cosine.
    Angle(usize),
    /// The velocity of another component.
    Velocity(usize),
}

impl Reading {
    /// Slow features that it is read from; none if it follows from how another one changes.
    pub(super) fn features(&self) -> Option<usize> {
        match self {
            Self::Line(_) => Some(1),
            Self::Angle(_) => Some(2),
            Self::Velocity(_) => None,
        }
    }
}

/// The plan of a state: how each component is read, and the columns of an encoded frame.
pub(super) fn readings(context: &Context) -> (Vec<Reading>, usize) {
    let mut columns = 0;
    let positions: Vec<usize> =
        (0..context.state).filter(|&i| !context.components[i].velocity).collect();
    let mut velocities = 0;
    let readings = context.components.iter().map(|component| {
        if component.velocity {
            velocities += 1;
            // The first velocity is that of the first position, and so on.
            if let Some(&position) = positions.get(velocities - 1) {
                return Reading::Velocity(position);
            }
        }
        let at = columns;
        match component.kind {
            ComponentKind::Angle | ComponentKind::CountedAngle => {
                columns += 2;
                Reading::Angle(at)
            }
            ComponentKind::Linear => {
                columns += 1;
                Reading::Line(at)
            }
        }
    });
    let readings = readings.collect();
    (readings, columns)
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Even(f64),
    /// Mean and scale of the last control, the seconds to the next step.
    LastControl((f64, f64)),
}

/// Two columns of encoded frames: sine and cosine.
#[derive(Clone, Copy)]
pub(super) struct Direction<S> {
    pub(super) sin: S,
    pub(super) cos: S,
}

impl<S: Scalar> Direction<S> {
    pub(super) fn of(row: ArrayView1<'_, S>, at: usize) -> Self {
        Self { sin: row[at], cos: row[at + 1] }
    }

    pub(super) fn angle(self) -> S {
        self.sin.atan2(self.cos)
    }

    /// Adds the cotangent of the angle times `d`.
    pub(super) fn pull_angle(self, d: S, mut row: ArrayViewMut1<'_, S>, at: usize) {
        let square = self.sin * self.sin + self.cos * self.cos + S::of(1e-12);
        row[at] += d * self.cos / square;
        row[at + 1] -= d * self.sin / square;
    }

    /// `(e × e', e · e')`.
    pub(super) fn turn(self, next: Self) -> (S, S) {
        (self.cos * next.sin - self.sin * next.cos, self.cos * next.cos + self.sin * next.sin)
    }
}
