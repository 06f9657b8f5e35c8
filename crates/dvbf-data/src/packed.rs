//! From the padded arrays of an archive to sequences.

use super::RecordingError;
use super::center::Wide;
use super::raw::{Part, RawRecordings, RawSequence};
use super::unknown::{Entry, no_controls};
use ndarray::{Array2, Array3, ArrayD, Axis, s};
use std::path::Path;

/// Observations as they were read.
#[derive(Debug)]
pub(super) enum Seen {
    /// Images and bytes, for which single precision is enough.
    Narrow(ArrayD<f32>),
    /// Anything else.
    Wide(ArrayD<f64>),
}

/// Observations `(N, T, X)`.
enum Rows {
    Narrow(Array3<f32>),
    Wide(Array3<f64>),
}

impl Seen {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Narrow(values) => values.shape(),
            Self::Wide(values) => values.shape(),
        }
    }

    /// As rows of channels, NaN where `mask` hides them; what is wrong with which array otherwise.
    fn rows(
        self,
        own: (usize, usize),
        mask: Option<ArrayD<f32>>,
    ) -> Result<Rows, (&'static str, String)> {
        let shape = self.shape().to_vec();
        Ok(match self {
            Self::Narrow(values) => Rows::Narrow(seen(values, &shape, own, mask)?),
            Self::Wide(values) => Rows::Wide(seen(values, &shape, own, mask)?),
        })
    }
}

fn seen<T: Copy + From<f32>>(
    values: ArrayD<T>,
    shape: &[usize],
    own: (usize, usize),
    mask: Option<ArrayD<f32>>,
) -> Result<Array3<T>, (&'static str, String)> {
    let mut x = flat(values, "x", own).map_err(|p| ("x", p))?;
    if let Some(mask) = mask {
        apply_mask(&mut x, shape, mask).map_err(|p| ("mask", p))?;
    }
    Ok(x)
}

impl Rows {
    fn width(&self) -> usize {
        match self {
            Self::Narrow(values) => values.dim().2,
            Self::Wide(values) => values.dim().2,
        }
    }

    /// Smallest and largest value that is not missing.
    fn extent(&self) -> (f64, f64) {
        match self {
            Self::Narrow(values) => extent(values),
            Self::Wide(values) => extent(values),
        }
    }
}

/// The arrays of an archive.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) observations: Option<Seen>,
    pub(super) controls: Option<ArrayD<f64>>,
    pub(super) mask: Option<ArrayD<f32>>,
    pub(super) states: Option<ArrayD<f64>>,
    pub(super) lengths: Option<ArrayD<f64>>,
    pub(super) intervals: Option<ArrayD<f64>>,
    pub(super) state_names: Option<ArrayD<String>>,
    pub(super) observation_names: Option<ArrayD<String>>,
    pub(super) control_names: Option<ArrayD<String>>,
    pub(super) parts: Option<ArrayD<String>>,
    pub(super) ignored: Vec<String>,
}

