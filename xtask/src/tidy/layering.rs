//! Nothing points up: which crate of the workspace may use which.

use super::manifest::{self, Dependency, Kind, Manifest};
use super::tree::Tree;
use super::{Finding, LAYERS};

/// Beside the layers: uses no crate of the workspace.
const ENVIRONMENTS: &str = "dvbf-envs";
/// The lowest layer that may use the environments.
const USES_ENVIRONMENTS: &str = "dvbf-data";
/// Helps tests only, and uses the equations that it checks.
const GRADCHECK: &str = "dvbf-gradcheck";
/// The crate that the checks of gradients know.
const DYNAMICS: &str = "dvbf-dynamics";
/// Uses no crate of the product.
const XTASK: &str = "xtask";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = manifest::all(tree);
    let members: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut found = Vec::new();
    for manifest in &manifests {
        let placed = place(&manifest.name).is_some()
            || [ENVIRONMENTS, GRADCHECK].contains(&manifest.name.as_str());
        if manifest.path.starts_with("crates/") && !placed {
            let message =
                format!("{} has no place among the layers that tidy knows", manifest.name);
            found.push(Finding::file(&manifest.path, message));
        }
        for dep in &manifest.dependencies {
            if (members.contains(&dep.package.as_str()) || dep.package.starts_with("dvbf"))
                && let Some(reason) = objection(manifest, dep)
            {
                let message = format!("{} may not use {}: {reason}", manifest.name, dep.package);
                found.push(Finding::at(&manifest.path, dep.line, message));
            }
        }
    }
    found
}

fn place(name: &str) -> Option<usize> {
    LAYERS.iter().position(|&layer| layer == name)
}

/// Why a crate of the workspace may not depend on another one.
fn objection(manifest: &Manifest, dep: &Dependency) -> Option<&'static str> {
    let (user, used) = (manifest.name.as_str(), dep.package.as_str());
    if user == XTASK {
        return Some("xtask links no product code");
    }
    if used == GRADCHECK && dep.kind != Kind::Dev {
        return Some("it belongs in dev-dependencies");
    }
    if !manifest.path.starts_with("crates/") {
        return None;
    }
    if user == GRADCHECK {
        return (used != DYNAMICS).then_some("it uses no crate but the equations");
    }
    if user == ENVIRONMENTS {
        return Some("it uses no crate of the workspace");
    }
    // A crate without a place has a finding of its own.
    let user = place(user)?;
    let allowed = match used {
        GRADCHECK => true,
        ENVIRONMENTS => place(USES_ENVIRONMENTS).is_some_and(|lowest| user >= lowest),
        _ => place(used).is_some_and(|used| used < user),
    };
    (!allowed).then_some("it is not in a lower layer")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;

    fn spoil(krate: &str, section: &str, dep: &str, expected: &str) {
        let mut tree = Fixture::new();
        tree.append(&format!("crates/{krate}/Cargo.toml"), &format!("[{section}]\n{dep}\n"));
        tree.assert_finds(expected);
    }

    #[test]
    fn a_crate_may_not_use_a_higher_one() {
        let up = "dvbf-core.workspace = true";
        let expected = "dvbf-prob may not use dvbf-core: it is not in a lower layer";
        spoil("dvbf-prob", "dependencies", up, expected);
        spoil("dvbf-prob", "dev-dependencies", up, expected);
        spoil("dvbf-prob", "build-dependencies", up, expected);
        spoil("dvbf-prob", "target.'cfg(unix)'.dependencies", up, expected);
        spoil(
            "dvbf-prob",
            "dependencies",
            "other = { path = \"../x\", package = \"dvbf-core\" }",
            expected,
        );
    }

    #[test]
    fn renaming_in_the_workspace_hides_nothing() {
        let mut tree = Fixture::new();
        tree.append("Cargo.toml", "above = { path = \"crates/dvbf\", package = \"dvbf\" }\n");
        tree.append("crates/dvbf-ops/Cargo.toml", "[dependencies]\nabove.workspace = true\n");
        tree.assert_finds("dvbf-ops may not use dvbf: it is not in a lower layer");
    }

    #[test]
    fn environments_stand_aside() {
        let expected = "dvbf-envs may not use dvbf-tensor: it uses no crate of the workspace";
        spoil("dvbf-envs", "dependencies", "dvbf-tensor.workspace = true", expected);
        let expected = "dvbf-core may not use dvbf-envs: it is not in a lower layer";
        spoil("dvbf-core", "dependencies", "dvbf-envs.workspace = true", expected);
    }

    #[test]
    fn gradcheck_is_for_tests_only() {
        let expected = "dvbf-ops may not use dvbf-gradcheck: it belongs in dev-dependencies";
        spoil("dvbf-ops", "dependencies", "dvbf-gradcheck.workspace = true", expected);
        let expected = "dvbf-gradcheck may not use dvbf-ops: it uses no crate but the equations";
        spoil("dvbf-gradcheck", "dev-dependencies", "dvbf-ops.workspace = true", expected);
        let mut tree = Fixture::new();
        tree.append("tests/Cargo.toml", "[dependencies]\ndvbf-gradcheck.workspace = true\n");
        tree.assert_finds("dvbf-tests may not use dvbf-gradcheck: it belongs in dev-dependencies");
    }

    #[test]
    fn xtask_links_no_product_code() {
        let mut tree = Fixture::new();
        tree.append("xtask/Cargo.toml", "[dependencies]\ndvbf-tensor.workspace = true\n");
        tree.assert_finds("xtask may not use dvbf-tensor: xtask links no product code");
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        let mut tree = Fixture::new();
        tree.write("crates/dvbf-new/Cargo.toml", "[package]\nname = \"dvbf-new\"\n");
        tree.append("ARCHITECTURE.md", "`dvbf-new`\n");
        tree.assert_finds("dvbf-new has no place among the layers that tidy knows");
    }
}
