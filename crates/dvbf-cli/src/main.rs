//! The `dvbf` command.

mod args;
mod interrupt;
mod progress;
mod tables;

use args::{Arguments, Command};
use clap::Parser;
use dvbf::run::{Outcome, RunError};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Train(train) => match run_train(&train) {
            Ok(code) => code,
            Err(error) => fail(&error.to_string()),
        },
    }
}

/// Prints why the command failed.
fn fail(message: &str) -> ExitCode {
    progress::error_line(message);
    ExitCode::FAILURE
}

fn run_train(train: &args::Train) -> Result<ExitCode, RunError> {
    let request = train.request()?;
    interrupt::install();
    let mut watcher = progress::Watcher::new(train.quiet || train.json);
    let outcome = dvbf::run::train(&request, &mut watcher);
    watcher.finish();
    match outcome? {
        Outcome::Stopped(step) => {
            let folder = request.folder.display();
            progress::error_line(&format!(
                "stopped at update {step}; continue with: dvbf train {} --out {folder} --resume",
                train.environment
            ));
            Ok(ExitCode::from(130))
        }
        Outcome::Finished(finished) => {
            tables::print(&finished, train.json, train.quiet);
            Ok(train.requirements(&finished.summary))
        }
    }
}
