//! Development commands: `check`, `tidy`, `deny`, `bench-peers`; everything else is handed to the release
//! binary.
//!
//! This package links no product code and few libraries, so that it builds in a moment and works on a tree that
//! does not compile.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod bench_peers;
mod check;
mod deny;
mod launch;
mod tidy;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Development commands of the workspace:
  cargo xtask check    tidy, format, lints, features, documentation, tests: what continuous integration runs
  cargo xtask tidy     the rules of the house that the compiler does not know
  cargo xtask deny     licenses and sources of everything that is linked, by deny.toml
  cargo xtask bench-peers [--sizes a,b,c] [--threads N] [--rounds N] [--skip-compile]
                       a training step beside JAX and PyTorch, which it installs below target/

Everything else goes to the release binary, built first: `cargo xtask train ...` is `dvbf train ...`.
";

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match args.first().and_then(|word| word.to_str()) {
        Some(word @ ("check" | "tidy" | "deny")) if args.len() > 1 => {
            eprintln!("error: `cargo xtask {word}` takes no arguments");
            ExitCode::from(2)
        }
        Some("check") => check::run(&root()),
        Some("tidy") => tidy::run(&root()),
        Some("deny") => deny::run(&root()),
        Some("bench-peers") => bench_peers::run(&root(), &args[1..]),
        Some("help" | "--help" | "-h") if args.len() == 1 => {
            println!("{USAGE}");
            // The process may be replaced: nothing may be left in a buffer.
            io::stdout()
                .flush()
                .map_or(ExitCode::FAILURE, |()| launch::run(&root(), &[OsString::from("--help")]))
        }
        None if args.is_empty() => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
        _ => launch::run(&root(), &args),
    }
}

/// The workspace that this package lies in.
fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), PathBuf::from)
}

/// The cargo that runs this package, started in the workspace at `root`.
fn cargo(root: &std::path::Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    command
}
