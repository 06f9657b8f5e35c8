//! Convolution. Shapes: `x (n, height · width · C)`, `y (n, P · O)` with `P` positions of the window,
//! `W (O, k² C)`, `b (O)`; `p` are the patches of one image, `(P, k² C)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `p = gather(x)`, `y = p Wᵀ + 1 bᵀ`, one image at a time | `x`, `W`, `b` |
//! | `dx` | `dx += scatter(dy W)` | `dy`, `W` |
//! | `dW`, `db` | `+= dyᵀ p`, `+= dyᵀ 1` | `dy`, `x` |
//!
//! Patches are gathered again in the backward pass: they are `k²` times as large as the image.

use super::{ImageSize, Patches, Window};
use crate::{Linear, LinearPack, Params, Path};
use dvbf_tensor::{Accum, Noise, Scalar};
use ndarray::{
    Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut1, ArrayViewMut2, ArrayViewMutD, Axis,
};

/// Parameters of the convolution and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d<S> {
    // Invariant: as many inputs as a patch has values.
    filters: Linear<S>,
    patches: Patches,
}

/// The weights in the layout of the products, and room for the patches of one image.
#[derive(Clone, Debug)]
pub struct Conv2dPack<S> {
    filters: LinearPack<S>,
    patches: Array2<S>,
    dpatches: Array2<S>,
}

impl<S: Scalar> Conv2d<S> {
    /// The convolution with these filters, one row a filter.
    ///
    /// # Panics
    /// If a filter has not as many values as a patch.
    #[track_caller]
    pub fn new(filters: Linear<S>, patches: Patches) -> Self {
        assert_eq!(
            filters.dim().1,
            patches.values(),
            "values of a filter against those of a patch"
        );
        Self { filters, patches }
    }

    /// `channels` filters from `N(0, gain² / (k² C))`, biases zero.
    pub fn random(patches: Patches, channels: usize, gain: f64, noise: Noise) -> Self {
        let std = gain / (patches.values() as f64).sqrt();
        Self::new(Linear::random(patches.values(), channels, std, noise), patches)
    }

    /// Size of the images that it takes.
    pub fn input(&self) -> ImageSize {
        self.patches.image()
    }

    /// Size of the images that it gives.
    pub fn output(&self) -> ImageSize {
        self.patches.positions(self.filters.dim().0)
    }

    /// The window that moves over the images.
    pub fn window(&self) -> Window {
        self.patches.window()
    }

    /// The filters.
    pub fn filters(&self) -> &Linear<S> {
        &self.filters
    }

    /// The filters, to be changed.
    pub fn filters_mut(&mut self) -> &mut Linear<S> {
        &mut self.filters
    }

    /// A pack, to be filled by [`pack`](Self::pack).
    pub fn new_pack(&self) -> Conv2dPack<S> {
        let patches = || Array2::zeros((self.output().pixels(), self.patches.values()));
        Conv2dPack { filters: LinearPack::new(), patches: patches(), dpatches: patches() }
    }

    /// Brings the weights into the layout of the products; to be called after every change of them.
    pub fn pack(&self, pack: &mut Conv2dPack<S>) {
        self.filters.pack(&mut pack.filters);
    }

    /// Writes `y = max(0, conv(x))`, one image a row.
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn apply_relu(
        &self,
        x: ArrayView2<'_, S>,
        mut y: ArrayViewMut2<'_, S>,
        pack: &mut Conv2dPack<S>,
    ) {
        assert_eq!(x.nrows(), y.nrows(), "images of x against those of y");
        for (x, mut y) in x.rows().into_iter().zip(y.rows_mut()) {
            self.patches.gather(pixels(&x), pack.patches.view_mut());
            let y = matrix_mut(&mut y, self.output());
            self.filters.apply_relu(&pack.filters, pack.patches.view(), y);
        }
    }

    /// Pulls `dy`, the cotangent of the convolution before its rectifier, back to the input: `dx += …`.
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn backward_input(
        &self,
        dy: ArrayView2<'_, S>,
        mut dx: ArrayViewMut2<'_, S>,
        pack: &mut Conv2dPack<S>,
    ) {
        assert_eq!(dx.nrows(), dy.nrows(), "images of dx against those of dy");
        for (dy, mut dx) in dy.rows().into_iter().zip(dx.rows_mut()) {
            let dy = matrix(&dy, self.output());
            let dpatches = pack.dpatches.view_mut();
            self.filters.backward_input(&pack.filters, dy, Accum::Replace, dpatches);
            self.patches.scatter(pack.dpatches.view(), pixels_mut(&mut dx));
        }
    }

    /// Accumulates the gradients of the parameters over all images, for `dy` as in
    /// [`backward_input`](Self::backward_input).
    ///
    /// # Panics
    /// If the shapes disagree or rows are not contiguous.
    #[track_caller]
    pub fn backward_params(
        &self,
        x: ArrayView2<'_, S>,
        dy: ArrayView2<'_, S>,
        pack: &mut Conv2dPack<S>,
        grads: &mut Self,
    ) {
        assert_eq!(x.nrows(), dy.nrows(), "images of x against those of dy");
        for (x, dy) in x.axis_iter(Axis(0)).zip(dy.axis_iter(Axis(0))) {
            self.patches.gather(pixels(&x), pack.patches.view_mut());
            let dy = matrix(&dy, self.output());
            Linear::backward_params(pack.patches.view(), dy, &mut grads.filters);
        }
    }
}

/// The values of an image.
#[track_caller]
pub(super) fn pixels<'a, S>(row: &'a ArrayView1<'_, S>) -> &'a [S] {
    row.as_slice().expect("images are contiguous")
}

/// The values of an image, to be changed.
#[track_caller]
pub(super) fn pixels_mut<'a, S>(row: &'a mut ArrayViewMut1<'_, S>) -> &'a mut [S] {
    row.as_slice_mut().expect("images are contiguous")
}

/// An image as a matrix, a row a pixel.
#[track_caller]
pub(super) fn matrix<'a, S>(row: &'a ArrayView1<'_, S>, size: ImageSize) -> ArrayView2<'a, S> {
    let shape = (size.pixels(), size.channels);
    ArrayView2::from_shape(shape, pixels(row)).expect("values of a row against the image")
}

/// An image as a matrix, a row a pixel, to be changed.
#[track_caller]
pub(super) fn matrix_mut<'a, S>(
    row: &'a mut ArrayViewMut1<'_, S>,
    size: ImageSize,
) -> ArrayViewMut2<'a, S> {
    let shape = (size.pixels(), size.channels);
    ArrayViewMut2::from_shape(shape, pixels_mut(row)).expect("values of a row against the image")
}

impl<S: Scalar> Params<S> for Conv2d<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.filters.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.filters.visit_mut(path, f);
    }
}
