//! `dvbf calibrate`: a trained filter tells what a reference sensor would read.

use crate::source::Chosen;
use crate::terminal::outln;
use clap::Args;
use dvbf::apply::{ApplyError, Trained, calibrate, save_reference};
use dvbf::data::Columns;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// Folder of the run, or a model file.
    run: PathBuf,
    /// Recordings with the reference beside the sensor; labels are taken from the first sequence.
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    data: Vec<String>,
    /// Column of the reference.
    #[arg(long, value_name = "COLUMN")]
    reference: String,
    /// Seconds from the start of the sequence that are used as labels.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Recordings with a reference to try the calibrated filter on.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    test: Vec<String>,
    #[command(flatten)]
    columns: Chosen,
    /// Print the figures and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the figures as JSON and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Calibrate) -> Result<(), ApplyError> {
    let trained = Trained::open(&arguments.run)?;
    let read = |files: &[String]| {
        let columns =
            Columns { state: vec![arguments.reference.clone()], ..arguments.columns.columns() };
        trained.read(files, columns, arguments.columns.pace(), None)
    };
    let labelled = read(&arguments.data)?;
    let test = if arguments.test.is_empty() { None } else { Some(read(&arguments.test)?) };
    let (reference, report) = calibrate(&trained, &labelled, arguments.seconds, test.as_ref())?;
    let path = if arguments.dry_run {
        None
    } else {
        Some(save_reference(&arguments.run, reference.clone())?)
    };
    if arguments.json {
        outln!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
        return Ok(());
    }
    outln!(
        "{} from {} s of labels, range {:.4}",
        report.reference,
        report.seconds,
        report.full_scale
    );
    outln!(
        "read-out {:?} of {} numbers, {} times of creep, {} thresholds of play",
        reference.input,
        reference.inputs(),
        reference.memory.times.len(),
        reference.memory.thresholds.len()
    );
    outln!("  parts left out      {:>7.2} % of the range", report.left_out_percent);
    if let Some(test) = report.test {
        outln!("  test                {:>7.2} %", test.rmse_percent);
        outln!("  lagged regression   {:>7.2} %", test.lagged_ridge_percent);
        outln!("  within 90 %         {:>7.1} %", 100.0 * test.coverage90);
    }
    if let Some(path) = path {
        outln!("model    {}", path.display());
    }
    Ok(())
}
