//! One concept, one file: at most 400 lines, and a first line that says what it is about. No crate holds
//! more than a quarter of all lines.

use super::Finding;
use super::tree::{SourceFile, Tree};

const LONGEST: usize = 400;
/// Lines of a workspace in which every crate may be as large as it likes.
const SMALL: usize = 10_000;
/// Where Rust files of the workspace lie.
const PLACES: [&str; 4] = ["crates/", "xtask/", "tests/", "benches/"];

pub(super) fn check_length(tree: &Tree) -> Vec<Finding> {
    modules(tree)
        .filter_map(|file| {
            let lines = file.text.lines().count();
            let message = format!("{lines} lines; a file has at most {LONGEST}");
            (lines > LONGEST).then(|| Finding::file(&file.path, message))
        })
        .collect()
}

pub(super) fn check_share(tree: &Tree) -> Vec<Finding> {
    let lines = |file: &SourceFile| file.text.lines().count();
    let all: usize = modules(tree).map(lines).sum();
    if all <= SMALL {
        return Vec::new();
    }
    let own = |name: &str| -> usize {
        let place = format!("crates/{name}/");
        modules(tree).filter(|file| file.path.starts_with(&place)).map(lines).sum()
    };
    let crates = tree.crates().into_iter().map(|name| (name, own(name)));
    crates
        .filter(|(_, own)| 4 * own > all)
        .map(|(name, own)| {
            let message = format!("{own} of {all} lines; a crate has at most a quarter");
            Finding::file(&format!("crates/{name}"), message)
        })
        .collect()
}

pub(super) fn check_header(tree: &Tree) -> Vec<Finding> {
    modules(tree)
        .filter(|file| {
            // A crate may begin with its README.
            let readme = "#![doc = include_str!(\"../README.md\")]";
            !file.text.starts_with("//!") && !file.text.starts_with(readme)
        })
        .map(|file| Finding::at(&file.path, 1, "the file does not begin with `//!`"))
        .collect()
}

fn modules(tree: &Tree) -> impl Iterator<Item = &SourceFile> {
    tree.files
        .iter()
        .filter(|file| file.is_rust() && PLACES.iter().any(|place| file.path.starts_with(place)))
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    const EVERYWHERE: [&str; 7] = [
        "crates/dvbf-ops/src/deep/long.rs",
        "crates/dvbf-ops/tests/long.rs",
        "crates/dvbf-ops/benches/long.rs",
        "crates/dvbf-ops/examples/long.rs",
        "xtask/src/long.rs",
        "tests/tests/long.rs",
        "benches/benches/long.rs",
    ];

    #[test]
    fn long_files_are_found() {
        for path in EVERYWHERE {
            let mut tree = Fixture::new();
            tree.write(path, &format!("//! Long.\n{}", "\n".repeat(399)));
            assert_eq!(findings(tree.root()), []);
            tree.append(path, "// One more.\n");
            tree.assert_finds(&format!("{path}: 401 lines; a file has at most 400"));
        }
    }

    #[test]
    fn files_without_a_header_are_found() {
        for path in EVERYWHERE {
            let mut tree = Fixture::new();
            tree.write(path, "use std::fs;\n");
            tree.assert_finds(&format!("{path}:1: the file does not begin with `//!`"));
        }
    }

    #[test]
    fn a_crate_with_more_than_a_quarter_is_found() {
        let mut tree = Fixture::new();
        let fill = |tree: &mut Fixture, krate: &str, files: usize| {
            for i in 0..files {
                let path = format!("crates/{krate}/src/part{i}.rs");
                tree.write(&path, &format!("//! A part.\n{}", "\n".repeat(399)));
            }
        };
        for krate in ["dvbf-ops", "dvbf-prob", "dvbf-core", "dvbf-cli", "dvbf-models"] {
            fill(&mut tree, krate, 6);
        }
        assert_eq!(findings(tree.root()), []);
        fill(&mut tree, "dvbf-core", 9);
        tree.assert_finds("crates/dvbf-core: 3601 of 132");
    }

    #[test]
    fn a_readme_is_a_header() {
        let mut tree = Fixture::new();
        tree.write("crates/dvbf-ops/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n");
        assert_eq!(findings(tree.root()), []);
    }
}
