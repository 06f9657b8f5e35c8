//! What a Deep Variational Bayes Filter is compared with.
//!
//! | model | what it is | dynamics |
//! |-|-|-|
//! | [`Vae`] | variational auto-encoder of single frames (Kingma and Welling 2014) | none |
//! | [`DeepKalman`] | deep Kalman filter (Krishnan, Shalit and Sontag 2015) | in the divergence |
//! | [`Recurrent`] | deterministic recurrent predictor of the next frame | hidden state |
//! | [`PcaKalman`] | principal components, then a linear Gaussian model by expectation maximization | linear |
//! | [`PhysicsFilter`] | extended Kalman filter with the true equations | known |
//!
//! The first three are trained by the gradient of a bound, written by hand; they share the trait
//! [`Learner`], the windows that an update sees and the trainer. Each is a file of its own and
//! knows nothing of the others, nor of the model that they are compared with.

mod deep_kalman;
mod infer;
mod latent;
mod learner;
mod pca;
mod pca_kalman;
mod physics;
mod recurrent;
mod sequences;
mod trainer;
mod vae;
mod weights;
mod windows;

pub use deep_kalman::{DeepKalman, DeepKalmanSizes, DeepKalmanWork};
pub use infer::{importance_weighted, infer, predict};
pub use latent::Latent;
pub use learner::{Factors, Generative, Learner, Predictor};
pub use pca::Pca;
pub use pca_kalman::{PcaKalman, PcaKalmanSettings};
pub use physics::PhysicsFilter;
pub use recurrent::{Recurrent, RecurrentSizes, RecurrentWork};
pub use trainer::{Recipe, TrainingFailed, train};
pub use vae::{Vae, VaeSizes, VaeWork};
pub use weights::Weights;
