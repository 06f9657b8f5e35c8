//! The `dvbf` command.

mod align;
mod apply;
mod args;
mod calibrate;
mod compare;
mod empower;
mod inspect;
mod interrupt;
mod progress;
mod recordings;
mod require;
mod score;
mod source;
mod sweep;
mod tables;
mod terminal;
mod train;

use args::{Arguments, Command};
use clap::Parser;
use dvbf::export::ExportError;
use dvbf::pool::Pool;
use dvbf::report::ReportError;
use dvbf::run::{Outcome, RunError, RunFolder};
use std::path::Path;
use std::process::ExitCode;
use terminal::noteln;

fn main() -> ExitCode {
    terminal::ended(run(Arguments::parse().command))
}

fn run(command: Command) -> ExitCode {
    match command {
        Command::Train(train) => run_train(&train).unwrap_or_else(|e| fail(&e.to_string())),
        Command::Inspect(inspect) => {
            inspect::run(&inspect).unwrap_or_else(|e| fail(&e.to_string()))
        }
        Command::Data(data) => done(recordings::write(&data)),
        Command::Compare(compare) => {
            compare::run(&compare).unwrap_or_else(|e| fail(&e.to_string()))
        }
        Command::Sweep(sweep) => sweep::run(&sweep).unwrap_or_else(|e| fail(&e.to_string())),
        Command::Filter(filter) => done(apply::run_filter(&filter)),
        Command::Simulate(simulate) => done(apply::run_simulate(&simulate)),
        Command::Align(arguments) => done(align::run(&arguments)),
        Command::Calibrate(arguments) => done(calibrate::run(&arguments)),
        Command::Eval(eval) => done(run_eval(&eval)),
        Command::Score(arguments) => done(score::run(&arguments)),
        Command::Report(report) => run_report(&report).unwrap_or_else(|e| fail(&e.to_string())),
        Command::Empower(empower) => done(empower::run(&empower)),
        Command::Export(export) => run_export(&export).unwrap_or_else(|e| fail(&e.to_string())),
    }
}

fn done<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    result.map_or_else(|e| fail(&e.to_string()), |()| ExitCode::SUCCESS)
}

/// Prints why the command failed.
fn fail(message: &str) -> ExitCode {
    terminal::error_line(message);
    ExitCode::FAILURE
}

fn run_train(train: &train::Train) -> Result<ExitCode, RunError> {
    let request = train.request()?;
    let continuation =
        format!("dvbf train{} --out {} --resume", train.subject(), quoted(&request.folder));
    interrupt::install_for_run(continuation.clone());
    let mut watcher = progress::Watcher::new(train.quiet || train.json, &train.stop_when);
    watcher.announce(&request);
    let outcome = dvbf::run::train(&request, &mut watcher);
    watcher.finish();
    match outcome? {
        Outcome::Stopped(step) => {
            terminal::error_line(&format!(
                "stopped at update {step}; continue with: {continuation}"
            ));
            Ok(ExitCode::from(interrupt::INTERRUPTED))
        }
        Outcome::Finished(finished) => {
            tables::print(&finished, train.json, train.quiet);
            let reached = train.requirements(&finished.summary);
            Ok(finished.report.as_ref().map_or_else(|e| fail(&e.to_string()), |_| reached))
        }
    }
}

/// Says what a command does with a run that is being written.
fn say_if_running(run: &Path, what: &str) {
    if let Some(writer) = RunFolder::open(run).ok().and_then(|folder| folder.writer()) {
        noteln!("{} is being trained by {writer}: {what}", run.display());
    }
}

fn run_report(report: &args::Report) -> Result<ExitCode, ReportError> {
    let pool = Pool::new(report.threads)?;
    say_if_running(&report.run, "it writes its page when it ends");
    tables::paths(&dvbf::report::report(&report.run, &report.data, &pool)?);
    Ok(ExitCode::SUCCESS)
}

fn run_eval(eval: &apply::Eval) -> Result<(), RunError> {
    let pool = Pool::new(eval.threads)?;
    say_if_running(&eval.run, "the figures are those of its best model so far");
    let (summary, settings) = dvbf::run::evaluate(&eval.run, &eval.data, &pool)?;
    tables::figures(&summary, &settings, eval.json);
    Ok(())
}

fn run_export(export: &args::Export) -> Result<ExitCode, ExportError> {
    let write = match export.format {
        args::Format::Safetensors => dvbf::export::safetensors,
        args::Format::Embedded => dvbf::export::embedded,
    };
    tables::path(&write(&export.run, export.out.as_deref())?);
    Ok(ExitCode::SUCCESS)
}

/// A path as an argument in a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_survives_a_shell() {
        let cases = [("runs/a-1", "runs/a-1"), ("my runs", "'my runs'"), ("it's", r"'it'\''s'")];
        for (path, expected) in cases {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
