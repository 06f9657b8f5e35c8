//! Builds release binaries; becomes that of the command.
//!
//! A terminal sends Ctrl-C to the whole foreground group. A parent that waits would die of it
//! before the binary has saved its checkpoint, and lose its exit status. So on Unix the process is
//! *replaced* by the binary: signals reach it alone and its status is the status of the command.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PACKAGE: &str = "dvbf-cli";
const BINARY: &str = "dvbf";
/// A build that is done sooner is not worth a line.
const PATIENCE: Duration = Duration::from_millis(800);

/// Hands `args` to the release binary. Returns only where the binary could not take over.
pub(crate) fn run(root: &Path, args: &[OsString]) -> ExitCode {
    match build(root, PACKAGE, BINARY) {
        Ok(binary) => become_binary(Command::new(binary).args(args)),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Builds `binary` of `package` in release mode and says where it is.
pub(crate) fn build(root: &Path, package: &str, binary: &str) -> Result<PathBuf, String> {
    let mut command = crate::cargo(root);
    command.args(["build", "--quiet", "--release", "--package", package, "--bin", binary]);
    built(command, package, binary)
}

/// Builds `binary` of a project outside the workspace as its lock file says, below `target/`, and
/// says where it is.
pub(crate) fn build_project(root: &Path, project: &Path, binary: &str) -> Result<PathBuf, String> {
    let mut command = crate::cargo(root);
    command.args(["build", "--quiet", "--release", "--locked", "--bin", binary]);
    command.arg("--manifest-path").arg(project.join("Cargo.toml"));
    command.arg("--target-dir").arg(root.join("target").join(binary));
    built(command, &project.display().to_string(), binary)
}

/// Runs a build and says where its binary is.
fn built(mut command: Command, package: &str, binary: &str) -> Result<PathBuf, String> {
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    let mut stdout = child.stdout.take().ok_or("cargo has no output")?;
    let reader = thread::spawn(move || {
        let mut messages = String::new();
        stdout.read_to_string(&mut messages).map(|_| messages)
    });
    let status =
        wait(&mut child).map_err(|error| format!("cargo could not be awaited: {error}"))?;
    if !status.success() {
        return Err(format!("the release binary does not build ({status})"));
    }
    let messages = reader.join().map_err(|_| "the reader of cargo's messages panicked")?;
    let messages = messages.map_err(|error| format!("cargo's messages: {error}"))?;
    messages
        .lines()
        .find_map(executable)
        .ok_or_else(|| format!("cargo built {package} but named no executable {binary}"))
}

/// Waits for a build and says once that it takes.
fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > PATIENCE {
            eprintln!("building the release binary ...");
            return child.wait();
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The path in a build message of cargo about an executable.
fn executable(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    let mut path = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(PathBuf::from(path)),
            '\\' => match chars.next()? {
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    path.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                escaped => path.push(escaped),
            },
            plain => path.push(plain),
        }
    }
}

#[cfg(unix)]
fn become_binary(command: &mut Command) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    eprintln!("error: the release binary could not be started: {error}");
    ExitCode::FAILURE
}

#[cfg(not(unix))]
fn become_binary(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => {
            eprintln!("error: the release binary could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::executable;
    use std::path::PathBuf;

    #[test]
    fn the_executable_is_read_from_cargos_message() {
        let path = |message| executable(message).map(|path| path.display().to_string());
        let message =
            r#"{"reason":"compiler-artifact","executable":"C:\\a \"b\"\\dvbf.exe","fresh":true}"#;
        assert_eq!(path(message).as_deref(), Some(r#"C:\a "b"\dvbf.exe"#));
        let escaped = "{\"executable\":\"a\\u0062\"}";
        assert_eq!(executable(escaped), Some(PathBuf::from("ab")));
        assert_eq!(path(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(path(r#"{"executable":"cut off"#), None);
    }
}
