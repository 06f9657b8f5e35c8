//! Patches of an image as rows of a matrix, and their adjoint.
//!
//! | | equation |
//! |-|----------|
//! | gather | `p[(i, j), (a, b, c)] = x[i s + a − q, j s + b − q, c]`, zero outside the image |
//! | scatter | the adjoint: `x[i s + a − q, j s + b − q, c] += p[(i, j), (a, b, c)]` inside the image |
//!
//! with stride `s` and padding `q`. An image by planes, `(channels, height, width)`, has patches with
//! the channel slowest: `(c, a, b)`.

use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::ops::Range;

/// Size of an image that lies in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl ImageSize {
    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Number of values, `height · width · channels`.
    pub fn values(&self) -> usize {
        self.pixels() * self.channels
    }
}

/// The square window that a convolution moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side of the window in pixels.
    pub kernel: usize,
    /// Pixels between neighboring windows.
    pub stride: usize,
    /// Pixels of value zero that are added on every side.
    pub padding: usize,
}

/// All positions of a window on an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    // Invariant: the window fits into the padded image, its stride is not zero, and its padding is
    // less than its side.
    image: ImageSize,
    window: Window,
    planes: bool,
}

impl Patches {
    /// The positions of `window` on images of this size with the channel fastest.
    ///
    /// # Panics
    /// If the window is empty or larger than the padded image, the stride is zero, or the padding is
    /// not less than the side of the window.
    #[track_caller]
    pub fn new(image: ImageSize, window: Window) -> Self {
        let Window { kernel, stride, padding } = window;
        assert!(stride > 0, "a stride of zero does not move");
        assert!(padding < kernel, "padding {padding} against a window of {kernel} pixels");
        let least = image.height.min(image.width) + 2 * padding;
        assert!(kernel <= least, "a window of {kernel} pixels on {image:?} with padding {padding}");
        Self { image, window, planes: false }
    }

    /// [`new`](Self::new) for images that are stored one channel after the other.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn of_planes(image: ImageSize, window: Window) -> Self {
        Self { planes: true, ..Self::new(image, window) }
    }

    /// The image.
    pub fn image(&self) -> ImageSize {
        self.image
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Positions of the window, as an image with so many channels.
    pub fn positions(&self, channels: usize) -> ImageSize {
        let Window { kernel, stride, padding } = self.window;
        let along = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        ImageSize { height: along(self.image.height), width: along(self.image.width), channels }
    }

    /// Values of one patch, `kernel² · channels`.
    pub fn values(&self) -> usize {
        self.window.kernel * self.window.kernel * self.image.channels
    }

    /// Writes the patches `(P, kernel² · channels)` of an image.
    ///
    /// # Panics
    /// If the sizes disagree or the rows of patches are not contiguous.
    #[track_caller]
    pub fn gather<S: Scalar>(&self, image: &[S], mut patches: ArrayViewMut2<'_, S>) {
        self.check(image.len(), patches.dim());
        let all = patches.as_slice_mut().expect("patches are contiguous");
        all.fill(S::ZERO);
        self.pieces(|patch, pixels| all[patch].copy_from_slice(&image[pixels]));
    }

    /// Adds patches `(P, kernel² · channels)` to the image that they lie on.
    ///
    /// # Panics
    /// If the sizes disagree or the rows of patches are not contiguous.
    #[track_caller]
    pub fn scatter<S: Scalar>(&self, patches: ArrayView2<'_, S>, image: &mut [S]) {
        self.check(image.len(), patches.dim());
        let all = patches.as_slice().expect("patches are contiguous");
        self.pieces(|patch, pixels| {
            for (to, from) in image[pixels].iter_mut().zip(&all[patch]) {
                *to += *from;
            }
        });
    }

    /// Writes an image with the same value in all pixels of a channel.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub(super) fn fill<S: Scalar>(&self, channels: &[S], image: &mut [S]) {
        assert_eq!(image.len(), self.image.values(), "values of the image");
        if self.planes {
            for (plane, value) in image.chunks_exact_mut(self.image.pixels()).zip(channels) {
                plane.fill(*value);
            }
        } else {
            image
                .chunks_exact_mut(channels.len())
                .for_each(|pixel| pixel.copy_from_slice(channels));
        }
    }

    /// Adds to every channel the sum of its pixels.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub(super) fn add_sums<S: Scalar>(&self, image: &[S], channels: &mut [S]) {
        assert_eq!(image.len(), self.image.values(), "values of the image");
        if self.planes {
            for (plane, sum) in image.chunks_exact(self.image.pixels()).zip(channels) {
                for value in plane {
                    *sum += *value;
                }
            }
        } else {
            for pixel in image.chunks_exact(self.image.channels) {
                channels.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += *value);
            }
        }
    }

    #[track_caller]
    fn check(&self, image: usize, patches: (usize, usize)) {
        assert_eq!(image, self.image.values(), "values of the image");
        let wanted = (self.positions(1).pixels(), self.values());
        assert_eq!(patches, wanted, "patches against (positions, kernel² · channels)");
    }

    /// Calls `f` for every row of a window inside the image, with the ranges that it has among all
    /// patches and in the image.
    #[inline]
    fn pieces(&self, mut f: impl FnMut(Range<usize>, Range<usize>)) {
        let ImageSize { height, width, channels } = self.image;
        let Window { kernel, stride, padding } = self.window;
        let positions = self.positions(1);
        let (planes, channels) = if self.planes { (channels, 1) } else { (1, channels) };
        for i in 0..positions.height {
            // Rows and columns of the window that lie inside.
            let inside = |at: usize, size: usize| {
                padding.saturating_sub(at)..kernel.min((size + padding).saturating_sub(at))
            };
            let rows = inside(i * stride, height);
            for j in 0..positions.width {
                let columns = inside(j * stride, width);
                if columns.is_empty() {
                    continue;
                }
                let patch = (i * positions.width + j) * self.values();
                let values = columns.len() * channels;
                for plane in 0..planes {
                    for a in rows.clone() {
                        let y = plane * height + i * stride + a - padding;
                        let from = (y * width + j * stride + columns.start - padding) * channels;
                        let row = (plane * kernel + a) * kernel + columns.start;
                        let to = patch + row * channels;
                        f(to..to + values, from..from + values);
                    }
                }
            }
        }
    }
}
