//! The dependencies that a `Cargo.toml` names, read line by line.

use super::tree::Tree;
use std::collections::BTreeMap;

/// When a dependency is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Into the product.
    Normal,
    /// Into build scripts.
    Build,
    /// Into tests, examples and benches.
    Dev,
    /// A version that members may inherit.
    Workspace,
}

/// One dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) kind: Kind,
    /// The name in the manifest.
    pub(super) key: String,
    /// The package that it stands for.
    pub(super) package: String,
    /// From one.
    pub(super) line: usize,
}

/// A package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// From the root.
    pub(super) path: String,
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
}

/// The manifests of all packages, renamed packages of the workspace resolved.
pub(super) fn all(tree: &Tree) -> Vec<Manifest> {
    let shared = tree.get("Cargo.toml").map_or_else(Vec::new, |file| parse(&file.text).1);
    let renamed: BTreeMap<String, String> = shared
        .into_iter()
        .filter(|dep| dep.kind == Kind::Workspace)
        .map(|dep| (dep.key, dep.package))
        .collect();
    let mut manifests = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let (name, mut dependencies) = parse(&file.text);
        for dep in dependencies.iter_mut().filter(|dep| dep.key == dep.package) {
            if let Some(package) = renamed.get(&dep.key) {
                dep.package.clone_from(package);
            }
        }
        manifests.push(Manifest { path: file.path.clone(), name, dependencies });
    }
    manifests
}

/// The package's name, empty without one, and what it depends on.
fn parse(text: &str) -> (String, Vec<Dependency>) {
    let (mut name, mut found) = (String::new(), Vec::<Dependency>::new());
    let mut header: Vec<String> = Vec::new();
    for (line, entry) in logical_lines(text) {
        if let Some(inside) = entry.strip_prefix('[') {
            header = split_key(inside.trim_matches(['[', ']']));
            // `[dependencies.name]` is a dependency by itself.
            if let Some((key, kind)) =
                header.split_last().and_then(|(key, table)| Some((key, kind_of(table)?)))
            {
                found.push(Dependency { kind, key: key.clone(), package: key.clone(), line });
            }
            continue;
        }
        let Some((key, value)) = entry.split_once('=') else { continue };
        let key = split_key(key);
        if header == ["package"] && key == ["name"] {
            name = unquote(value);
        } else if let Some(kind) = kind_of(&header) {
            let package = match key.get(1).map(String::as_str) {
                Some("package") => unquote(value),
                _ => inline_package(value).unwrap_or_else(|| key[0].clone()),
            };
            found.push(Dependency { kind, key: key[0].clone(), package, line });
        } else if key == ["package"]
            && header.split_last().is_some_and(|(_, t)| kind_of(t).is_some())
        {
            found.last_mut().expect("its header came first").package = unquote(value);
        }
    }
    (name, found)
}

/// What a table of dependencies is for; `None` for other tables.
fn kind_of(table: &[String]) -> Option<Kind> {
    let words: Vec<&str> = table.iter().map(String::as_str).collect();
    match words[..] {
        ["dependencies"] | ["target", _, "dependencies"] => Some(Kind::Normal),
        ["build-dependencies"] | ["target", _, "build-dependencies"] => Some(Kind::Build),
        ["dev-dependencies"] | ["target", _, "dev-dependencies"] => Some(Kind::Dev),
        ["workspace", "dependencies"] => Some(Kind::Workspace),
        _ => None,
    }
}

/// The value of `package` in an inline table.
fn inline_package(value: &str) -> Option<String> {
    let inside = value.trim().strip_prefix('{')?;
    inside.split([',', '{']).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (unquote(key) == "package").then(|| unquote(value.trim_end_matches('}')))
    })
}

/// The lines with comments taken off and open brackets closed, with the number of the first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut depth) = (Vec::<(usize, String)>::new(), 0_i32);
    for (number, raw) in (1..).zip(text.lines()) {
        let mut quote = None;
        let mut kept = String::new();
        let before = depth;
        for c in raw.chars() {
            match (quote, c) {
                (Some(open), _) if open == c => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None, '#') => break,
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth -= 1,
                _ => {}
            }
            kept.push(c);
        }
        let kept = kept.trim();
        match lines.last_mut() {
            Some((_, open)) if before > 0 => *open += kept,
            _ if kept.is_empty() => {}
            _ => lines.push((number, kept.to_owned())),
        }
    }
    lines
}

/// The parts of a dotted key, dots in quotes kept.
fn split_key(key: &str) -> Vec<String> {
    let (mut parts, mut quote) = (vec![String::new()], None);
    for c in key.trim().chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '.') => parts.push(String::new()),
            (None, ' ') => {}
            _ => parts.last_mut().expect("never empty").push(c),
        }
    }
    parts
}

fn unquote(value: &str) -> String {
    value.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_dependency_is_read() {
        let text = r#"
# [dependencies]
[package]
name = "it" # rand = "1"
[dependencies]
plain = "1"
inherited.workspace = true
table = { version = "1", package = "real-a", features = ["x"] }
dotted.package = "real-b"
long = { version = "1", features = [
    "x", # ] not the end
], package = "real-c" }
[dependencies.own]
version = "1"
package = "real-d"
[features]
rand = ["x"]
[dev-dependencies]
'quoted' = "1"
[build-dependencies]
cc = "1"
[target.'cfg(any(a.b, unix))'.dependencies]
unix = "1"
[target."cfg(windows)".dev-dependencies.win]
version = "1"
"#;
        let (name, found) = parse(text);
        assert_eq!(name, "it");
        let brief: Vec<_> =
            found.iter().map(|d| (d.kind, d.key.as_str(), d.package.as_str())).collect();
        assert_eq!(
            brief,
            [
                (Kind::Normal, "plain", "plain"),
                (Kind::Normal, "inherited", "inherited"),
                (Kind::Normal, "table", "real-a"),
                (Kind::Normal, "dotted", "real-b"),
                (Kind::Normal, "long", "real-c"),
                (Kind::Normal, "own", "real-d"),
                (Kind::Dev, "quoted", "quoted"),
                (Kind::Build, "cc", "cc"),
                (Kind::Normal, "unix", "unix"),
                (Kind::Dev, "win", "win"),
            ]
        );
        assert_eq!(found[0].line, 6);
    }
}
