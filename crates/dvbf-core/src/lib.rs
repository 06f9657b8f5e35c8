#![doc = include_str!("../README.md")]

mod batch;
mod bound;
mod bounds;
mod config;
mod dream;
mod dream_work;
#[cfg(feature = "file")]
mod durable;
#[cfg(feature = "file")]
mod file;
mod gradient;
mod layout;
#[cfg(feature = "bayes")]
mod learned_space;
mod model;
pub mod online;
mod range;
pub mod readout;
mod refine;
mod rollout;
pub mod simulator;
mod units;
mod workspace;

pub use batch::{Batch, Objective};
pub use bound::Bound;
pub use bounds::TrainingBounds;
pub use config::{ConfigError, ModelConfig};
pub use dream_work::DreamInput;
#[cfg(feature = "file")]
pub use durable::{
    append_file, create_folder, remove_scratch_files, replace_file, replace_file_with,
};
#[cfg(feature = "file")]
pub use file::{CodecError, FileError, ModelFile, decode, encode};
pub use gradient::GradientOptions;
pub use layout::{Layout, Steps, clean_name};
#[cfg(feature = "bayes")]
pub use learned_space::LearnedSpace;
pub use model::{Dvbf, Parts};
#[cfg(feature = "file")]
pub use online::NotEmbedded;
pub use online::{
    Belief, DelayedError, DelayedFilter, Filter, FilterError, FilterOptions, Forecast, Health,
    ObservationStatus, Score, Snapshot, Spread, Trajectory,
};
pub use range::{RangeError, TrainingRange};
pub use readout::{Estimate, Interval, Memory, ReadoutInput, Reference, StaticMap};
pub use rollout::{Rollout, RolloutCotangents, RolloutInput};
pub use simulator::{
    RangeBound, SimulatedModel, Simulator, SimulatorError, SimulatorOptions, SimulatorSnapshot,
};
pub use units::{Channels, Units};
pub use workspace::Workspace;

pub use dvbf_dynamics as dynamics;
#[cfg(feature = "bayes")]
pub use dvbf_models::bayes;
pub use dvbf_models::{
    AffineMap, Cache, CloneEmission, CloneInitialState, CloneRecognition, CloneTransition,
    ConstantSettings, Context, ConvolutionConfig, Convolutional, ConvolutionalConfig,
    DecoderConfig, EMISSIONS, Emission, EmissionRole, EmissionStd, Feedforward, FeedforwardConfig,
    FeedforwardInputs, FeedforwardLayers, FirstFrames, FirstFramesConfig, FirstFramesSizes,
    FirstImages, FirstImagesConfig, FirstSteps, GaussianConfig, GaussianEmission, GaussianSizes,
    INITIAL_STATES, ImageConfig, InitialState, InitialStateRole, Kind, KindError, KindTable,
    KnownConfig, KnownPart, KnownState, KnownStateConfig, LikelihoodOutputs, LinearConfig,
    LinearStart, Linearizer, LocallyLinear, LocallyLinearConfig, MeanNetwork, Motion, NoiseConfig,
    NoiseScale, Observations, PartConfig, PerComponent, Pulled, RECOGNITIONS, Recognition,
    RecognitionInput, RecognitionRole, Registry, RemainderAction, RemainderConfig, Residual,
    ResidualConfig, Role, Statistics, StepLength, Sum, SumConfig, TRANSITIONS, Transition,
    TransitionCotangents, TransitionDerivatives, TransitionDims, TransitionDirections,
    TransitionInput, TransitionJacobians, TransitionRole, features_of, gradient_of,
};
pub use dvbf_ops::{Adam, AdamStep, AdamUpdate, Params, Path, RmsProp, global_norm};
pub use dvbf_ops::{Feature, Features, Linear, Mlp, MlpCache};
pub use dvbf_tensor::{Noise, ProductPrecision, Scalar, axpy as add_scaled, blend, sum_squares};
pub use ndarray;
