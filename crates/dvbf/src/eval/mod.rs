//! What a trained model is worth: regression of latent states, bound, open-loop prediction.

mod autoregression;
mod calibration;
mod components;
mod figures;
mod importance;
mod infer;
mod kalman;
mod open_loop;
mod published;
mod regression;
mod squared_errors;
mod summary;

pub use autoregression::Autoregression;
pub use calibration::{Calibration, Coverage};
pub use figures::figure_names;
pub use importance::importance_weighted_bound;
pub(crate) use importance::log_mean_exp;
pub(crate) use infer::{CHUNK, time_major};
pub use infer::{Draw, Inferred, infer};
pub use kalman::Kalman;
pub(crate) use open_loop::open_loop;
pub use open_loop::{Baselines, OpenLoop, baselines, predict, rollout_errors};
pub use published::{KARL_2017_BOUNDS, KARL_2017_DKF_R2, KARL_2017_R2};
pub use regression::{Readout, regress};
pub use summary::{BoundFigures, Columns, OpenLoopRow, R2Figures, Summary};
pub(crate) use summary::{READ_OUT, r2 as summary_r2, rows};
