//! Times a training step beside JAX and PyTorch, held empowerment and the simulator beside JAX, and
//! Kalman filters beside those of other packages: same model, same cores, same minute.
//!
//! Every system runs in a process of its own that is set up once and then measures when it is its
//! turn; in a round each has one turn, so that a change of clock or load meets all of them.

mod contestant;
mod options;
mod table;
mod venv;

use contestant::{Contestant, Reading};
use options::{FILTERS, HELD, Options, SIMULATOR};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Where the scripts of the other systems lie.
const SCRIPTS: &str = "benches/peers";
const PACKAGE: &str = "dvbf-benches";
const BINARY: &str = "time-step";
const HELD_BINARY: &str = "time-empowerment";
const SIMULATOR_BINARY: &str = "time-simulator";
const FILTER_BINARY: &str = "time-filter";
/// A project of its own with the filters of other crates.
const FILTER_CRATES: &str = "kalman";
/// How far two means of the same may be apart, relative to the first.
const AGREEMENT: f64 = 1e-4;
/// The same of filters, which work in double precision; `dynamax` adds `1e-9` to variances of
/// observations.
const FILTER_AGREEMENT: f64 = 4e-9;
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
    let cores = contestant::cores(options.threads);
    match &cores {
        Some(cores) => eprintln!("bench-peers: pinned to core {cores}"),
        None => eprintln!("bench-peers: not pinned: there is no taskset"),
    }
    let mut rows = Vec::new();
    for size in &options.sizes {
        let commands = commands(root, size, options.skip_compile)?;
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
        agree(size, &running).map_err(|message| format!("size {size}: {message}"))?;
        rows.push((size.as_str(), running.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>()));
    }
    print!("{}", table::text(&rows, options.threads));
    Ok(())
}

/// The systems that are compared at a size, ours first.
fn commands(
    root: &Path,
    size: &str,
    skip_compile: bool,
) -> Result<Vec<(&'static str, Vec<OsString>)>, String> {
    if FILTERS.contains(&size) {
        return filters(root);
    }
    let python = &venv::python(root, venv::NETWORKS)?;
    let script = |name: &str| vec![python.into(), root.join(SCRIPTS).join(name).into_os_string()];
    if size == HELD {
        let ours = crate::launch::build(root, PACKAGE, HELD_BINARY)?;
        return Ok(vec![("dvbf", vec![ours.into()]), ("JAX", script("jax_empowerment.py"))]);
    }
    if SIMULATOR.contains(&size) {
        let ours = crate::launch::build(root, PACKAGE, SIMULATOR_BINARY)?;
        return Ok(vec![("dvbf", vec![ours.into()]), ("JAX", script("jax_simulator.py"))]);
    }
    let ours = crate::launch::build(root, PACKAGE, BINARY)?;
    let mut commands = vec![
        ("dvbf", vec![ours.into()]),
        ("JAX", script("jax_step.py")),
        ("PyTorch eager", script("torch_step.py")),
    ];
    if !skip_compile {
        let mut command = script("torch_step.py");
        command.extend(["--mode", "compile"].map(OsString::from));
        commands.push((COMPILED, command));
    }
    Ok(commands)
}

/// Kalman filters: ours in its forms, those of other crates, those of Python packages.
fn filters(root: &Path) -> Result<Vec<(&'static str, Vec<OsString>)>, String> {
    let python = venv::python(root, venv::FILTERS)?;
    let ours = crate::launch::build(root, PACKAGE, FILTER_BINARY)?;
    let project = root.join(SCRIPTS).join(FILTER_CRATES);
    let crates = crate::launch::build_project(root, &project, "kalman-peers")?;
    let script = root.join(SCRIPTS).join("filters.py");
    let words = |words: &[&std::ffi::OsStr]| words.iter().map(Into::into).collect::<Vec<_>>();
    let form = |form: &str| words(&[ours.as_ref(), "--form".as_ref(), form.as_ref()]);
    let other = |name: &str| words(&[crates.as_ref(), name.as_ref()]);
    let package = |name: &str| words(&[python.as_ref(), script.as_ref(), name.as_ref()]);
    Ok(vec![
        ("dvbf", form("covariance")),
        ("dvbf, dynamic", form("dynamic")),
        ("dvbf, root", form("root")),
        ("adskalman", other("adskalman")),
        ("kfilter", other("kfilter")),
        ("filterpy", package("filterpy")),
        ("dynamax, jit", package("dynamax")),
    ])
}

/// An error if two systems that should compute the same do not.
fn agree(size: &str, running: &[(Contestant, Entry)]) -> Result<(), String> {
    let agreement = if FILTERS.contains(&size) { FILTER_AGREEMENT } else { AGREEMENT };
    let mut means = running.iter().flat_map(|(_, entry)| {
        entry.readings.iter().filter_map(|reading| Some((entry.name, reading.mean?)))
    });
    let Some((first, mean)) = means.next() else { return Ok(()) };
    match means.find(|(_, other)| (other - mean).abs() > agreement * mean.abs()) {
        Some((name, other)) => {
            Err(format!("{first} and {name} compute something else: {mean} and {other}"))
        }
        None => Ok(()),
    }
}
