//! A damped pendulum under a torque.

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Gauge, Point};

/// `θ'' = −(g/L) sin(θ − φ) − d θ' + c u`, with `d = b/(m L²)` and `c = 1/(m L²)`.
///
/// State `(angle θ, velocity ω)`, one control. `φ` is the angle at which the pendulum hangs: an
/// emission that is learned may draw any angle as hanging. The gain `c` is signed: without labels
/// the mirror image `θ → −θ` fits as well, and then `c < 0`.
#[derive(Clone, Debug)]
pub struct DampedPendulum {
    components: [Component; 2],
    constants: [Constant; 4],
}

impl Default for DampedPendulum {
    fn default() -> Self {
        Self {
            components: [Component::angle("angle"), Component::velocity("velocity", "rad/s", 4.0)],
            constants: [
                Constant::positive("gravity_over_length", "1/s²", 3.0),
                Constant::positive("damping_over_mass", "1/s", 1.0),
                Constant::signed("control_gain", "1/(kg m²)", 1.0),
                Constant::signed("angle_offset", "rad", 0.0),
            ],
        }
    }
}

impl Dynamics for DampedPendulum {
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
        let (angle, velocity) = (at.state[0], at.state[1]);
        let [gravity, damping, gain, offset] = four(at.constants);
        out[0] = velocity;
        out[1] = gain * at.control[0] - gravity * (angle - offset).sin() - damping * velocity;
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let (angle, velocity) = (at.state[0], at.state[1]);
        let [gravity, damping, gain, offset] = four(at.constants);
        let (sine, cosine) = (angle - offset).sin_cos();
        let force = cotangent[1];
        out.state[0] -= force * gravity * cosine;
        out.state[1] += cotangent[0] - force * damping;
        out.control[0] += force * gain;
        out.constants[0] -= force * sine;
        out.constants[1] -= force * velocity;
        out.constants[2] += force * at.control[0];
        out.constants[3] += force * gravity * cosine;
    }

    fn gauge(&self, constants: &[f64]) -> Gauge {
        let [_, _, gain, offset] = four(constants);
        let sign = if gain < 0.0 { -1.0 } else { 1.0 };
        Gauge { sign: vec![sign; 2], shift: vec![offset, 0.0] }
    }

    fn canonical(&self, constants: &[f64]) -> Vec<f64> {
        let [gravity, damping, gain, _] = four(constants);
        vec![gravity, damping, gain.abs(), 0.0]
    }
}

/// The constants of a pendulum.
fn four(constants: &[f64]) -> [f64; 4] {
    [constants[0], constants[1], constants[2], constants[3]]
}
