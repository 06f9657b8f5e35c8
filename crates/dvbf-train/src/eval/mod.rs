//! What a trained model is worth: regression of latent states, bound, open-loop prediction.

mod autoregression;
mod baselines;
mod calibration;
mod components;
mod filter;
mod fit_test;
mod importance;
mod infer;
mod information;
mod kalman;
mod linear_models;
mod open_loop;
mod physics;
mod predictor;
mod published;
mod range;
mod regression;
mod shown;
mod squared_errors;

pub use autoregression::Autoregression;
pub use baselines::{Baselines, baselines};
pub use calibration::{Calibration, Coverage, calibrate};
pub use fit_test::FitTest;
pub use importance::importance_weighted_bound;
pub use infer::{CHUNK, Draw, Inferred, infer};
pub use kalman::Kalman;
pub use linear_models::{LinearErrors, LinearModels};
pub use open_loop::{open_loop, predict, rollout_errors};
pub use physics::{ConstantFigure, Physics, constants_of};
pub use predictor::{Factors, Generative, Predictor, Seen};
pub use published::{KARL_2017_BOUNDS, KARL_2017_DKF_R2, KARL_2017_R2};
pub use range::training_range;
pub use regression::{Readout, ReadoutRows, regress};
pub use shown::shown;
pub use squared_errors::OpenLoop;
