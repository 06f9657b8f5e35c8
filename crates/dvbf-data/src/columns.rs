//! What the columns of a table are.

use super::RecordingError;
use super::clock;
use std::io::BufRead;
use std::path::Path;

/// Columns of a table by what they are, in this order; those that are not named here, apart from
/// time stamps and `dt`, are not used. A column may be named without a unit in brackets behind its name. If none is named, the columns' own names say what they are:
///
/// | column | is |
/// |---|---|
/// | `x`, or a name that begins with `x_` | observed channel; an empty cell or NaN is missing |
/// | `u`, or a name that begins with `u_` | control; a row's acts until the next row |
/// | a name that begins with `state_` | component of the true state, for evaluation only |
/// | `t`, `time`, `timestamp`, `__time`, `%time`, also with a unit as in `time [ms]` or `time_ms` | time stamp, in seconds unless it says otherwise |
/// | `dt` | seconds to the next row, instead of time stamps |
/// | `episode`, `episode_index`, `episode_id`, `trial` | a new sequence begins where it changes |
///
/// and any other column is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Observed channels.
    pub observe: Vec<String>,
    /// Controls.
    pub control: Vec<String>,
    /// Components of the true state.
    pub state: Vec<String>,
    /// Time stamps, in seconds or the unit of their name; by usual names if none.
    pub time: Option<String>,
    /// What changes where a new sequence begins, such as the number of an episode; by usual names if none.
    pub episode: Option<String>,
}

impl Columns {
    /// Whether observed channels, controls or states are chosen.
    pub fn has_channels(&self) -> bool {
        !(self.observe.is_empty() && self.control.is_empty() && self.state.is_empty())
    }

    /// The same columns by the names that they have in `header`, where they were given without units.
    fn among(&self, header: &[String]) -> Self {
        let full = |name: &String| {
            let mut like = header.iter().filter(|other| clock::with_unit(other).0 == name);
            match (header.contains(name), like.next(), like.next()) {
                (false, Some(one), None) => one.clone(),
                _ => name.clone(),
            }
        };
        let all = |names: &[String]| names.iter().map(full).collect();
        Self {
            observe: all(&self.observe),
            control: all(&self.control),
            state: all(&self.state),
            time: self.time.as_ref().map(full),
            episode: self.episode.as_ref().map(full),
        }
    }
}

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Observation(String),
    Control(String),
    State(String),
    Time,
    Interval,
    Episode,
    Unused(String),
}

/// Columns of a file in the order of the first file, by their places in this one.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) header: Vec<String>,
    pub(super) observations: Vec<(String, usize)>,
    pub(super) controls: Vec<(String, usize)>,
    pub(super) states: Vec<(String, usize)>,
    pub(super) time: Option<usize>,
    pub(super) interval: Option<usize>,
    pub(super) episode: Option<usize>,
    pub(super) unused: Vec<String>,
}

impl Layout {
    /// The columns of `header`; `beside_frames` if frames are what is observed.
    pub(super) fn new(
        header: Vec<String>,
        columns: &Columns,
        path: &Path,
        beside_frames: bool,
    ) -> Result<Self, RecordingError> {
        let columns = &columns.among(&header);
        let mut layout = Self::default();
        for (place, name) in header.iter().enumerate() {
            if header[..place].contains(name) {
                return Err(RecordingError::key(path, shown(name, place), "is there twice"));
            }
            let role = role(name, columns).ok_or_else(|| {
                let problem = "is not known; name columns x_…, u_…, state_…, t or dt, or choose \
                               them with --observe, --control, --state, --time and --episode; inspect \
                               shows what they probably are";
                RecordingError::key(path, shown(name, place), problem)
            })?;
            match role {
                Role::Observation(name) => layout.observations.push((name, place)),
                Role::Control(name) => layout.controls.push((name, place)),
                Role::State(name) => layout.states.push((name, place)),
                Role::Unused(name) => layout.unused.push(name),
                Role::Episode => {
                    if layout.episode.replace(place).is_some() {
                        let problem = "stands beside another column of episodes";
                        return Err(RecordingError::key(path, shown(name, place), problem));
                    }
                }
                Role::Time | Role::Interval => {
                    let (time, interval) = (&mut layout.time, &mut layout.interval);
                    let slot = if role == Role::Time { time } else { interval };
                    if slot.replace(place).is_some() {
                        let problem = "stands beside another column of time stamps";
                        return Err(RecordingError::key(path, shown(name, place), problem));
                    }
                }
            }
        }
        let Columns { observe, control, state, time, episode } = columns;
        for name in observe.iter().chain(control).chain(state).chain(time).chain(episode) {
            if !header.contains(name) {
                let problem = format!("is missing; there are {}", header.join(", "));
                return Err(RecordingError::key(path, format!("column {name}"), problem));
            }
            let all = observe.iter().chain(control).chain(state).chain(time).chain(episode);
            if all.filter(|other| *other == name).count() > 1 {
                let problem = "is chosen twice";
                return Err(RecordingError::key(path, format!("column {name}"), problem));
            }
        }
        for (found, chosen) in [
            (&mut layout.observations, observe),
            (&mut layout.controls, control),
            (&mut layout.states, state),
        ] {
            found.sort_by_key(|(name, _)| chosen.iter().position(|other| other == name));
        }
        if let Some((_, place)) = layout.observations.first().filter(|_| beside_frames) {
            let problem = "is observed, and stands beside frames; leave it out, or call it state_… if it is a true \
                           state";
            return Err(RecordingError::key(path, shown(&header[*place], *place), problem));
        }
        if layout.observations.is_empty() && !beside_frames {
            let problem = format!(
                "has no observed column; name one x_…, or choose from {} with --observe",
                header.join(", ")
            );
            return Err(RecordingError::file(path, problem));
        }
        layout.header = header;
        Ok(layout)
    }