/// The sequences of the arrays; `entries` are all arrays of the archive.
pub(super) fn assemble(
    packed: Packed,
    entries: &[Entry],
    path: &Path,
) -> Result<RawRecordings, RecordingError> {
    let Some(observations) = packed.observations else {
        return Err(RecordingError::file(path, "has no array x, the observations"));
    };
    let shape = observations.shape().to_vec();
    let names = packed.observation_names.as_ref().map_or(0, ArrayD::len);
    check_axes(&shape, names).map_err(|problem| RecordingError::key(path, "x", problem))?;
    // Of a single sequence without its axis, what belongs to x has as many rows as x.
    let single = |key: &str| {
        let other = entries.iter().find(|entry| entry.name == key);
        let other = other.and_then(|entry| entry.shape.as_deref()).unwrap_or_default();
        let long = other.first() == shape.first() && other.get(1) != shape.get(1);
        shape.len() == 2
            && shape[0] > shape[1]
            && long
            && ["u", "mask", "dt", "state"].contains(&key)
    };
    let wrong = |key: &str, problem: String| {
        let hint = if single(key) {
            format!(
                "; x has the axes (sequence, step), and a single sequence of {} steps is x[None], {key} \
                 too",
                shape[0]
            )
        } else {
            String::new()
        };
        RecordingError::key(path, key, problem + &hint)
    };
    let (count, steps) = (shape[0], shape[1]);
    let x = observations.rows((count, steps), packed.mask).map_err(|(key, p)| wrong(key, p))?;
    let u = match packed.controls {
        Some(u) => flat(u, "u", (count, steps)).map_err(|p| wrong("u", p))?,
        None => Array3::zeros((count, steps, 0)),
    };
    let states = match packed.states {
        Some(states) => {
            let states = flat(states, "state", (count, steps)).map_err(|p| wrong("state", p))?;
            (states.dim().2 > 0).then_some(states)
        }
        None => None,
    };
    let lengths = match packed.lengths {
        Some(lengths) => lengths_of(&lengths, (count, steps)).map_err(|p| wrong("lengths", p))?,
        None => vec![steps; count],
    };
    let intervals = packed
        .intervals
        .map(|dt| intervals_of(&dt, &lengths, (count, steps)).map_err(|p| wrong("dt", p)))
        .transpose()?;

    let parts = match packed.parts {
        Some(parts) => parts_of(&parts, count).map_err(|p| wrong("part", p))?,
        None => vec![None; count],
    };
    let width = states.as_ref().map_or(0, |s| s.dim().2);
    let names = |given, key: &str, letter: &str, count| {
        names_of(given, letter, count).map_err(|p| wrong(key, p))
    };
    let colors = shape.get(4).copied().unwrap_or(1);
    let image = (shape.len() >= 4).then(|| (colors * shape[2], shape[3]));
    let mut remarks = no_controls(entries, &packed.ignored, (count, steps));
    remarks.extend(doubts(&x, &shape, image.is_some()));
    let mut out = RawRecordings {
        remarks,
        origins: crate::Origins::default(),
        observation_names: names(packed.observation_names, "x_names", "x", x.width())?,
        control_names: names(packed.control_names, "u_names", "u", u.dim().2)?,
        state_names: names(packed.state_names, "state_names", "state", width)?,
        sequences: Vec::with_capacity(count),
        dt: None,
        image,
        colors,
        ignored: packed.ignored,
    };
    let mut wide = Vec::with_capacity(count);
    for (n, &length) in lengths.iter().enumerate() {
        fn cut<T: Copy>(values: &Array3<T>, n: usize, length: usize) -> Array2<T> {
            values.slice(s![n, ..length, ..]).to_owned()
        }
        let (narrow, all) = match &x {
            Rows::Narrow(x) => (cut(x, n, length), None),
            Rows::Wide(x) => (Array2::zeros((0, 0)), Some(cut(x, n, length))),
        };
        out.sequences.push(RawSequence {
            name: format!("sequence {n}"),
            observations: narrow,
            controls: Array2::zeros((0, 0)),
            intervals: None,
            states: None,
            part: parts[n],
        });
        wide.push(Wide {
            observations: all,
            controls: cut(&u, n, length),
            states: states.as_ref().map(|states| cut(states, n, length)),
        });
    }
    out.take(&wide).map_err(|(key, problem)| RecordingError::key(path, key, problem))?;
    if let Some(intervals) = intervals {
        out.set_intervals(intervals);
    }
    out.checked(path)
}

/// Refuses observations whose axes cannot be meant; `names` are the names of their channels.
fn check_axes(shape: &[usize], names: usize) -> Result<(), String> {
    if shape.len() < 2 {
        return Err(format!("has shape {shape:?}; it needs the axes (sequence, step, channel)"));
    }
    if let Some(axis) = shape.iter().position(|&n| n == 0) {
        return Err(format!("has shape {shape:?}; axis {axis} is empty"));
    }
    if shape.len() == 2 && names > 1 && names == shape[1] {
        return Err(format!(
            "has shape {shape:?}, which is {} sequences of {} steps of one channel, and x_names has \
             {names} names; a single sequence is x[None]",
            shape[0], shape[1],
        ));
    }
    if shape.len() > 5 || shape.get(4).is_some_and(|colors| ![1, 3].contains(colors)) {
        return Err(format!(
            "has shape {shape:?}; images are (sequence, step, height, width), or with red, green and blue \
             as a fifth axis, and vectors (sequence, step, channel)"
        ));
    }
    Ok(())
}

/// What looks as if something else were meant.
fn doubts(x: &Rows, shape: &[usize], image: bool) -> Vec<String> {
    let mut out = Vec::new();
    let (count, steps) = (shape[0], shape[1]);
    if shape.len() == 2 && count >= 4 * steps {
        out.push(format!(
            "x {shape:?} was read as {count} sequences of {steps} steps of one channel; a single \
             sequence of {count} steps is x[None]"
        ));
    }
    let (low, high) = x.extent();
    if image && (low < -0.01 || high > 1.01) {
        out.push(format!(
            "images are expected in [0, 1], and x holds values from {low} to {high}; bytes are \
             scaled, other numbers are taken as they are"
        ));
    }
    out
}

fn extent<T: Copy + Into<f64>>(x: &Array3<T>) -> (f64, f64) {
    x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| {
        (low.min(v.into()), high.max(v.into()))
    })
}

