//! Ctrl-C: while a run is trained the first asks it to save and stop, and the second ends the program
//! at once. While nothing is to be saved the first ends it.

use crate::terminal::error_line;
use dvbf::run::Phase;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Exit status of a command that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);
/// What to say before ending at once, while nothing has to be saved.
static LAST_WORDS: Mutex<Option<String>> = Mutex::new(None);
/// How the run is continued.
static CONTINUATION: Mutex<Option<String>> = Mutex::new(None);

/// Listens for interrupt and termination signals.
pub(crate) fn install() {
    let handler = || {
        // Kept until the end: whoever enters a phase now waits.
        let words = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner);
        let again = ASKED.swap(true, Ordering::SeqCst);
        if let Some(words) = &*words {
            error_line(words);
        }
        if again || words.is_some() {
            std::process::exit(INTERRUPTED.into());
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        error_line(&format!("Ctrl-C will not save a checkpoint: {error}"));
    }
}

/// Listens for signals during a run that `continuation` continues.
pub(crate) fn install_for_run(continuation: String) {
    *CONTINUATION.lock().unwrap_or_else(PoisonError::into_inner) = Some(continuation);
    install();
}

/// A part of the run begins.
pub(crate) fn enter(phase: Phase) {
    let continuation = CONTINUATION.lock().unwrap_or_else(PoisonError::into_inner);
    let words = continuation
        .as_ref()
        .filter(|_| !phase.heeds_stop())
        .map(|how| format!("stopped while {phase}; continue with: {how}"));
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = words;
}

/// Whether the run was asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
