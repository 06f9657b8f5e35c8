//! Recordings from MCAP: logs of robots, with messages in JSON.
//!
//! Every number in the messages of a topic is a column: `joint.position.0` is the first one of the list `position` in
//! messages of `/joint`. The topic with the most messages, among those that are chosen, gives the rows. Of another
//! topic a row has the last message since the row before, and is missing where there is none; a control that is chosen
//! is its mean until the next row, as it holds from its message to the next one, and rows before its first message are
//! left out. Times are those of logging.

use super::RecordingError;
use super::budget::{FREE, RATIO};
use super::columns::Columns;
use super::frames::Frames;
use super::guess::ColumnFacts;
use super::mcap_records::{Topic, topics_of};
use super::raw::RawRecordings;
use super::sheets::{Column, Sheet, Sheets, guess_sheet, is_part};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads MCAP files, one recording each.
///
/// # Errors
/// If a file cannot be read or is damaged, asks for more memory than its size allows, or has no messages in JSON.
pub(super) fn read_mcap(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    frames.unused(&paths[0], "its messages are numbers")?;
    let mut sheets = Sheets::new(columns);
    for path in paths {
        let bytes = std::fs::read(path).map_err(|e| RecordingError::io(path, e))?;
        sheets.add(sheet_of(&bytes, columns, path)?, path)?;
    }
    sheets.finish()
}

/// Reads an MCAP file from memory; `path` is what errors call it.
///
/// # Errors
/// If it is damaged, asks for more memory than its size allows, has no messages in JSON, or a chosen column is not
/// there.
pub fn read_mcap_from(
    bytes: &[u8],
    columns: &Columns,
    path: &Path,
) -> Result<RawRecordings, RecordingError> {
    let mut sheets = Sheets::new(columns);
    sheets.add(sheet_of(bytes, columns, path)?, path)?;
    sheets.finish()
}

/// What the columns of a file probably are.
pub(super) fn guess_mcap(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    let bytes = std::fs::read(path).map_err(|e| RecordingError::io(path, e))?;
    Ok(guess_sheet(&sheet_of(&bytes, &Columns::default(), path)?))
}

/// A number in the messages of a topic: seconds, in the order of time, and values.
type Series = Vec<(f64, f64)>;

/// The numbers of a message, under their names.
fn numbers(value: &Value, name: &str, each: &mut impl FnMut(&str, f64)) {
    match value {
        Value::Bool(flag) => each(name, f64::from(u8::from(*flag))),
        Value::Number(number) => each(name, number.as_f64().unwrap_or(f64::NAN)),
        Value::Array(all) if all.len() == 1 => numbers(&all[0], name, each),
        Value::Array(all) => {
            let parts = all.iter().enumerate();
            parts.for_each(|(i, part)| numbers(part, &format!("{name}.{i}"), each));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(key, part)| numbers(part, &format!("{name}.{key}"), each));
        }
        Value::Null | Value::String(_) => {}
    }
}

/// The numbers of a topic's messages by their names, with seconds since `origin`.
fn series(
    topic: &Topic,
    origin: u64,
    path: &Path,
) -> Result<BTreeMap<String, Series>, RecordingError> {
    let name = topic.name.trim_matches('/').replace('/', ".");
    let mut out: BTreeMap<String, Series> = BTreeMap::new();
    for (number, (logged, body)) in topic.messages.iter().enumerate() {
        let value: Value = serde_json::from_slice(body).map_err(|e| {
            let problem = format!("has a message {number} that is no JSON: {e}");
            RecordingError::key(path, &topic.name, problem)
        })?;
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a recording")]
        let time = (logged - origin) as f64 * 1e-9;
        numbers(&value, &name, &mut |name, value| {
            let own = out.entry(name.to_owned()).or_default();
            own.push((time, value));
        });
    }
    Ok(out)
}

