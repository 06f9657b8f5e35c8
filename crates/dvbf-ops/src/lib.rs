#![doc = include_str!("../README.md")]

mod adam;
mod affine_pair;
mod clip;
mod conv;
mod features;
mod gru;
mod lanes;
mod linear;
mod mixture;
mod mlp;
mod mlp_lanes;
mod params;
mod rmsprop;
mod softmax;

pub use adam::{Adam, AdamStep, AdamUpdate};
pub use affine_pair::affine_pair;
pub use clip::global_norm;
pub use conv::{
    Conv2d, Conv2dPack, ConvTransposed2d, ConvTransposed2dPack, ImageDecoder, ImageDecoderCache,
    ImageEncoder, ImageEncoderCache, ImageSize, Patches, Window,
};
pub use features::{Feature, Features};
pub use gru::{Gru, GruCache};
pub use lanes::{LANES, gather, softmax_lanes, softmax_push_lanes, spread};
pub use linear::{Linear, LinearPack};
pub use mixture::{Mixture, MixtureCache, MixtureCotangents, MixtureDims, MixtureLanes};
pub use mlp::{Mlp, MlpCache};
pub use mlp_lanes::MlpLanes;
pub use params::{Params, Path};
pub use rmsprop::RmsProp;
pub use softmax::softmax_backward;
