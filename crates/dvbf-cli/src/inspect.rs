//! `dvbf inspect`: what is in recordings, and what would be done with them.

use crate::apply::counted;
use crate::args::Inspect;
use crate::source::{Chosen, Held};
use crate::terminal::{error_line, outln};
use dvbf::data::{
    ChannelFigures, ColumnFacts, Guess, RawRecordings, RecordingError, Splits, describe, facts,
    find_files, guess_columns, has_columns,
};
use dvbf::report::preview;
use dvbf::run::{FolderError, RunError};
use dvbf::settings::{RecordingsSettings, Settings, preset_for};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Inspection {
    /// Columns of a table whose roles are guessed.
    columns: Option<Vec<ColumnFacts>>,
    channels: Vec<ChannelFigures>,
    recordings: Vec<String>,
    training: Vec<String>,
    /// The command that trains on them.
    command: Option<String>,
    /// Why they cannot be trained on.
    problem: Option<String>,
    picture: String,
}

/// Prints what is in recordings and what would be done with them, and draws the first sequences.
///
/// Recordings that cannot be learned from are shown all the same, and the exit status says so.
pub(crate) fn run(inspect: &Inspect) -> Result<ExitCode, RunError> {
    let out = inspect.out.clone().unwrap_or_else(|| named(&inspect.data[0]));
    let files = find_files(&inspect.data)?;
    let same = |file: &PathBuf| {
        out.canonicalize().is_ok_and(|out| file.canonicalize().is_ok_and(|file| file == out))
    };
    if let Some(file) = files.iter().find(|file| same(file)) {
        let problem = "is one of the recordings; draw to another file with --out".into();
        return Err(RecordingError::File { path: file.clone(), problem }.into());
    }
    let (chosen, columns, recordings) = read(inspect, &files)?;
    let source = chosen.source(&recordings, &inspect.data, &Held::default());
    let learned = preset_for("auto", &recordings, source, &[]).and_then(|settings| {
        Splits::recorded(&recordings, &settings).map(|splits| (settings, splits.notes))
    });
    let picture = preview(&recordings);
    std::fs::write(&out, picture)
        .map_err(|source| RunError::Folder(FolderError::Io { path: out.clone(), source }))?;
    let quoted = inspect.data.iter().map(|file| crate::quoted(Path::new(file)));
    let quoted: Vec<String> = quoted.collect();
    let command = format!("dvbf train --data {}{}", quoted.join(" "), chosen.arguments());
    let inspection = Inspection {
        columns,
        channels: describe(&recordings),
        recordings: match &learned {
            Ok((_, notes)) => notes.iter().flatten().cloned().collect(),
            Err(_) => facts(&recordings),
        },
        training: learned.as_ref().map_or_else(|_| Vec::new(), |(settings, _)| plan(settings)),
        command: learned.is_ok().then_some(command),
        problem: learned.as_ref().err().map(ToString::to_string),
        picture: out.display().to_string(),
    };
    if inspect.json {
        outln!("{}", serde_json::to_string_pretty(&inspection).unwrap_or_default());
    } else {
        print(&inspection);
    }
    Ok(match &inspection.problem {
        None => ExitCode::SUCCESS,
        Some(problem) => {
            error_line(&format!("these recordings cannot be trained on: {problem}"));
            ExitCode::FAILURE
        }
    })
}

/// Reads the recordings; where nobody chose columns and their names do not say what they are, by what they
/// probably are.
fn read(
    inspect: &Inspect,
    files: &[PathBuf],
) -> Result<(Chosen, Option<Vec<ColumnFacts>>, RawRecordings), RunError> {
    let error = match inspect.columns.paced(&inspect.data, &Held::default(), true) {
        Ok((columns, recordings)) => return Ok((columns, None, recordings)),
        Err(error) => error,
    };
    if inspect.columns.columns().has_channels() || !has_columns(files) {
        return Err(error.into());
    }
    let Ok(columns) = guess_columns(&files[0]) else { return Err(error.into()) };
    let chosen = inspect.columns.guessed(&columns);
    match chosen.paced(&inspect.data, &Held::default(), true) {
        Ok((chosen, recordings)) => Ok((chosen, Some(columns), recordings)),
        Err(_) => Err(error.into()),
    }
}

