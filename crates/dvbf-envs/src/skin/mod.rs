//! A tactile skin: a grid of cheap taxels that creep, lag, drift and talk across.
//!
//! From the loads of indenters to the readings, each step in a file of its own:
//!
//! force and position → [pressure](contact) → [creep] → [hysteresis](play) →
//! [conductance] with spread → [temperature] → [cross-talk](crosstalk) → [read-out](readout).
//!
//! The state begins with what is true and to be found out, `(force, x, y)` of every indenter and the
//! temperature; positions are in pitches from the middle of the grid. What the taxels remember, and
//! what the indenters plan, is hidden. A step of `dt` first relaxes the creep under the pressure that
//! was held, then the load moves on, and the hysteresis follows.

mod conductance;
mod contact;
mod creep;
mod crosstalk;
mod memory;
mod play;
mod protocol;
mod readout;
mod sensor;
mod settings;
mod temperature;
mod trajectory;

pub use conductance::{ConductanceLaw, ConductanceSettings};
pub use contact::ContactSettings;
pub use creep::CreepSettings;
pub use crosstalk::CrosstalkSettings;
pub use memory::SkinMemory;
pub use play::PlaySettings;
pub use readout::ReadoutSettings;
pub use settings::SkinSettings;
pub use temperature::TemperatureSettings;
pub use trajectory::TrajectorySettings;

use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::EnvError;
use rand::{Rng, RngCore};
use rand_distr::StandardNormal;
use sensor::Sensor;
use trajectory::{PLAN, Plan, Planner};

/// Numbers of a load: force in N, and position in pitches on two axes.
const LOAD: usize = 3;

/// The skin, with the indenters on it.
///
/// As an [`Environment`] its indenters move [at random](TrajectorySettings), nothing is controlled,
/// and what is observed are the readings, row by row. It starts without load and relaxed.
///
/// ```
/// use dvbf_envs::{Environment, Skin, SkinSettings};
/// let skin = Skin::new(SkinSettings::ideal())?;
/// let mut state = skin.relaxed();
/// skin.step(&mut state, &[[5.0, 0.2, -1.0]]);
/// let mut readings = vec![0.0; 16];
/// skin.observe(&state, &mut readings);
/// // The taxels together carry the force.
/// assert!((readings.iter().sum::<f32>() - 5.0).abs() < 1e-5);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Skin {
    // Invariant: valid; the others belong to the settings.
    settings: SkinSettings,
    sensor: Sensor,
    decays: Vec<f64>,
}

/// The parts of a state.
struct Parts<'a> {
    /// `(indenters · LOAD)`.
    loads: &'a mut [f64],
    temperature: &'a mut f64,
    /// `(indenters · PLAN)`.
    plans: &'a mut [f64],
    /// The standard normal draw for the temperature of the next step.
    noise: &'a mut f64,
    /// `(taxels · elements)`.
    creep: &'a mut [f64],
    /// `(taxels · operators)`.
    play: &'a mut [f64],
}

impl Skin {
    /// A skin with valid settings, and with the spread and the dead taxels of its sensor's seed.
    ///
    /// # Errors
    /// What [`SkinSettings::validate`] finds.
    pub fn new(settings: SkinSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let sensor = Sensor::draw(&settings);
        let decays = settings.creep.decays(settings.dt);
        Ok(Self { settings, sensor, decays })
    }

