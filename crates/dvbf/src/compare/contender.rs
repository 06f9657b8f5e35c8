//! Who is compared.

use serde::{Deserialize, Serialize};

/// A model in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    /// The Deep Variational Bayes Filter with the settings of its preset.
    Dvbf,
    /// The deep Kalman filter.
    DeepKalman,
    /// The auto-encoder of single frames.
    Vae,
    /// The deterministic recurrent predictor.
    Recurrent,
    /// Principal components and a linear Gaussian model.
    PcaKalman,
    /// The extended Kalman filter with the true equations.
    Physics,
    /// The Deep Variational Bayes Filter without what its preset knows of mechanics: the emission
    /// sees all dimensions of the state, and no dynamics are shared.
    DvbfPlain,
    /// The deep Kalman filter with what it can be told of the same: the emission sees as many
    /// dimensions as that of [`Dvbf`](Self::Dvbf).
    DeepKalmanTold,
}

/// All of them, in the order of the table.
pub const CONTENDERS: [Contender; 8] = [
    Contender::Dvbf,
    Contender::DeepKalman,
    Contender::Vae,
    Contender::Recurrent,
    Contender::PcaKalman,
    Contender::Physics,
    Contender::DvbfPlain,
    Contender::DeepKalmanTold,
];

impl Contender {
    /// Its name on the command line and in `compare.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dvbf => "dvbf",
            Self::DvbfPlain => "dvbf-plain",
            Self::DeepKalman => "deep-kalman",
            Self::Vae => "vae",
            Self::Recurrent => "recurrent",
            Self::PcaKalman => "pca-kalman",
            Self::Physics => "physics",
            Self::DeepKalmanTold => "deep-kalman-told",
        }
    }

    /// Its name in a table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Dvbf => "DVBF",
            Self::DvbfPlain => "DVBF, no structure",
            Self::DeepKalman => "Deep Kalman filter",
            Self::Vae => "VAE of frames",
            Self::Recurrent => "Recurrent predictor",
            Self::PcaKalman => "PCA + Kalman, EM",
            Self::Physics => "True equations, EKF",
            Self::DeepKalmanTold => "Deep Kalman, structure",
        }
    }

    /// What its state has seen of the sequence at a step.
    pub fn sees(self) -> &'static str {
        match self {
            Self::Dvbf | Self::DvbfPlain => "past; at the start a few frames",
            Self::DeepKalman | Self::DeepKalmanTold => "past and future",
            Self::Vae => "one frame",
            Self::Recurrent | Self::PcaKalman | Self::Physics => "past",
        }
    }

    /// Whether its figures depend on a seed of parameters and batches.
    pub fn is_random(self) -> bool {
        !matches!(self, Self::PcaKalman | Self::Physics)
    }

    /// Whether it answers what a part of another one is worth.
    pub(super) fn is_ablation(self) -> bool {
        matches!(self, Self::DvbfPlain | Self::DeepKalmanTold)
    }

    /// The contender of a name.
    pub fn named(name: &str) -> Option<Self> {
        CONTENDERS.into_iter().find(|contender| contender.name() == name)
    }
}
