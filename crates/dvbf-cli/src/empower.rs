//! `dvbf empower`: its arguments and what it prints.

use crate::terminal::{error_line, outln};
use clap::Args;
use dvbf::empower::{
    Coordinates, EmpowerError, EmpowerRequest, EmpowermentSummary, FixedStart, empower, row_name,
    summary_path,
};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Empower {
    /// Folder of a finished run of the pendulum or the ball.
    pub(crate) run: PathBuf,
    /// Steps for which an action is held, in the channel of the closed form.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub(crate) steps: u64,
    /// Steps for which an action is held, in the channel of the variational bound [default: 10].
    #[arg(long, value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub(crate) bound_steps: Option<u64>,
    /// Train no policies in the true equations; they are the same for all runs with the same data.
    #[arg(long)]
    pub(crate) pixels_only: bool,
    /// Smallest difference of end states that counts, in standard deviations of visited states.
    #[arg(long, default_value_t = 0.05)]
    pub(crate) resolution: f64,
    /// Random starts of every trial.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) starts: u64,
    /// Updates of an actor; networks that learn an estimate and the variational bound get half as many.
    #[arg(long, default_value_t = 6000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) updates: u64,
    /// Seed of policies, starts and noise of the frames.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads; all processors if zero.
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print one object of JSON and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Empower) -> Result<(), EmpowerError> {
    let request = EmpowerRequest {
        run: arguments.run.clone(),
        steps: whole(arguments.steps),
        bound_steps: arguments.bound_steps.map(whole),
        resolution: arguments.resolution,
        truth: !arguments.pixels_only,
        starts: whole(arguments.starts),
        updates: arguments.updates,
        seed: arguments.seed,
        threads: arguments.threads,
    };
    let mut told = |what: &str| {
        if !arguments.json {
            error_line(&format!("{what} …"));
        }
    };
    let summary = empower(&request, &mut told)?;
    if arguments.json {
        outln!("{}", serde_json::to_string_pretty(&summary).unwrap_or_default());
    } else {
        table(&summary);
        let figures = summary_path(&arguments.run);
        outln!("\nfigures  {}", figures.display());
        outln!("page     {}", figures.with_extension("html").display());
        outln!("picture  {}", figures.with_extension("svg").display());
    }
    Ok(())
}

/// A number that the command line has checked.
fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn table(summary: &EmpowermentSummary) {
    let of = &summary.landscape;
    outln!("\nEmpowerment over held-out states");
    outln!("  correlation of the learned with the true one   {:.4}", of.correlation);
    let at = |of: &Coordinates| {
        let each: Vec<String> = of.iter().map(|(name, at)| format!("{name} {at:+.2}")).collect();
        each.join(", ")
    };
    outln!("  highest near equilibria, where the state hardly moves by itself");
    outln!("    learned  {}", at(&of.maximum));
    outln!("    true     {}", at(&of.true_maximum));
    outln!("  highest of all states");
    outln!("    learned  {}", at(&of.maximum_of_all));
    outln!("    true     {}", at(&of.true_maximum_of_all));
    let (mut head, mut rows) = ("from hanging", Vec::new());
    for (policy, eyes) in &summary.control {
        for (eyes, trial) in eyes {
            if matches!(trial.fixed_start, FixedStart::CornerSteps(_)) {
                head = "from a corner";
            }
            rows.push((row_name(policy, eyes), trial));
        }
    }
    outln!("\n{:<46}    success  {head:>13}  median steps", "Success in the last 100 of 300 steps");
    let steps = |steps: Option<usize>| steps.map_or("–".to_owned(), |s| s.to_string());
    for (name, trial) in rows {
        outln!(
            "  {name:<46} {:>4}/{:<4} {:>13}  {:>12}",
            trial.success,
            trial.starts,
            steps(trial.fixed_start.steps()),
            steps(trial.median_steps)
        );
    }
    outln!("\n{:.1} s", summary.seconds);
}
