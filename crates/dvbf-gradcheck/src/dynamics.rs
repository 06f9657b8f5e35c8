//! Products of a differential equation against differences.

use crate::{Tol, check_coordinates};
use dvbf_dynamics::{Cotangents, Dynamics, Flow, Integrator, Point, check_declaration};
use proptest::test_runner::TestCaseError;

/// Compares all products of `dynamics` with differences of its value, at `points` places drawn
/// from a fixed sequence: of the derivative itself, and of one step of both integrators with two
/// sub-steps, with respect to state, controls, constants and the length of the step.
///
/// States are drawn within twice the scales of the components, controls within two, constants
/// around their start values.
///
/// ```
/// dvbf_gradcheck::check_dynamics(&dvbf_dynamics::DampedPendulum::default(), 20).unwrap();
/// ```
///
/// # Errors
/// What the equation says of itself and cannot be, or the function and the coordinate that differ.
pub fn check_dynamics(dynamics: &dyn Dynamics, points: usize) -> Result<(), TestCaseError> {
    let (z, u) = (dynamics.components().len(), dynamics.controls());
    check_declaration(dynamics).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let names = coordinates(dynamics);
    let mut draw = Draw(1);
    for _ in 0..points {
        let scales = dynamics.components().iter().map(|component| component.scale);
        let mut point: Vec<f64> = scales.map(|scale| 2.0 * scale * draw.next()).collect();
        point.extend((0..u).map(|_| 2.0 * draw.next()));
        point.extend(dynamics.constants().iter().map(|constant| constant.value(draw.next())));
        point.push(0.05 * (1.5 + draw.next()));
        let weights: Vec<f64> = (0..z).map(|_| draw.next()).collect();
        for function in [Function::Derivative, Function::Rk4, Function::Euler] {
            let loss = |point: &[f64]| function.value(dynamics, point, (z, u), &weights);
            let gradient = function.gradient(dynamics, &point, (z, u), &weights);
            check_coordinates(loss, &point, &gradient, Tol::SMOOTH).map_err(|error| {
                TestCaseError::fail(format!("{function:?}: {}", with_name(&error, &names)))
            })?;
        }
    }
    Ok(())
}

/// What the coordinates of a point are.
fn coordinates(dynamics: &dyn Dynamics) -> Vec<String> {
    let components = dynamics.components().iter().map(|component| component.name.clone());
    let controls = (0..dynamics.controls()).map(|i| format!("control {i}"));
    let constants = dynamics.constants().iter().map(|c| format!("constant {}", c.name));
    let step = std::iter::once("length of the step".to_owned());
    components.chain(controls).chain(constants).chain(step).collect()
}

/// The message of `error` with the name of the coordinate that it speaks of.
fn with_name(error: &TestCaseError, names: &[String]) -> String {
    let told = error.to_string();
    let number = told.split("coordinate ").nth(1).and_then(|rest| {
        rest.split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|digits| digits.parse::<usize>().ok())
    });
    match number.and_then(|number| names.get(number)) {
        Some(name) => format!("{name}: {told}"),
        None => told,
    }
}

/// What is differentiated.
#[derive(Clone, Copy, Debug)]
enum Function {
    Derivative,
    Rk4,
    Euler,
}

impl Function {
    fn flow(self, size: usize) -> Option<Flow> {
        match self {
            Self::Derivative => None,
            Self::Rk4 => Some(Flow::new(size, Integrator::Rk4, 2)),
            Self::Euler => Some(Flow::new(size, Integrator::SemiImplicitEuler, 2)),
        }
    }

    /// The weighted sum of the function's outputs at `point = [z, u, c, dt]`.
    fn value(
        self,
        dynamics: &dyn Dynamics,
        point: &[f64],
        sizes: (usize, usize),
        weights: &[f64],
    ) -> f64 {
        let (at, dt) = split(point, sizes);
        let mut out = vec![0.0; sizes.0];
        match self.flow(sizes.0) {
            None => dynamics.derivative(at, &mut out),
            Some(mut flow) => flow.step(dynamics, at, dt, &mut out),
        }
        out.iter().zip(weights).map(|(out, weight)| out * weight).sum()
    }

    /// Its gradient by the author's products, computed twice into the same place and halved, so
    /// that a product that overwrites is found.
    fn gradient(
        self,
        dynamics: &dyn Dynamics,
        point: &[f64],
        sizes: (usize, usize),
        weights: &[f64],
    ) -> Vec<f64> {
        let (at, dt) = split(point, sizes);
        let (z, u) = sizes;
        let mut gradient = vec![0.0; point.len()];
        let (state, rest) = gradient.split_at_mut(z);
        let (control, rest) = rest.split_at_mut(u);
        let (constants, step) = rest.split_at_mut(at.constants.len());
        let mut out = Cotangents { state, control, constants };
        for _ in 0..2 {
            match self.flow(z) {
                None => dynamics.pull_back(at, weights, &mut out),
                Some(mut flow) => step[0] += flow.pull_back(dynamics, at, dt, weights, &mut out),
            }
        }
        gradient.iter().map(|g| 0.5 * g).collect()
    }
}

fn split(point: &[f64], (z, u): (usize, usize)) -> (Point<'_>, f64) {
    let (state, rest) = point.split_at(z);
    let (control, rest) = rest.split_at(u);
    let (constants, step) = rest.split_at(rest.len() - 1);
    (Point { state, control, constants }, step[0])
}

/// Numbers in `[-1, 1)`: the multiplicative generator of Park and Miller (1988).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        2.0 * self.0 as f64 / f64::from(0x7fff_ffff_u32) - 1.0
    }
}
