//! The Van der Pol oscillator, `x'' = μ (1 − x²) x' − k x + c u`.

use dvbf_core::dynamics::{Component, Constant, Cotangents, Dynamics, Gauge, Point};

#[derive(Debug)]
pub struct VanDerPol {
    components: [Component; 2],
    constants: [Constant; 3],
}

impl Default for VanDerPol {
    fn default() -> Self {
        Self {
            components: [
                Component::position("position", "m", 1.0),
                Component::velocity("velocity", "m/s", 1.0),
            ],
            constants: [
                Constant::positive("damping", "1/s", 0.4),
                Constant::positive("stiffness", "1/s²", 2.0),
                Constant::signed("control_gain", "1/kg", 0.5),
            ],
        }
    }
}

impl Dynamics for VanDerPol {
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
        let (x, v) = (at.state[0], at.state[1]);
        let (damping, stiffness, gain) = (at.constants[0], at.constants[1], at.constants[2]);
        out[0] = v;
        out[1] = damping * (1.0 - x * x) * v - stiffness * x + gain * at.control[0];
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let (x, v) = (at.state[0], at.state[1]);
        let (damping, stiffness, gain) = (at.constants[0], at.constants[1], at.constants[2]);
        let force = cotangent[1];
        out.state[0] += force * (-2.0 * damping * x * v - stiffness);
        out.state[1] += cotangent[0] + force * damping * (1.0 - x * x);
        out.control[0] += force * gain;
        out.constants[0] += force * (1.0 - x * x) * v;
        out.constants[1] -= force * x;
        out.constants[2] += force * at.control[0];
    }

    /// Position and velocity with the opposite sign fit as well, and then the gain is negative.
    fn gauge(&self, constants: &[f64]) -> Gauge {
        Gauge { sign: vec![constants[2].signum(); 2], shift: vec![0.0; 2] }
    }

    fn canonical(&self, constants: &[f64]) -> Vec<f64> {
        vec![constants[0], constants[1], constants[2].abs()]
    }
}
