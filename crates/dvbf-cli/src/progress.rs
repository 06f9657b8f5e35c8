//! What the terminal shows during a run.
#![expect(clippy::print_stderr, reason = "this is the program's voice")]

use dvbf::run::{LogRecord, Observer};
use dvbf::train::StepStats;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Prints an error or a note.
pub(crate) fn error_line(text: &str) {
    eprintln!("dvbf: {text}");
}

/// A progress bar on a terminal, plain lines elsewhere, nothing if quiet.
#[derive(Debug)]
pub(crate) struct Watcher {
    quiet: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    message: String,
}

impl Watcher {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { quiet, terminal, bar: None, message: String::new() }
    }

    /// Removes the bar.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&mut self, total: u64) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let style = "{elapsed_precise} {bar:30} {percent:>3}% ETA {eta} {msg}";
            let style = ProgressStyle::with_template(style)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style)
        })
    }
}

impl Observer for Watcher {
    fn phase(&mut self, name: &str) {
        self.finish();
        if !self.quiet {
            eprintln!("{name} …");
        }
    }

    fn step(&mut self, step: u64, total: u64, stats: &StepStats) {
        if self.quiet || !self.terminal || (!step.is_multiple_of(16) && step != total) {
            return;
        }
        let text = format!("bound {:.0}  KL {:.1}  {}", stats.bound, stats.kl, self.message);
        let bar = self.bar(total);
        bar.set_position(step);
        bar.set_message(text);
    }

    fn logged(&mut self, record: &LogRecord) {
        let r2: Vec<String> =
            record.r2.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        self.message = format!(
            "R² {}  open loop {:.5}",
            record.r2.get("velocity").map_or_else(|| r2.join(" "), |v| format!("velocity {v:.3}")),
            record.open_loop
        );
        if !self.quiet && !self.terminal {
            eprintln!(
                "update {:>7}  bound {:>8.1}  KL {:>6.2}  R² {}  open loop {:.5}  {:.0} sequences/s",
                record.step,
                record.bound,
                record.kl,
                r2.join(" "),
                record.open_loop,
                record.sequences_per_second
            );
        }
    }

    fn should_stop(&self) -> bool {
        crate::interrupt::asked()
    }
}
