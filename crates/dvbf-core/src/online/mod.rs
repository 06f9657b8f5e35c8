//! The online filter: one observation in, one belief out.
//!
//! Letters: `N` sample paths, `k` frames that start the state, `c` the scale of predictions. At step
//! `t` every path `n` has a state `zₙ` and gets one draw `εₙ ~ N(0, I)`, element `n·W + j` of stream
//! `t` of the seed, so that a step is a function of seed, step and data.
//!
//! | | equation |
//! |-|----------|
//! | mean path | `z' = f(z, u, μ(z, u, x'))`; `f(z, u, 0)` where nothing is seen |
//! | prediction | `z̃ₙ = f(zₙ, u, εₙ)`, `x̃ₙ = e(z̃ₙ)` with the emission's mean `e` |
//! | filtering | `zₙ' = f(zₙ, u, μ(zₙ, u, x') + σ(zₙ, u, x') ⊙ εₙ)`; `z̃ₙ` where nothing is seen |
//! | belief | mean and standard deviation of the `zₙ'` |
//! | predictive density | `N(m, c² Σ)`, `m = Σₙ x̃ₙ / N`, `Σ = D + 1/(N−1) Σₙ (x̃ₙ − m)(x̃ₙ − m)ᵀ` |
//!
//! with the emission's variances `D = diag σ²`. Then `ln p(x' | x₁ … x_t) = ln N(x'; m, c² Σ)`, and the
//! normalized innovation squared is `(x' − m)ᵀ (c² Σ)⁻¹ (x' − m)`, over the observed channels.
//!
//! **Why sample paths.** `q(w | z, u, x')` conditions on a state, so the filter that was trained is
//! the distribution of its paths, and carrying a handful of them carries exactly that, whatever the
//! transition; a linearized covariance would be that of another filter. The paths are not weighted:
//! the belief is the variational posterior, not the exact one of the learned model.
//!
//! **Why one Gaussian for the prediction.** The alternative `1/N Σₙ N(x'; x̃ₙ, D)` is what the paths
//! say, but its logarithm needs a path near the true one; with hundreds of channels the nearest of
//! few paths is far in units of `σ`, and the estimate is low by any amount. Matching two moments is
//! exact for a linear Gaussian model as `N` grows, and pessimistic where the prediction has several
//! modes. With few paths `Σ` is itself a draw: its inverse is too large by about
//! `(N − 1)/(N − r − 2)` in the `r` directions in which paths differ most, 11 % for `r = 2` and 32
//! paths; the fitted `c` makes up for it on average.
//!
//! With `A = D^{−½} (x̃ₙ − m)ₙ / √(N−1)`, an `(N, X)` matrix, the determinant and the inverse of `Σ`
//! are those of `I + A Aᵀ (N, N)` by the identities of Sylvester and Woodbury, or of
//! `I + Aᵀ A (X, X)`, whichever is smaller. Both are at least the identity, hence well conditioned.

mod belief;
mod calibrated;
mod cholesky;
mod delayed;
mod deviations;
#[cfg(feature = "file")]
mod embed;
mod error;
mod evidence;
mod filter;
mod forecast;
mod health;
mod input;
#[cfg(feature = "file")]
mod load;
mod moments;
mod options;
mod paths;
mod predictive;
mod reading;
mod recovery;
mod snapshot;
mod step;
mod window;

pub use belief::{Belief, ObservationStatus, Score, Spread};
pub use delayed::{DelayedError, DelayedFilter};
#[cfg(feature = "file")]
pub use embed::NotEmbedded;
pub use error::FilterError;
pub use filter::Filter;
pub use forecast::{Forecast, Trajectory};
pub use health::Health;
pub use options::FilterOptions;
pub use snapshot::Snapshot;
