//! Ridge regression that takes its rows one by one.

use nalgebra::{Cholesky, DMatrix, DVector};

/// Sums over rows of regressors and targets.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    gram: DMatrix<f64>,
    cross: DMatrix<f64>,
    rows: f64,
}

impl Regression {
    pub(super) fn new(regressors: usize, targets: usize) -> Self {
        let gram = DMatrix::zeros(regressors, regressors);
        Self { gram, cross: DMatrix::zeros(regressors, targets), rows: 0.0 }
    }

    pub(super) fn add(&mut self, regressors: &DVector<f64>, target: &DVector<f64>) {
        self.gram.ger(1.0, regressors, regressors, 1.0);
        self.cross.ger(1.0, regressors, target, 1.0);
        self.rows += 1.0;
    }

    pub(super) fn rows(&self) -> f64 {
        self.rows
    }

    /// Mean of `r rᵀ` of the regressors.
    pub(super) fn moments(&self) -> DMatrix<f64> {
        &self.gram / self.rows.max(1.0)
    }

    /// The coefficients `(targets, regressors)`, with the `share` of every regressor's own square added
    /// to it; `None` if they cannot be found.
    pub(super) fn solve(&self, share: f64) -> Option<DMatrix<f64>> {
        self.ridged(|own| if own > 0.0 { share * own } else { 1.0 })
    }

    /// The coefficients `(targets, regressors)` for regressors with independent errors of this variance.
    pub(super) fn solve_with(&self, variance: f64) -> Option<DMatrix<f64>> {
        self.ridged(|_| variance * self.rows.max(1.0))
    }

    /// The coefficients with more on the diagonal, as what is there tells.
    fn ridged(&self, more: impl Fn(f64) -> f64) -> Option<DMatrix<f64>> {
        let mut gram = self.gram.clone();
        for i in 0..gram.nrows() {
            gram[(i, i)] += more(gram[(i, i)]);
        }
        let found = Cholesky::new(gram)?.solve(&self.cross).transpose();
        found.iter().all(|v| v.is_finite()).then_some(found)
    }
}
