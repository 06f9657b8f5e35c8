//! Classical Bayes filters: exact, extended and unscented Kalman filters, the smoother,
//! expectation maximization, and the bootstrap particle filter; in double precision, on
//! `nalgebra`.
//!
//! They stand on their own, and they are what a learned filter is compared with.
//!
//! # Models and letters
//!
//! | | equation | shapes |
//! |-|----------|--------|
//! | state | `z_{t+1} = A z_t + B u_t + w_t`, `w_t ~ N(0, Q)` | `A (Z, Z)`, `B (Z, U)`, `Q (Z, Z)` |
//! | observation | `x_t = C z_t + v_t`, `v_t ~ N(0, R)` | `C (X, Z)`, `R (X, X)` |
//! | start | `z₁ ~ N(m₀, P₀)` | `m₀ (Z)`, `P₀ (Z, Z)` |
//!
//! The control `u_t` acts between `t` and `t + 1`. Much of the literature writes `x` for the
//! state, `y` or `z` for the observation, `F` for `A` and `H` for `C`. A feed-through
//! `x_t = C z_t + D u_t + v_t` is a known shift: filter `x_t − D u_t`, whose likelihood is the
//! same. Nonlinear models replace `A z + B u` by `f_t(z, u)` and `C z` by `h_t(z)`.
//!
//! | model | filter | equations |
//! |-|-|-|
//! | [`LinearGaussian`], [`TimeVarying`] | [`KalmanFilter`], exact | Kalman 1960 |
//! | [`Extended`] of a model with [`Jacobians`] | [`GaussianFilter`] | Jazwinski 1970 |
//! | [`Unscented`] of any [`StateSpace`] | [`GaussianFilter`] | Julier and Uhlmann 1997, 2004 |
//! | any [`StateSpace`] | [`ParticleFilter`] | Gordon, Salmond and Smith 1993 |
//!
//! The first three share one filter. With the prediction `N(m⁻, P⁻)`:
//!
//! ```text
//! predict   m⁻ = A m + B u              P⁻ = A P Aᵀ + Q
//! update    r = x − C m⁻                S = C P⁻ Cᵀ + R           K = P⁻ Cᵀ S⁻¹
//!           m = m⁻ + K r                P = (I − K C) P⁻ (I − K C)ᵀ + K R Kᵀ
//!           ln p(x) = ln N(r; 0, S)
//! ```
//!
//! Covariances may be singular. In [`RootForm`] the filters carry their roots (Kaminski, Bryson and
//! Schmidt 1971), so that rounding can neither make them indefinite nor lose what was observed
//! beside a large prior: a start of which nothing is known has a variance such as `1e12` times that
//! of the observations. Nothing is inverted. [`CovarianceForm`] carries the covariance itself, for
//! speed where priors are moderate ([`GaussianFilter::joseph`]).
//!
//! # Sizes
//!
//! The sizes of state, observation and control are types: `Dyn` unless said otherwise, or
//! `Const<N>`, with which a filter is an array of numbers without heap. Both run the same code and
//! give the same bits.
//!
//! # Missing observations
//!
//! `None`, or NaN in every channel, is no observation; NaN in some channels leaves the rows of the
//! others. An infinite value is an error.
//!
//! # Angles
//!
//! [`Angles`] names the components of a state and of an observation that are angles, whose
//! differences go the shorter way; a [`StateSpace`] can have other differences of its own.
//!
//! # Filtering a stream
//!
//! ```
//! use dvbf_models::bayes::{Belief, DMatrix, KalmanFilter, LinearGaussian};
//!
//! // A cart on a rail: position and velocity; the force changes the velocity.
//! let dt = 0.1;
//! let model = LinearGaussian {
//!     transition: DMatrix::from_row_slice(2, 2, &[1.0, dt, 0.0, 1.0]),
//!     control: DMatrix::from_row_slice(2, 1, &[0.5 * dt * dt, dt]),
//!     process_noise: DMatrix::from_row_slice(2, 2, &[1e-6, 1e-5, 1e-5, 1e-4]),
//!     emission: DMatrix::from_row_slice(1, 2, &[1.0, 0.0]),
//!     observation_noise: DMatrix::from_element(1, 1, 0.01),
//! };
//! let start = Belief::independent(&[0.0, 0.0], &[1.0, 1.0])?;
//! let mut filter = KalmanFilter::exact(model, start)?.with_gate(Some(0.999))?;
//! for position in [Some(0.02), Some(0.11), None, Some(0.45)] {
//!     filter.update(position.as_ref().map(std::slice::from_ref))?;
//!     let Belief { mean, covariance } = filter.belief();
//!     println!("at {:.2} ± {:.2}", mean[0], covariance[(0, 0)].sqrt());
//!     filter.predict(&[2.0])?;
//! }
//! # assert!((filter.belief().mean[1] - 0.8).abs() < 1.0);
//! # Ok::<(), dvbf_models::bayes::BayesError>(())
//! ```
//!
//! # Smoothing and fitting
//!
//! ```
//! use dvbf_models::bayes::{
//!     Belief, DMatrix, EmOptions, KalmanFilter, LinearGaussian, Parameter, Sequence,
//!     expectation_maximization,
//! };
//! use ndarray::{Array2, array};
//!
//! let one = |v: f64| DMatrix::from_element(1, 1, v);
//! let walk = LinearGaussian {
//!     transition: one(1.0),
//!     control: DMatrix::zeros(1, 0),
//!     process_noise: one(1.0),
//!     emission: one(1.0),
//!     observation_noise: one(1.0),
//! };
//! let start = Belief::independent(&[0.0], &[10.0])?;
//! let observations = array![[1.1], [0.9], [f64::NAN], [2.2], [2.9], [2.4], [3.8]];
//! let controls = Array2::zeros((7, 0));
//! let levels = Sequence { observations: observations.view(), controls: controls.view() };
//!
//! let fixed = [Parameter::Transition, Parameter::Emission];
//! let options = EmOptions { iterations: 20, tolerance: 1e-6, fixed: &fixed };
//! let fit = expectation_maximization(&walk, &start, &[levels], options)?;
//! assert!(fit.best_log_likelihood() > fit.log_likelihood[0]);
//!
//! let smoothed = KalmanFilter::exact(fit.model, fit.initial)?.filter(&levels)?.smooth()?;
//! assert_eq!(smoothed.beliefs.len(), 7);
//! # Ok::<(), dvbf_models::bayes::BayesError>(())
//! ```
//!
//! # Nonlinear models
//!
//! Noise is an argument: whoever runs a particle filter draws it.
//!
//! ```
//! use dvbf_models::bayes::{
//!     Belief, ClosureModel, DMatrix, DVector, Dims, Extended, GaussianFilter, NumericJacobians,
//!     ParticleFilter, SigmaPoints, Unscented,
//! };
//! use dvbf_tensor::Noise;
//!
//! // A pendulum whose horizontal position is seen.
//! let dt = 0.05;
//! let pendulum = ClosureModel {
//!     dims: Dims { state: 2, control: 1, observation: 1 },
//!     transition: |z: &DVector<f64>, u: &[f64]| {
//!         let speed = z[1] + dt * (u[0] - 9.81 * z[0].sin());
//!         DVector::from_column_slice(&[z[0] + dt * speed, speed])
//!     },
//!     emission: |z: &DVector<f64>| DVector::from_element(1, z[0].sin()),
//!     process_noise: DMatrix::from_diagonal_element(2, 2, 1e-4),
//!     observation_noise: DMatrix::from_element(1, 1, 1e-2),
//! };
//! let start = Belief::independent(&[0.5, 0.0], &[0.1, 0.1])?;
//!
//! let extended = Extended(NumericJacobians::new(pendulum.clone()));
//! let mut extended = GaussianFilter::new(extended, start.clone())?;
//! let unscented = Unscented::new(pendulum.clone(), SigmaPoints::GAUSSIAN)?;
//! let mut unscented = GaussianFilter::new(unscented, start.clone())?;
//!
//! let count = 2000;
//! let mut normals = vec![0.0; 2 * count];
//! Noise::new(1, 0).normal(&mut normals);
//! let mut particles = ParticleFilter::new(pendulum, &start, 0.5, &normals)?;
//!
//! for (step, seen) in (1..).zip([0.45, 0.31, 0.22, -0.01]) {
//!     extended.update(Some(&[seen]))?;
//!     unscented.update(Some(&[seen]))?;
//!     particles.update(Some(&[seen]))?;
//!     let mut uniform = [0.0];
//!     Noise::new(1, 2 * step).normal(&mut normals);
//!     Noise::new(1, 2 * step + 1).uniform(&mut uniform);
//!     extended.predict(&[0.0])?;
//!     unscented.predict(&[0.0])?;
//!     particles.predict(&[0.0], &normals, uniform[0])?;
//! }
//! let angle = particles.belief().mean[0];
//! assert!((unscented.belief().mean[0] - angle).abs() < 0.05);
//! assert!((extended.belief().mean[0] - angle).abs() < 0.05);
//! # Ok::<(), dvbf_models::bayes::BayesError>(())
//! ```

