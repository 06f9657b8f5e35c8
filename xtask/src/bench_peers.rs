//! Times a training step beside JAX and PyTorch: same model, same cores, same minute.
//!
//! Every system runs in a process of its own that is set up once and then measures when it is its
//! turn; in a round each has one turn, so that a change of clock or load meets all of them.

mod contestant;
mod options;
mod table;
mod venv;

use contestant::{Contestant, Reading};
use options::Options;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Where the scripts of the other systems lie.
const SCRIPTS: &str = "benches/peers";
const PACKAGE: &str = "dvbf-benches";
const BINARY: &str = "time-step";
/// What needs a compiler of C++ on top of its packages.
const COMPILED: &str = "torch.compile";

/// A system with all of its readings.
struct Entry {
    name: &'static str,
    readings: Vec<Reading>,
}

/// Runs the comparison with the arguments behind `bench-peers`.
pub(crate) fn run(root: &Path, args: &[OsString]) -> ExitCode {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    match compare(root, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn compare(root: &Path, options: &Options) -> Result<(), String> {
    let python = venv::python(root)?;
    let ours = crate::launch::build(root, PACKAGE, BINARY)?;
    let cores = contestant::cores(options.threads);
    match &cores {
        Some(cores) => eprintln!("bench-peers: pinned to core {cores}"),
        None => eprintln!("bench-peers: not pinned: there is no taskset"),
    }
    let script = |name: &str| root.join(SCRIPTS).join(name).into_os_string();
    let mut rows = Vec::new();
    for size in &options.sizes {
        let mut commands: Vec<(&'static str, Vec<OsString>)> = vec![
            ("dvbf", vec![ours.clone().into()]),
            ("JAX", vec![python.clone().into(), script("jax_step.py")]),
            ("PyTorch eager", vec![python.clone().into(), script("torch_step.py")]),
        ];
        if !options.skip_compile {
            let compile = ["--mode", "compile"].map(OsString::from);
            let mut command = vec![python.clone().into(), script("torch_step.py")];
            command.extend(compile);
            commands.push((COMPILED, command));
        }
        let mut running = Vec::new();
        for (name, command) in commands {
            eprintln!("bench-peers: size {size}: setting up {name} ...");
            let started =
                Contestant::start(root, &command, size, options.threads, cores.as_deref())
                    .and_then(|mut started| started.wait_ready().map(|()| started))
                    .map_err(|message| format!("{name}, size {size}: {message}"))
                    .map_err(|message| match name {
                        COMPILED => message + "; --skip-compile leaves it out",
                        _ => message,
                    })?;
            running.push((started, Entry { name, readings: Vec::new() }));
        }
        for round in 1..=options.rounds {
            eprintln!("bench-peers: size {size}: round {round} of {}", options.rounds);
            for (contestant, entry) in &mut running {
                let reading = contestant
                    .turn()
                    .map_err(|message| format!("{}, size {size}: {message}", entry.name))?;
                entry.readings.push(reading);
            }
        }
        rows.push((size.as_str(), running.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>()));
    }
    print!("{}", table::text(&rows, options.threads));
    Ok(())
}
