#![doc = include_str!("../README.md")]

#[cfg(feature = "bayes")]
pub mod bayes;
pub mod chi_square;

mod emission;
mod image;
mod initial;
mod kind;
mod linear_start;
mod part;
mod recognition;
mod statistics;
mod transition;

pub use emission::{
    CloneEmission, DecoderConfig, EMISSIONS, Emission, EmissionRole, EmissionStd, GaussianConfig,
    GaussianEmission, GaussianSizes, HarmonicsConfig, LikelihoodOutputs, MeanNetwork, NoiseScale,
    Observations,
};
pub use image::{ConvolutionConfig, ImageConfig};
pub use initial::{
    CloneInitialState, FirstFrames, FirstFramesConfig, FirstFramesSizes, FirstImages,
    FirstImagesConfig, FirstSteps, INITIAL_STATES, InitialState, InitialStateRole, KnownState,
    KnownStateConfig,
};
pub use kind::{Context, Kind, KindError, KindTable, PartConfig, Registry, Role, features_of};
pub use linear_start::{AffineMap, LinearStart};
pub use part::{Cache, gradient_of};
pub use recognition::{
    CloneRecognition, Convolutional, ConvolutionalConfig, Feedforward, FeedforwardConfig,
    FeedforwardInputs, FeedforwardLayers, RECOGNITIONS, Recognition, RecognitionInput,
    RecognitionRole,
};
pub use statistics::Statistics;
pub use transition::{
    CloneTransition, ConstantSettings, KnownConfig, KnownPart, LinearConfig, Linearizer,
    LocallyLinear, LocallyLinearConfig, Motion, NoiseConfig, PerComponent, Pulled, RemainderAction,
    RemainderConfig, Residual, ResidualConfig, StepLength, Sum, SumConfig, TRANSITIONS, Transition,
    TransitionCotangents, TransitionDerivatives, TransitionDims, TransitionDirections,
    TransitionInput, TransitionJacobians, TransitionRole,
};
