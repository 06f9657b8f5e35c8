//! Who writes a run folder: one process at a time.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is locked. It stays when its process ends, for a lock on a file that is removed protects
/// nobody.
const LOCK: &str = ".lock";

/// A process that writes a run folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Its number.
    pub process: u32,
    /// The host on which it runs.
    pub host: String,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

impl Writer {
    /// This process.
    fn this() -> Self {
        let name = gethostname::gethostname().to_string_lossy().into_owned();
        Self {
            process: std::process::id(),
            host: name.chars().filter(|c| !c.is_control()).collect(),
        }
    }

    /// Whether the process is known to have ended: it was of this host, which has none of its number.
    fn is_gone(&self) -> bool {
        let own = Self::this();
        let processes = Path::new("/proc");
        self.host == own.host
            && (self.process == own.process
                || (processes.join("self").exists()
                    && !processes.join(self.process.to_string()).exists()))
    }
}

/// Why a lock was not given.
#[derive(Debug)]
pub(super) enum LockError {
    /// Somebody has it.
    Held(String),
    /// The system refused.
    Io { path: PathBuf, source: io::Error },
}

/// The right to write a run folder, as long as it lives.
///
/// It is an advisory lock of the operating system on the file `.lock` of the folder, in which process and host
/// of its owner stand. The system releases it when the process ends, however it ends. Where a file system has
/// no locks, what stands in the file counts, unless that process is gone from this host.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// If another process has it, or the system refuses.
    ///
    /// # Panics
    /// Never: a writer is plain data.
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK);
        let failed = |source: io::Error| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        let running = |file: &mut File| {
            let writer = read(file);
            LockError::Held(writer.map_or_else(|| "another process".into(), |w| w.to_string()))
        };
        match lock(&file) {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Err(running(&mut file)),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
                if read(&mut file).is_some_and(|writer| !writer.is_gone()) {
                    return Err(running(&mut file));
                }
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let text = serde_json::to_string(&Writer::this()).expect("a writer is plain data");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // What stands in the file is for messages; the lock itself ends with the file.
        let _ = self.file.set_len(0);
    }
}

/// The process that writes a folder now; nothing if there is none, or nobody can say.
pub(super) fn writer(folder: &Path) -> Option<Writer> {
    let mut file = File::open(folder.join(LOCK)).ok()?;
    match file.try_lock_shared() {
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => {
            let unknown = || Writer { process: 0, host: "an unknown host".into() };
            Some(read(&mut file).unwrap_or_else(unknown))
        }
        Err(TryLockError::Error(_)) => read(&mut file).filter(|writer| !writer.is_gone()),
    }
}

/// Tries for a moment: whoever asks for the writer has the lock for that long.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..9 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    file.try_lock()
}

fn read(file: &mut File) -> Option<Writer> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_dead_hold_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(writer(folder.path()), None);
        let first = RunLock::take(folder.path()).unwrap();
        let error = format!("{:?}", RunLock::take(folder.path()).unwrap_err());
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(writer(folder.path()), Some(Writer::this()));
        drop(first);
        assert_eq!(writer(folder.path()), None);
        // What a killed process left behind.
        for rest in [r#"{"process":1,"host":"elsewhere"}"#, "{\"process\":", ""] {
            std::fs::write(folder.path().join(LOCK), rest).unwrap();
            assert_eq!(writer(folder.path()), None);
            drop(RunLock::take(folder.path()).unwrap());
        }
    }

    #[test]
    fn only_processes_of_this_host_are_known_to_be_gone() {
        let own = Writer::this();
        assert!(!Writer { host: "elsewhere".into(), process: u32::MAX }.is_gone());
        if Path::new("/proc/self").exists() {
            assert!(Writer { process: u32::MAX, ..own.clone() }.is_gone());
            assert!(!Writer { process: 1, ..own }.is_gone());
        }
    }
}