    /// The same columns at their places in another file.
    pub(super) fn of(
        &self,
        header: &[String],
        path: &Path,
        first: &Path,
    ) -> Result<Self, RecordingError> {
        if header == self.header {
            return Ok(self.clone());
        }
        for (place, name) in header.iter().enumerate() {
            let problem = if header[..place].contains(name) {
                "is there twice".into()
            } else if self.header.contains(name) {
                continue;
            } else {
                format!("is not in {}", first.display())
            };
            return Err(RecordingError::key(path, shown(name, place), problem));
        }
        let place = |old: usize| {
            let name = &self.header[old];
            header.iter().position(|other| other == name).ok_or_else(|| {
                let problem = format!("is missing; {} has it", first.display());
                RecordingError::key(path, format!("column {name}"), problem)
            })
        };
        let places = |channels: &[(String, usize)]| -> Result<Vec<_>, RecordingError> {
            channels.iter().map(|(name, old)| Ok((name.clone(), place(*old)?))).collect()
        };
        Ok(Self {
            header: header.to_vec(),
            observations: places(&self.observations)?,
            controls: places(&self.controls)?,
            states: places(&self.states)?,
            time: self.time.map(place).transpose()?,
            interval: self.interval.map(place).transpose()?,
            episode: self.episode.map(place).transpose()?,
            unused: self.unused.clone(),
        })
    }
}

/// A column's name, or its number if it has none.
pub(super) fn shown(name: &str, place: usize) -> String {
    if name.is_empty() {
        format!("column {} without a name", place + 1)
    } else {
        format!("column {name}")
    }
}

/// What the column `name` is; `None` if nobody knows.
fn role(name: &str, columns: &Columns) -> Option<Role> {
    let stripped = |letter: &str| {
        let rest = name.strip_prefix(letter)?.strip_prefix('_')?;
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    let Columns { observe, control, state, time, episode } = columns;
    let chosen = |all: &[String]| all.iter().any(|other| other == name);
    if chosen(observe) {
        return Some(Role::Observation(name.into()));
    } else if chosen(control) {
        return Some(Role::Control(name.into()));
    } else if chosen(state) {
        return Some(Role::State(name.into()));
    }
    match episode {
        Some(episode) if episode == name => return Some(Role::Episode),
        None if is_episode(name) => return Some(Role::Episode),
        _ => {}
    }
    match time {
        Some(time) if time == name => return Some(Role::Time),
        // Another clock beside the chosen one says nothing.
        Some(_) if clock::usual(name).is_some() || name == "dt" => {
            return Some(Role::Unused(name.into()));
        }
        None if clock::usual(name).is_some() => return Some(Role::Time),
        None if name == "dt" => return Some(Role::Interval),
        _ => {}
    }
    if columns.has_channels() {
        return Some(Role::Unused(name.into()));
    }
    let alone = |letter: &str| (name == letter).then(|| name.to_owned());
    alone("x")
        .or_else(|| stripped("x"))
        .map(Role::Observation)
        .or_else(|| alone("u").or_else(|| stripped("u")).map(Role::Control))
        .or_else(|| stripped("state").map(Role::State))
}

/// Whether a column's name is one that numbers of episodes usually have.
pub(super) fn is_episode(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    matches!(name.as_str(), "episode" | "episode_index" | "episode_id" | "episode_number" | "trial")
}

/// The character between the columns, from the line of names; what is quoted does not count.
pub(super) fn separator(from: &mut impl BufRead) -> std::io::Result<u8> {
    let start = from.fill_buf()?;
    let mut lines = start.split(|&byte| byte == b'\n');
    let line = lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |separator: u8| {
        let mut quoted = false;
        line.iter()
            .filter(|&&byte| {
                quoted ^= byte == b'"';
                byte == separator && !quoted
            })
            .count()
    };
    Ok([b',', b';', b'\t'].into_iter().rev().max_by_key(|&byte| count(byte)).unwrap_or(b','))
}
