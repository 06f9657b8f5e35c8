//! The two sets behind a figure.

/// What is fitted to, and what the fit is judged on: two data sets, or what was made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitTest<T> {
    /// What is fitted to.
    pub fit: T,
    /// What the fit is judged on; nothing of it goes into the fit.
    pub test: T,
}
