//! What the taxels remember, for filters that know the equations: loads in, voltages out.
//!
//! A filter that estimates the loads needs what the sensor would show under many of them after one and the same
//! past. The past is in the creep `e` and the operators `z` of every taxel, which follow the loads that were
//! believed; see [`Skin::relax`], [`Skin::shown`] and [`Skin::settle`].

use super::{Skin, part, part_mut, total};

/// Creep and hysteresis of every taxel.
#[derive(Clone, Debug, PartialEq)]
pub struct SkinMemory {
    /// `(taxels · elements)`.
    creep: Vec<f64>,
    /// `(taxels · operators)`.
    play: Vec<f64>,
}

impl Skin {
    /// The memory of a skin that has been at rest for ever.
    pub fn memory(&self) -> SkinMemory {
        let taxels = self.settings.contact.taxels();
        SkinMemory {
            creep: vec![0.0; taxels * self.decays.len()],
            play: vec![0.0; taxels * self.settings.play.weights.len()],
        }
    }

    /// Moves the creep through one step under loads `(force in N, x, y)` that are held.
    ///
    /// # Panics
    /// If the memory is of another skin.
    #[track_caller]
    pub fn relax(&self, memory: &mut SkinMemory, loads: &[[f64; 3]]) {
        self.assert_own(memory);
        let elements = self.decays.len();
        for (taxel, pressure) in self.pressure(loads.as_flattened()).into_iter().enumerate() {
            let own = part_mut(&mut memory.creep, taxel, elements);
            self.settings.creep.relax(&self.decays, pressure, own);
        }
    }

    /// Lets the hysteresis follow loads that have just come; see [`relax`](Self::relax).
    ///
    /// # Panics
    /// If the memory is of another skin.
    #[track_caller]
    pub fn settle(&self, memory: &mut SkinMemory, loads: &[[f64; 3]]) {
        self.assert_own(memory);
        let (elements, operators) = (self.decays.len(), self.settings.play.weights.len());
        for (taxel, pressure) in self.pressure(loads.as_flattened()).into_iter().enumerate() {
            let strain = pressure + total(part(&memory.creep, taxel, elements));
            self.settings.play.follow(strain, part_mut(&mut memory.play, taxel, operators));
        }
    }

    /// Writes the voltage of every taxel under loads that come after this past, `temperature` K from that of
    /// calibration, without noise, limits and steps.
    ///
    /// # Panics
    /// If the memory is of another skin, or there is not a voltage for every taxel.
    #[track_caller]
    pub fn shown(
        &self,
        memory: &SkinMemory,
        loads: &[[f64; 3]],
        temperature: f64,
        out: &mut [f64],
    ) {
        self.assert_own(memory);
        let pressure = self.pressure(loads.as_flattened());
        assert_eq!(out.len(), pressure.len(), "a voltage for every taxel");
        self.voltages_under(&pressure, (&memory.creep, &memory.play), temperature, out);
    }

    /// Standard deviation of the noise of a voltage.
    pub fn noise_std(&self, voltage: f64) -> f64 {
        self.settings.readout.noise_std(voltage)
    }

    #[track_caller]
    fn assert_own(&self, memory: &SkinMemory) {
        let taxels = self.settings.contact.taxels();
        let sizes = (memory.creep.len(), memory.play.len());
        let own = (taxels * self.decays.len(), taxels * self.settings.play.weights.len());
        assert_eq!(sizes, own, "a memory of this skin");
    }
}
