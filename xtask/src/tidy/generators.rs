//! Noise is an argument: no generator of random numbers among the dependencies of the lower
//! layers, neither named nor brought along.

use super::manifest::{self, Kind};
use super::tree::Tree;
use super::{Finding, LAYERS};
use std::path::Path;

/// The layers up to this one draw no random numbers.
const HIGHEST: &str = "dvbf-control";
/// Beside everything that begins with `rand_`.
const GENERATORS: [&str; 8] =
    ["rand", "ndarray-rand", "getrandom", "fastrand", "oorandom", "nanorand", "tinyrand", "wyrand"];

fn is_generator(package: &str) -> bool {
    GENERATORS.contains(&package) || package.starts_with("rand_")
}

fn pure_layers() -> impl Iterator<Item = &'static str> {
    let end = LAYERS.iter().position(|&layer| layer == HIGHEST);
    LAYERS.into_iter().take(end.map_or(LAYERS.len(), |highest| highest + 1))
}

/// What the manifests name.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for manifest in manifest::all(tree) {
        if !pure_layers().any(|layer| layer == manifest.name) {
            continue;
        }
        for dep in &manifest.dependencies {
            if dep.kind == Kind::Normal && is_generator(&dep.package) {
                let message =
                    format!("{} may not use {}: noise is an argument", manifest.name, dep.package);
                found.push(Finding::at(&manifest.path, dep.line, message));
            }
        }
    }
    found
}

/// What cargo resolves for the workspace at `root`.
pub(super) fn check_resolved(root: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for layer in pure_layers() {
        let output = crate::cargo(root)
            .args(["tree", "--quiet", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--package", layer])
            .output();
        match output {
            Ok(output) if output.status.success() => {
                found.extend(resolved(layer, &String::from_utf8_lossy(&output.stdout)));
            }
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                found.push(Finding::file("Cargo.lock", format!("`cargo tree` failed: {reason}")));
            }
            Err(error) => {
                found.push(Finding::file("Cargo.lock", format!("`cargo tree` failed: {error}")));
            }
        }
    }
    found
}

/// Findings in the list of packages that `layer` links.
fn resolved(layer: &str, packages: &str) -> Vec<Finding> {
    let mut names: Vec<&str> =
        packages.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    let path = format!("crates/{layer}/Cargo.toml");
    names
        .into_iter()
        .filter(|name| is_generator(name))
        .map(|name| {
            Finding::file(&path, format!("{layer} brings along {name}: noise is an argument"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, findings, fixture::Fixture};
    use super::resolved;

    #[test]
    fn generators_are_found_in_every_pure_layer() {
        for layer in
            ["dvbf-tensor", "dvbf-ops", "dvbf-prob", "dvbf-models", "dvbf-core", "dvbf-control"]
        {
            for package in ["rand", "rand_chacha", "ndarray-rand", "getrandom", "fastrand"] {
                let mut tree = Fixture::new();
                let path = format!("crates/{layer}/Cargo.toml");
                tree.append(&path, &format!("[dependencies]\n{package} = \"1\"\n"));
                tree.assert_finds(&format!("{layer} may not use {package}: noise is an argument"));
            }
        }
        let mut tree = Fixture::new();
        let renamed = "[dependencies]\nchance = { version = \"1\", package = \"rand\" }\n";
        tree.append("crates/dvbf-ops/Cargo.toml", renamed);
        tree.assert_finds("dvbf-ops may not use rand: noise is an argument");
    }

    #[test]
    fn tests_and_higher_layers_may_draw() {
        let mut tree = Fixture::new();
        tree.append("crates/dvbf-ops/Cargo.toml", "[dev-dependencies]\nrand = \"1\"\n");
        tree.append("crates/dvbf/Cargo.toml", "[dependencies]\nrand = \"1\"\n");
        tree.append("crates/dvbf-envs/Cargo.toml", "[dependencies]\nrand = \"1\"\n");
        assert_eq!(findings(tree.root()), []);
    }

    #[test]
    fn what_comes_along_is_found() {
        let list = "dvbf-ops v0.1.0 (elsewhere)\nndarray v0.17.2\nrand_core v0.9.3\nrand_core v0.9.3 (*)\n";
        let message = "dvbf-ops brings along rand_core: noise is an argument";
        assert_eq!(
            resolved("dvbf-ops", list),
            [Finding::file("crates/dvbf-ops/Cargo.toml", message)]
        );
        assert_eq!(resolved("dvbf-ops", "ndarray v0.17.2\noperand v1.0.0\n"), []);
    }
}
