//! Looking at recordings, and writing those of simulated systems.

use crate::args::{Data, Inspect, RecordingFormat};
use crate::source::Held;
use crate::terminal::{error_line, outln};
use dvbf::data::{
    RawRecordings, RecordingError, Splits, describe, facts, find_files, write_npz, write_tables,
};
use dvbf::report::preview;
use dvbf::run::RunError;
use dvbf::settings::{Settings, preset_for};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prints what is in recordings and what would be done with them, and draws the first sequences.
///
/// Recordings that cannot be learned from are shown all the same, and the exit status says so.
pub(crate) fn inspect(inspect: &Inspect) -> Result<ExitCode, RunError> {
    let out = inspect.out.clone().unwrap_or_else(|| named(&inspect.data[0]));
    let files = find_files(&inspect.data)?;
    let same = |file: &PathBuf| {
        out.canonicalize().is_ok_and(|out| file.canonicalize().is_ok_and(|file| file == out))
    };
    if let Some(file) = files.iter().find(|file| same(file)) {
        let problem = "is one of the recordings; draw to another file with --out".into();
        return Err(RecordingError::File { path: file.clone(), problem }.into());
    }
    let recordings = inspect.columns.read(&inspect.data, &Held::default())?;
    let source = inspect.columns.source(&recordings, &inspect.data, &Held::default());
    outln!("Channel                      mean        std   missing     noise");
    for channel in describe(&recordings) {
        outln!(
            "  {:<22}{:>10.4}{:>11.4}{:>8.1} %{:>8.1} %",
            channel.name,
            channel.mean,
            channel.std,
            100.0 * channel.missing,
            100.0 * channel.noise
        );
    }
    outln!("  noise: estimated from differences between steps, in percent of the channel's std");
    let learned = preset_for("auto", &recordings, source, &[]).and_then(|settings| {
        Splits::recorded(&recordings, &settings).map(|splits| (settings, splits.notes))
    });
    if let Ok((settings, notes)) = &learned {
        outln!("\nRecordings");
        for note in notes.iter().flatten() {
            outln!("  {note}");
        }
        plan(settings, &inspect.data, &inspect.columns.arguments());
    } else {
        outln!("\nRecordings");
        for fact in facts(&recordings) {
            outln!("  {fact}");
        }
    }
    std::fs::write(&out, preview(&recordings)).map_err(|source| {
        RunError::Folder(dvbf::run::FolderError::Io { path: out.clone(), source })
    })?;
    outln!("\npicture  {}", out.display());
    Ok(match learned {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            error_line(&format!("these recordings cannot be trained on: {error}"));
            ExitCode::FAILURE
        }
    })
}

/// What `dvbf train` would do.
fn plan(settings: &Settings, files: &[String], columns: &str) {
    let Settings { data, model, training, evaluation, .. } = settings;
    outln!("\nTraining");
    outln!(
        "  {} segments of at most {} steps, {} updates of {} windows of {} steps",
        data.train,
        data.steps,
        training.steps,
        training.batch,
        training.window
    );
    let start = if training.linear_start {
        "it starts from the linear model that predicts the validation part best"
    } else {
        "it starts from drawn networks"
    };
    outln!(
        "  latent state of {} dimensions, transition {}; {start}",
        model.state,
        model.transition.kind
    );
    outln!(
        "  prediction: {} steps are filtered, then {} are predicted",
        evaluation.filtered,
        data.long_steps - evaluation.filtered
    );
    let files: Vec<String> = files.iter().map(|f| crate::quoted(Path::new(f))).collect();
    outln!("  dvbf train --data {}{columns}", files.join(" "));
}

/// A picture in the current folder named after the recordings.
fn named(file: &str) -> PathBuf {
    let plain = |c: &char| c.is_alphanumeric() || "._-".contains(*c);
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem.chars().filter(plain).collect();
    PathBuf::from(if stem.is_empty() { "recordings.svg".into() } else { format!("{stem}.svg") })
}

/// Writes the recordings that a training on a simulated system uses.
pub(crate) fn write(data: &Data) -> Result<(), RunError> {
    let splits = Splits::make(&data.settings()?)?;
    let recordings = RawRecordings::exported(&splits);
    match data.format {
        RecordingFormat::Npz => write_npz(&data.out, &recordings)?,
        RecordingFormat::Csv => write_tables(&data.out, &recordings).map(|_| ())?,
    }
    outln!("{} sequences in {}", recordings.sequences.len(), data.out.display());
    Ok(())
}
