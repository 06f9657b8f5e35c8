//! A mass on a spring with a damper.

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Gauge, Point};

/// `x'' = −(k/m) (x − x₀) − (d/m) x' + c u`, with `c = 1/m`.
///
/// State `(position x, velocity v)`, one control. `x₀` is the position at rest. The gain `c` is
/// signed, as that of the [pendulum](crate::DampedPendulum).
#[derive(Clone, Debug)]
pub struct MassSpringDamper {
    components: [Component; 2],
    constants: [Constant; 4],
}

impl Default for MassSpringDamper {
    fn default() -> Self {
        Self {
            components: [
                Component::position("position", "m", 1.0),
                Component::velocity("velocity", "m/s", 1.0),
            ],
            constants: [
                Constant::positive("stiffness_over_mass", "1/s²", 1.0),
                Constant::positive("damping_over_mass", "1/s", 0.1),
                Constant::signed("control_gain", "1/kg", 1.0),
                Constant::signed("rest_position", "m", 0.0),
            ],
        }
    }
}

impl Dynamics for MassSpringDamper {
    fn components(&self) -> &[Component] {
        &self.components
    }

    fn controls(&self) -> usize {
        1
    }

    fn constants(&self) -> &[Constant] {
        &self.constants
    }

    fn derivative(&self, at: Point<'_>, out: &mut [f64]) {
        let (position, velocity, c) = (at.state[0], at.state[1], at.constants);
        out[0] = velocity;
        out[1] = c[2] * at.control[0] - c[0] * (position - c[3]) - c[1] * velocity;
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let (position, velocity, c) = (at.state[0], at.state[1], at.constants);
        let force = cotangent[1];
        out.state[0] -= force * c[0];
        out.state[1] += cotangent[0] - force * c[1];
        out.control[0] += force * c[2];
        out.constants[0] -= force * (position - c[3]);
        out.constants[1] -= force * velocity;
        out.constants[2] += force * at.control[0];
        out.constants[3] += force * c[0];
    }

    fn gauge(&self, constants: &[f64]) -> Gauge {
        let sign = if constants[2] < 0.0 { -1.0 } else { 1.0 };
        Gauge { sign: vec![sign; 2], shift: vec![constants[3], 0.0] }
    }

    /// The unit of positions, seen from where the spring rests: `x → x₀ + s (x − x₀)` with `c → s c`. A rest
    /// position that is fixed sets no unit, for nobody knows where the origin of what is drawn lies.
    fn freedoms(&self, constants: &[f64]) -> Vec<Vec<f64>> {
        vec![vec![0.0, 0.0, constants[2], 0.0]]
    }

    fn canonical(&self, constants: &[f64]) -> Vec<f64> {
        vec![constants[0], constants[1], constants[2].abs(), 0.0]
    }
}
