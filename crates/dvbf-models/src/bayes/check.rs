//! Checks of what comes from outside.

use super::BayesError;
use nalgebra::{DMatrix, DVector};

/// Largest difference between `aᵢⱼ` and `aⱼᵢ` of a covariance, relative to `√(aᵢᵢ aⱼⱼ)`.
const ASYMMETRY: f64 = 1e-8;

pub(super) fn length(what: &'static str, got: usize, expected: usize) -> Result<(), BayesError> {
    if got == expected { Ok(()) } else { Err(BayesError::Length { what, got, expected }) }
}

pub(super) fn finite(what: &'static str, values: &[f64]) -> Result<(), BayesError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(BayesError::NotFinite { what, index }),
        None => Ok(()),
    }
}

pub(super) fn vector(
    what: &'static str,
    values: &DVector<f64>,
    expected: usize,
) -> Result<(), BayesError> {
    length(what, values.len(), expected)?;
    finite(what, values.as_slice())
}

pub(super) fn matrix(
    what: &'static str,
    values: &DMatrix<f64>,
    expected: (usize, usize),
) -> Result<(), BayesError> {
    if values.shape() != expected {
        return Err(BayesError::Shape { what, got: values.shape(), expected });
    }
    finite(what, values.as_slice())
}

/// Shape, finiteness and symmetry; positivity shows in the [`Root`](super::root::Root).
pub(super) fn covariance(
    what: &'static str,
    values: &DMatrix<f64>,
    size: usize,
) -> Result<(), BayesError> {
    matrix(what, values, (size, size))?;
    for j in 0..size {
        for i in 0..j {
            let scale = (values[(i, i)] * values[(j, j)]).abs().sqrt();
            if (values[(i, j)] - values[(j, i)]).abs() > ASYMMETRY * scale {
                return Err(BayesError::NotSymmetric { what });
            }
        }
    }
    Ok(())
}

pub(super) fn control(values: &[f64], expected: usize) -> Result<(), BayesError> {
    length("control", values.len(), expected)?;
    finite("control", values)
}

/// Indices of the observed channels: those that are not NaN.
pub(super) fn observed(values: &[f64], expected: usize) -> Result<Vec<usize>, BayesError> {
    length("observation", values.len(), expected)?;
    match values.iter().position(|v| v.is_infinite()) {
        Some(index) => Err(BayesError::NotFinite { what: "observation", index }),
        None => Ok((0..expected).filter(|&i| !values[i].is_nan()).collect()),
    }
}

/// A probability strictly between zero and one.
pub(super) fn probability(key: &'static str, value: f64) -> Result<(), BayesError> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(BayesError::Setting { key, value, range: "between 0 and 1, both excluded" })
    }
}
