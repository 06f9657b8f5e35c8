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
//! The first three are trained by the gradient of a bound, written by hand: each is a
//! [`Learner`](crate::train::Learner), as the model that they are compared with is one, and has the same
//! [`Trainer`](crate::train::Trainer). Each is a file of its own and knows nothing of the others.
//!
//! What is masked does not exist for any of them, and what each makes of a frame that was observed in
//! part its own page says.

mod deep_kalman;
mod latent;
mod pca;
mod pca_kalman;
mod physics;
mod recurrent;
mod sequences;
mod trainer;
mod vae;
mod weights;

pub use deep_kalman::{DeepKalman, DeepKalmanSizes, DeepKalmanWork};
pub use latent::Latent;
pub use pca::Pca;
pub use pca_kalman::{PcaKalman, PcaKalmanSettings};
pub use physics::PhysicsFilter;
pub use recurrent::{Recurrent, RecurrentSizes, RecurrentWork};
pub use trainer::train;
pub use vae::{Vae, VaeSizes, VaeWork};
