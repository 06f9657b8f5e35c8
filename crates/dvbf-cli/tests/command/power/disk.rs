//! A model of a file system: what it promises is what was synced, and nothing else.
//!
//! A write that was not synced may be lost, also where a later one of the same file is kept; then zeros stand in
//! its place. An entry of a folder that was not synced may be lost, also where a later one is kept. A rename happens
//! as a whole or not at all.

use super::trace::Operation;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

fn change(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, bytes) => {
            let end = at + bytes.len();
            content.resize(content.len().max(end), 0);
            content[*at..end].copy_from_slice(bytes);
        }
        Change::Truncate(length) => content.resize(*length, 0),
    }
}

/// The content of a file: what is durable, and what came after.
#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Content {
    fn with(&self, mut keeps: impl FnMut() -> bool) -> Vec<u8> {
        let mut content = self.durable.clone();
        for pending in self.pending.iter().filter(|_| keeps()) {
            change(&mut content, pending);
        }
        content
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

/// A change of names in one folder: what goes, and what comes.
#[derive(Clone, Debug)]
struct Entry {
    folder: String,
    gone: Option<String>,
    new: Option<(String, Node)>,
}

fn enter(names: &mut BTreeMap<String, Node>, entry: &Entry) {
    if let Some(gone) = &entry.gone {
        names.remove(gone);
    }
    if let Some((name, node)) = &entry.new {
        names.insert(name.clone(), *node);
    }
}

/// The file system below a folder.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<Content>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Entry>,
}

/// What is left after a loss.
#[derive(Debug)]
pub(super) struct Left {
    folders: BTreeSet<String>,
    files: BTreeMap<String, Vec<u8>>,
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

impl Disk {
    fn names(&self) -> BTreeMap<String, Node> {
        let mut names = self.durable.clone();
        for entry in &self.pending {
            enter(&mut names, entry);
        }
        names
    }

    fn entry(&mut self, path: &str, gone: Option<String>, new: Option<(String, Node)>) {
        self.pending.push(Entry { folder: folder_of(path), gone, new });
    }

    fn content(&mut self, path: &str) -> &mut Content {
        let Some(Node::File(number)) = self.names().get(path).copied() else {
            panic!("{path} is no file")
        };
        &mut self.files[number]
    }

    /// A call that succeeded.
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::MakeFolder(path) => {
                self.entry(path, None, Some((path.clone(), Node::Folder)));
            }
            Operation::Open { path, empty } => {
                if !self.names().contains_key(path) {
                    self.files.push(Content::default());
                    let node = Node::File(self.files.len() - 1);
                    self.entry(path, None, Some((path.clone(), node)));
                } else if *empty {
                    self.content(path).pending.push(Change::Truncate(0));
                }
            }
            Operation::Write { path, at, bytes } => {
                let content = self.content(path);
                let at = at.unwrap_or_else(|| content.with(|| true).len());
                content.pending.push(Change::Write(at, bytes.0.clone()));
            }
            Operation::Truncate { path, length } => {
                self.content(path).pending.push(Change::Truncate(*length));
            }
            Operation::Rename(from, to) => {
                assert_eq!(folder_of(from), folder_of(to), "within a folder");
                let node = self.names()[from];
                self.entry(to, Some(from.clone()), Some((to.clone(), node)));
            }
            Operation::Remove(path) => self.entry(path, Some(path.clone()), None),
            Operation::Sync(path) => {
                if let Some(Node::File(number)) = self.names().get(path) {
                    let content = &mut self.files[*number];
                    content.durable = content.with(|| true);
                    content.pending.clear();
                    return;
                }
                let (own, others): (Vec<Entry>, Vec<Entry>) =
                    self.pending.drain(..).partition(|entry| entry.folder == *path);
                self.pending = others;
                for entry in &own {
                    enter(&mut self.durable, entry);
                }
            }
        }
    }

    /// What is left if the power fails now; `keeps` says of every change that was not synced whether it is kept.
    pub(super) fn after_loss(&self, mut keeps: impl FnMut() -> bool) -> Left {
        let mut names = self.durable.clone();
        for entry in self.pending.iter().filter(|_| keeps()) {
            enter(&mut names, entry);
        }
        let folders = names.iter().filter(|(_, node)| **node == Node::Folder);
        let folders: BTreeSet<String> = folders.map(|(path, _)| path.clone()).collect();
        let mut files = BTreeMap::new();
        for (path, node) in names {
            let folder = folder_of(&path);
            if let Node::File(number) = node
                && (folder.is_empty() || folders.contains(&folder))
            {
                files.insert(path, self.files[number].with(&mut keeps));
            }
        }
        Left { folders, files }
    }
}

impl Left {
    /// Writes it below `place`.
    pub(super) fn write(&self, place: &Path) {
        for folder in &self.folders {
            fs::create_dir_all(place.join(folder)).unwrap();
        }
        for (path, content) in &self.files {
            fs::write(place.join(path), content).unwrap();
        }
    }
}
