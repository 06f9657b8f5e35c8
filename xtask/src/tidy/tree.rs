//! The text files of a workspace, without what `.gitignore` names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// All first-party text files, sorted by path.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) files: Vec<SourceFile>,
}

/// A text file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// From the root, with `/` between the parts.
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|ext| ext == extension)
    }

    /// The lines, numbered from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split_terminator('\n'))
    }
}

impl Tree {
    /// Reads every file below `root` that holds UTF-8.
    pub(super) fn load(root: &Path) -> io::Result<Self> {
        let ignored = Ignored::read(root)?;
        let mut files = Vec::new();
        let mut open = vec![(PathBuf::from(root), String::new())];
        while let Some((dir, prefix)) = open.pop() {
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                let path = prefix.clone() + &entry.file_name().to_string_lossy();
                let kind = entry.file_type()?;
                if ignored.matches(&path) {
                    continue;
                }
                if kind.is_dir() {
                    open.push((entry.path(), path + "/"));
                } else if kind.is_file()
                    && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
                {
                    files.push(SourceFile { path, text });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    pub(super) fn get(&self, path: &str) -> Option<&SourceFile> {
        let found = self.files.binary_search_by(|file| file.path.as_str().cmp(path));
        found.ok().map(|at| &self.files[at])
    }

    /// The names of the directories in `crates/`, sorted.
    pub(super) fn crates(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .files
            .iter()
            .filter_map(|file| file.path.strip_prefix("crates/")?.split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.dedup();
        names
    }
}

/// The patterns of `.gitignore` that this workspace uses: a name, `/name` at the root only, and
/// one `*` at either end.
struct Ignored(Vec<String>);

impl Ignored {
    fn read(root: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(root.join(".gitignore")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines = text.lines().map(|line| line.trim().trim_end_matches('/'));
        let patterns = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self(patterns.chain(["/.git"]).map(str::to_owned).collect()))
    }

    fn matches(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|pattern| match pattern.strip_prefix('/') {
            Some(at_root) => fits(at_root, path),
            None => fits(pattern, name),
        })
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        findings,
        fixture::{CRATES, Fixture},
    };
    use super::Tree;

    #[test]
    fn ignored_files_are_not_read() {
        let mut tree = Fixture::new();
        for path in ["target/a.rs", "runs/x/b.rs", "deep/mutants.out.old/c.rs", "d.profraw"] {
            tree.write(path, "bad \t \n");
        }
        assert_eq!(findings(tree.root()), []);
        tree.write("deep/target/a.rs", "bad \t \n");
        assert_ne!(findings(tree.root()), [], "/target is ignored at the root only");
    }

    #[test]
    fn binary_files_are_skipped_and_crates_are_listed() {
        let mut tree = Fixture::new();
        tree.write_bytes("tests/data.npz", &[0xff, 0xfe, b' ', b'\n']);
        let loaded = Tree::load(tree.root()).unwrap();
        assert!(loaded.get("tests/data.npz").is_none());
        assert_eq!(loaded.crates().len(), CRATES.len());
        assert!(loaded.get("crates/dvbf-ops/src/lib.rs").unwrap().is_rust());
    }
}
