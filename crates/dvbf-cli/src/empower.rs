//! `dvbf empower`: its arguments and what it prints.

use crate::terminal::{error_line, outln};
use clap::Args;
use dvbf::empower::{
    EmpowerError, EmpowerRequest, EmpowermentSummary, empower, row_name, summary_path,
};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Empower {
    /// Folder of a finished run of the pendulum.
    pub(crate) run: PathBuf,
    /// Random starts of every trial.
    #[arg(long, default_value_t = 100)]
    pub(crate) starts: usize,
    /// Updates of an actor.
    #[arg(long, default_value_t = 6000)]
    pub(crate) updates: u64,
    /// Seed of policies, starts and noise.
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
        starts: arguments.starts,
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

fn table(summary: &EmpowermentSummary) {
    let of = &summary.landscape;
    outln!("\nEmpowerment of ten held steps, over held-out states");
    outln!("  correlation of the learned with the true one   {:.4}", of.correlation);
    outln!(
        "  highest at {:+.2} rad from upright and {:+.2} rad/s",
        of.maximum.angle,
        of.maximum.velocity
    );
    outln!(
        "\nUpright throughout the last 100 of 300 steps      success  from hanging  median steps"
    );
    for (policy, eyes) in &summary.control {
        for (eyes, trial) in eyes {
            let steps = |steps: Option<usize>| steps.map_or("–".to_owned(), |s| s.to_string());
            outln!(
                "  {:<46} {:>4}/{:<4} {:>12}  {:>12}",
                row_name(policy, eyes),
                trial.success,
                trial.starts,
                steps(trial.hanging_steps),
                steps(trial.median_steps)
            );
        }
    }
    outln!("\n{:.1} s", summary.seconds);
}
