//! Convolutions of images, forward and transposed, on the matrix products of `dvbf-tensor`.
//!
//! An image is one row of an array: `(height, width, channels)` with the channel fastest between
//! layers, and `(channels, height, width)` outside of [`ImageEncoder`] and [`ImageDecoder`]. A layer copies the patches of an image into the rows of a matrix and multiplies
//! it with the weights of all filters at once ("im2col", Chellapilla, Puri and Simard 2006).

mod conv2d;
mod decoder;
mod encoder;
mod patches;
mod transposed;

pub use conv2d::{Conv2d, Conv2dPack};
pub use decoder::{ImageDecoder, ImageDecoderCache};
pub use encoder::{ImageEncoder, ImageEncoderCache};
pub use patches::{ImageSize, Patches, Window};
pub use transposed::{ConvTransposed2d, ConvTransposed2dPack};
