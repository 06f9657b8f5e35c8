//! Everything about a tactile skin that can be set.

use super::Skin;
use super::conductance::ConductanceSettings;
use super::contact::ContactSettings;
use super::creep::CreepSettings;
use super::crosstalk::CrosstalkSettings;
use super::play::PlaySettings;
use super::readout::ReadoutSettings;
use super::temperature::TemperatureSettings;
use super::trajectory::TrajectorySettings;
use crate::environment::Environment;
use crate::error::{EnvError, positive};
use crate::system_kind::SystemSettings;
use serde::{Deserialize, Serialize};

/// Everything about the skin that can be set. Settings left out take their default, which is a cheap
/// sensor with all of its faults.
///
/// The ranges of what cheap sensors do: creep of less than 5 % per decade of time, hysteresis of
/// 10 % and a spread of 6 % from part to part (data sheet of the force-sensing resistor FSR 400), up
/// to 15 %; errors by cross-talk of up to 30 % on grids of 4×4 (Hidalgo-López and others, 2018). The
/// other defaults are our judgment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SkinSettings {
    /// Seconds between two readings; 0.01 by default.
    pub dt: f64,
    /// Seed of the sensor itself: its spread from taxel to taxel, and which taxels are dead; 0 by
    /// default. Recordings have seeds of their own.
    pub sensor_seed: u32,
    /// The grid, the indenters and the width of their contact.
    pub contact: ContactSettings,
    /// What indenters do.
    pub trajectory: TrajectorySettings,
    /// Creep under load.
    pub creep: CreepSettings,
    /// Hysteresis.
    pub play: PlaySettings,
    /// From strain to conductance.
    pub conductance: ConductanceSettings,
    /// Drift with the temperature.
    pub temperature: TemperatureSettings,
    /// Cross-talk of rows and columns.
    pub crosstalk: CrosstalkSettings,
    /// Divider, noise, converter and dead taxels.
    pub readout: ReadoutSettings,
}

impl SystemSettings for SkinSettings {
    const NAME: &'static str = "skin";
    const ABOUT: &'static str =
        "A cheap tactile skin under an indenter, seen as the readings of its taxels.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(Skin::new(self)?))
    }
}

impl Default for SkinSettings {
    fn default() -> Self {
        Self {
            dt: 0.01,
            sensor_seed: 0,
            contact: ContactSettings::default(),
            trajectory: TrajectorySettings::default(),
            creep: CreepSettings::default(),
            play: PlaySettings::default(),
            conductance: ConductanceSettings::default(),
            temperature: TemperatureSettings::default(),
            crosstalk: CrosstalkSettings::default(),
            readout: ReadoutSettings::default(),
        }
    }
}

impl SkinSettings {
    /// A sensor without faults: taxels read their share of the force in N.
    pub fn ideal() -> Self {
        Self {
            creep: CreepSettings::off(),
            play: PlaySettings::off(),
            conductance: ConductanceSettings::off(),
            temperature: TemperatureSettings::off(),
            crosstalk: CrosstalkSettings::off(),
            readout: ReadoutSettings::off(),
            ..Self::default()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`EnvError::Setting`] for the first one outside its range, as `<part>.<name>`.
    pub fn validate(&self) -> Result<(), EnvError> {
        positive("dt", self.dt)?;
        self.contact.validate()?;
        self.trajectory.validate()?;
        self.creep.validate()?;
        self.play.validate()?;
        self.conductance.validate()?;
        self.temperature.validate()?;
        self.crosstalk.validate()?;
        self.readout.validate(self.contact.taxels())
    }
}