fn sheet_of(bytes: &[u8], columns: &Columns, path: &Path) -> Result<Sheet, RecordingError> {
    let topics = topics_of(bytes, path)?;
    let json = |topic: &&Topic| topic.encoding == "json" && !topic.messages.is_empty();
    let own: Vec<&Topic> = topics.iter().filter(json).collect();
    if own.is_empty() {
        let shown = |topic: &Topic| format!("{} in {:?}", topic.name, topic.encoding);
        let all: Vec<String> = topics.iter().map(shown).collect();
        let problem = format!(
            "has no messages in JSON, which is what is read; its topics are {}; write them again in JSON, or as a \
             table",
            if all.is_empty() { "none".into() } else { all.join(", ") }
        );
        return Err(RecordingError::file(path, problem));
    }
    let origin = own.iter().map(|topic| topic.messages[0].0).min().unwrap_or(0);
    let Columns { observe, control, state, .. } = columns;
    let among = |names: &[String], column: &str| names.iter().any(|name| is_part(column, name));
    let mut all: Vec<(String, Series)> = Vec::new();
    let mut stamps: Vec<f64> = Vec::new();
    for topic in own {
        let found = series(topic, origin, path)?;
        let wanted =
            |name: &String| !columns.has_channels() || among(observe, name) || among(state, name);
        if topic.messages.len() > stamps.len() && found.keys().any(wanted) {
            #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a recording")]
            let seconds = |(logged, _): &(u64, Vec<u8>)| (logged - origin) as f64 * 1e-9;
            stamps = topic.messages.iter().map(seconds).collect();
            stamps.dedup_by(|a, b| a.to_bits() == b.to_bits());
        }
        all.extend(found);
    }
    has_all(&all, columns, path)?;
    let acting: Vec<&Series> =
        all.iter().filter(|(name, _)| among(control, name)).map(|(_, own)| own).collect();
    let known = acting.iter().filter_map(|own| own.first()).fold(0.0_f64, |m, (t, _)| m.max(*t));
    // A control that comes a moment after the first row acts on it as well.
    let first = stamps.partition_point(|t| *t < known).saturating_sub(1);
    let stamps = &stamps[first.min(stamps.len())..];
    let bytes_of_sheet = 8 * (stamps.len() as u64).saturating_mul(all.len() as u64 + 1);
    if bytes_of_sheet > FREE.saturating_add(RATIO.saturating_mul(bytes.len() as u64)) {
        let problem = format!(
            "has {} different numbers in {} rows, which is too much; choose columns",
            all.len(),
            stamps.len()
        );
        return Err(RecordingError::file(path, problem));
    }
    let mut sheet = Sheet { name: path.display().to_string(), ..Sheet::default() };
    let time =
        Column { name: "time".into(), values: stamps.to_vec(), resolution: 1e-9, seconds: true };
    sheet.columns.push(time);
    for (name, own) in &all {
        let values = if among(control, name) { held(own, stamps) } else { latest(own, stamps) };
        sheet.columns.push(Column { name: name.clone(), values, ..Column::default() });
    }
    Ok(sheet)
}

/// Refuses what is chosen and not there.
fn has_all(all: &[(String, Series)], columns: &Columns, path: &Path) -> Result<(), RecordingError> {
    let mut chosen = columns.observe.iter().chain(&columns.control).chain(&columns.state);
    let there = |own: &&String| all.iter().any(|(name, _)| is_part(name, own));
    let Some(missing) = chosen.find(|own| !there(own)) else { return Ok(()) };
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let problem = format!("is missing; there are {}", names.join(", "));
    Err(RecordingError::key(path, missing, problem))
}

/// The last value since the row before; NaN where there is none.
fn latest(series: &Series, stamps: &[f64]) -> Vec<f64> {
    let mut next = stamps.first().map_or(0, |begin| series.partition_point(|(t, _)| t < begin));
    let value = |now: &f64| {
        let begin = next;
        while series.get(next).is_some_and(|(t, _)| t <= now) {
            next += 1;
        }
        if begin < next { series[next - 1].1 } else { f64::NAN }
    };
    stamps.iter().map(value).collect()
}

/// The mean until the next row of values that hold until the next one.
fn held(series: &Series, stamps: &[f64]) -> Vec<f64> {
    let mean = |row: usize| {
        let (from, to) = (stamps[row], stamps.get(row + 1).copied().unwrap_or(f64::INFINITY));
        let first = series.partition_point(|(t, _)| *t <= from).saturating_sub(1);
        if to.is_infinite() {
            return series.last().map_or(f64::NAN, |(_, value)| *value);
        }
        let (mut sum, mut covered) = (0.0, 0.0);
        for (place, (begin, value)) in series.iter().enumerate().skip(first) {
            let begin = begin.max(from);
            if begin >= to {
                break;
            }
            let end = series.get(place + 1).map_or(to, |(next, _)| next.min(to));
            sum += (end - begin).max(0.0) * value;
            covered += (end - begin).max(0.0);
        }
        if covered > 0.0 { sum / covered } else { f64::NAN }
    };
    (0..stamps.len()).map(mean).collect()
}
