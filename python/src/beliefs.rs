//! Beliefs over recordings as padded arrays.

use dvbf::apply::{Beliefs, SequenceBeliefs};
use ndarray::{Array2, Array3, s};
use numpy::PyArray;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods};

/// Arrays by name, sequences padded with NaN to the longest: `mean`, `std`, `path (N, T, Z)`, `predicted_mean`,
/// `predicted_std (N, T, X)`, `log_likelihood`, `nis (N, T)`, `freedom`, `evidence (N, T)`.
pub(crate) fn arrays<'py>(py: Python<'py>, beliefs: &Beliefs) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("mean", PyArray::from_owned_array(py, rows(beliefs, |s| &s.mean)))?;
    out.set_item("std", PyArray::from_owned_array(py, rows(beliefs, |s| &s.std)))?;
    out.set_item("path", PyArray::from_owned_array(py, rows(beliefs, |s| &s.path)))?;
    let predicted = rows(beliefs, |s| &s.predicted_mean);
    if beliefs.origins.is_empty() {
        out.set_item("predicted_mean", PyArray::from_owned_array(py, predicted))?;
    } else {
        let mut whole = predicted.mapv(f64::from);
        whole.indexed_iter_mut().for_each(|((_, _, i), value)| *value += beliefs.origins[i]);
        out.set_item("predicted_mean", PyArray::from_owned_array(py, whole))?;
    }
    let std = rows(beliefs, |s| &s.predicted_std);
    out.set_item("predicted_std", PyArray::from_owned_array(py, std))?;
    let log = padded(beliefs, f64::NAN, |s| s.log_likelihood.to_vec());
    out.set_item("log_likelihood", PyArray::from_owned_array(py, log))?;
    let nis = padded(beliefs, f64::NAN, |s| s.nis.to_vec());
    out.set_item("nis", PyArray::from_owned_array(py, nis))?;
    let freedom = padded(beliefs, 0, |s| s.freedom.to_vec());
    out.set_item("freedom", PyArray::from_owned_array(py, freedom))?;
    let evidence = padded(beliefs, 0, |s| s.verdicts.iter().map(|&v| v as u8).collect());
    out.set_item("evidence", PyArray::from_owned_array(py, evidence))?;
    Ok(out)
}

fn longest(beliefs: &Beliefs) -> usize {
    beliefs.sequences.iter().map(|s| s.verdicts.len()).max().unwrap_or(0)
}

fn rows(beliefs: &Beliefs, of: fn(&SequenceBeliefs) -> &Array2<f32>) -> Array3<f32> {
    let width = beliefs.sequences.first().map_or(0, |s| of(s).ncols());
    let mut all = Array3::from_elem((beliefs.sequences.len(), longest(beliefs), width), f32::NAN);
    for (n, sequence) in beliefs.sequences.iter().enumerate() {
        let rows = of(sequence);
        all.slice_mut(s![n, ..rows.nrows(), ..]).assign(rows);
    }
    all
}

fn padded<T: Copy>(
    beliefs: &Beliefs,
    fill: T,
    of: impl Fn(&SequenceBeliefs) -> Vec<T>,
) -> Array2<T> {
    let mut all = Array2::from_elem((beliefs.sequences.len(), longest(beliefs)), fill);
    for (mut row, sequence) in all.rows_mut().into_iter().zip(&beliefs.sequences) {
        row.iter_mut().zip(of(sequence)).for_each(|(to, from)| *to = from);
    }
    all
}
