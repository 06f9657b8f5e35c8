//! What a process asked of the file system, from the words of strace.

use std::collections::BTreeMap;
use std::path::Path;

/// Arguments of strace, up to the file that it writes.
pub(super) const ARGUMENTS: [&str; 8] = ["-f", "-y", "-xx", "-s", "33554432", "-e", CALLS, "-o"];

/// Every call by which a file could change; those that [`read`] does not know make it panic.
const CALLS: &str = "trace=openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,fsync,\
     fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,unlink,unlinkat,mkdir,mkdirat,\
     truncate,ftruncate,fallocate,lseek";

/// A call that changes the file system below a folder; paths are relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    MakeFolder(String),
    /// A file is made if it is not there, and emptied if asked for.
    Open {
        path: String,
        empty: bool,
    },
    /// Bytes, at the end if `at` is nothing.
    Write {
        path: String,
        at: Option<usize>,
        bytes: Bytes,
    },
    Truncate {
        path: String,
        length: usize,
    },
    Sync(String),
    Rename(String, String),
    Remove(String),
}

/// Bytes of a write, of which not much is printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// An open file: its path, where the next bytes go, and whether that is the end.
struct Open {
    path: String,
    at: usize,
    append: bool,
}

/// The calls below `place`, in their order, of the lines that strace wrote.
///
/// # Panics
/// If a call below `place` is of a kind that is not known.
pub(super) fn read(lines: &str, place: &Path) -> Vec<Operation> {
    let mut open = BTreeMap::new();
    let mut operations = Vec::new();
    for call in complete(lines) {
        let Some((name, rest)) = call.split_once('(') else { continue };
        let Some((arguments, result)) = rest.rsplit_once(") = ") else { continue };
        if result.starts_with('-') {
            continue;
        }
        operations.extend(operation((name, arguments, result), place, &mut open));
    }
    operations
}

/// The calls without the process, and those that were interrupted by another thread in one piece.
fn complete(lines: &str) -> Vec<String> {
    let mut begun = BTreeMap::new();
    let mut calls = Vec::new();
    for line in lines.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(process, start.to_owned());
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            let start = begun.remove(process).unwrap_or_default();
            calls.push((start + end.trim_start()).replace("  ", " "));
        } else {
            // The result stands in a column of its own.
            let padded =
                call.rsplit_once(')').map(|(call, end)| format!("{call}){}", squeezed(end)));
            calls.push(padded.unwrap_or_default());
        }
    }
    calls
}

fn squeezed(end: &str) -> String {
    format!(" {}", end.trim_start())
}

/// Bytes that strace wrote as `"\\x2f..."`.
fn bytes(quoted: &str) -> Vec<u8> {
    let digits: Vec<&str> = quoted.trim_matches('"').split("\\x").skip(1).collect();
    digits.iter().map(|pair| u8::from_str_radix(&pair[..2], 16).unwrap()).collect()
}

/// The path below `place` of a quoted name or of a descriptor such as `3<\\x2f>`; nothing elsewhere.
fn below(word: &str, place: &Path) -> Option<String> {
    let inside = word.split_once('<').map_or(word, |(_, path)| path.trim_end_matches('>'));
    let path = String::from_utf8(bytes(inside)).unwrap();
    let path = place.join(path);
    let below = path.strip_prefix(place).ok()?;
    Some(below.display().to_string())
}

fn operation(
    (name, arguments, result): (&str, &str, &str),
    place: &Path,
    open: &mut BTreeMap<String, Open>,
) -> Option<Operation> {
    let words: Vec<&str> = arguments.split(", ").collect();
    let descriptor = |word: &str| word.split('<').next().unwrap_or_default().to_owned();
    let number = |word: &str| word.split_whitespace().next().and_then(|n| n.parse::<usize>().ok());
    match name {
        "openat" => {
            let path = below(words[1], place)?;
            let (append, empty) = (words[2].contains("O_APPEND"), words[2].contains("O_TRUNC"));
            open.insert(descriptor(result), Open { path: path.clone(), at: 0, append });
            words[2].contains("O_CREAT").then_some(Operation::Open { path, empty })
        }
        "write" => {
            let path = below(words[0], place)?;
            let file = open.get_mut(&descriptor(words[0])).expect("it was opened");
            assert_eq!(file.path, path, "{name}({arguments})");
            let mut bytes = bytes(words[1]);
            bytes.truncate(number(result).unwrap());
            let at = (!file.append).then_some(file.at);
            file.at += bytes.len();
            Some(Operation::Write { path, at, bytes: Bytes(bytes) })
        }
        "lseek" => {
            below(words[0], place)?;
            let file = open.get_mut(&descriptor(words[0])).expect("it was opened");
            file.at = number(result).unwrap();
            None
        }
        "ftruncate" => {
            let path = below(words[0], place)?;
            Some(Operation::Truncate { path, length: number(words[1]).unwrap() })
        }
        "fsync" => Some(Operation::Sync(below(words[0], place)?)),
        "rename" => {
            let paths = below(words[0], place).zip(below(words[1], place))?;
            Some(Operation::Rename(paths.0, paths.1))
        }
        "mkdir" => Some(Operation::MakeFolder(below(words[0], place)?)),
        "unlink" => Some(Operation::Remove(below(words[0], place)?)),
        _ => {
            let touches =
                words.iter().any(|word| word.contains("\\x") && below(word, place).is_some());
            assert!(
                !touches,
                "a call that the model of the disk does not know: {name}({arguments})"
            );
            None
        }
    }
}
