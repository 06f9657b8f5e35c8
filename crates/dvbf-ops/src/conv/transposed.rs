//! Transposed convolution, the adjoint of a convolution, which makes a small image large.
//!
//! Shapes: `x (n, P · I)` with `P` positions of the window, `y (n, height · width · C)`,
//! `W (I, k² C)`, `b (C)`; `p` are patches of one image, `(P, k² C)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `p = x W`, `y = b + scatter(p)`, one image at a time | `x`, `W`, `b` |
//! | `dx` | `dp = gather(dy)`, `dx = dp Wᵀ` | `dy`, `W` |
//! | `dW`, `db` | `+= xᵀ dp`, `+=` the sum of `dy` over all pixels | `dy`, `x` |

use super::conv2d::{matrix, matrix_mut, pixels, pixels_mut};
use super::{ImageSize, Patches};
use crate::{Params, Path};
use dvbf_tensor::{Accum, Fused, Noise, PackedMatrix, Scalar, gemm, gemm_fused, gemm_packed};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD};

/// Parameters of the transposed convolution and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTransposed2d<S> {
    // Invariant: `weight` has a column for every value of a patch, `bias` one for every channel.
    weight: Array2<S>,
    bias: Array1<S>,
    patches: Patches,
}

/// The weights in the layout of the products, and room for the patches of one image.
#[derive(Clone, Debug)]
pub struct ConvTransposed2dPack<S> {
    forward: PackedMatrix<S>,
    backward: PackedMatrix<S>,
    patches: Array2<S>,
}

impl<S: Scalar> ConvTransposed2d<S> {
    /// Weights for images of `channels` channels at the positions of these patches, from
    /// `N(0, gain² / (channels (k / s)²))`, so many products meeting in one pixel; biases zero.
    ///
    /// # Panics
    /// Never: a fresh array is contiguous.
    pub fn random(patches: Patches, channels: usize, gain: f64, noise: Noise) -> Self {
        let mut weight = Array2::zeros((channels, patches.values()));
        let slice = weight.as_slice_mut().expect("a fresh array is contiguous");
        noise.normal(slice);
        let overlap = patches.window().kernel as f64 / patches.window().stride as f64;
        let std = gain / ((channels as f64).sqrt() * overlap.max(1.0));
        for w in slice {
            *w *= S::of(std);
        }
        Self { weight, bias: Array1::zeros(patches.image().channels), patches }
    }

    /// Size of the images that it takes.
    pub fn input(&self) -> ImageSize {
        self.patches.positions(self.weight.nrows())
    }

    /// Size of the images that it gives.
    pub fn output(&self) -> ImageSize {
        self.patches.image()
    }

    /// `W (I, k² C)`.
    pub fn weight(&self) -> ArrayView2<'_, S> {
        self.weight.view()
    }

    /// A pack, to be filled by [`pack`](Self::pack).
    pub fn new_pack(&self) -> ConvTransposed2dPack<S> {
        ConvTransposed2dPack {
            forward: PackedMatrix::new(),
            backward: PackedMatrix::new(),
            patches: Array2::zeros((self.input().pixels(), self.patches.values())),
        }
    }

    /// Brings the weights into the layout of the products; to be called after every change of them.
    pub fn pack(&self, pack: &mut ConvTransposed2dPack<S>) {
        pack.forward.pack(self.weight.view());
        pack.backward.pack(self.weight.t());
    }

    /// Writes `y`, one image a row.
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn apply(
        &self,
        x: ArrayView2<'_, S>,
        y: ArrayViewMut2<'_, S>,
        pack: &mut ConvTransposed2dPack<S>,
    ) {
        self.spread(x, y, self.bias.as_slice().expect("contiguous"), pack);
    }

    /// Writes what tangents `x`, one a row, become: [`apply`](Self::apply) without the bias.
    ///
    /// # Panics
    /// As [`apply`](Self::apply).
    #[track_caller]
    pub fn push_forward(
        &self,
        x: ArrayView2<'_, S>,
        y: ArrayViewMut2<'_, S>,
        pack: &mut ConvTransposed2dPack<S>,
    ) {
        self.spread(x, y, &vec![S::ZERO; self.bias.len()], pack);
    }

    #[track_caller]
    fn spread(
        &self,
        x: ArrayView2<'_, S>,
        mut y: ArrayViewMut2<'_, S>,
        bias: &[S],
        pack: &mut ConvTransposed2dPack<S>,
    ) {
        assert_eq!(x.nrows(), y.nrows(), "images of x against those of y");
        for (x, mut y) in x.rows().into_iter().zip(y.rows_mut()) {
            let x = matrix(&x, self.input());
            gemm_packed(Accum::Replace, pack.patches.view_mut(), x, &pack.forward);
            let y = pixels_mut(&mut y);
            self.patches.fill(bias, y);
            self.patches.scatter(pack.patches.view(), y);
        }
    }

    /// Writes `dx ⊙ [x > 0]`, the cotangent of an input `x` that a rectifier gave.
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn backward_rectified(
        &self,
        dy: ArrayView2<'_, S>,
        x: ArrayView2<'_, S>,
        mut dx: ArrayViewMut2<'_, S>,
        pack: &mut ConvTransposed2dPack<S>,
    ) {
        assert_eq!((dx.nrows(), x.nrows()), (dy.nrows(), dy.nrows()), "images of dx, x and dy");
        for ((dy, x), mut dx) in dy.rows().into_iter().zip(x.rows()).zip(dx.rows_mut()) {
            self.patches.gather(pixels(&dy), pack.patches.view_mut());
            let (x, dx) = (matrix(&x, self.input()), matrix_mut(&mut dx, self.input()));
            let mask = Fused::MaskByPositive(x);
            gemm_fused(Accum::Replace, dx, pack.patches.view(), &pack.backward, mask);
        }
    }

    /// Accumulates the gradients of the parameters over all images.
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn backward_params(
        &self,
        x: ArrayView2<'_, S>,
        dy: ArrayView2<'_, S>,
        pack: &mut ConvTransposed2dPack<S>,
        grads: &mut Self,
    ) {
        assert_eq!(x.nrows(), dy.nrows(), "images of x against those of dy");
        for (x, dy) in x.rows().into_iter().zip(dy.rows()) {
            self.patches.gather(pixels(&dy), pack.patches.view_mut());
            let x = matrix(&x, self.input());
            gemm(Accum::Add, grads.weight.view_mut(), x.t(), pack.patches.view());
            let bias = grads.bias.as_slice_mut().expect("contiguous");
            self.patches.add_sums(pixels(&dy), bias);
        }
    }
}

impl<S: Scalar> Params<S> for ConvTransposed2d<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        f(path.child("weight"), self.weight.view().into_dyn());
        f(path.child("bias"), self.bias.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        f(path.child("weight"), self.weight.view_mut().into_dyn());
        f(path.child("bias"), self.bias.view_mut().into_dyn());
    }
}
