//! The pendulum: upright is where it can be kept with the most freedom.

use super::EmpowerError;
use super::subject::{Approach, CellAxis, FixedStart, Subject};
use super::trial::narrow;
use dvbf_control::{ControlError, ControlLimits, LearnedDynamics};
use dvbf_core::{Context, KindTable, Noise, TRANSITIONS};
use dvbf_envs::{Integrator, PendulumSettings};
use dvbf_report::{Curve, PlaneAxis, Scene};
use ndarray::{ArrayView2, ArrayViewMut2};
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

/// What counts as upright, in radians.
const UPRIGHT: f64 = 0.3;
/// Fastest start, in radians a second.
const FASTEST: f64 = 4.0;

/// The pendulum of a run.
pub(super) struct Pendulum {
    torque_max: f64,
    dynamics: LearnedDynamics,
}

impl Pendulum {
    /// Refuses a pendulum whose equation is not the one that its landscape is computed with.
    pub(super) fn check(settings: &PendulumSettings) -> Result<(), String> {
        let other = [
            ("pendulum.coulomb", settings.coulomb > 0.0),
            ("pendulum.magnet.energy", settings.magnet.energy != 0.0),
            ("pendulum.integrator", settings.integrator != Integrator::Rk4),
        ];
        match other.iter().find(|(_, differs)| *differs) {
            Some((key, _)) => Err(format!(
                "the landscape is compared with that of a pendulum with viscous friction, integrated by \
                 Runge-Kutta; {key} makes this another system"
            )),
            None => Ok(()),
        }
    }

    /// The pendulum with these settings, whose equation has these constants.
    pub(super) fn new(
        settings: &PendulumSettings,
        constants: &[(&'static str, f64)],
    ) -> Result<Self, EmpowerError> {
        let substeps = settings.substeps;
        let known = serde_json::json!({ "dynamics": "damped-pendulum", "substeps": substeps });
        let context = Context {
            observation: 1,
            control: 1,
            state: 2,
            noise: 2,
            hidden: 1,
            initial_frames: 1,
            dt: Some(settings.dt),
            uneven: false,
            control_units: None,
            components: Vec::new(),
        };
        let table = KindTable::new("sum").with("known", known);
        let mut transition = TRANSITIONS.init::<f32>(&table, &context, Noise::new(0, 0))?;
        let known = transition.known().ok_or_else(|| EmpowerError::internal("no equation"))?;
        // The environment has no name for the angle's zero, which is where the equation starts.
        let value = |name: &str| constants.iter().find(|(own, _)| *own == name);
        let values: Vec<f64> = known
            .constants
            .iter()
            .map(|own| value(&own.name).map_or(own.start, |(_, value)| *value))
            .collect();
        transition.set_constants(&values);
        let dynamics = LearnedDynamics::new(Arc::from(transition));
        Ok(Self { torque_max: settings.torque_max, dynamics })
    }
}

/// An angle from upright, between −π and π; the pendulum hangs at zero.
pub(super) fn from_upright(angle: f64) -> f64 {
    angle.rem_euclid(TAU) - PI
}

impl Subject for Pendulum {
    type Dynamics = LearnedDynamics;

    fn limits(&self) -> Result<ControlLimits<f32>, ControlError> {
        ControlLimits::symmetric(&[narrow(self.torque_max)])
    }

    fn truth(&self) -> LearnedDynamics {
        self.dynamics.clone()
    }

    fn show(&self, states: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
        self.dynamics.features().apply(states, out);
    }

    fn approach(&self) -> Approach {
        Approach::ClosedForm
    }

    fn bound_steps(&self) -> usize {
        10
    }

    fn reached(&self, state: &[f64]) -> bool {
        from_upright(state[0]).abs() < UPRIGHT
    }

    fn fixed_start(&self, state: &mut [f64]) {
        state.fill(0.0);
    }

    fn steps_of_fixed_start(&self, steps: Option<usize>) -> FixedStart {
        FixedStart::HangingSteps(steps)
    }

    fn random_start(&self, draws: &[f64], state: &mut [f64]) {
        state[0] = PI * (2.0 * draws[0] - 1.0);
        state[1] = FASTEST * (2.0 * draws[1] - 1.0);
    }

    fn axes(&self) -> [CellAxis; 2] {
        [
            CellAxis { name: "angle", width: TAU / 36.0, around: Some(36) },
            CellAxis { name: "velocity", width: 0.5, around: None },
        ]
    }

    fn place(&self, state: &[f64]) -> [f64; 2] {
        [from_upright(state[0]), state[1]]
    }

    fn scene(&self) -> Scene {
        let tick = |value: f64, text: &str| (value, text.to_owned());
        Scene {
            axes: [
                PlaneAxis {
                    label: "angle from upright, rad".into(),
                    ticks: vec![tick(-3.0, "−3"), tick(0.0, "upright"), tick(3.0, "3 rad")],
                    period: Some(TAU),
                },
                PlaneAxis {
                    label: "velocity, rad/s".into(),
                    ticks: vec![tick(-5.0, "−5 rad/s"), tick(0.0, "0"), tick(5.0, "5 rad/s")],
                    period: None,
                },
            ],
            landscape:
                "How much a torque that is held for some steps says about the state at their \
                        end, in nats."
                    .into(),
            trial: "A swing-up".into(),
            start: "hanging at rest".into(),
            rule: format!(
                "Success: within {UPRIGHT} rad of upright throughout the last 100 of 300 steps. \
                 Steps: until it stays there."
            ),
        }
    }

    fn curves(&self, states: &[Vec<f64>], controls: &[Vec<f64>]) -> Vec<Curve> {
        let curve = |id: &str, caption: &str, unit: &str, values: Vec<f64>| Curve {
            id: id.into(),
            caption: caption.into(),
            unit: unit.into(),
            values,
        };
        let angles = states.iter().map(|state| from_upright(state[0])).collect();
        let torques = controls.iter().map(|control| control[0]).collect();
        vec![
            curve("trial-angle", "Angle from upright", "rad", angles),
            curve("trial-torque", "Torque", "N m", torques),
        ]
    }
}
