//! A point mass in the plane.

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Point};

/// `p'' = −d p' + c u` in two dimensions, with friction `d` over the mass and gain `c`.
///
/// State `(x, y, x', y')`, two controls, the forces along the axes. Walls are not part of the
/// equation; a learned remainder can add them.
#[derive(Clone, Debug)]
pub struct PointMass {
    components: [Component; 4],
    constants: [Constant; 2],
}

impl Default for PointMass {
    fn default() -> Self {
        Self {
            components: [
                Component::position("x", "m", 1.0),
                Component::position("y", "m", 1.0),
                Component::velocity("x_velocity", "m/s", 1.0),
                Component::velocity("y_velocity", "m/s", 1.0),
            ],
            constants: [
                Constant::positive("damping_over_mass", "1/s", 0.1),
                Constant::positive("control_gain", "1/kg", 1.0),
            ],
        }
    }
}

impl Dynamics for PointMass {
    fn components(&self) -> &[Component] {
        &self.components
    }

    fn controls(&self) -> usize {
        2
    }

    fn constants(&self) -> &[Constant] {
        &self.constants
    }

    fn derivative(&self, at: Point<'_>, out: &mut [f64]) {
        let [damping, gain] = [at.constants[0], at.constants[1]];
        for axis in 0..2 {
            let velocity = at.state[2 + axis];
            out[axis] = velocity;
            out[2 + axis] = gain * at.control[axis] - damping * velocity;
        }
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let [damping, gain] = [at.constants[0], at.constants[1]];
        for axis in 0..2 {
            let force = cotangent[2 + axis];
            out.state[2 + axis] += cotangent[axis] - force * damping;
            out.control[axis] += force * gain;
            out.constants[0] -= force * at.state[2 + axis];
            out.constants[1] += force * at.control[axis];
        }
    }

    /// The unit of places: `p → s p` with `c → s c`.
    fn freedoms(&self, constants: &[f64]) -> Vec<Vec<f64>> {
        vec![vec![0.0, constants[1]]]
    }
}
