//! Published figures that a run is compared with.

/// R² of linear regressions of the true pendulum state on the latent state of DVBF-LL: Karl,
/// Soelch, Bayer and van der Smagt 2017, table 1. By column name.
pub const KARL_2017_R2: [(&str, f64); 3] = [("sin", 0.961), ("cos", 0.982), ("velocity", 0.916)];
