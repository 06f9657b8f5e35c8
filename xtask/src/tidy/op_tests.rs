//! Every file with a backward pass has a file of tests.
//!
//! `src/a.rs` wants `tests/a.rs`; `src/a/b.rs` wants `tests/a_b.rs` or `tests/b.rs`; `src/a/mod.rs`
//! counts as `src/a.rs`. Whether the tests hold the four gradient properties, people judge.

use super::Finding;
use super::tree::{SourceFile, Tree};

const CRATES: [&str; 3] = ["dvbf-ops", "dvbf-prob", "dvbf-models"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for krate in CRATES {
        let (src, tests) = (format!("crates/{krate}/src/"), format!("crates/{krate}/tests/"));
        for file in tree.files.iter().filter(|file| file.is_rust()) {
            let Some(module) = file.path.strip_prefix(&src) else { continue };
            let Some((line, name)) = backward_pass(file) else { continue };
            let module = module.trim_end_matches(".rs").trim_end_matches("/mod");
            let mut wanted = vec![format!("{tests}{}.rs", module.replace('/', "_"))];
            if let Some((_, last)) = module.rsplit_once('/') {
                wanted.push(format!("{tests}{last}.rs"));
            }
            let tested = wanted
                .iter()
                .any(|path| tree.get(path).is_some_and(|tests| tests.text.contains("fn ")));
            if !tested {
                let message = format!("`{name}` has no tests in {}", wanted.join(" or "));
                found.push(Finding::at(&file.path, line, message));
            }
        }
    }
    found
}

/// The first function with a body, outside the tests of the file, that is named like a derivative.
fn backward_pass(file: &SourceFile) -> Option<(usize, &str)> {
    let end = file.text.find("#[cfg(test)]\nmod ").unwrap_or(file.text.len());
    let text = &file.text[..end];
    let mut line_start = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let code = line.split("//").next().unwrap_or(line);
        if let Some(at) = code.find("fn ") {
            let word_starts = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let rest = &text[line_start + at + 3..];
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
            if word_starts
                && (name.contains("backward") || name.contains("gradient"))
                && has_body(rest)
            {
                return Some((number, name));
            }
        }
        line_start += line.len();
    }
    None
}

/// Whether a signature is followed by a body; a trait's method may only be declared. A semicolon
/// inside brackets belongs to an array type.
fn has_body(signature: &str) -> bool {
    let mut depth = 0_i32;
    for c in signature.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            '{' => return true,
            ';' if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    #[test]
    fn a_backward_pass_wants_tests() {
        for (krate, name) in [
            ("dvbf-ops", "backward"),
            ("dvbf-ops", "backward_input"),
            ("dvbf-prob", "kl_backward"),
            ("dvbf-models", "log_likelihood_gradient"),
        ] {
            let mut tree = Fixture::new();
            let src = format!("crates/{krate}/src/op.rs");
            let tests = format!("crates/{krate}/tests/op.rs");
            tree.write(&src, &format!("//! Op.\n\npub fn {name}(_: [u8; 2]) {{}}\n"));
            tree.assert_finds(&format!("{src}:3: `{name}` has no tests in {tests}"));
            tree.write(&tests, "//! Nothing.\n");
            tree.assert_finds(&format!("{src}:3: `{name}` has no tests in {tests}"));
            tree.write(&tests, "//! Tests.\n\n#[test]\nfn op() {}\n");
            assert_eq!(findings(tree.root()), []);
        }
    }

    #[test]
    fn nested_modules_may_use_either_name() {
        let src = "crates/dvbf-models/src/transition/linear.rs";
        for tests in ["transition_linear", "linear"] {
            let mut tree = Fixture::new();
            tree.write(src, "//! Op.\n\nfn backward() {}\n");
            tree.assert_finds(
                "`backward` has no tests in crates/dvbf-models/tests/transition_linear.rs \
                 or crates/dvbf-models/tests/linear.rs",
            );
            let tests = format!("crates/dvbf-models/tests/{tests}.rs");
            tree.write(&tests, "//! Tests.\n\n#[test]\nfn op() {}\n");
            assert_eq!(findings(tree.root()), []);
        }
        let mut tree = Fixture::new();
        tree.write("crates/dvbf-models/src/a/mod.rs", "//! Op.\n\nfn backward() {}\n");
        tree.assert_finds("`backward` has no tests in crates/dvbf-models/tests/a.rs");
    }

    #[test]
    fn declarations_comments_tests_and_other_crates_need_none() {
        let mut tree = Fixture::new();
        let trait_only = "//! Op.\n\ntrait Op {\n    fn backward(\n        &self,\n        x: [u8; 2],\n    );\n}\n";
        tree.write("crates/dvbf-models/src/op.rs", trait_only);
        tree.write("crates/dvbf-ops/src/a.rs", "//! Op.\n// fn backward() {}\n");
        let inside =
            "//! Op.\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn backward_adds() {}\n}\n";
        tree.write("crates/dvbf-ops/src/b.rs", inside);
        tree.write("crates/dvbf-core/src/gradient.rs", "//! All.\n\nfn gradient() {}\n");
        assert_eq!(findings(tree.root()), []);
    }
}
