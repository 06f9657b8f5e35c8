//! Nothing silenced, nothing unfinished, no stray white space.

use super::Finding;
use super::tree::{SourceFile, Tree};

/// Marks of unfinished work. In pieces, so that this file does not find itself.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// Macros that stand for code to come.
const PLACEHOLDERS: [&str; 2] = [concat!("to", "do!"), concat!("un", "implemented!")];

fn is_checked(file: &SourceFile) -> bool {
    ["rs", "md", "toml"].iter().any(|extension| file.has_extension(extension))
}

pub(super) fn check_words(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| is_checked(file)) {
        for (number, line) in file.lines() {
            let mut report = |message: String| found.push(Finding::at(&file.path, number, message));
            for mark in UNFINISHED.iter().filter(|mark| has_word(line, mark)) {
                report(format!("`{mark}`: finish it or leave it out"));
            }
            if !file.is_rust() {
                continue;
            }
            for mark in PLACEHOLDERS.iter().filter(|mark| has_word(line, mark)) {
                report(format!("`{mark}`: finish it or leave it out"));
            }
            if silences(line) {
                report("a lint is silenced; use `#[expect(…, reason = …)]`".to_owned());
            }
        }
    }
    found
}

pub(super) fn check_whitespace(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| is_checked(file)) {
        for (number, line) in file.lines() {
            if line.contains('\t') {
                found.push(Finding::at(&file.path, number, "a tab"));
            }
            if line.ends_with(char::is_whitespace) {
                found.push(Finding::at(&file.path, number, "trailing white space"));
            }
        }
    }
    found
}

/// Whether `mark` stands in `line` and is not the end of a longer word.
fn has_word(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let after = &line[at + mark.len()..];
        let joins = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(joins) && (mark.ends_with('!') || !after.starts_with(joins))
    })
}

/// Whether the line holds an attribute that turns a lint off, conditional ones included.
fn silences(line: &str) -> bool {
    let dense: String = line.split_whitespace().collect();
    let allow = concat!("al", "low(");
    ["#[", "#!["].iter().any(|open| {
        dense.contains(&format!("{open}{allow}"))
            || dense
                .split_once(&format!("{open}cfg_attr("))
                .is_some_and(|(_, inside)| inside.contains(&format!(",{allow}")))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    fn spoil(path: &str, line: &str, expected: &str) {
        let mut tree = Fixture::new();
        tree.append(path, line);
        tree.assert_finds(expected);
    }

    const RUST: &str = "crates/dvbf-ops/src/lib.rs";

    #[test]
    fn silenced_lints_are_found() {
        let expected = "a lint is silenced";
        spoil(RUST, concat!("#[al", "low(dead_code)]\n"), expected);
        spoil(RUST, concat!("#![ al", "low(dead_code)]\n"), expected);
        spoil(RUST, concat!("#[cfg_attr(test, al", "low(dead_code))]\n"), expected);
    }

    #[test]
    fn unfinished_work_is_found() {
        for path in [RUST, "ARCHITECTURE.md", "Cargo.toml"] {
            for mark in super::UNFINISHED {
                spoil(path, &format!("# {mark}: later\n"), &format!("`{mark}`: finish it"));
            }
        }
        for mark in super::PLACEHOLDERS {
            spoil(RUST, &format!("    {mark}()\n"), &format!("`{mark}`: finish it"));
        }
    }

    #[test]
    fn stray_white_space_is_found() {
        for path in [RUST, "ARCHITECTURE.md", "Cargo.toml"] {
            spoil(path, "# a\tb\n", "a tab");
            spoil(path, "# a \n", "trailing white space");
            spoil(path, "# a\r\n", "trailing white space");
        }
    }

    #[test]
    fn words_that_look_alike_are_let_be() {
        let mut tree = Fixture::new();
        tree.append(RUST, "// MASTODON and TODOS; swallow(x); #[expect(x, reason = \"y\")]\n");
        tree.write("tests/table.csv", "a\tb \n");
        assert_eq!(findings(tree.root()), []);
    }
}
