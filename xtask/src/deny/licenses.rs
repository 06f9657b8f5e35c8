//! Packages and the licenses that they come under.

use super::settings::Settings;
use spdx::{Expression, ParseMode};
use std::collections::{BTreeMap, BTreeSet};

/// A package as cargo lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Empty if it names none.
    pub(super) license: String,
}

/// The packages of lines such as `libm v0.2.15|MIT`; a mark that a package was listed before is no matter.
pub(super) fn parse(list: &str) -> Result<BTreeSet<Package>, String> {
    let lines = list.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let wrong = || format!("`cargo tree` wrote a line that is no package: {line}");
            let (package, license) = line.split_once('|').ok_or_else(wrong)?;
            let mut words = package.split_whitespace();
            let (name, version) = words.next().zip(words.next()).ok_or_else(wrong)?;
            let license = license.trim_end_matches("(*)").trim().to_owned();
            Ok(Package { name: name.into(), version: version.into(), license })
        })
        .collect()
}

/// Every package whose license is not allowed.
pub(super) fn check(packages: &BTreeSet<Package>, settings: &Settings) -> Vec<String> {
    let none = Vec::new();
    let judge = |package: &Package| {
        let Package { name, version, license } = package;
        if license.is_empty() {
            return Some(format!("{name} {version} names no license"));
        }
        // Older packages write a stroke for a choice.
        let expression = match Expression::parse_mode(license, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("{name} {version}: {}", error.reason)),
        };
        let further = settings.exceptions.get(name).unwrap_or(&none);
        let allowed = || settings.allowed.iter().chain(further);
        let fits = expression.evaluate(|asked| allowed().any(|license| license.satisfies(asked)));
        (!fits).then(|| format!("{name} {version} is under {license}, which is not allowed"))
    };
    packages.iter().filter_map(judge).collect()
}

/// Names of packages that are there in several versions.
pub(super) fn several_versions(packages: &BTreeSet<Package>) -> Vec<&str> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.into_iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let text = "[licenses]\nallow = [\"MIT\", \"Zlib\", \"Apache-2.0 WITH LLVM-exception\"]\n\
            exceptions = [{ crate = \"odd\", allow = [\"CC0-1.0\"] }]\n\
            [bans]\nwildcards = \"deny\"\n[sources]\nunknown-registry = \"deny\"\nunknown-git = \"deny\"\n";
        Settings::parse(text).unwrap()
    }

    fn verdicts(list: &str) -> Vec<String> {
        check(&parse(list).unwrap(), &settings())
    }

    #[test]
    fn choices_and_obligations_are_told_apart() {
        for good in
            ["MIT", "MIT/GPL-3.0", "MIT OR GPL-3.0-only", "MIT AND Zlib", "(MIT OR X11) AND Zlib"]
        {
            assert_eq!(verdicts(&format!("a v1.0.0|{good}")), [""; 0], "{good}");
        }
        for bad in
            ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0", "BSD-3-Clause/X11", "", "Mine"]
        {
            assert_eq!(verdicts(&format!("a v1.0.0|{bad}")).len(), 1, "{bad}");
        }
        assert_eq!(verdicts("a v1.0.0|Apache-2.0 WITH LLVM-exception (*)"), [""; 0]);
    }

    #[test]
    fn exceptions_are_for_one_package() {
        assert_eq!(verdicts("odd v1.0.0 (proc-macro)|CC0-1.0"), [""; 0]);
        assert_eq!(verdicts("even v1.0.0|CC0-1.0").len(), 1);
    }

    #[test]
    fn versions_are_counted() {
        let packages =
            parse("a v1.0.0|MIT\na v1.0.0|MIT (*)\nb v1.0.0|MIT\nb v2.0.0|MIT\n").unwrap();
        assert_eq!((packages.len(), several_versions(&packages)), (3, vec!["b"]));
        assert!(parse("no package").is_err());
    }
}
