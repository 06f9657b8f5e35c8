//! Published figures that a run is compared with.

/// R² of linear regressions of the true pendulum state on the latent state of DVBF-LL: Karl,
/// Soelch, Bayer and van der Smagt 2017, table 1. By column name.
pub const KARL_2017_R2: [(&str, f64); 3] = [("sin", 0.961), ("cos", 0.982), ("velocity", 0.916)];

/// The same of the deep Kalman filter that they compare with.
pub const KARL_2017_DKF_R2: [(&str, f64); 3] =
    [("sin", 0.929), ("cos", 0.979), ("velocity", 0.035)];

/// Their table 2: test bound and divergence. Whether they are of a step or of a sequence is not
/// stated.
pub const KARL_2017_BOUNDS: [(&str, (f64, f64)); 2] =
    [("DVBF-LL", (798.56, 3.50)), ("DKF", (784.70, 3.88))];
