//! Checks of what comes from outside.

use super::BayesError;
use nalgebra::allocator::Allocator;
use nalgebra::{DefaultAllocator, Dim, OMatrix, OVector};

/// Largest difference between `aᵢⱼ` and `aⱼᵢ` of a covariance, relative to `√(aᵢᵢ aⱼⱼ)`.
const ASYMMETRY: f64 = 1e-8;

pub(super) fn length(what: &'static str, got: usize, expected: usize) -> Result<(), BayesError> {
    if got == expected { Ok(()) } else { Err(BayesError::Length { what, got, expected }) }
}

#[inline]
pub(super) fn finite(what: &'static str, values: &[f64]) -> Result<(), BayesError> {
    // Zero times what is not finite is NaN: sums that do not branch.
    if values.iter().map(|v| v * 0.0).sum::<f64>() == 0.0 {
        Ok(())
    } else {
        not_finite(what, values)
    }
}

#[cold]
fn not_finite(what: &'static str, values: &[f64]) -> Result<(), BayesError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(BayesError::NotFinite { what, index }),
        None => Ok(()),
    }
}

#[inline]
pub(super) fn vector<D: Dim>(
    what: &'static str,
    values: &OVector<f64, D>,
    expected: usize,
) -> Result<(), BayesError>
where
    DefaultAllocator: Allocator<D>,
{
    length(what, values.len(), expected)?;
    finite(what, values.as_slice())
}

#[inline]
pub(super) fn matrix<R: Dim, C: Dim>(
    what: &'static str,
    values: &OMatrix<f64, R, C>,
    expected: (usize, usize),
) -> Result<(), BayesError>
where
    DefaultAllocator: Allocator<R, C>,
{
    if values.shape() != expected {
        return Err(BayesError::Shape { what, got: values.shape(), expected });
    }
    finite(what, values.as_slice())
}

/// Shape, finiteness and symmetry; positivity shows in the [`Root`](super::root::Root).
#[inline]
pub(super) fn covariance<D: Dim>(
    what: &'static str,
    values: &OMatrix<f64, D, D>,
    size: usize,
) -> Result<(), BayesError>
where
    DefaultAllocator: Allocator<D, D>,
{
    matrix(what, values, (size, size))?;
    for j in 0..size {
        for i in 0..j {
            if values[(i, j)].to_bits() == values[(j, i)].to_bits() {
                continue;
            }
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
    count_observed(values, expected)?;
    Ok((0..expected).filter(|&i| !values[i].is_nan()).collect())
}

/// How many channels were observed.
#[inline]
pub(super) fn count_observed(values: &[f64], expected: usize) -> Result<usize, BayesError> {
    length("observation", values.len(), expected)?;
    match values.iter().position(|v| v.is_infinite()) {
        Some(index) => Err(BayesError::NotFinite { what: "observation", index }),
        None => Ok(values.iter().filter(|v| !v.is_nan()).count()),
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
