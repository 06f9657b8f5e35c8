//! What a filter needs to go on from a step.

use super::belief::ObservationStatus;
use super::evidence::Doubt;
use super::filter::Filter;
use super::health::Health;
use super::window::Window;
use crate::readout::ReferenceState;
use ndarray::Array2;

/// What a filter needs to go on from a step: everything that later steps may change.
#[derive(Clone, Debug)]
pub struct Snapshot {
    state: Array2<f32>,
    steps: u64,
    started: bool,
    memory: Option<ReferenceState>,
    window: Window,
    doubt: Doubt,
    health: Health,
}

impl Filter {
    /// What is needed to [go on](Self::resume) from here.
    pub fn snapshot(&self) -> Snapshot {
        let (steps, started) = (self.belief.steps, self.belief.started);
        let memory = self.reading.as_ref().map(|own| own.memory().clone());
        Snapshot {
            state: self.paths.state().to_owned(),
            steps,
            started,
            memory,
            window: self.window.clone(),
            doubt: self.doubt(),
            health: self.health,
        }
    }

    fn doubt(&self) -> Doubt {
        self.evidence.as_ref().map(|evidence| evidence.doubt).unwrap_or_default()
    }

    /// Goes on from where `snapshot` was taken, of this filter or of another one on the same model with as
    /// many sample paths. One that was taken before the start resets the filter.
    ///
    /// # Panics
    /// If the snapshot has other numbers of paths or of latent dimensions.
    #[track_caller]
    pub fn resume(&mut self, snapshot: &Snapshot) {
        let (own, given) = (self.paths.state().dim(), snapshot.state.dim());
        assert_eq!(own, given, "paths and dimensions of the filter against those of the snapshot");
        self.reset();
        if snapshot.started {
            let health = self.health;
            self.restore(snapshot);
            self.health = health;
            // A read-out remembers what the snapshot says, and tells nothing before the next step.
            let reading = self.reading.take();
            self.settle(ObservationStatus::Missing);
            self.reading = reading;
        }
    }

    /// [`snapshot`](Self::snapshot) into an old one.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.state.assign(&self.paths.state());
        (snapshot.steps, snapshot.started) = (self.belief.steps, self.belief.started);
        snapshot.memory.clone_from(&self.reading.as_ref().map(|own| own.memory().clone()));
        snapshot.window.copy(&self.window);
        (snapshot.doubt, snapshot.health) = (self.doubt(), self.health);
    }

    /// Goes back to where `snapshot` was taken; a step has to follow before the belief is read. Calls that
    /// were refused since then stay counted.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        self.paths.set_state(snapshot.state.view());
        self.belief.steps = snapshot.steps;
        self.belief.started = snapshot.started;
        self.window.copy(&snapshot.window);
        self.health = Health { refused: self.health.refused, ..snapshot.health };
        if let Some(evidence) = &mut self.evidence {
            evidence.doubt = snapshot.doubt;
        }
        if !snapshot.started {
            self.paths.still();
            self.forget();
        }
        if let (Some(memory), Some(reading)) = (&snapshot.memory, &mut self.reading) {
            reading.set_memory(memory);
        }
    }
}