mod alike;
mod angles;
mod belief;
mod check;
mod consistency;
mod covariance_form;
mod em;
mod error;
mod expectation;
mod extended;
mod filter;
mod form;
mod gaussian_model;
mod jacobian;
mod linear;
mod linearization;
mod memory;
mod moments;
mod parameter;
mod particle;
mod products;
mod root;
mod root_form;
mod sequence;
mod smoother;
mod spread;
mod state_space;
mod triangle;
mod unscented;

pub use angles::{Angles, wrap_angle};
pub use belief::{Belief, RootBelief};
pub use consistency::{Consistency, ConsistencyReport, chi_square_quantile};
pub use covariance_form::CovarianceForm;
pub use em::{EmFit, EmOptions, expectation_maximization};
pub use error::BayesError;
pub use extended::Extended;
pub use filter::{Forecast, GaussianFilter, KalmanFilter};
pub use form::{Form, Innovation};
pub use gaussian_model::GaussianModel;
pub use jacobian::{NumericJacobians, numeric_jacobian, scaled_jacobian};
pub use linear::{LinearGaussian, TimeVarying};
pub use linearization::{Correction, Dims, Linearization};
pub use memory::Memory;
pub use nalgebra::{Const, DMatrix, DVector, Dyn, SMatrix, SVector};
pub use parameter::Parameter;
pub use particle::ParticleFilter;
pub use root_form::{RootForm, RootMemory};
pub use sequence::{Filtered, Sequence};
pub use smoother::Smoothed;
pub use state_space::{ClosureModel, Jacobians, StateSpace};
pub use unscented::{SigmaPoints, Unscented};
