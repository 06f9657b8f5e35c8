//! Every file with `unsafe` code stands in the table of SECURITY.md, with its reason and its test.

use super::Finding;
use super::tree::{SourceFile, Tree};

const PAPER: &str = "SECURITY.md";
/// How such code begins. In pieces, so that this file does not find itself.
const MARKS: [&str; 3] =
    [concat!("unsa", "fe {"), concat!("unsa", "fe fn "), concat!("unsa", "fe impl ")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let paper = tree.get(PAPER).map_or("", |paper| paper.text.as_str());
    let rows: Vec<&str> = paper.lines().filter(|line| line.starts_with("| `")).collect();
    let files = tree.files.iter().filter(|file| file.is_rust());
    files
        .filter_map(|file| {
            let line = first(file)?;
            let named = format!("| `{}` |", file.path);
            if rows.iter().any(|row| row.starts_with(&named)) {
                return None;
            }
            let message = format!("`unsafe` code without a row in {PAPER}");
            Some(Finding::at(&file.path, line, message))
        })
        .collect()
}

/// The first line of such code.
fn first(file: &SourceFile) -> Option<usize> {
    let code = |line: &&(usize, &str)| !line.1.trim_start().starts_with("//");
    let marked = |line: &&(usize, &str)| MARKS.iter().any(|mark| line.1.contains(mark));
    let lines: Vec<_> = file.lines().collect();
    lines.iter().filter(code).find(marked).map(|line| line.0)
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    #[test]
    fn every_file_has_a_row() {
        let code = ["//! A file.\n\nfn f() {\n    unsa", "fe { g() }\n}\n"].concat();
        let mut tree = Fixture::new();
        tree.write("crates/dvbf-tensor/src/a.rs", &code);
        tree.assert_finds("crates/dvbf-tensor/src/a.rs:4: `unsafe` code without a row");
        tree.write("SECURITY.md", "See `crates/dvbf-tensor/src/a.rs`.\n");
        tree.assert_finds("without a row in SECURITY.md");
        tree.write("SECURITY.md", "| `crates/dvbf-tensor/src/a.rs` | because | a test |\n");
        assert_eq!(findings(tree.root()), []);
    }

    #[test]
    fn comments_are_no_code() {
        let mut tree = Fixture::new();
        let text = ["//! A file.\n// Where unsa", "fe { } would stand.\n"].concat();
        tree.write("crates/dvbf-tensor/src/a.rs", &text);
        assert_eq!(findings(tree.root()), []);
    }
}
