//! A pole on a cart (Barto, Sutton and Anderson 1983, with the equations of Florian 2005).

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Gauge, Point};

/// The pole's center of mass is `l` from its joint, `r = m_pole / (m_cart + m_pole)`, and
/// `c = 1 / (m_cart + m_pole)`; with `ψ = θ − φ`:
///
/// `a = c u + r l θ'² sin ψ`,
/// `θ'' = (g sin ψ − a cos ψ) / (l (4/3 − r cos² ψ))`,
/// `x'' = a − r l θ'' cos ψ`.
///
/// State `(position x, angle θ, x', θ')`, one control, the force `u` on the cart. The pole stands
/// at `θ = φ`, which is learned because an emission that is learned may draw any angle as upright.
/// Gravity `g` is fixed: it sets the scale of lengths. Where the cart stands at `x = 0` cannot be
/// known, for nothing depends on it.
#[derive(Clone, Debug)]
pub struct CartPole {
    components: [Component; 4],
    constants: [Constant; 5],
}

impl Default for CartPole {
    fn default() -> Self {
        Self {
            components: [
                Component::position("position", "m", 1.0),
                Component::angle("angle"),
                Component::velocity("velocity", "m/s", 1.0),
                Component::velocity("angular_velocity", "rad/s", 2.0),
            ],
            constants: [
                Constant::positive("pole_half_length", "m", 1.0),
                Constant::new(
                    "mass_ratio",
                    "1",
                    0.3,
                    crate::Range::Bounded { low: 0.0, high: 1.0 },
                ),
                Constant::signed("control_gain", "1/kg", 1.0),
                Constant::signed("angle_offset", "rad", 0.0),
                Constant::fixed("gravity", "m/s²", 9.8),
            ],
        }
    }
}

/// What value and gradient share.
struct Terms {
    sine: f64,
    cosine: f64,
    push: f64,
    inertia: f64,
    angular: f64,
}

impl Terms {
    fn of(at: Point<'_>) -> Self {
        let [length, ratio, gain, offset, gravity] = five(at.constants);
        let (sine, cosine) = (at.state[1] - offset).sin_cos();
        let turning = at.state[3];
        let push = gain * at.control[0] + ratio * length * turning * turning * sine;
        let inertia = length * (4.0 / 3.0 - ratio * cosine * cosine);
        let angular = (gravity * sine - push * cosine) / inertia;
        Self { sine, cosine, push, inertia, angular }
    }
}

impl Dynamics for CartPole {
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
        let Terms { cosine, push, angular, .. } = Terms::of(at);
        let [length, ratio, ..] = five(at.constants);
        out[0] = at.state[2];
        out[1] = at.state[3];
        out[2] = push - ratio * length * angular * cosine;
        out[3] = angular;
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let Terms { sine, cosine, push, inertia, angular } = Terms::of(at);
        let [length, ratio, gain, _, gravity] = five(at.constants);
        let turning = at.state[3];
        out.state[2] += cotangent[0];
        out.state[3] += cotangent[1];
        // Through x'' = a − r l θ'' cos ψ.
        let dcart = cotangent[2];
        let dangular = cotangent[3] - dcart * ratio * length * cosine;
        let mut dlength = -dcart * ratio * angular * cosine;
        let mut dratio = -dcart * length * angular * cosine;
        let mut dcosine = -dcart * ratio * length * angular;
        // Through θ'' = (g sin ψ − a cos ψ) / I.
        let dnumerator = dangular / inertia;
        let dinertia = -dangular * angular / inertia;
        let mut dsine = dnumerator * gravity;
        let dgravity = dnumerator * sine;
        let dpush = dcart - dnumerator * cosine;
        dcosine -= dnumerator * push;
        // Through I = l (4/3 − r cos² ψ).
        dlength += dinertia * inertia / length;
        dratio -= dinertia * length * cosine * cosine;
        dcosine -= dinertia * 2.0 * length * ratio * cosine;
        // Through a = c u + r l θ'² sin ψ.
        let square = turning * turning;
        dratio += dpush * length * square * sine;
        dlength += dpush * ratio * square * sine;
        dsine += dpush * ratio * length * square;
        out.state[3] += dpush * 2.0 * ratio * length * turning * sine;
        out.control[0] += dpush * gain;
        let dangle = dsine * cosine - dcosine * sine;
        out.state[1] += dangle;
        for (to, from) in out.constants.iter_mut().zip([
            dlength,
            dratio,
            dpush * at.control[0],
            -dangle,
            dgravity,
        ]) {
            *to += from;
        }
    }

    fn gauge(&self, constants: &[f64]) -> Gauge {
        let [_, _, gain, offset, _] = five(constants);
        let sign = if gain < 0.0 { -1.0 } else { 1.0 };
        Gauge { sign: vec![sign; 4], shift: vec![0.0, offset, 0.0, 0.0] }
    }

    /// The unit of lengths, unless gravity is fixed: `x → s x` with `l → s l`, `c → s c` and `g → s g`.
    fn freedoms(&self, constants: &[f64]) -> Vec<Vec<f64>> {
        let [length, _, gain, _, gravity] = five(constants);
        vec![vec![length, 0.0, gain, 0.0, gravity]]
    }

    fn canonical(&self, constants: &[f64]) -> Vec<f64> {
        let [length, ratio, gain, _, gravity] = five(constants);
        vec![length, ratio, gain.abs(), 0.0, gravity]
    }
}

/// The constants of a cart and pole.
fn five(c: &[f64]) -> [f64; 5] {
    [c[0], c[1], c[2], c[3], c[4]]
}
