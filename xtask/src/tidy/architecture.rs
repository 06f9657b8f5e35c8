//! ARCHITECTURE.md names every crate, and no crate that does not exist.

use super::tree::Tree;
use super::{Finding, manifest};

const PAPER: &str = "ARCHITECTURE.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(paper) = tree.get(PAPER) else {
        return vec![Finding::file(PAPER, "the file is missing")];
    };
    let mut found: Vec<Finding> = tree
        .crates()
        .into_iter()
        .filter(|name| !paper.text.contains(&format!("`{name}`")))
        .map(|name| Finding::file(PAPER, format!("crates/{name} is not named as `{name}`")))
        .collect();
    let packages = manifest::all(tree);
    for (line, text) in paper.lines() {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let exists = packages.iter().any(|package| package.name == word);
            if word.starts_with("dvbf-") && !exists {
                found.push(Finding::at(PAPER, line, format!("there is no crate {word}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;

    #[test]
    fn every_crate_is_named() {
        let mut tree = Fixture::new();
        let text = tree.read("ARCHITECTURE.md").replace("- `dvbf-prob`\n", "- dvbf-prob, `dvbf`\n");
        tree.write("ARCHITECTURE.md", &text);
        tree.assert_finds("crates/dvbf-prob is not named as `dvbf-prob`");
    }

    #[test]
    fn every_name_is_a_crate() {
        let mut tree = Fixture::new();
        tree.append("ARCHITECTURE.md", "See crates/dvbf-gone/src.\n");
        tree.assert_finds("there is no crate dvbf-gone");
    }

    #[test]
    fn the_paper_exists() {
        let mut tree = Fixture::new();
        tree.remove("ARCHITECTURE.md");
        tree.assert_finds("ARCHITECTURE.md: the file is missing");
    }
}
