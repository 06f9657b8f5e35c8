//! A small good workspace on disk, for the tests to spoil.

use super::findings;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The crates of the good workspace and what they depend on.
pub(super) const CRATES: [(&str, &str); 16] = [
    ("dvbf-dynamics", ""),
    ("dvbf-embedded", ""),
    ("dvbf-tensor", ""),
    ("dvbf-ops", "dvbf-tensor"),
    ("dvbf-prob", "dvbf-ops dvbf-tensor"),
    ("dvbf-models", "dvbf-prob dvbf-ops"),
    ("dvbf-core", "dvbf-models dvbf-tensor"),
    ("dvbf-control", "dvbf-core dvbf-ops"),
    ("dvbf-data", "dvbf-core dvbf-envs"),
    ("dvbf-train", "dvbf-data"),
    ("dvbf-run", "dvbf-train"),
    ("dvbf-report", "dvbf-run"),
    ("dvbf", "dvbf-report dvbf-core"),
    ("dvbf-cli", "dvbf"),
    ("dvbf-envs", ""),
    ("dvbf-gradcheck", ""),
];

/// Removed from the disk when dropped.
#[derive(Debug)]
pub(super) struct Fixture {
    root: PathBuf,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("tidy-{}-{number}", process::id()));
        let mut tree = Self { root };
        tree.write(".gitignore", "/target\n/runs\n*.profraw\nmutants.out*\n");
        tree.write(
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\n\n[workspace.dependencies]\n",
        );
        let mut paper = String::from("# Architecture\n\n");
        for (name, uses) in CRATES {
            let mut manifest = format!("[package]\nname = \"{name}\"\n\n[dependencies]\n");
            for used in uses.split_whitespace() {
                writeln!(manifest, "{used}.workspace = true").unwrap();
            }
            if uses.contains("dvbf-ops") {
                manifest += "\n[dev-dependencies]\ndvbf-gradcheck.workspace = true\n";
            }
            tree.write(&format!("crates/{name}/Cargo.toml"), &manifest);
            tree.write(&format!("crates/{name}/src/lib.rs"), "//! A crate.\n");
            writeln!(paper, "- `{name}`").unwrap();
        }
        tree.write("ARCHITECTURE.md", &paper);
        tree.write("tests/Cargo.toml", "[package]\nname = \"dvbf-tests\"\n");
        tree.write("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n");
        tree.write("xtask/src/main.rs", "//! Commands.\n");
        tree
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    pub(super) fn write(&mut self, path: &str, text: &str) {
        self.write_bytes(path, text.as_bytes());
    }

    pub(super) fn write_bytes(&mut self, path: &str, bytes: &[u8]) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn append(&mut self, path: &str, text: &str) {
        let text = self.read(path) + text;
        self.write(path, &text);
    }

    pub(super) fn remove(&mut self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
    }

    /// Exactly one finding, and it says `expected`.
    #[track_caller]
    pub(super) fn assert_finds(&self, expected: &str) {
        let lines: Vec<String> = findings(&self.root).iter().map(ToString::to_string).collect();
        assert!(
            lines.len() == 1 && lines[0].contains(expected),
            "expected one finding with “{expected}”, found {lines:#?}"
        );
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // A tree that stays behind is no reason to fail a test.
        let _ = fs::remove_dir_all(&self.root);
    }
}
