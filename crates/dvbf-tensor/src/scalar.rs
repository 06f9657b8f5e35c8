//! The two floating-point types that everything is generic over.

use crate::gemm::{Buffers, Family, Product};
use crate::math;
use ndarray::{ArrayView2, ArrayViewMut2, NdFloat};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::iter::Sum;
use std::thread::LocalKey;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`. Sealed: the kernels know both and no other.
pub trait Scalar: sealed::Sealed + NdFloat + Default + Sum + Serialize + DeserializeOwned {
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// The nearest value to `value`.
    fn of(value: f64) -> Self;

    /// This value in double precision.
    fn to_double(self) -> f64;

    /// `eˣ`, as the kernels compute it.
    #[doc(hidden)]
    #[must_use]
    fn kernel_exp(self) -> Self;
    /// `ln x` for positive normal `x`.
    #[doc(hidden)]
    #[must_use]
    fn kernel_ln(self) -> Self;
    /// `ln(1 + eˣ)`.
    #[doc(hidden)]
    #[must_use]
    fn kernel_softplus(self) -> Self;
    /// `1 / (1 + e⁻ˣ)`.
    #[doc(hidden)]
    #[must_use]
    fn kernel_logistic(self) -> Self;
    /// `tanh x`.
    #[doc(hidden)]
    #[must_use]
    fn kernel_tanh(self) -> Self;
    /// The micro-kernels for a product with `columns` columns.
    #[doc(hidden)]
    fn family(columns: usize) -> &'static Family<Self>;
    /// Brings columns side by side: `panel[k · tile + j] = columns[j][k]`.
    #[doc(hidden)]
    fn interleave(columns: &[&[Self]], tile: usize, panel: &mut [Self]);
    /// Whether a product with a right factor of these sizes runs in bf16.
    #[doc(hidden)]
    fn is_brief(right: (usize, usize)) -> bool;
    /// Packs a right factor as pairs of bf16 values.
    #[doc(hidden)]
    fn pack_brief(b: ArrayView2<'_, Self>, out: &mut Vec<Self>);
    /// A product with a right factor packed so.
    #[doc(hidden)]
    fn product_brief(
        product: Product<Self>,
        c: ArrayViewMut2<'_, Self>,
        a: ArrayView2<'_, Self>,
        panels: &[Self],
    );
    /// The packing buffers of this thread.
    #[doc(hidden)]
    fn buffers() -> &'static LocalKey<RefCell<Buffers<Self>>>;
}

thread_local! {
    static SINGLE: RefCell<Buffers<f32>> = const { RefCell::new(Buffers::new()) };
    static DOUBLE: RefCell<Buffers<f64>> = const { RefCell::new(Buffers::new()) };
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
    #[inline]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline]
    fn to_double(self) -> f64 {
        f64::from(self)
    }
    #[inline]
    fn kernel_exp(self) -> Self {
        math::exp32(self)
    }
    #[inline]
    fn kernel_ln(self) -> Self {
        math::ln32(self)
    }
    #[inline]
    fn kernel_softplus(self) -> Self {
        math::softplus32(self)
    }
    #[inline]
    fn kernel_logistic(self) -> Self {
        1.0 / (1.0 + math::exp32(-self))
    }
    #[inline]
    fn kernel_tanh(self) -> Self {
        math::tanh32(self)
    }
    fn family(columns: usize) -> &'static Family<Self> {
        crate::gemm::family32(columns)
    }
    fn interleave(columns: &[&[Self]], tile: usize, panel: &mut [Self]) {
        crate::gemm::interleave32(columns, tile, panel);
    }
    fn is_brief(right: (usize, usize)) -> bool {
        crate::gemm::is_brief32(right)
    }
    fn pack_brief(b: ArrayView2<'_, Self>, out: &mut Vec<Self>) {
        crate::gemm::pack_brief32(b, out);
    }
    fn product_brief(
        product: Product<Self>,
        c: ArrayViewMut2<'_, Self>,
        a: ArrayView2<'_, Self>,
        panels: &[Self],
    ) {
        crate::gemm::product_brief32(product, c, a, panels);
    }
    fn buffers() -> &'static LocalKey<RefCell<Buffers<Self>>> {
        &SINGLE
    }
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline]
    fn of(value: f64) -> Self {
        value
    }
    #[inline]
    fn to_double(self) -> f64 {
        self
    }
    #[inline]
    fn kernel_exp(self) -> Self {
        self.exp()
    }
    #[inline]
    fn kernel_ln(self) -> Self {
        self.ln()
    }
    #[inline]
    fn kernel_softplus(self) -> Self {
        if self.is_nan() { self } else { self.max(0.0) + (-self.abs()).exp().ln_1p() }
    }
    #[inline]
    fn kernel_logistic(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }
    #[inline]
    fn kernel_tanh(self) -> Self {
        self.tanh()
    }
    fn family(columns: usize) -> &'static Family<Self> {
        crate::gemm::family64(columns)
    }
    fn interleave(columns: &[&[Self]], tile: usize, panel: &mut [Self]) {
        crate::gemm::interleave_plain(columns, tile, panel);
    }
    fn is_brief(_: (usize, usize)) -> bool {
        false
    }
    fn pack_brief(_: ArrayView2<'_, Self>, _: &mut Vec<Self>) {
        unreachable!("double precision has no shorter products")
    }
    fn product_brief(
        _: Product<Self>,
        _: ArrayViewMut2<'_, Self>,
        _: ArrayView2<'_, Self>,
        _: &[Self],
    ) {
        unreachable!("double precision has no shorter products")
    }
    fn buffers() -> &'static LocalKey<RefCell<Buffers<Self>>> {
        &DOUBLE
    }
}
