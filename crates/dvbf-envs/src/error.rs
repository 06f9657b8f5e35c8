//! What can be wrong with the settings of an environment, and the checks that say so.

/// A setting that no simulator can work with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// A single setting lies outside its range.
    #[error("`{key}` must be {rule}, but it is {value}")]
    Setting {
        /// The setting as it is spelled in a settings file; nested ones have a dot.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The range it must lie in, in words.
        rule: &'static str,
    },
    /// The integrator's step is too long for the stiffness of the equation.
    #[error(
        "`dt` / `substeps` is {step} s, but this system is integrated stably up to {limit} s; \
         raise `substeps`"
    )]
    Unstable {
        /// The step of the integrator, in seconds.
        step: f64,
        /// The longest admissible step, in seconds.
        limit: f64,
    },
}

/// Accepts `value` if it is finite and what `rule` says in words holds.
pub(crate) fn require(
    holds: bool,
    key: &'static str,
    value: f64,
    rule: &'static str,
) -> Result<(), EnvError> {
    if holds && value.is_finite() { Ok(()) } else { Err(EnvError::Setting { key, value, rule }) }
}

/// Accepts finite values.
pub(crate) fn finite(key: &'static str, value: f64) -> Result<(), EnvError> {
    require(true, key, value, "finite")
}

/// Accepts finite values above zero.
pub(crate) fn positive(key: &'static str, value: f64) -> Result<(), EnvError> {
    require(value > 0.0, key, value, "finite and above zero")
}

/// Accepts finite values from zero on.
pub(crate) fn not_negative(key: &'static str, value: f64) -> Result<(), EnvError> {
    require(value >= 0.0, key, value, "finite and not below zero")
}

/// Accepts values above zero and below one.
pub(crate) fn fraction(key: &'static str, value: f64) -> Result<(), EnvError> {
    require(value > 0.0 && value < 1.0, key, value, "above 0 and below 1")
}

/// Accepts values from `low` to `high`; `rule` states this range in words.
pub(crate) fn between(
    key: &'static str,
    value: f64,
    (low, high): (f64, f64),
    rule: &'static str,
) -> Result<(), EnvError> {
    require((low..=high).contains(&value), key, value, rule)
}

/// Accepts `1..=limit`; `rule` states this range in words.
pub(crate) fn count(
    key: &'static str,
    value: usize,
    limit: usize,
    rule: &'static str,
) -> Result<(), EnvError> {
    require((1..=limit).contains(&value), key, value as f64, rule)
}
