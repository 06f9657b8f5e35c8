//! `dvbf score`: a model on recordings that it has not seen.

use crate::source::Chosen;
use crate::terminal::outln;
use clap::Args;
use dvbf::apply::{ApplyError, Score as Figures, ScoreRequest, Trained, score};
use dvbf::pool::Pool;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Score {
    /// Folder of the run, or a model file in it.
    run: PathBuf,
    /// Recordings: files, folders or patterns. They are not divided.
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    data: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    /// Steps that are filtered before a prediction [default: those of the run].
    #[arg(long, value_name = "STEPS")]
    after: Option<usize>,
    /// Numbers of predicted steps, such as 1,10,100 [default: those of the run].
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    horizons: Vec<usize>,
    /// Print the figures as JSON and nothing else.
    #[arg(long)]
    json: bool,
    /// Threads; all cores by default. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

pub(crate) fn run(arguments: &Score) -> Result<(), ApplyError> {
    let pool = Pool::new(arguments.threads)?;
    let trained = Trained::open(&arguments.run)?;
    let recordings = arguments.columns.read_for(&trained, &arguments.data)?;
    let usual = || trained.settings().map(|settings| settings.evaluation.filtered);
    let least = trained.filter().model().initial_frames();
    let request = ScoreRequest {
        after: arguments.after.or_else(usual).unwrap_or(least),
        horizons: arguments.horizons.clone(),
    };
    let figures = score(&trained, &recordings, &request, &pool)?;
    if arguments.json {
        outln!("{}", serde_json::to_string_pretty(&figures).unwrap_or_default());
    } else {
        print(&figures);
    }
    Ok(())
}

/// A number in four significant digits, however small.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 6")]
            let decimals = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{value:.decimals$}")
        }
        _ if value.is_finite() => format!("{value:.3e}"),
        _ => "–".into(),
    }
}

fn print(score: &Figures) {
    outln!("{}", score.verdict);
    outln!(
        "\nFree run: {} predicted after {} filtered, {} in all",
        if score.sequences == 1 { "the rest of 1 sequence" } else { "the rest of every sequence" },
        score.after,
        score.steps
    );
    outln!("  {:<24}{:>12}{:>10}{:>16}{:>10}", "channel", "RMSE", "fit", "linear RMSE", "fit");
    for (name, run) in &score.free_run {
        let linear = score.free_run_linear.as_ref().and_then(|all| all.get(name));
        let linear = linear.map_or_else(
            || format!("{:>16}{:>10}", "–", "–"),
            |run| format!("{:>16}{:>8.1} %", digits(run.rmse), run.fit_percent),
        );
        outln!("  {:<24}{:>12}{:>8.1} %{linear}", name, digits(run.rmse), run.fit_percent);
    }
    outln!("\nPredictions of so many steps, root mean square error in {}", score.unit);
    outln!("  {:>6}{:>12}{:>12}{:>12}{:>14}", "steps", "model", "linear", "Kalman", "persistence");
    for (steps, row) in &score.n_step {
        let maybe = |value: Option<f64>| value.map_or_else(|| "–".into(), digits);
        outln!(
            "  {steps:>6}{:>12}{:>12}{:>12}{:>14}",
            digits(row.model),
            maybe(row.linear),
            maybe(row.kalman),
            digits(row.persistence)
        );
    }
    outln!("\nResiduals of one step: largest correlation with themselves and with an input");
    outln!("  {:<24}{:>12}{:>12}{:>16}", "channel", "themselves", "input", "white: below");
    for (name, residuals) in &score.residuals {
        let input =
            residuals.input_correlation.map_or_else(|| "–".into(), |value| format!("{value:.3}"));
        outln!(
            "  {:<24}{:>12.3}{:>12}{:>16.3}",
            name,
            residuals.autocorrelation,
            input,
            residuals.bound
        );
    }
}
