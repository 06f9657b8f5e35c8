#![doc = include_str!("../README.md")]

mod batch;
mod bound;
mod config;
mod durable;
mod file;
mod gradient;
mod layout;
mod model;
pub mod online;
mod rollout;
mod units;
mod workspace;

pub use batch::{Batch, Objective};
pub use bound::Bound;
pub use config::{ConfigError, EmissionStd, ModelConfig, TransitionKind};
pub use durable::{remove_scratch_files, replace_file, replace_file_with};
pub use file::{CodecError, FileError, ModelFile, decode, encode};
pub use gradient::GradientOptions;
pub use layout::{Layout, Steps};
pub use model::Dvbf;
pub use online::{
    Belief, DelayedError, DelayedFilter, Evidence, Filter, FilterError, FilterOptions, Forecast,
    Score, Spread, Trajectory,
};
pub use rollout::Rollout;
pub use units::{Channels, Units};
pub use workspace::Workspace;

pub use dvbf_models::bayes;
pub use dvbf_models::{AnyTransition, LocallyLinear, Residual, Transition, TransitionDims};
pub use dvbf_ops::{Adam, AdamStep, AdamUpdate, Params, Path, RmsProp, global_norm};
pub use dvbf_tensor::{
    Noise, ProductPrecision, Scalar, axpy as add_scaled, blend, product_precision,
    set_product_precision, sum_squares,
};