    /// A skin whose taxels have these factors of their sensitivity, and of which these are dead; the sensor's
    /// seed and the spread say nothing.
    ///
    /// # Errors
    /// What [`SkinSettings::validate`] finds, or if there is not a positive factor for every taxel.
    pub fn with_sensor(
        settings: SkinSettings,
        factors: Vec<f64>,
        dead: Vec<usize>,
    ) -> Result<Self, EnvError> {
        settings.validate()?;
        let taxels = settings.contact.taxels();
        let holds = factors.len() == taxels && factors.iter().all(|f| f.is_finite() && *f > 0.0);
        crate::error::require(holds, "factors", factors.len() as f64, "positive, one a taxel")?;
        let inside = dead.iter().all(|&d| d < taxels);
        crate::error::require(inside, "dead", dead.len() as f64, "taxels of the grid")?;
        let decays = settings.creep.decays(settings.dt);
        Ok(Self { settings, sensor: Sensor { factors, dead }, decays })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SkinSettings {
        &self.settings
    }

    /// The factors of the taxels' sensitivity, row by row, which the sensor's seed has drawn.
    pub fn factors(&self) -> &[f64] {
        &self.sensor.factors
    }

    /// The dead taxels, which the sensor's seed has drawn, in increasing order.
    pub fn dead(&self) -> &[usize] {
        &self.sensor.dead
    }

    /// The state without load, at the temperature of calibration and at rest for ever; all zeros.
    pub fn relaxed(&self) -> Vec<f64> {
        vec![0.0; self.visible() + self.hidden_size()]
    }

    /// Replaces `state` by the state `dt` seconds later, with the given `loads` (force in N, `x`
    /// and `y` in pitches from the middle) of every indenter then.
    ///
    /// # Panics
    /// If there is not a load for every indenter, if one pulls or is not finite, or if the state has
    /// another size than [`relaxed`](Skin::relaxed).
    #[track_caller]
    pub fn step(&self, state: &mut [f64], loads: &[[f64; 3]]) {
        assert_eq!(loads.len(), self.settings.contact.indenters, "one load per indenter");
        for load in loads {
            let holds = load[0] >= 0.0 && load.iter().all(|v| v.is_finite());
            assert!(holds, "a load {load:?} presses at a place");
        }
        let SkinSettings { dt, creep, play, temperature, .. } = &self.settings;
        let before = self.pressure(&state[..loads.len() * LOAD]);
        let parts = self.split(state);
        for (taxel, &pressure) in before.iter().enumerate() {
            creep.relax(&self.decays, pressure, part_mut(parts.creep, taxel, self.decays.len()));
        }
        *parts.temperature = temperature.drift(*parts.temperature, *parts.noise, *dt);
        *parts.noise = 0.0;
        parts.loads.copy_from_slice(loads.as_flattened());
        let after = self.pressure(parts.loads);
        let operators = play.weights.len();
        for (taxel, &pressure) in after.iter().enumerate() {
            let strain = pressure + total(part(parts.creep, taxel, self.decays.len()));
            play.follow(strain, part_mut(parts.play, taxel, operators));
        }
    }

    /// The voltage of every taxel before noise and converter, row by row.
    fn voltages(&self, state: &[f64]) -> Vec<f64> {
        let visible = self.visible();
        let pressure = self.pressure(&state[..visible - 1]);
        let memory = &state[visible + self.settings.contact.indenters * PLAN + 1..];
        let memory = memory.split_at(pressure.len() * self.decays.len());
        let mut out = vec![0.0; pressure.len()];
        self.voltages_under(&pressure, memory, state[visible - 1], &mut out);
        out
    }

    /// The voltage of every taxel under its `pressure`, with its creep and its operators before.
    fn voltages_under(
        &self,
        pressure: &[f64],
        (creep, plays): (&[f64], &[f64]),
        kelvin: f64,
        out: &mut [f64],
    ) {
        let SkinSettings { contact, play, conductance, temperature, crosstalk, .. } =
            &self.settings;
        let warm = temperature.factor(kelvin);
        let (elements, operators) = (self.decays.len(), play.weights.len());
        for (taxel, ((out, &pressure), &factor)) in
            out.iter_mut().zip(pressure).zip(&self.sensor.factors).enumerate()
        {
            let strain = pressure + total(part(creep, taxel, elements));
            let effective = play.effective(strain, part(plays, taxel, operators));
            *out = warm * conductance.conductance(effective, factor);
        }
        crosstalk.mix(contact.cols, out);
        for &dead in &self.sensor.dead {
            out[dead] = 0.0;
        }
        for voltage in out.iter_mut() {
            *voltage = self.settings.readout.divide(*voltage);
        }
    }

    /// The share of every taxel in N.
    fn pressure(&self, loads: &[f64]) -> Vec<f64> {
        let contact = &self.settings.contact;
        let mut shares = vec![0.0; contact.taxels()];
        for load in loads.chunks_exact(LOAD) {
            contact.press(load[0], [load[1], load[2]], &mut shares);
        }
        shares
    }

    /// Numbers of the state that the specification names.
    fn visible(&self) -> usize {
        self.settings.contact.indenters * LOAD + 1
    }

    #[track_caller]
    fn split<'a>(&self, state: &'a mut [f64]) -> Parts<'a> {
        let size = self.visible() + self.hidden_size();
        assert_eq!(state.len(), size, "numbers in a state of this skin");
        let contact = &self.settings.contact;
        let (loads, rest) = state.split_at_mut(contact.indenters * LOAD);
        let (temperature, rest) = rest.split_at_mut(1);
        let (plans, rest) = rest.split_at_mut(contact.indenters * PLAN);
        let (noise, rest) = rest.split_at_mut(1);
        let (creep, play) = rest.split_at_mut(contact.taxels() * self.decays.len());
        Parts { loads, temperature: &mut temperature[0], plans, noise: &mut noise[0], creep, play }
    }

    fn planner(&self) -> Planner<'_> {
        let SkinSettings { trajectory, contact, dt, .. } = &self.settings;
        Planner { settings: trajectory, contact, dt: *dt }
    }
}