fn print(inspection: &Inspection) {
    if let Some(columns) = &inspection.columns {
        outln!("Column                    kind         range                missing  probably");
        for column in columns {
            let range = column
                .range
                .map_or_else(|| "–".into(), |(low, high)| format!("{low:.4} to {high:.4}"));
            let role = match column.role {
                Guess::Time => "time stamps",
                Guess::Episode => "episode",
                Guess::Input => "input",
                Guess::Output => "output",
                Guess::Unused => "not used",
            };
            outln!(
                "  {:<24}{:<8} {:<24} {:>5.1} %  {role}",
                column.name,
                column.kind,
                range,
                100.0 * column.missing
            );
        }
        outln!("");
    }
    outln!("Channel                              mean         std   missing     noise");
    for ChannelFigures { name, mean, std, missing, noise } in &inspection.channels {
        let number = |value: f64| match value.abs() {
            0.0 => "0".to_owned(),
            size if (1e-3..1e6).contains(&size) => format!("{value:.4}"),
            _ => format!("{value:.3e}"),
        };
        outln!(
            "  {name:<26} {:>12} {:>11} {:>7.1} % {:>7.1} %",
            number(*mean),
            number(*std),
            100.0 * missing,
            100.0 * noise
        );
    }
    outln!("  noise: estimated from differences between steps, in percent of the channel's std");
    outln!("\nRecordings");
    inspection.recordings.iter().for_each(|line| outln!("  {line}"));
    if let Some(command) = &inspection.command {
        outln!("\nTraining");
        inspection.training.iter().for_each(|line| outln!("  {line}"));
        outln!("  {command}");
    }
    outln!("\npicture  {}", inspection.picture);
}

/// What `dvbf train` would do.
fn plan(settings: &Settings) -> Vec<String> {
    let Settings { data, model, training, evaluation, .. } = settings;
    let start = if training.linear_start {
        "starts from the linear model that predicts the validation part best"
    } else {
        "starts from drawn networks"
    };
    let mut plan = vec![
        format!(
            "{} of at most {} steps, {} updates of {} of {} steps",
            counted(data.train, "segment"),
            data.steps,
            training.steps,
            counted(training.batch, "window"),
            training.window
        ),
        format!(
            "latent state of {} dimensions, transition {}; {start}",
            model.state, model.transition.kind
        ),
        format!(
            "prediction: {} steps are filtered, then {} are predicted",
            evaluation.filtered,
            data.long_steps - evaluation.filtered
        ),
    ];
    plan.extend(settings.recordings.as_ref().into_iter().flat_map(reasons));
    if training.linear_start {
        let horizons: Vec<String> = evaluation.horizons.iter().map(ToString::to_string).collect();
        plan.push(format!(
            "kept is what predicts the validation part best over {} steps beside linear models, or the best of \
             these; the noise of every sensor is learned, from what that one leaves",
            horizons.join(", ")
        ));
    }
    plan
}

/// Why recordings are taken as they are.
fn reasons(source: &RecordingsSettings) -> Vec<String> {
    let mut out = Vec::new();
    if source.every > 1 {
        out.push(format!(
            "{} steps become one: straight lines between such means show all but noise (--every 1 takes every step)",
            source.every
        ));
    }
    for (name, turn) in &source.angles {
        out.push(format!(
            "{name} is an angle with a turn of {turn:.6}: its sine and cosine tell how it changes, and what is \
             learned is the same in every turn (--set 'recordings.angles={{}}' if it is none)"
        ));
    }
    for name in &source.levels {
        out.push(format!(
            "{name} is a level: no change depends on its value, so what is learned is the same at every value \
             (--set 'recordings.levels=[]' if it is none)"
        ));
    }
    out
}

/// A picture in the current folder named after the recordings.
fn named(file: &str) -> PathBuf {
    let plain = |c: &char| c.is_alphanumeric() || "._-".contains(*c);
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem.chars().filter(plain).collect();
    PathBuf::from(if stem.is_empty() { "recordings.svg".into() } else { format!("{stem}.svg") })
}
