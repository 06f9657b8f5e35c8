#![doc = include_str!("../README.md")]

mod adam;
mod affine_pair;
mod clip;
mod features;
mod gru;
mod linear;
mod mixture;
mod mlp;
mod params;
mod rmsprop;
mod softmax;

pub use adam::{Adam, AdamStep, AdamUpdate};
pub use affine_pair::affine_pair;
pub use clip::global_norm;
pub use features::{Feature, Features};
pub use gru::{Gru, GruCache};
pub use linear::{Linear, LinearPack};
pub use mixture::{Mixture, MixtureCache, MixtureCotangents, MixtureDims};
pub use mlp::{Mlp, MlpCache};
pub use params::{Params, Path};
pub use rmsprop::RmsProp;
pub use softmax::softmax_backward;
