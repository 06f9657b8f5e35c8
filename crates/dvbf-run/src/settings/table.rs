//! Settings as a table: the system has its settings under its own name.

use super::Settings;
use dvbf_data::settings::RecordingsSettings;
use dvbf_envs::{System, SystemKind};
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const KEYS: [&str; 7] = ["preset", "seed", "data", "recordings", "model", "training", "evaluation"];

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("preset", &self.preset)?;
        map.serialize_entry("seed", &self.seed)?;
        map.serialize_entry("data", &self.data)?;
        if let Some(system) = &self.system {
            map.serialize_entry(system.name(), system.settings())?;
        }
        if let Some(recordings) = &self.recordings {
            map.serialize_entry("recordings", recordings)?;
        }
        map.serialize_entry("model", &self.model)?;
        map.serialize_entry("training", &self.training)?;
        map.serialize_entry("evaluation", &self.evaluation)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a run")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let (mut preset, mut seed, mut data) = (None, None, None);
        let (mut model, mut training, mut evaluation) = (None, None, None);
        let mut system: Option<System> = None;
        let mut recordings: Option<RecordingsSettings> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "preset" => preset = Some(map.next_value()?),
                "seed" => seed = Some(map.next_value()?),
                "data" => data = Some(map.next_value()?),
                "recordings" => recordings = Some(map.next_value()?),
                "model" => model = Some(map.next_value()?),
                "training" => training = Some(map.next_value()?),
                "evaluation" => evaluation = Some(map.next_value()?),
                name if SystemKind::named(name).is_some_and(|kind| kind.name == name) => {
                    if let Some(first) = &system {
                        let problem = format!("stands beside {name}; a run has one source");
                        return Err(A::Error::custom(format!("{}: {problem}", first.name())));
                    }
                    let named = |problem| A::Error::custom(format!("{name}: {problem}"));
                    system = Some(System::from_table(name, map.next_value()?).map_err(named)?);
                }
                _ => return Err(A::Error::unknown_field(&key, &KEYS)),
            }
        }
        let missing = A::Error::missing_field;
        Ok(Settings {
            preset: preset.ok_or_else(|| missing("preset"))?,
            seed: seed.ok_or_else(|| missing("seed"))?,
            data: data.ok_or_else(|| missing("data"))?,
            system,
            recordings,
            model: model.ok_or_else(|| missing("model"))?,
            training: training.ok_or_else(|| missing("training"))?,
            evaluation: evaluation.ok_or_else(|| missing("evaluation"))?,
        })
    }
}
