//! Who watches a training from Python: signals, and a function that is told what happens.

use dvbf::run::{LogRecord, Observer, Phase};
use dvbf::train::StepStats;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks for signals.
const SIGNALS: Duration = Duration::from_millis(20);
/// Time between two reports of updates.
const STEPS: Duration = Duration::from_millis(200);

/// Asks the interpreter for signals, and tells a function of Python what happens. What either raises stops the
/// training.
pub(crate) struct Watcher {
    tell: Option<Py<PyAny>>,
    looked: Mutex<Looked>,
    told: Instant,
}

struct Looked {
    at: Instant,
    raised: Option<PyErr>,
}

impl Watcher {
    /// A watcher that calls `tell(kind, value)`.
    pub(crate) fn new(tell: Option<Py<PyAny>>) -> Self {
        let at = Instant::now();
        Self { tell, looked: Mutex::new(Looked { at, raised: None }), told: at }
    }

    /// What was raised, by a signal or by the function.
    pub(crate) fn raised(self) -> Option<PyErr> {
        self.looked.into_inner().unwrap_or_else(PoisonError::into_inner).raised
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the function with a text.
    fn tell(&self, kind: &str, value: &str) {
        let Some(function) = &self.tell else { return };
        if self.looked().raised.is_some() {
            return;
        }
        let outcome = Python::attach(|py| function.call1(py, (kind, value)).map(|_| ()));
        if let Err(error) = outcome {
            self.looked().raised = Some(error);
        }
    }
}

impl Observer for Watcher {
    fn phase(&mut self, phase: Phase) {
        self.tell("phase", &phase.to_string());
    }

    fn note(&mut self, text: &str) {
        self.tell("note", text);
    }

    fn step(&mut self, step: u64, total: u64, _: &StepStats) {
        if self.told.elapsed() >= STEPS || step == total {
            self.told = Instant::now();
            self.tell("step", &format!("{step}/{total}"));
        }
    }

    fn logged(&mut self, record: &LogRecord) {
        // Numbers that are not finite become null.
        self.tell("record", &serde_json::to_string(record).unwrap_or_default());
    }

    fn should_stop(&self) -> bool {
        let mut looked = self.looked();
        if looked.raised.is_none() && looked.at.elapsed() >= SIGNALS {
            looked.at = Instant::now();
            // Without effect in any thread but the main one.
            let heard = Python::attach(|py| {
                py.check_signals()?;
                Ok::<(), PyErr>(())
            });
            looked.raised = heard.err();
        }
        looked.raised.is_some()
    }
}
