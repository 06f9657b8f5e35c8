//! What the author of a differential equation writes.

use crate::component::Component;
use crate::constant::Constant;
use std::fmt::Debug;

/// Where a differential equation is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// `z`, one value a component.
    pub state: &'a [f64],
    /// `u`, held during a step.
    pub control: &'a [f64],
    /// `c`, values of the constants in their order.
    pub constants: &'a [f64],
}

/// Cotangents with respect to the arguments of a differential equation. Whoever computes them adds
/// to what is there.
#[derive(Debug)]
pub struct Cotangents<'a> {
    /// Of `z`.
    pub state: &'a mut [f64],
    /// Of `u`.
    pub control: &'a mut [f64],
    /// Of `c`.
    pub constants: &'a mut [f64],
}

/// The change of variables after which a learned state reads as its author means it:
/// `zᵢ ← signᵢ (zᵢ − shiftᵢ)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// `+1`, or `−1` where a component was learned with the opposite sign.
    pub sign: Vec<f64>,
    /// What is subtracted first, in the component's unit.
    pub shift: Vec<f64>,
}

impl Gauge {
    /// No change for `size` components.
    pub fn identity(size: usize) -> Self {
        Self { sign: vec![1.0; size], shift: vec![0.0; size] }
    }

    /// Whether some component was learned with the opposite sign.
    pub fn is_mirrored(&self) -> bool {
        self.sign.iter().any(|&sign| sign < 0.0)
    }
}

/// A differential equation `dz/dt = g(z, u, c)` with named constants `c`.
///
/// Everything is in the units that components and constants state, one state at a time. An author
/// writes the value and its vector–Jacobian products; integrators, their adjoints and learning come
/// from elsewhere. `dvbf_gradcheck::check_dynamics` compares the two with differences.
pub trait Dynamics: Debug + Send + Sync {
    /// The components of the state, in their order.
    fn components(&self) -> &[Component];

    /// Number of controls, `U`.
    fn controls(&self) -> usize;

    /// The constants, in their order.
    fn constants(&self) -> &[Constant];

    /// Writes `g(z, u, c)`.
    fn derivative(&self, at: Point<'_>, out: &mut [f64]);

    /// Adds `(∂g/∂z)ᵀ λ`, `(∂g/∂u)ᵀ λ` and `(∂g/∂c)ᵀ λ` for a cotangent `λ` of the derivative.
    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>);

    /// What data without labels cannot tell, given learned constants: the change of variables that
    /// undoes it. An emission that is learned draws a mirrored or turned system just as well.
    fn gauge(&self, constants: &[f64]) -> Gauge {
        let _ = constants;
        Gauge::identity(self.components().len())
    }

    /// What recordings leave open beside signs and shifts: directions in which the constants can move, from these values, without a change of what recordings
    /// without labels show: one vector for every parameter of a family of changes of variables that carries
    /// solutions to solutions, with one number for every constant. None by default. See
    /// [`open_constants`](crate::open_constants).
    fn freedoms(&self, constants: &[f64]) -> Vec<Vec<f64>> {
        let _ = constants;
        Vec::new()
    }

    /// The constants after the change of variables of [`gauge`](Self::gauge).
    fn canonical(&self, constants: &[f64]) -> Vec<f64> {
        constants.to_vec()
    }
}
