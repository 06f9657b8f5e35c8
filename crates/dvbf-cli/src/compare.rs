//! `dvbf compare`: progress row by row, then the table.

use crate::args::{Compare, Compared};
use crate::terminal::{noteln, outln};
use crate::{interrupt, quoted, terminal};
use dvbf::compare::{CompareError, CompareOutcome, Contender, Row, Spread, Watcher, compare, text};
use dvbf::systems::{PlantRow, compare_systems, systems_table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Times a second that the bar is drawn.
const RATE: u8 = 4;

/// A bar for the row in progress on a terminal, and a line for every finished row.
struct Lines {
    quiet: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    label: String,
}

impl Lines {
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Lines {
    fn begin(&mut self, contender: Contender, seed: u64, number: usize, of: usize) {
        self.label = if contender.is_random() {
            format!("row {number} of {of}: {}, seed {seed}", contender.title())
        } else {
            format!("row {number} of {of}: {}", contender.title())
        };
        if self.terminal && !self.quiet {
            noteln!("{} …", self.label);
        }
    }

    fn progress(&mut self, made: u64, of: u64) {
        if self.quiet || !self.terminal {
            return;
        }
        if self.bar.as_ref().is_none_or(|bar| bar.length() != Some(of)) {
            self.clear();
            let style = "{percent:>3}% {bar:20} ETA {eta:>4}  {wide_msg}";
            let style = ProgressStyle::with_template(style)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let target = ProgressDrawTarget::stderr_with_hz(RATE);
            let bar = ProgressBar::with_draw_target(Some(of), target);
            bar.set_style(style);
            bar.set_position(made);
            bar.reset_eta();
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(made);
        }
    }

    fn finished(&mut self, row: &Row) {
        self.clear();
        if self.quiet {
            return;
        }
        let number = |value: Option<f64>, digits| {
            Spread::of([value]).map_or_else(|| "–".into(), |spread| spread.text(digits))
        };
        let figures = &row.figures;
        let r2: Vec<String> =
            figures.r2.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let farthest = figures.open_loop.iter().next_back();
        let ahead = farthest.map_or_else(String::new, |(h, e)| format!("  open loop {h}: {e:.5}"));
        noteln!(
            "{}: R² {}  bound {}{ahead}  {} s",
            self.label,
            r2.join(" "),
            number(figures.bound, 0),
            number(figures.seconds, 0)
        );
    }

    fn should_stop(&self) -> bool {
        interrupt::asked()
    }
}

/// Systems, and the table of each seed.
fn run_systems(arguments: &Compare) -> Result<ExitCode, CompareError> {
    interrupt::install();
    let quiet = arguments.quiet;
    for seed in arguments.system_seeds() {
        let request = arguments.systems(seed);
        let finished = |row: &PlantRow| {
            let ratio =
                |&horizon: &usize| row.ratio(horizon).map(|ratio| format!("{horizon}: {ratio:.2}"));
            let ratios: Vec<String> = row.open_loop.keys().filter_map(ratio).collect();
            if !quiet {
                noteln!("{:<18} {}  {:.0} s", row.name, ratios.join("  "), row.seconds);
            }
        };
        match compare_systems(&request, &finished, &interrupt::asked)? {
            None => {
                terminal::error_line(&format!(
                    "stopped; what is finished is in {}; the same command goes on",
                    quoted(&request.folder)
                ));
                return Ok(ExitCode::from(interrupt::INTERRUPTED));
            }
            Some(rows) if !quiet => {
                outln!("Squared error of the model beside the best linear one, by predicted steps");
                outln!("{}", systems_table(&rows));
                outln!("figures  {}", request.folder.join("systems.json").display());
            }
            Some(_) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run(arguments: &Compare) -> Result<ExitCode, CompareError> {
    if matches!(arguments.environment, Compared::Systems) {
        return run_systems(arguments);
    }
    let request = arguments.request()?;
    interrupt::install();
    let terminal = std::io::stderr().is_terminal();
    let quiet = arguments.quiet;
    if terminal && !quiet {
        noteln!("folder {}; Ctrl-C keeps what is finished", request.folder.display());
    }
    let mut lines = Lines { quiet, terminal, bar: None, label: String::new() };
    let outcome = compare(&request, &mut lines);
    lines.clear();
    match outcome? {
        CompareOutcome::Stopped(rows, of) => {
            terminal::error_line(&format!(
                "stopped; {rows} of {of} rows are in {}; the same command goes on",
                quoted(&request.folder)
            ));
            Ok(ExitCode::from(interrupt::INTERRUPTED))
        }
        CompareOutcome::Finished(comparison, written) => {
            if !quiet {
                outln!("\n{}", text(&comparison));
                outln!("figures  {}", written.rows.display());
                outln!("page     {}", written.page.display());
                outln!("table    {}", written.table.display());
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
