//! Settings of the model as earlier runs wrote them: one flat table for all parts.

use super::ModelSettings;
use dvbf_core::KindTable;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Where a key of the flat table went.
pub const EARLIER_KEYS: [(&str, &str); 6] = [
    ("model.matrices", "model.transition.matrices"),
    ("model.shared_state", "model.transition.shared"),
    ("model.transition_hidden", "model.transition.hidden"),
    ("model.emission_state", "model.emission.state"),
    ("model.emission_std_kind", "model.emission.std_kind"),
    ("model.emission_std", "model.emission.std"),
];

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Name(String),
    Table(KindTable),
}

/// The model's table of a file: that of today, or the flat one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    state: usize,
    noise: usize,
    hidden: usize,
    initial_frames: usize,
    initial: Option<KindTable>,
    recognition: Option<KindTable>,
    transition: Part,
    emission: Option<KindTable>,
    matrices: Option<Value>,
    shared_state: Option<Value>,
    transition_hidden: Option<Value>,
    emission_state: Option<Value>,
    emission_std_kind: Option<Value>,
    emission_std: Option<Value>,
}

impl<'de> Deserialize<'de> for ModelSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = ModelTable::deserialize(deserializer)?;
        Self::of(table).map_err(D::Error::custom)
    }
}

impl ModelSettings {
    fn of(table: ModelTable) -> Result<Self, String> {
        let flat = [
            ("matrices", &table.matrices),
            ("shared_state", &table.shared_state),
            ("transition_hidden", &table.transition_hidden),
            ("emission_state", &table.emission_state),
            ("emission_std_kind", &table.emission_std_kind),
            ("emission_std", &table.emission_std),
        ];
        let given = |prefixes: &[&str]| {
            let own = |key: &str| prefixes.iter().any(|prefix| key.starts_with(prefix));
            flat.iter().find(|(key, value)| own(key) && value.is_some()).map(|(key, _)| *key)
        };
        let filled = |table: KindTable, values: &[(&str, &Option<Value>)]| {
            let known = values.iter().filter_map(|(key, value)| Some((*key, (*value).clone()?)));
            known.fold(table, |table, (key, value)| table.with(key, value))
        };
        let transition = match table.transition {
            Part::Table(own) => {
                if let Some(key) = given(&["matrices", "shared", "transition"]) {
                    return Err(format!("model.{key} belongs into the table model.transition"));
                }
                own
            }
            Part::Name(name) => {
                let hidden = ("hidden", &table.transition_hidden);
                let all = [hidden, ("matrices", &table.matrices), ("shared", &table.shared_state)];
                // The flat table had settings of all kinds.
                let own = if name == "locally-linear" { &all[..] } else { &all[..1] };
                filled(KindTable::new(&name), own)
            }
        };
        let emission = match table.emission {
            Some(own) => {
                if let Some(key) = given(&["emission"]) {
                    return Err(format!("model.{key} belongs into the table model.emission"));
                }
                own
            }
            None => filled(
                KindTable::new("gaussian"),
                &[
                    ("state", &table.emission_state),
                    ("std_kind", &table.emission_std_kind),
                    ("std", &table.emission_std),
                ],
            ),
        };
        Ok(Self {
            state: table.state,
            noise: table.noise,
            hidden: table.hidden,
            initial_frames: table.initial_frames,
            initial: table.initial.unwrap_or_else(|| KindTable::new("first-frames")),
            recognition: table.recognition.unwrap_or_else(|| KindTable::new("feedforward")),
            transition,
            emission,
        })
    }
}