/// `values` as `(N, T, rest)`; planes of color stand one above the other.
fn flat<T: Copy>(
    values: ArrayD<T>,
    name: &str,
    (count, steps): (usize, usize),
) -> Result<Array3<T>, String> {
    let shape = values.shape().to_vec();
    if shape.len() < 2 || shape[..2] != [count, steps] {
        let problem = match shape.get(1) {
            Some(&own) if shape[0] == count && own + 1 == steps => {
                format!(", one step less; {name}[:, t] belongs to step t, so pad the last step")
            }
            _ => format!("; it must begin with ({count}, {steps}), as x does"),
        };
        return Err(format!("has shape {shape:?}{problem}"));
    }
    let width = shape[2..].iter().product();
    let values =
        if shape.len() == 5 { values.permuted_axes([0, 1, 4, 2, 3].as_slice()) } else { values };
    let values =
        if values.is_standard_layout() { values } else { values.as_standard_layout().into_owned() };
    values.into_shape_with_order((count, steps, width)).map_err(|e| e.to_string())
}

/// Sets to NaN what `mask` hides.
fn apply_mask<T: From<f32>>(
    x: &mut Array3<T>,
    shape: &[usize],
    mask: ArrayD<f32>,
) -> Result<(), String> {
    let own = mask.shape().to_vec();
    let (count, steps, width) = x.dim();
    if let Some(value) = mask.iter().find(|&&m| !(m.abs() < 1e-9 || (m - 1.0).abs() < 1e-9)) {
        return Err(format!("holds {value}; it may hold 0 and 1 only, 1 where x was observed"));
    }
    let fits = own == shape || own == [count, steps] || own == [count, steps, width];
    if !fits {
        return Err(format!(
            "has shape {own:?}; it must be ({count}, {steps}) or that of x, {shape:?}"
        ));
    }
    let mask = flat(mask, "mask", (count, steps))?;
    for (mut x, mask) in x.lanes_mut(Axis(2)).into_iter().zip(mask.lanes(Axis(2))) {
        for (i, x) in x.iter_mut().enumerate() {
            let seen = if mask.len() == width { mask[i] } else { mask[0] };
            if seen < 0.5 {
                *x = T::from(f32::NAN);
            }
        }
    }
    Ok(())
}

fn lengths_of(lengths: &ArrayD<f64>, (count, steps): (usize, usize)) -> Result<Vec<usize>, String> {
    if lengths.shape() != [count] {
        return Err(format!("has shape {:?}; it must be ({count})", lengths.shape()));
    }
    lengths
        .iter()
        .enumerate()
        .map(|(n, &length)| {
            if length.fract().abs() < 1e-9 && (1.0..=steps as f64).contains(&length) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it lies between 1 and the steps of an array"
                )]
                let length = length as usize;
                Ok(length)
            } else {
                Err(format!("is {length} for sequence {n}; it must lie between 1 and {steps}"))
            }
        })
        .collect()
}

/// Seconds after every step of every sequence.
fn intervals_of(
    dt: &ArrayD<f64>,
    lengths: &[usize],
    (count, steps): (usize, usize),
) -> Result<Vec<Vec<f64>>, String> {
    let all = match dt.shape() {
        [] | [1] => dt.iter().next().map(|&dt| Array2::from_elem((count, steps), dt)),
        [own] if *own == steps => dt.broadcast((count, steps)).map(|dt| dt.to_owned()),
        [n, t] if (*n, *t) == (count, steps) => {
            dt.view().into_dimensionality().ok().map(|dt| dt.to_owned())
        }
        _ => None,
    };
    let all: Array2<f64> = all.ok_or_else(|| {
        format!("has shape {:?}; it must be a number, ({steps}) or ({count}, {steps})", dt.shape())
    })?;
    let mut out = Vec::with_capacity(count);
    for ((n, row), &length) in all.rows().into_iter().enumerate().zip(lengths) {
        let read = length.saturating_sub(1).max(usize::from(dt.ndim() == 0));
        if let Some(t) = row.iter().take(read).position(|dt| !(dt.is_finite() && *dt > 0.0)) {
            return Err(format!(
                "is {} at step {t} of sequence {n}; it must be a positive number of seconds",
                row[t]
            ));
        }
        out.push(row.iter().copied().take(length).collect());
    }
    Ok(out)
}

/// What every sequence is to be used for.
fn parts_of(given: &ArrayD<String>, count: usize) -> Result<Vec<Option<Part>>, String> {
    if given.shape() != [count] {
        return Err(format!("has shape {:?}; it must be ({count})", given.shape()));
    }
    let part = |name: &String| {
        let unknown = || format!("holds {name:?}; there are train, validation and test");
        Part::named(name).map(Some).ok_or_else(unknown)
    };
    given.iter().map(part).collect()
}

/// The names of `count` channels.
fn names_of(
    given: Option<ArrayD<String>>,
    letter: &str,
    count: usize,
) -> Result<Vec<String>, String> {
    let Some(given) = given else {
        return Ok((0..count)
            .map(|i| if count == 1 { letter.into() } else { format!("{letter}{i}") })
            .collect());
    };
    if given.shape() != [count] {
        return Err(format!("has shape {:?}; it must be ({count})", given.shape()));
    }
    if let Some(i) = given.iter().position(|name| name.trim().is_empty()) {
        return Err(format!("has an empty name at {i}"));
    }
    Ok(given.into_iter().collect())
}
