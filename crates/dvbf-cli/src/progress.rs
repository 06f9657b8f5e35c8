//! What the terminal shows during a run.

use crate::require::{Requirement, figures_of};
use crate::terminal::noteln;
use dvbf::run::{LogRecord, Observer, Phase, TrainRequest};
use dvbf::train::StepStats;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Times a second that the bar is drawn: numbers that change faster cannot be read.
const RATE: u8 = 4;
/// What an update counts in the averages that the bar shows.
const WEIGHT: f64 = 0.02;

/// A progress bar on a terminal, plain lines elsewhere, nothing if quiet.
#[derive(Debug)]
pub(crate) struct Watcher {
    quiet: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    /// The bar's next text is due.
    due: Instant,
    /// Running averages of bound and divergence.
    average: Option<(f64, f64)>,
    /// Figures of the last evaluation.
    figures: String,
    total: u64,
    announcement: Option<String>,
    /// Bounds of figures at which the training ends.
    stop_when: Vec<String>,
    /// Whether the last evaluation reached them.
    enough: bool,
}

impl Watcher {
    pub(crate) fn new(quiet: bool, stop_when: &[String]) -> Self {
        Self {
            stop_when: stop_when.to_vec(),
            enough: false,
            quiet,
            terminal: std::io::stderr().is_terminal(),
            bar: None,
            due: Instant::now(),
            average: None,
            figures: String::new(),
            total: 0,
            announcement: None,
        }
    }

    /// Remembers what is going to be run and where, to be said once the run has its folder.
    pub(crate) fn announce(&mut self, request: &TrainRequest) {
        let folder = request.folder.display();
        let settings = &request.settings;
        self.announcement = Some(if request.resume {
            format!("continuing the run in {folder}")
        } else {
            format!(
                "preset {}, seed {}, {} updates, run folder {folder}",
                settings.preset, settings.seed, settings.training.steps
            )
        });
    }

    fn say_announcement(&mut self) {
        if let Some(text) = self.announcement.take()
            && !self.quiet
        {
            noteln!("{text}");
            if self.terminal {
                noteln!("Ctrl-C saves a checkpoint and stops");
            }
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&mut self, step: u64) {
        let (bound, kl) = self.average.unwrap_or((f64::NAN, f64::NAN));
        let text = format!("bound {bound:.0}  KL {kl:.1}{}", self.figures);
        let bar = self.bar.get_or_insert_with(|| {
            // The text is cut at the edge of the terminal: a line that wraps cannot be redrawn.
            let style = "{percent:>3}% {bar:20} ETA {eta:>4}  {wide_msg}";
            let style = ProgressStyle::with_template(style)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let target = ProgressDrawTarget::stderr_with_hz(RATE);
            let bar = ProgressBar::with_draw_target(Some(self.total), target);
            bar.set_style(style);
            // A resumed run has not made the updates before in no time.
            bar.set_position(step);
            bar.reset_eta();
            bar
        });
        bar.set_position(step);
        bar.set_message(text);
    }
}

impl Observer for Watcher {
    fn phase(&mut self, phase: Phase) {
        self.say_announcement();
        self.finish();
        if !self.quiet {
            noteln!("{phase} …");
        }
        crate::interrupt::enter(phase);
    }

    fn note(&mut self, text: &str) {
        self.finish();
        if !self.quiet {
            noteln!("{text}");
        }
    }

    fn step(&mut self, step: u64, total: u64, stats: &StepStats) {
        self.total = total;
        if self.quiet || !self.terminal {
            return;
        }
        if stats.applied {
            let (bound, kl) = self.average.unwrap_or((stats.bound, stats.kl));
            let mix = |old: f64, new: f64| old + WEIGHT * (new - old);
            self.average = Some((mix(bound, stats.bound), mix(kl, stats.kl)));
        }
        let now = Instant::now();
        if now >= self.due || step == total {
            self.due = now + Duration::from_secs(1) / u32::from(RATE);
            self.draw(step);
        }
    }

    fn logged(&mut self, record: &LogRecord) {
        let figures = figures_of(record);
        let reached =
            |text: &String| Requirement::parse(text).is_ok_and(|r| r.reached(&figures).is_ok());
        self.enough = !self.stop_when.is_empty() && self.stop_when.iter().all(reached);
        let r2: Vec<String> =
            record.r2.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let known = |text: String| if text.is_empty() { text } else { format!("R² {text}  ") };
        let short =
            record.r2.get("velocity").map_or_else(|| r2.join(" "), |v| format!("velocity {v:.3}"));
        self.figures = format!("  {}open loop {:.5}", known(short), record.open_loop);
        if !self.quiet && !self.terminal && record.step == 0 {
            noteln!("the best linear model: open loop {:.5}", record.open_loop);
        } else if !self.quiet && !self.terminal {
            let total = self.total.to_string();
            noteln!(
                "update {:>width$}/{total}  bound {:>8.1}  KL {:>6.2}  {}open loop {:.5}  {:.0} \
                 sequences/s",
                record.step,
                record.bound,
                record.kl,
                known(r2.join(" ")),
                record.open_loop,
                record.sequences_per_second,
                width = total.len(),
            );
        }
    }

    fn is_enough(&self) -> bool {
        self.enough
    }

    fn should_stop(&self) -> bool {
        crate::interrupt::asked()
    }
}
