//! The rules of the house that the compiler does not know. All findings are reported at once.
//!
//! Every rule is a function from a [`Tree`] to findings; the tests spoil a small good tree on disk
//! in one way for each rule and look for the finding.

mod architecture;
mod circles;
#[cfg(test)]
mod fixture;
mod generators;
mod layering;
mod manifest;
mod module_paths;
mod modules;
mod op_tests;
mod paths;
mod text;
mod tree;
mod unsafe_code;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use tree::Tree;

/// The packages in `crates/`, lowest first: each may use those before it.
const LAYERS: [&str; 14] = [
    "dvbf-dynamics",
    "dvbf-embedded",
    "dvbf-tensor",
    "dvbf-ops",
    "dvbf-prob",
    "dvbf-models",
    "dvbf-core",
    "dvbf-control",
    "dvbf-data",
    "dvbf-train",
    "dvbf-run",
    "dvbf-report",
    "dvbf",
    "dvbf-cli",
];

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From one; zero for the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }

    fn file(path: &str, message: impl Into<String>) -> Self {
        Self::at(path, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

/// The rules that need nothing but files.
const RULES: [Rule; 12] = [
    layering::check,
    modules::check_length,
    modules::check_header,
    modules::check_share,
    circles::check,
    architecture::check,
    op_tests::check,
    generators::check,
    text::check_words,
    text::check_whitespace,
    paths::check,
    unsafe_code::check,
];

/// Prints every finding in the workspace at `root`; fails if there is one.
pub(crate) fn run(root: &Path) -> ExitCode {
    let findings = workspace_findings(root);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => ExitCode::SUCCESS,
        1 => {
            eprintln!("tidy: 1 finding");
            ExitCode::FAILURE
        }
        count => {
            eprintln!("tidy: {count} findings");
            ExitCode::FAILURE
        }
    }
}

/// Those of [`findings`], and what only cargo can tell.
fn workspace_findings(root: &Path) -> Vec<Finding> {
    let mut all = findings(root);
    all.extend(generators::check_resolved(root));
    all
}

/// All breaches in the files below `root`, sorted.
fn findings(root: &Path) -> Vec<Finding> {
    let tree = match Tree::load(root) {
        Ok(tree) => tree,
        Err(error) => return vec![Finding::file(&root.display().to_string(), error.to_string())],
    };
    let mut all: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use fixture::Fixture;

    #[test]
    fn the_workspace_is_tidy() {
        let findings = workspace_findings(&crate::root());
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn the_good_tree_has_no_findings() {
        assert_eq!(findings(Fixture::new().root()), []);
    }

    #[test]
    fn all_findings_come_at_once_and_sorted() {
        let mut tree = Fixture::new();
        tree.write("crates/dvbf-ops/src/a.rs", "fn a() {} \n");
        let found = findings(tree.root());
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "crates/dvbf-ops/src/a.rs:1: the file does not begin with `//!`",
                "crates/dvbf-ops/src/a.rs:1: trailing white space",
            ]
        );
    }

    #[test]
    fn a_missing_root_is_a_finding() {
        let tree = Fixture::new();
        assert_eq!(findings(&tree.root().join("nowhere")).len(), 1);
    }
}
