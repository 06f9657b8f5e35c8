//! Files that are either the old ones or the new ones, whenever a process ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file from `parts`: to a scratch file beside it, which is synced and takes its place; then
/// the folder is synced. Whatever happens meanwhile, the file holds what it held or all of the new.
///
/// # Errors
/// If the system refuses, or `path` is something else than a file; the old file is then intact, and no
/// scratch file stays.
pub fn replace_file(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    replace_file_with(path, |file| parts.iter().try_for_each(|part| file.write_all(part)))
}

/// [`replace_file`] with what `write` writes.
///
/// # Errors
/// As [`replace_file`], or if `write` fails.
pub fn replace_file_with<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    // A device or a pipe would be replaced by a file of its name.
    if fs::metadata(path).is_ok_and(|what| !what.is_file()) {
        return Err(io::Error::other("is no regular file").into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let scratch = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = write_synced(&scratch, write).and_then(|()| {
        fs::rename(&scratch, path)?;
        Ok(sync_folder(path)?)
    });
    if written.is_err() {
        // The scratch file is useless now; that it may stay behind is the lesser error.
        let _ = fs::remove_file(&scratch);
    }
    written
}

/// Makes a folder, with those above it that are missing, so that no loss of power takes it away again.
///
/// # Errors
/// If the system refuses, or something else has its name.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let new: Vec<&Path> = path.ancestors().take_while(missing).collect();
    fs::create_dir_all(path)?;
    new.into_iter().try_for_each(sync_folder)
}

/// Appends to a file, which is made if it is not there. What is appended is durable after a sync of the file; that
/// there is a file is durable at once.
///
/// # Errors
/// If the system refuses.
pub fn append_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    match options.append(true).open(path) {
        Ok(mut file) => file.write_all(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut file = options.create(true).open(path)?;
            sync_folder(path)?;
            file.write_all(content)
        }
        Err(error) => Err(error),
    }
}

/// Removes the scratch files that processes left behind in `folder` when they were killed.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_scratch_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_scratch(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a name is `.<name>.<process>.tmp`.
fn is_scratch(name: &str) -> bool {
    let middle = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp"));
    let process = middle.and_then(|middle| middle.rsplit_once('.')).map(|(_, process)| process);
    process.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

fn write_synced<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    write(&mut file)?;
    Ok(file.sync_all()?)
}

/// Makes the entry of a file or folder in the folder above it durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::is_scratch;

    #[test]
    fn only_scratch_files_are_scratch_files() {
        for name in [".best.dvbf.17.tmp", ".metrics.jsonl.123456.tmp"] {
            assert!(is_scratch(name), "{name}");
        }
        for name in ["best.dvbf", ".tmp", ".17.tmp", "a.17.tmp", ".a.tmp", ".a.b.tmp", ".a.1.bak"] {
            assert!(!is_scratch(name), "{name}");
        }
    }
}
