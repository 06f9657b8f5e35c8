//! The visitor through which optimizers, files and tests see parameters.

use dvbf_tensor::Scalar;
use ndarray::{ArrayViewD, ArrayViewMutD};
use std::fmt;

/// The dotted name of a parameter, built without allocation while visiting.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    /// The empty path that a visit starts from.
    pub const ROOT: Path<'static> = Path { parent: None, name: "" };

    /// The path of the part `name` of this one.
    #[must_use]
    pub fn child(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), name }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            if !parent.name.is_empty() {
                f.write_str(".")?;
            }
        }
        f.write_str(self.name)
    }
}

/// A set of named arrays. Names serve files, the order of visits serves optimizers; both are part
/// of the contract. Every array is contiguous in row-major order.
pub trait Params<S: Scalar> {
    /// Shows every array with its name.
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>));

    /// Shows every array for change, in the order of [`visit`](Params::visit).
    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>));

    /// Number of values in all arrays.
    fn count(&self) -> usize {
        let mut count = 0;
        self.visit(Path::ROOT, &mut |_, array| count += array.len());
        count
    }

    /// Shows every array as a slice together with its place in the flat vector.
    ///
    /// # Panics
    /// If an array is not contiguous, which breaks the contract of this trait.
    fn each_slice(&self, f: &mut dyn FnMut(usize, &[S])) {
        let mut start = 0;
        self.visit(Path::ROOT, &mut |path, array| {
            let slice = array.as_slice().unwrap_or_else(|| panic!("{path} is contiguous"));
            f(start, slice);
            start += slice.len();
        });
    }

    /// Shows every array as a changeable slice together with its place in the flat vector.
    ///
    /// # Panics
    /// If an array is not contiguous, which breaks the contract of this trait.
    fn each_slice_mut(&mut self, f: &mut dyn FnMut(usize, &mut [S])) {
        let mut start = 0;
        self.visit_mut(Path::ROOT, &mut |path, mut array| {
            let slice = array.as_slice_mut().unwrap_or_else(|| panic!("{path} is contiguous"));
            f(start, slice);
            start += slice.len();
        });
    }

    /// All values in the order of visits.
    fn to_flat(&self) -> Vec<S> {
        let mut flat = Vec::with_capacity(self.count());
        self.each_slice(&mut |_, slice| flat.extend_from_slice(slice));
        flat
    }

    /// Overwrites all values with those of `flat`.
    ///
    /// # Panics
    /// If `flat` has another length than [`count`](Params::count).
    #[track_caller]
    fn set_flat(&mut self, flat: &[S]) {
        assert_eq!(flat.len(), self.count(), "flat values against parameters");
        self.each_slice_mut(&mut |start, slice| {
            slice.copy_from_slice(&flat[start..start + slice.len()]);
        });
    }

    /// Sets every value to zero.
    fn set_zero(&mut self) {
        self.each_slice_mut(&mut |_, slice| slice.fill(S::ZERO));
    }

    /// A copy with every value zero: where accumulating gradients starts.
    #[must_use]
    fn zeros_like(&self) -> Self
    where
        Self: Clone,
    {
        let mut copy = self.clone();
        copy.set_zero();
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_with_dots() {
        let root = Path::ROOT;
        let model = root.child("initial");
        let part = model.child("state");
        assert_eq!(part.child("0").to_string(), "initial.state.0");
    }
}
