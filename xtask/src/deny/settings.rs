//! The part of `deny.toml` that is judged here.

use spdx::{Licensee, ParseMode};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Licenses that may be used.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) allowed: Vec<Licensee>,
    /// Further licenses of single packages.
    pub(super) exceptions: BTreeMap<String, Vec<Licensee>>,
}

/// Tables that mean what they say only as long as they have these values.
const JUDGED: [(&str, &str, &str); 3] = [
    ("bans", "wildcards", "deny"),
    ("sources", "unknown-registry", "deny"),
    ("sources", "unknown-git", "deny"),
];

impl Settings {
    /// # Errors
    /// If the text is no settings, or has values that this program does not judge by.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
        for (section, key, expected) in JUDGED {
            let found = table.get(section).and_then(|section| section.get(key));
            if found.and_then(Value::as_str) != Some(expected) {
                return Err(format!("deny.toml: {section}.{key} has to be \"{expected}\""));
            }
        }
        let licenses = table.get("licenses").ok_or("deny.toml: there is no table of licenses")?;
        let mut exceptions = BTreeMap::new();
        if let Some(list) = licenses.get("exceptions") {
            let wrong = "deny.toml: an exception has a crate and what is allowed to it";
            for entry in list.as_array().ok_or(wrong)? {
                let name = entry.get("crate").and_then(Value::as_str).ok_or(wrong)?;
                exceptions.insert(name.to_owned(), licensees(entry.get("allow"))?);
            }
        }
        Ok(Self { allowed: licensees(licenses.get("allow"))?, exceptions })
    }
}

fn licensees(list: Option<&Value>) -> Result<Vec<Licensee>, String> {
    let list = list.and_then(Value::as_array).ok_or("deny.toml: `allow` is a list of licenses")?;
    list.iter()
        .map(|name| {
            let name = name.as_str().unwrap_or_default();
            Licensee::parse_mode(name, ParseMode::STRICT)
                .map_err(|e| format!("deny.toml: {name}: {e}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_not_judged_are_refused() {
        let good = "[licenses]\nallow = [\"MIT\"]\n[bans]\nwildcards = \"deny\"\n\
                    [sources]\nunknown-registry = \"deny\"\nunknown-git = \"deny\"\n";
        assert_eq!(Settings::parse(good).unwrap().allowed.len(), 1);
        for (from, to, problem) in [
            ("unknown-git = \"deny\"", "unknown-git = \"allow\"", "sources.unknown-git"),
            ("\"MIT\"", "\"MIT-ish\"", "MIT-ish"),
            ("allow =", "permit =", "`allow`"),
        ] {
            let error = Settings::parse(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