impl Environment for Skin {
    fn spec(&self) -> Spec {
        let indenters = self.settings.contact.indenters;
        let variable = |name: String, error| StateVariable { name, kind: StateKind::Linear, error };
        let mut state = Vec::new();
        for indenter in 1..=indenters {
            let number = if indenters > 1 { indenter.to_string() } else { String::new() };
            state.push(variable(format!("force{number}"), FORCE_ERROR));
            state.push(variable(format!("x{number}"), PLACE_ERROR));
            state.push(variable(format!("y{number}"), PLACE_ERROR));
        }
        state.push(variable("temperature".into(), TEMPERATURE_ERROR));
        Spec {
            state,
            control_size: 0,
            observation_size: self.settings.contact.taxels(),
            image: None,
            dt: self.settings.dt,
            noise_std: 0.0,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        state.fill(0.0);
        let parts = self.split(state);
        let planner = self.planner();
        for (load, plan) in
            parts.loads.chunks_exact_mut(LOAD).zip(parts.plans.chunks_exact_mut(PLAN))
        {
            let (at, first) = planner.start(rng);
            load.copy_from_slice(&at);
            first.write(plan);
        }
        *parts.temperature = self.settings.temperature.std * rng.sample::<f64, _>(StandardNormal);
    }

    fn sample_control(&self, _: &mut dyn RngCore, control: &mut [f64]) {
        assert!(control.is_empty(), "nobody steers a skin");
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        assert!(control.is_empty(), "nobody steers a skin");
        let parts = self.split(state);
        let loads: Vec<[f64; LOAD]> = parts
            .loads
            .chunks_exact(LOAD)
            .zip(parts.plans.chunks_exact_mut(PLAN))
            .map(|(load, numbers)| {
                let mut plan = Plan::read(numbers);
                let mut next = plan.follow(three(load));
                // A prediction may begin a little off, below zero.
                next[0] = next[0].max(0.0);
                plan.write(numbers);
                next
            })
            .collect();
        self.step(state, &loads);
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let readout = &self.settings.readout;
        let readings = self.voltages(state).into_iter().map(|v| readout.convert(v) as f32);
        out.copy_from_slice(&readings.collect::<Vec<_>>());
    }

    fn hidden_size(&self) -> usize {
        let SkinSettings { contact, play, .. } = &self.settings;
        let memory = self.decays.len() + play.weights.len();
        contact.indenters * PLAN + 1 + contact.taxels() * memory
    }

    fn disturb(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let parts = self.split(state);
        *parts.noise = rng.sample(StandardNormal);
        let planner = self.planner();
        for (load, numbers) in
            parts.loads.chunks_exact(LOAD).zip(parts.plans.chunks_exact_mut(PLAN))
        {
            let mut plan = Plan::read(numbers);
            planner.plan(three(load), &mut plan, rng);
            plan.write(numbers);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
    fn sense(&self, rng: &mut dyn RngCore, state: &[f64], out: &mut [f32]) {
        let readout = &self.settings.readout;
        let voltages = self.voltages(state);
        assert_eq!(out.len(), voltages.len(), "a reading per taxel");
        for (reading, voltage) in out.iter_mut().zip(voltages) {
            let noise: f64 = rng.sample(StandardNormal);
            *reading = readout.convert(voltage + readout.noise_std(voltage) * noise) as f32;
        }
    }
}

/// Slight errors of a force in N, of a position in pitches and of a temperature in K.
const FORCE_ERROR: f64 = 0.1;
const PLACE_ERROR: f64 = 0.1;
const TEMPERATURE_ERROR: f64 = 0.2;

fn three(load: &[f64]) -> [f64; LOAD] {
    load.try_into().expect("a load is a force at a place")
}

/// The numbers of a taxel among those of all.
fn part(of: &[f64], taxel: usize, each: usize) -> &[f64] {
    &of[taxel * each..(taxel + 1) * each]
}

fn part_mut(of: &mut [f64], taxel: usize, each: usize) -> &mut [f64] {
    &mut of[taxel * each..(taxel + 1) * each]
}

fn total(of: &[f64]) -> f64 {
    of.iter().sum()
}
