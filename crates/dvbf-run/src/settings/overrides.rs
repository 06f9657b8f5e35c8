//! `key=value` overrides, with the nearest existing key for one that does not exist.

use super::{EARLIER_KEYS, Settings, SettingsError, value_error};
use dvbf_core::ConfigError;
use toml::Value;

/// The existing name nearest to `name`, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|k| (strsim::jaro_winkler(name, k), k))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k.to_owned())
}

/// Every dotted key of `settings` with its value as TOML.
pub(super) fn entries(settings: &Settings) -> Vec<(String, String)> {
    let tree = Value::try_from(settings).expect("settings are plain data");
    let mut out = Vec::new();
    flatten("", &tree, &mut out);
    out
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    if let Value::Table(table) = value {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            flatten(&path, value, out);
        }
    } else {
        out.push((prefix.to_owned(), value.to_string()));
    }
}

/// `settings` with one `key=value` override, such as `training.steps=1000` or
/// `model.transition=residual`. A ramp given as one number becomes constant.
///
/// # Errors
/// If the text has no `=`, the key does not exist, or the value has the wrong kind.
///
/// # Panics
/// Never: settings are plain data.
pub fn apply_override(settings: &Settings, text: &str) -> Result<Settings, SettingsError> {
    let Some((key, given)) = text.split_once('=') else {
        return Err(value_error(text, "an override has the form key=value"));
    };
    let (key, given) = (key.trim(), given.trim());
    let earlier = EARLIER_KEYS.iter().find(|(old, _)| *old == key);
    let key = earlier.map_or(key, |(_, new)| *new);
    let mut tree = Value::try_from(settings).expect("settings are plain data");
    let unknown = || {
        let known = entries(settings);
        let suggestion = nearest(key, known.iter().map(|(k, _)| k.as_str()));
        SettingsError::UnknownKey { key: key.into(), suggestion }
    };
    let part = PARTS.into_iter().find_map(|part| Some((part, key.strip_prefix(part)?)));
    if let Some((part, rest)) = part.filter(|(_, rest)| rest.is_empty() || rest.starts_with('.')) {
        let table = slot(&mut tree, part).ok_or_else(unknown)?;
        if parse(given).is_some_and(|value| is_without_end(&value)) {
            return Err(value_error(key, format!("is {given}; it must be a finite number")));
        }
        set_in_part(table, rest, given);
        let changed: Settings =
            tree.try_into().map_err(|e: toml::de::Error| value_error(key, e.message()))?;
        let model = changed.model.complete().map_err(ConfigError::from)?;
        return Ok(Settings { model, ..changed });
    }
    let slot = slot(&mut tree, key).ok_or_else(unknown)?;
    *slot = converted(slot, given)
        .ok_or_else(|| value_error(key, format!("is {given:?}; it must be {}", kind_of(slot))))?;
    tree.try_into().map_err(|e: toml::de::Error| value_error(key, e.message()))
}

/// Tables of parts, whose keys depend on their kinds.
const PARTS: [&str; 4] =
    ["model.initial", "model.recognition", "model.transition", "model.emission"];

/// The value under a dotted key.
fn slot<'a>(tree: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    key.split('.').try_fold(tree, |slot, part| slot.as_table_mut()?.get_mut(part))
}

/// Sets `rest`, `.key` or `.key.key`, in the table of a part; another kind begins with its defaults.
fn set_in_part(table: &mut Value, rest: &str, given: &str) {
    let value = parse(given).unwrap_or_else(|| Value::String(given.trim_matches('"').to_owned()));
    if rest.is_empty() || rest == ".kind" {
        match value {
            Value::Table(_) => *table = value,
            // The kind that it is already keeps its settings.
            name if table.get("kind") == Some(&name) => {}
            name => *table = Value::Table([("kind".to_owned(), name)].into_iter().collect()),
        }
        return;
    }
    let mut slot = table;
    for key in rest[1..].split('.') {
        if !slot.is_table() {
            *slot = Value::Table(toml::Table::new());
        }
        let Value::Table(inside) = slot else { unreachable!("it was made a table") };
        slot = inside.entry(key).or_insert(Value::Boolean(false));
    }
    *slot = value;
}

/// Whether a number in a value is infinite or none.
fn is_without_end(value: &Value) -> bool {
    match value {
        Value::Float(number) => !number.is_finite(),
        Value::Array(all) => all.iter().any(is_without_end),
        Value::Table(all) => all.values().any(is_without_end),
        _ => false,
    }
}

