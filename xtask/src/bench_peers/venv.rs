//! Virtual environments of the other systems, below `target/`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Interpreters to look for.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// An environment below `target/` and the file of what is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Venv {
    folder: &'static str,
    requirements: &'static str,
    /// What an installation takes.
    size: &'static str,
}

/// Of networks.
pub(super) const NETWORKS: Venv = Venv {
    folder: "peers-venv",
    requirements: "benches/peers/requirements.txt",
    size: "several GB",
};
/// Of Kalman filters.
pub(super) const FILTERS: Venv = Venv {
    folder: "filter-peers-venv",
    requirements: "benches/peers/filters-requirements.txt",
    size: "1 GB",
};

/// The interpreter of an environment, which is made first if it is missing or outdated.
pub(super) fn python(root: &Path, venv: Venv) -> Result<PathBuf, String> {
    let Venv { folder, requirements: name, size } = venv;
    let dir = root.join("target").join(folder);
    let requirements = root.join(name);
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| format!("{name} cannot be read: {error}"))?;
    let place = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let (python, stamp) = (dir.join(place), dir.join("installed.txt"));
    // Written last: an installation that was interrupted is done again.
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("bench-peers: installing {name} into target/{folder} ({size}) ...");
    create(&dir)?;
    let installed = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("pip could not be started: {error}"))?;
    if !installed.success() {
        return Err(format!("the packages of {name} could not be installed ({installed})"));
    }
    fs::write(&stamp, wanted)
        .map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    Ok(python)
}

fn create(dir: &Path) -> Result<(), String> {
    for python in PYTHONS {
        let mut command = Command::new(python);
        command.args(["-m", "venv"]).arg(dir).stdin(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => {
                return Err(format!(
                    "`{python} -m venv` failed ({status}); the comparison needs Python 3 with venv"
                ));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{python} could not be started: {error}")),
        }
    }
    Err("there is no python3; the comparison needs Python 3 with venv".to_owned())
}
