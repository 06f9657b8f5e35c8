//! Sequences of the same length of which the same was observed.
//!
//! Under a linear Gaussian model that is the same at all steps, covariances and gains depend on the
//! values of a sequence in nothing but their presence, so sequences that are alike share them.

use super::linear::LinearGaussian;
use super::sequence::Sequence;
use super::{BayesError, check};
use nalgebra::DMatrix;
use std::collections::HashMap;

/// Sequences of a linear model, checked and sorted into those that are alike.
#[derive(Debug)]
pub(super) struct Alike<'s, 'v> {
    sequences: &'s [Sequence<'v>],
    pub(super) groups: Vec<Group>,
}

/// Those of the same length of which the same was observed.
#[derive(Debug)]
pub(super) struct Group {
    /// Their numbers, ascending.
    pub(super) members: Vec<usize>,
    /// The observed channels of every step, ascending; `T` of them.
    pub(super) observed: Vec<Vec<usize>>,
}

impl<'s, 'v> Alike<'s, 'v> {
    /// # Errors
    /// With its number, the first sequence that is empty, does not fit the model or has a value that
    /// is not finite.
    pub(super) fn new(
        model: &LinearGaussian,
        sequences: &'s [Sequence<'v>],
    ) -> Result<Self, BayesError> {
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<Vec<Vec<usize>>, usize> = HashMap::new();
        for (number, sequence) in sequences.iter().enumerate() {
            let observed = observed(model, sequence).map_err(|e| e.in_sequence(number))?;
            if let Some(&group) = known.get(&observed) {
                groups[group].members.push(number);
            } else {
                known.insert(observed.clone(), groups.len());
                groups.push(Group { members: vec![number], observed });
            }
        }
        Ok(Self { sequences, groups })
    }

    /// How many sequences there are.
    pub(super) fn len(&self) -> usize {
        self.sequences.len()
    }

    /// `x_t` of some sequences, one in a row, NaN where a channel is missing.
    pub(super) fn observations(&self, members: &[usize], step: usize) -> DMatrix<f64> {
        let width = self.sequences[members[0]].observations.ncols();
        DMatrix::from_fn(members.len(), width, |i, channel| {
            self.sequences[members[i]].observations[[step, channel]]
        })
    }

    /// `u_t` of some sequences, one in a row.
    pub(super) fn controls(&self, members: &[usize], step: usize) -> DMatrix<f64> {
        let width = self.sequences[members[0]].controls.ncols();
        DMatrix::from_fn(members.len(), width, |i, channel| {
            self.sequences[members[i]].controls[[step, channel]]
        })
    }
}

/// The observed channels of every step, once the values are checked.
fn observed(
    model: &LinearGaussian,
    sequence: &Sequence<'_>,
) -> Result<Vec<Vec<usize>>, BayesError> {
    let dims = model.dims();
    let steps = sequence.steps()?;
    let mut observed = Vec::with_capacity(steps);
    for (t, values) in sequence.observations.outer_iter().enumerate() {
        if t > 0 {
            let control = sequence.controls.row(t - 1).to_vec();
            check::control(&control, dims.control).map_err(|e| e.at_step(t - 1))?;
        }
        let channels = check::observed(&values.to_vec(), dims.observation);
        observed.push(channels.map_err(|e| e.at_step(t))?);
    }
    Ok(observed)
}