/// What kind of value is at a place.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list such as [1, 2]",
        Value::Table(_) => "a table such as { from = 1.0, to = 0.1 }",
        Value::String(_) | Value::Datetime(_) => "a text",
    }
}

/// `given` as a value of the kind of `old`.
fn converted(old: &Value, given: &str) -> Option<Value> {
    let quoted = || Value::String(given.trim_matches('"').to_owned());
    match old {
        Value::String(_) => Some(quoted()),
        Value::Integer(_) => given.replace('_', "").parse().ok().map(Value::Integer),
        Value::Float(_) => given.replace('_', "").parse().ok().map(Value::Float),
        Value::Boolean(_) => given.parse().ok().map(Value::Boolean),
        Value::Table(table) if table.contains_key("from") && table.contains_key("shape") => {
            let mut ramp = table.clone();
            if let Ok(value) = given.replace('_', "").parse::<f64>() {
                ramp.insert("from".into(), Value::Float(value));
                ramp.insert("to".into(), Value::Float(value));
                return Some(Value::Table(ramp));
            }
            parse(given)
        }
        _ => parse(given),
    }
}

fn parse(given: &str) -> Option<Value> {
    toml::from_str::<toml::Table>(&format!("value = {given}")).ok()?.remove("value")
}

#[cfg(test)]
mod tests {
    use super::super::preset;
    use super::*;

    #[test]
    fn overrides_change_exactly_their_key() {
        let base = preset("pendulum").unwrap();
        let changed = apply_override(&base, "training.steps=12_000").unwrap();
        assert_eq!(changed.training.steps, 12_000);
        let back = apply_override(&changed, &format!("training.steps={}", base.training.steps));
        assert_eq!(back.unwrap(), base);
        let rate = apply_override(&base, "training.learning_rate=1e-4").unwrap();
        assert_eq!(
            (rate.training.learning_rate.from, rate.training.learning_rate.to),
            (1e-4, 1e-4)
        );
        let end = apply_override(&base, "training.drop.to=0.5").unwrap();
        assert_eq!((end.training.drop.from, end.training.drop.to), (0.7, 0.5));
        let kind = apply_override(&base, "model.transition=residual").unwrap();
        assert_eq!(kind.model.transition, dvbf_core::KindTable::new("residual").with("hidden", 64));
        let earlier = apply_override(&base, "model.transition_hidden=32").unwrap();
        assert_eq!(earlier.model.transition.settings["hidden"], 32);
        let part = apply_override(&base, "model.emission.hidden=31").unwrap();
        assert_eq!(part.model.emission.settings["hidden"], 31);
        let horizons = apply_override(&base, "evaluation.horizons=[5, 20]").unwrap();
        assert_eq!(horizons.evaluation.horizons, [5, 20]);
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let base = preset("pendulum").unwrap();
        let error = apply_override(&base, "training.learnig_rate=1").unwrap_err().to_string();
        assert!(error.contains("training.learnig_rate"), "{error}");
        assert!(error.contains("did you mean training.learning_rate"), "{error}");
        for wrong in [
            "training.steps=many",
            "training.steps=1.5",
            "training.steps",
            "model.transition=magic",
            "model.transition.magic=1",
            "model.transition.matrices=many",
            "model.emissions=gaussian",
        ] {
            assert!(apply_override(&base, wrong).is_err(), "{wrong}");
        }
        assert!(super::super::preset("pendulm").unwrap_err().to_string().contains("pendulum?"));
    }

    #[test]
    fn parts_for_images_are_checked_against_the_system() {
        let base = preset("video").unwrap();
        let change = |text: &str| {
            let settings = apply_override(&base, text).unwrap();
            settings.validate().map_err(|e| e.to_string())
        };
        assert_eq!(change("model.recognition.image.height=64"), Ok(()));
        for (text, key) in [
            ("model.recognition.image.colors=5", "model.recognition.image.height: "),
            ("model.emission.image.width=65", "model.emission.image.height: "),
            ("model.initial.image.height=100", "model.initial.image.height: "),
            ("model.emission.state=6", "model.emission.state: "),
        ] {
            let error = change(text).unwrap_err();
            assert!(error.starts_with(key), "{error}");
        }
    }

    #[test]
    fn every_preset_is_valid_and_survives_its_file() {
        for name in super::super::PRESETS {
            let settings = preset(name).unwrap();
            settings.validate().unwrap();
            assert_eq!(Settings::from_toml(&settings.to_toml()).unwrap(), settings);
        }
    }
}
