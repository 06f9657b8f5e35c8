//! The formats 1 to 3: one bincode payload with the configuration as it was then.
//!
//! The first format had neither units nor the length of a step, the second no layout. Types in this
//! module are frozen: their fields and the order of their variants are the format.

use super::codec::{CodecError, decode};
use super::model_file::ModelFile;
use crate::config::ModelConfig;
use crate::layout::{Layout, Steps};
use crate::units::{Channels, Units};
use dvbf_models::KindTable;
use serde::Deserialize;

#[derive(Deserialize)]
enum Transition {
    LocallyLinear,
    Residual,
}

#[derive(Deserialize)]
enum Std {
    Fixed,
    Learned,
    LearnedPerChannel,
    FixedPerChannel,
}

#[derive(Deserialize)]
struct Config {
    observation: usize,
    control: usize,
    state: usize,
    noise: usize,
    hidden: usize,
    initial_frames: usize,
    transition: Transition,
    matrices: usize,
    shared_state: usize,
    transition_hidden: usize,
    emission_state: usize,
    emission_std_kind: Std,
    emission_std: f64,
}

impl From<Config> for ModelConfig {
    fn from(old: Config) -> Self {
        let transition = match old.transition {
            Transition::LocallyLinear => KindTable::new("locally-linear")
                .with("matrices", old.matrices)
                .with("shared", old.shared_state)
                .with("hidden", old.transition_hidden),
            Transition::Residual => {
                KindTable::new("residual").with("hidden", old.transition_hidden)
            }
        };
        let std_kind = match old.emission_std_kind {
            Std::Fixed => "fixed",
            Std::Learned => "learned",
            Std::LearnedPerChannel => "learned-per-channel",
            Std::FixedPerChannel => "fixed-per-channel",
        };
        let emission = KindTable::new("gaussian")
            .with("state", old.emission_state)
            .with("std_kind", std_kind)
            .with("std", old.emission_std);
        Self {
            noise: old.noise,
            hidden: old.hidden,
            initial_frames: old.initial_frames,
            transition,
            emission,
            ..Self::new(old.observation, old.control, old.state)
        }
    }
}

#[derive(Deserialize)]
struct FrozenChannels {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl From<FrozenChannels> for Channels {
    fn from(old: FrozenChannels) -> Self {
        Self::unchecked(old.mean, old.scale)
    }
}

#[derive(Deserialize)]
struct FrozenUnits {
    observation: FrozenChannels,
    control: FrozenChannels,
}

#[derive(Deserialize)]
enum FrozenSteps {
    Equal,
    Unstated,
    Control,
}

#[derive(Deserialize)]
struct FrozenLayout {
    observation: Vec<String>,
    control: Vec<String>,
    image: Option<(usize, usize)>,
    steps: FrozenSteps,
}

impl From<FrozenLayout> for Layout {
    fn from(old: FrozenLayout) -> Self {
        let steps = match old.steps {
            FrozenSteps::Equal => Steps::Equal,
            FrozenSteps::Unstated => Steps::Unstated,
            FrozenSteps::Control => Steps::Control,
        };
        Self { observation: old.observation, control: old.control, image: old.image, steps }
    }
}

#[derive(Deserialize)]
struct First {
    config: Config,
    values: Vec<f32>,
    trainer: Vec<u8>,
}

#[derive(Deserialize)]
struct Second {
    first: First,
    units: Option<FrozenUnits>,
    dt: Option<f64>,
    std_scale: f64,
}

#[derive(Deserialize)]
struct Third {
    second: Second,
    layout: Option<FrozenLayout>,
}

impl From<First> for ModelFile {
    fn from(first: First) -> Self {
        Self {
            config: first.config.into(),
            values: first.values,
            trainer: first.trainer,
            units: None,
            std_scale: 1.0,
            range: None,
            bounds: None,
            layout: None,
            reference: None,
        }
    }
}

impl From<Second> for ModelFile {
    fn from(second: Second) -> Self {
        let units = second.units.map(|units| Units {
            observation: units.observation.into(),
            control: units.control.into(),
        });
        let mut file = Self { units, std_scale: second.std_scale, ..second.first.into() };
        file.config.dt = second.dt;
        file
    }
}

impl From<Third> for ModelFile {
    fn from(third: Third) -> Self {
        let layout: Option<Layout> = third.layout.map(Layout::from);
        let mut file = Self { layout, ..third.second.into() };
        file.config.uneven = file.layout.as_ref().is_some_and(|l| l.steps == Steps::Control);
        file
    }
}

/// The file of a payload of format `version`.
pub(super) fn parse(version: u32, payload: &[u8]) -> Result<ModelFile, CodecError> {
    match version {
        0 | 1 => decode::<First>(payload).map(ModelFile::from),
        2 => decode::<Second>(payload).map(ModelFile::from),
        _ => decode::<Third>(payload).map(ModelFile::from),
    }
}
