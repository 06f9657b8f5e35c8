//! Whether a filter's covariances mean what they say (Bar-Shalom, Li and Kirubarajan 2001,
//! section 5.4).
//!
//! If the model is right, the normalized innovation squared (NIS) of an observation of `n`
//! channels and the normalized estimation error squared (NEES) of a state of `n` dimensions are
//! chi-square distributed with `n` degrees of freedom. Innovations of different steps are
//! independent, so the sum of their NIS has the sum of their degrees. Errors of one sequence's
//! states are not: NEES add up over sequences only.

use super::{BayesError, check};
use crate::chi_square;

/// The `probability` quantile of the chi-square distribution with `freedom` degrees of freedom, to
/// twelve digits in both tails: [`chi_square::quantile`] that says what is wrong.
///
/// # Errors
/// If the probability is not strictly between zero and one, or there is no degree of freedom.
pub fn chi_square_quantile(probability: f64, freedom: usize) -> Result<f64, BayesError> {
    check::probability("probability", probability)?;
    chi_square::quantile(probability, freedom)
        .ok_or(BayesError::Empty { what: "degree of freedom" })
}

/// Collects NIS or NEES values and compares them with what they should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consistency {
    values: Vec<(f64, usize)>,
}

/// What a [`Consistency`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsistencyReport {
    /// Number of values.
    pub count: usize,
    /// Sum of the values over the sum of their degrees of freedom. One if covariances are right,
    /// more if the filter is too sure of itself, less if it is too cautious.
    pub ratio: f64,
    /// The ratio lies between these bounds with the probability asked for, if the covariances
    /// are right and the values are independent.
    pub bounds: (f64, f64),
    /// Fraction of the values within the quantile of the probability asked for, which should be
    /// this probability.
    pub coverage: f64,
}

impl ConsistencyReport {
    /// Whether the ratio lies within its bounds.
    pub fn is_consistent(&self) -> bool {
        (self.bounds.0..=self.bounds.1).contains(&self.ratio)
    }
}

impl Consistency {
    /// Without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value with its degrees of freedom.
    ///
    /// # Errors
    /// If the value is not finite or negative, or there is no degree of freedom.
    pub fn add(&mut self, value: f64, freedom: usize) -> Result<(), BayesError> {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(BayesError::Setting { key: "value", value, range: "zero or positive" });
        }
        if freedom == 0 {
            return Err(BayesError::Empty { what: "degree of freedom" });
        }
        self.values.push((value, freedom));
        Ok(())
    }

    /// The report for `probability`, such as 0.95.
    ///
    /// # Errors
    /// If the probability is not strictly between zero and one, or there are no values.
    pub fn report(&self, probability: f64) -> Result<ConsistencyReport, BayesError> {
        check::probability("probability", probability)?;
        if self.values.is_empty() {
            return Err(BayesError::Empty { what: "value" });
        }
        let count = self.values.len();
        let sum: f64 = self.values.iter().map(|&(value, _)| value).sum();
        let freedom: usize = self.values.iter().map(|&(_, freedom)| freedom).sum();
        let largest = self.values.iter().map(|&(_, freedom)| freedom).max().unwrap_or(1);
        let limits = (1..=largest)
            .map(|n| chi_square_quantile(probability, n))
            .collect::<Result<Vec<_>, _>>()?;
        let inside = self.values.iter().filter(|&&(value, n)| value <= limits[n - 1]).count();
        let scale = 1.0 / freedom as f64;
        let tail = 0.5 * (1.0 - probability);
        Ok(ConsistencyReport {
            count,
            ratio: sum * scale,
            bounds: (
                chi_square_quantile(tail, freedom)? * scale,
                chi_square_quantile(1.0 - tail, freedom)? * scale,
            ),
            coverage: inside as f64 / count as f64,
        })
    }
}
