//! No file knows the machine that it was written on.

use super::Finding;
use super::tree::Tree;

/// Where absolute paths of one machine begin. Without slashes, so that this file does not find
/// itself.
const ROOTS: [&str; 11] =
    ["home", "root", "tmp", "Users", "mnt", "media", "opt", "srv", "var", "work", "workspace"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            if let Some(path) = machine_path(line) {
                let message = format!("`{path}` is a path of one machine");
                found.push(Finding::at(&file.path, number, message));
            }
        }
    }
    found
}

/// The first absolute path in `line`. What follows a name, a dot or a closing bracket is the rest
/// of a relative path or of an address.
fn machine_path(line: &str) -> Option<String> {
    ROOTS.iter().find_map(|root| {
        ['/', '\\'].iter().find_map(|slash| {
            let path = format!("{slash}{root}{slash}");
            let starts = line.match_indices(&path).any(|(at, _)| {
                let before = &line[..at];
                let drive = before.ends_with(':');
                drive || !before.ends_with(|c: char| c.is_alphanumeric() || "._-~*}])>".contains(c))
            });
            starts.then_some(path)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    #[test]
    fn machine_paths_are_found() {
        for root in super::ROOTS {
            for path in ["xtask/src/main.rs", "ARCHITECTURE.md", ".ci/run", "tests/make.py"] {
                let mut tree = Fixture::new();
                tree.append(path, &format!("// see \"/{root}/someone/data\"\n"));
                tree.assert_finds(&format!("`/{root}/` is a path of one machine"));
            }
        }
        let mut tree = Fixture::new();
        tree.append("xtask/src/main.rs", concat!("// C:\\Us", "ers\\someone\n"));
        tree.assert_finds(concat!("`\\Us", "ers\\` is a path of one machine"));
    }

    #[test]
    fn relative_paths_and_addresses_are_let_be() {
        let mut tree = Fixture::new();
        for root in super::ROOTS {
            let line = format!("// data/{root}/x ../{root}/x ${{dir}}/{root}/x <run>/{root}/x\n");
            tree.append("xtask/src/main.rs", &line);
        }
        assert_eq!(findings(tree.root()), []);
    }
}
