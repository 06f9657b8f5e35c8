//! Whether what an equation says of itself fits together.

use crate::dynamics::Dynamics;
use std::collections::BTreeSet;

/// What an equation says of itself and cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct DeclarationError {
    /// A component, a constant or a method.
    pub what: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Checks names, magnitudes and start values, and, at the start values, the lengths of what
/// [`gauge`](Dynamics::gauge), [`canonical`](Dynamics::canonical) and [`freedoms`](Dynamics::freedoms) give.
///
/// # Errors
/// Names the first that cannot be.
pub fn check_declaration(dynamics: &dyn Dynamics) -> Result<(), DeclarationError> {
    let error = |what: &str, problem: String| Err(DeclarationError { what: what.into(), problem });
    let (components, constants) = (dynamics.components(), dynamics.constants());
    if components.is_empty() {
        return error("components", "there are none".into());
    }
    let mut names = BTreeSet::new();
    for component in components {
        let (name, scale) = (&component.name, component.scale);
        if !(scale.is_finite() && scale > 0.0) {
            return error(name, format!("its typical magnitude is {scale}; it must be positive"));
        }
        if name.is_empty() || !names.insert(name) {
            return error("components", format!("{name:?} is empty or not the only one"));
        }
    }
    let mut names = BTreeSet::new();
    for constant in constants {
        if constant.name.is_empty() || !names.insert(&constant.name) {
            return error("constants", format!("{:?} is empty or not the only one", constant.name));
        }
        constant.validate().or_else(|e| error(&e.name, e.problem))?;
    }
    let start: Vec<f64> = constants.iter().map(|constant| constant.start).collect();
    let (z, c) = (components.len(), constants.len());
    let gauge = dynamics.gauge(&start);
    for (what, length) in [("sign", gauge.sign.len()), ("shift", gauge.shift.len())] {
        if length != z {
            return error("gauge", format!("{length} numbers in {what} for {z} components"));
        }
    }
    if gauge.sign.iter().any(|sign| sign.abs().to_bits() != 1.0_f64.to_bits()) {
        return error("gauge", format!("signs {:?}; they are 1 or -1", gauge.sign));
    }
    if !gauge.shift.iter().all(|shift| shift.is_finite()) {
        return error("gauge", format!("shifts {:?} are not finite", gauge.shift));
    }
    let canonical = dynamics.canonical(&start).len();
    if canonical != c {
        return error("canonical", format!("{canonical} values for {c} constants"));
    }
    for direction in dynamics.freedoms(&start) {
        if direction.len() != c {
            let problem = format!("a direction of {} numbers for {c} constants", direction.len());
            return error("freedoms", problem);
        }
    }
    Ok(())
}
