//! What the systems that policies are tried on differ in: their equations, starts, goal and words.

use dvbf_control::{ControlError, ControlLimits, MeanDynamics};
use dvbf_report::{Curve, Scene};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// Steps of a trial, and those at its end that have to be where success is.
pub(super) const STEPS: usize = 300;
pub(super) const LAST: usize = 100;

/// How an axis of the plane of a landscape is cut into cells. Cell `i` has its middle at `i · width`.
#[derive(Clone, Debug)]
pub(super) struct CellAxis {
    /// Its name in `empowerment.json`.
    pub(super) name: &'static str,
    pub(super) width: f64,
    /// Cells that go round an angle; nothing if the axis is a line.
    pub(super) around: Option<i64>,
}

/// Steps from the fixed start until the system stays where success is; nothing if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixedStart {
    /// The pendulum hangs at rest.
    HangingSteps(Option<usize>),
    /// The ball rests in a corner.
    CornerSteps(Option<usize>),
}

impl FixedStart {
    /// The steps.
    pub fn steps(self) -> Option<usize> {
        match self {
            Self::HangingSteps(steps) | Self::CornerSteps(steps) => steps,
        }
    }
}

/// Which estimates and policies there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approach {
    /// The closed form of held actions is the landscape; greedy and actor-critic seek it, and a second
    /// actor the variational bound.
    ClosedForm,
    /// The variational bound is the landscape, and all policies seek it.
    Variational,
}

/// A system whose true equations are known.
pub(super) trait Subject: Sync {
    /// The true equations as a policy sees them.
    type Dynamics: MeanDynamics<f32> + Clone + Send + Sync + 'static;

    fn limits(&self) -> Result<ControlLimits<f32>, ControlError>;

    /// The true equations.
    fn truth(&self) -> Self::Dynamics;

    /// Writes true states `(N, S)` as the true equations see them, `(N, Z)`.
    fn show(&self, states: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>);

    fn approach(&self) -> Approach;

    /// Steps of the variational channel.
    fn bound_steps(&self) -> usize;

    /// Whether a state counts as success.
    fn reached(&self, state: &[f64]) -> bool;

    /// Writes the start of the trial that is told apart from the random ones.
    fn fixed_start(&self, state: &mut [f64]);

    fn steps_of_fixed_start(&self, steps: Option<usize>) -> FixedStart;

    /// Writes a random start made of uniform draws from 0 to 1, as many as the state has components.
    fn random_start(&self, draws: &[f64], state: &mut [f64]);

    fn axes(&self) -> [CellAxis; 2];

    /// Where a state lies in the plane of the landscape.
    fn place(&self, state: &[f64]) -> [f64; 2];

    fn scene(&self) -> Scene;

    /// Curves of a recorded trial: states and controls by step.
    fn curves(&self, states: &[Vec<f64>], controls: &[Vec<f64>]) -> Vec<Curve>;
}
