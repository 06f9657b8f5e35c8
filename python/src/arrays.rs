//! Values of NumPy arrays, and arrays that NumPy owns.

use crate::errors::value_error;
use ndarray::{ArrayD, ArrayView2};
use numpy::{
    Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// A copy of an array.
pub(crate) fn owned<T: Element + Copy>(array: &PyReadonlyArrayDyn<'_, T>) -> ArrayD<T> {
    array.as_array().to_owned()
}

/// A shape as Python writes it.
pub(crate) fn shown(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A view of a matrix `(rows, columns)`; `what` is what errors call it.
pub(crate) fn matrix<'a, T: Element>(
    array: &'a PyReadonlyArrayDyn<'_, T>,
    what: &str,
    (rows, columns): (Option<usize>, usize),
) -> PyResult<ArrayView2<'a, T>> {
    let shape = array.shape();
    let fits = shape.len() == 2 && shape[1] == columns && rows.is_none_or(|rows| shape[0] == rows);
    if !fits {
        let rows = rows.map_or_else(|| "T".to_owned(), |rows| rows.to_string());
        let shape = shown(shape);
        return Err(value_error(format!(
            "{what} has shape {shape}; it must be ({rows}, {columns})"
        )));
    }
    array.as_array().into_dimensionality().map_err(value_error)
}

/// What a vector is given as.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    /// What errors call it.
    pub(crate) what: &'static str,
    /// Whose sizes it must have, for errors.
    pub(crate) whose: &'static str,
    /// Height and width, where it may be an image.
    pub(crate) image: Option<(usize, usize)>,
    /// Whether bytes are scaled to `[0, 1]`, as they are in observations.
    pub(crate) bytes: bool,
    /// What is taken off in double precision.
    pub(crate) origins: &'a [f64],
}

/// Reads a vector, a number, or an image row by row into `to`, in any layout and of any number type.
///
/// Single and double precision in native byte order are read in place; NumPy converts anything else.
pub(crate) fn read(given: &Bound<'_, PyAny>, slot: Slot<'_>, to: &mut [f32]) -> PyResult<()> {
    // Of other classes of arrays, such as masked ones, NumPy knows what they mean.
    if given.is_exact_instance_of::<PyUntypedArray>() {
        if let Ok(array) = given.cast::<PyArrayDyn<f32>>() {
            return fill(array, slot, to, f64::from, |v| v);
        }
        if let Ok(array) = given.cast::<PyArrayDyn<f64>>() {
            return fill(array, slot, to, |v| v, narrow);
        }
    }
    let numpy = given.py().import("dvbf._convert")?;
    let convert = if slot.bytes { "number_array" } else { "wide" };
    let array = numpy.getattr(convert)?.call1((given, slot.what))?;
    fill(array.cast::<PyArrayDyn<f64>>()?, slot, to, |v| v, narrow)
}

#[expect(clippy::cast_possible_truncation, reason = "models are in single precision")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

fn fill<T: Element + Copy>(
    array: &Bound<'_, PyArrayDyn<T>>,
    Slot { what, whose, image, origins, .. }: Slot<'_>,
    to: &mut [f32],
    wide: impl Fn(T) -> f64,
    own: impl Fn(T) -> f32,
) -> PyResult<()> {
    let array = array.try_readonly()?;
    let fits = match (array.shape(), image) {
        ([], _) => to.len() == 1,
        ([n], _) => *n == to.len(),
        ([h, w] | [h, w, 1], Some(size)) => (*h, *w) == size,
        _ => false,
    };
    if !fits {
        let needed = match image {
            Some((h, w)) => format!("({h}, {w}) or ({},)", to.len()),
            None => shown(&[to.len()]),
        };
        let shape = shown(array.shape());
        return Err(value_error(format!("{what} has shape {shape}; that of {whose} is {needed}")));
    }
    if origins.is_empty() {
        match array.as_slice() {
            Ok(values) => to.iter_mut().zip(values).for_each(|(to, &value)| *to = own(value)),
            Err(_) => {
                to.iter_mut()
                    .zip(array.as_array().iter())
                    .for_each(|(to, &value)| *to = own(value));
            }
        }
    } else {
        let values = to.iter_mut().zip(array.as_array()).zip(origins);
        values.for_each(|((to, &value), origin)| *to = narrow(wide(value) - origin));
    }
    Ok(())
}
