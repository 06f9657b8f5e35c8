//! Where packages come from, and versions that are left open.

use toml::{Table, Value};

/// The one registry that is allowed.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Every package of the lock `path` that is neither of the workspace nor of the registry, and every one of the
/// registry without a checksum.
pub(super) fn check(path: &str, lock: &str) -> Result<Vec<String>, String> {
    let table: Table = lock.parse().map_err(|e| format!("{path}: {e}"))?;
    let packages = table.get("package").and_then(Value::as_array);
    let judge = |package: &Value| {
        let of = |key: &str| package.get(key).and_then(Value::as_str);
        let name = of("name").unwrap_or_default();
        match of("source")? {
            REGISTRY if of("checksum").is_some() => None,
            REGISTRY => Some(format!("{path}: {name} has no checksum")),
            other => Some(format!("{path}: {name} comes from {other}")),
        }
    };
    let packages = packages.ok_or_else(|| format!("{path} lists no packages"))?;
    Ok(packages.iter().filter_map(judge).collect())
}

/// Dependencies of the root manifest that take any version; those inside of the workspace may.
pub(super) fn wildcards(manifest: &str) -> Result<Vec<String>, String> {
    let table: Table = manifest.parse().map_err(|e| format!("Cargo.toml: {e}"))?;
    let shared = table.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let shared = shared.and_then(Value::as_table).ok_or("Cargo.toml has no shared dependencies")?;
    let is_open = |entry: &Value| {
        let version = entry.as_str().or_else(|| entry.get("version").and_then(Value::as_str));
        version.map_or(entry.get("path").is_none(), |version| version.contains('*'))
    };
    let open = shared.iter().filter(|(_, entry)| is_open(entry));
    Ok(open.map(|(name, _)| format!("Cargo.toml: {name} takes any version")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sources_are_found() {
        let package = |name: &str, rest: &str| format!("[[package]]\nname = \"{name}\"\n{rest}\n");
        let good = format!("source = \"{REGISTRY}\"\nchecksum = \"00\"");
        let lock = package("own", "") + &package("a", &good);
        assert_eq!(check("Cargo.lock", &lock).unwrap(), [""; 0]);
        for bad in [
            format!("source = \"{REGISTRY}\""),
            "source = \"git+https://example.org/a\"".to_owned(),
            "source = \"registry+https://example.org/index\"\nchecksum = \"00\"".to_owned(),
        ] {
            assert_eq!(
                check("Cargo.lock", &(lock.clone() + &package("b", &bad))).unwrap().len(),
                1
            );
        }
        assert!(check("Cargo.lock", "").is_err());
    }

    #[test]
    fn open_versions_are_found() {
        let manifest =
            "[workspace.dependencies]\na = \"1\"\nb = { version = \"1\" }\nc = { path = \"c\" }\n";
        assert_eq!(wildcards(manifest).unwrap(), [""; 0]);
        let open =
            manifest.to_owned() + "d = \"*\"\ne = { version = \"1.*\" }\nf = { features = [] }\n";
        assert_eq!(wildcards(&open).unwrap().len(), 3);
    }
}
