//! Elementwise functions: fixed arithmetic in `f32`, the standard library in `f64`.

use crate::level::leveled;
use crate::scalar::Scalar;

leveled! {
    /// Replaces every `x` by `eˣ`.
    pub fn exp<S: Scalar>(values: &mut [S]) {
        for x in values { *x = x.kernel_exp(); }
    }

    /// Replaces every `x` by `ln x`; defined for positive normal numbers.
    pub fn ln<S: Scalar>(values: &mut [S]) {
        for x in values { *x = x.kernel_ln(); }
    }

    /// Replaces every `x` by `ln(1 + eˣ)`.
    pub fn softplus<S: Scalar>(values: &mut [S]) {
        for x in values { *x = x.kernel_softplus(); }
    }

    /// Replaces every `x` by `1 / (1 + e⁻ˣ)`.
    pub fn logistic<S: Scalar>(values: &mut [S]) {
        for x in values { *x = x.kernel_logistic(); }
    }

    /// Replaces every `x` by `tanh x`.
    pub fn tanh<S: Scalar>(values: &mut [S]) {
        for x in values { *x = x.kernel_tanh(); }
    }
}
