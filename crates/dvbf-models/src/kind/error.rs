//! A settings table that describes no part.

/// A settings table that describes no part. The key is relative to the table, and empty if the
/// table itself is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct KindError {
    /// The dotted key, such as `transition.matrices`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl KindError {
    /// An error of `key`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }

    /// The same error seen from the table that holds this one under `key`.
    #[must_use]
    pub fn within(self, key: &str) -> Self {
        let key = if self.key.is_empty() { key.into() } else { format!("{key}.{}", self.key) };
        Self { key, ..self }
    }

    /// Refuses a size that is zero or larger than `limit`.
    ///
    /// # Errors
    /// If `value` is not in `1..=limit`.
    pub fn check_size(key: &str, value: usize, limit: usize) -> Result<(), Self> {
        if value == 0 {
            return Err(Self::new(key, "is 0; it must be at least 1"));
        }
        Self::check_limit(key, value, limit)
    }

    /// Refuses a size that is larger than `limit`.
    ///
    /// # Errors
    /// If `value` is.
    pub fn check_limit(key: &str, value: usize, limit: usize) -> Result<(), Self> {
        if value > limit {
            return Err(Self::new(key, format!("is {value}; at most {limit} is supported")));
        }
        Ok(())
    }

    /// Refuses a number that is not positive and finite.
    ///
    /// # Errors
    /// If `value` is not.
    pub fn check_positive(key: &str, value: f64) -> Result<(), Self> {
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Self::new(key, format!("is {value}; it must be a positive finite number")))
    }
}
