//! A trained model, and what its run knows of its recordings.

use crate::data::{
    Columns, DataError, Frames, Origins, Pace, RawRecordings, RawSequence, Reading, RecordingError,
    Set, Supply, controls, find_files, has_columns, narrow, read_recordings, timed,
};
use crate::pool::PoolError;
use crate::run::{FolderError, RunFolder};
use crate::settings::{RecordingsSettings, Settings};
use dvbf_core::{FileError, Filter, FilterError, Layout, Steps, Units};
use ndarray::{Array2, s};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A trained model could not be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The model file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of recordings.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The run's own recordings.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting of the filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The recordings are not such as the model was trained on, or too short for what was asked.
    #[error("{problem}")]
    Unfit {
        /// What does not fit.
        problem: String,
    },
    /// A result could not be written.
    #[error("{} cannot be written: {problem}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What is in the way.
        problem: String,
    },
}

impl ApplyError {
    pub(super) fn unfit(problem: impl Into<String>) -> Self {
        Self::Unfit { problem: problem.into() }
    }
}

/// A trained model, and what its run knows of its recordings.
#[derive(Debug)]
pub struct Trained {
    filter: Filter,
    settings: Option<Settings>,
    origins: Origins,
}

impl Trained {
    /// The best model of the run in the folder `run`, or the model of the file `run`, whose folder may be
    /// that of a run.
    ///
    /// # Errors
    /// If there is none, or a file is damaged.
    pub fn open(run: &Path) -> Result<Self, ApplyError> {
        let (model, folder) = if run.is_dir() {
            (RunFolder::open(run)?.best_path()?, Some(run))
        } else {
            (run.to_owned(), run.parent())
        };
        let settings = match folder.map(RunFolder::open) {
            // Beside a model that was named, settings may be there or not.
            Some(Ok(folder)) if run.is_dir() => Some(folder.settings()?),
            Some(Ok(folder)) => folder.settings().ok(),
            _ => None,
        };
        Ok(Self::new(Filter::load(model)?, settings))
    }

    /// A trained model from its filter, as [`Filter::load`] makes it, and the settings of its run.
    pub fn new(mut filter: Filter, settings: Option<Settings>) -> Self {
        let mut origins = Origins::default();
        if let Some(Units { observation, control }) = filter.units().cloned() {
            // The seconds of a step are no channel of the recordings, which have no origin for them.
            let seconds = usize::from(takes_seconds(&filter));
            let (seen, observation) = observation.split();
            let (acting, control) = control.split_leading(control.len().saturating_sub(seconds));
            let some =
                |all: Vec<f64>| if all.iter().any(|o| o.abs() > 0.0) { all } else { Vec::new() };
            (origins.observation, origins.control) = (some(seen), some(acting));
            filter = filter.with_units(Some(Units { observation, control }));
        }
        Self { filter, settings, origins }
    }

    /// What is taken off observations and controls before they reach the [filter](Self::filter).
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The filter, at the start of a sequence, for what recordings of [`origins`](Self::origins) hold.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The settings of the run, if the model lies in the folder of one.
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// Reads recordings for the model, with its channels in their order.
    ///
    /// Of tables, `columns` chooses; what it leaves open is chosen as the run did, or by the names that the
    /// model knows; and so are the pace and how frames are taken. Chosen columns are, in their order, the channels of the model, whatever they are called.
    ///
    /// # Errors
    /// If they cannot be read or are not such as the model was trained on.
    pub fn read(
        &self,
        files: &[String],
        columns: Columns,
        pace: Option<Pace>,
        frames: Option<Frames>,
    ) -> Result<RawRecordings, ApplyError> {
        let own = self.settings.as_ref().and_then(|settings| settings.recordings.as_ref());
        let pace = pace.or_else(|| own.map(RecordingsSettings::pace)).unwrap_or_default();
        let frames = frames.or_else(|| own.map(|own| own.frames.clone())).unwrap_or_default();
        let own = own.map(RecordingsSettings::columns).unwrap_or_default();
        let layout = self.filter.layout();
        let given = columns.clone();
        let named = |of: fn(&Layout) -> &Vec<String>| layout.map(of).cloned().unwrap_or_default();
        let chosen = columns.has_channels();
        let first = |some: [Vec<String>; 3]| some.into_iter().find(|names| !names.is_empty());
        let (observed, controlled) = (!columns.observe.is_empty(), !columns.control.is_empty());
        let resolved = if chosen {
            let or_names = |a, b, of| first([a, b, named(of)]).unwrap_or_default();
            Columns {
                observe: or_names(columns.observe, own.observe, |layout| &layout.observation),
                control: or_names(columns.control, own.control, |layout| &layout.control),
                state: first([columns.state, own.state, Vec::new()]).unwrap_or_default(),
                time: columns.time.or(own.time),
                episode: columns.episode.or(own.episode),
            }
        } else {
            Columns {
                time: columns.time.or(own.time.clone()),
                episode: columns.episode.or(own.episode.clone()),
                ..own
            }
        };
        // An archive has no columns, so those of the run say nothing about it.
        let columns = if given == Columns::default() && !has_columns(&find_files(files)?) {
            Columns::default()
        } else {
            resolved
        };
        let files_of = files.to_vec();
        let reading = Reading { files: files_of, columns, pace, frames, ..Reading::default() };
        let mut recordings = reading.read()?;
        if let Some(layout) = layout {
            let adopt = |names: &mut Vec<String>, of: &[String], chosen: bool| {
                if chosen && names.len() == of.len() {
                    *names = of.to_vec();
                }
            };
            adopt(&mut recordings.observation_names, &layout.observation, observed);
            adopt(&mut recordings.control_names, &layout.control, controlled);
        }
        match self.matched(&recordings) {
            Ok(Cow::Borrowed(_)) => Ok(recordings),
            Ok(Cow::Owned(ordered)) => Ok(ordered),
            Err(problem) => Err(ApplyError::unfit(format!("{}: {problem}", files.join(", ")))),
        }
    }

    /// The first `count` test sequences of the run, in the units of its recordings.
    ///
    /// # Errors
    /// If the model lies in no run, or its recordings cannot be read.
    pub fn test_sequences(&self, count: usize) -> Result<RawRecordings, ApplyError> {
        let Some(settings) = &self.settings else {
            return Err(ApplyError::unfit(
                "the model lies in no run folder, so its recordings are unknown; name some with --data",
            ));
        };
        if let Some(source) = &settings.recordings {
            let mut recordings = read_recordings(source)?;
            recordings.keep_test(source, settings.data.seed, count).map_err(ApplyError::unfit)?;
            return Ok(recordings);
        }
        let supply = Supply::open(settings)?;
        let test = supply.sequences(Set::TestLong).first(count);
        Ok(RawRecordings::of_set(&test))
    }

    /// Whether the model takes the seconds of every step as its last control.
    pub fn is_timed(&self) -> bool {
        takes_seconds(&self.filter)
    }

    /// The recordings with the channels of the model in its order.
    ///
    /// # Errors
    /// What differs: channels, images or steps.
    pub(super) fn matched<'a>(
        &self,
        recordings: &'a RawRecordings,
    ) -> Result<Cow<'a, RawRecordings>, String> {
        let model = self.filter.model();
        let taken = model.transition().dims().control;
        let (observed, controls) = (&recordings.observation_names, &recordings.control_names);
        if observed.len() != model.observation() {
            return Err(format!(
                "x has {} ({}), and the model observes {}",
                counted(observed.len(), "channel"),
                listed(observed),
                model.observation()
            ));
        }
        let dt = self.filter.dt();
        if let Some(layout) = self.filter.layout() {
            match (layout.steps, recordings.dt) {
                (Steps::Control, None) if !recordings.is_irregular() => {
                    return Err("dt is missing; the model takes the seconds of every step".into());
                }
                (Steps::Equal | Steps::Unstated, _) if recordings.is_irregular() => {
                    return Err(
                        "dt differs from step to step, and the model knows equal steps only".into(),
                    );
                }
                (Steps::Equal, Some(own)) if (own - dt).abs() > 1e-3 * dt => {
                    return Err(other_steps(own, dt));
                }
                _ => {}
            }
        }
        let seconds = usize::from(self.is_timed() || (recordings.is_irregular() && taken > 0));
        if controls.len() + seconds != taken {
            return Err(format!(
                "u has {} ({}), and the model takes {}",
                counted(controls.len(), "control"),
                listed(controls),
                taken - seconds.min(taken)
            ));
        }
        let Some(layout) = self.filter.layout() else {
            // A file of an earlier format says how long steps are, and nothing else.
            return match recordings.dt {
                Some(own) if (own - dt).abs() > 1e-3 * dt => Err(other_steps(own, dt)),
                _ => Ok(self.shifted(recordings)),
            };
        };
        if let (Some(own), other) = (recordings.image, layout.image)
            && other != Some(own)
        {
            let shown = |size: Option<(usize, usize)>| {
                size.map_or_else(|| "vectors".into(), |(h, w)| format!("images of {h}×{w}"))
            };
            return Err(format!(
                "x are {}, and the model observes {}",
                shown(Some(own)),
                shown(other)
            ));
        }
        let observation = order("x", observed, &layout.observation)?;
        let control = order("u", controls, &layout.control)?;
        if observation.is_none() && control.is_none() {
            return Ok(self.shifted(recordings));
        }
        let mut ordered = recordings.clone();
        if let Some(places) = observation {
            ordered.select_observations(&places);
        }
        if let Some(places) = control {
            ordered.select_controls(&places);
        }
        Ok(Cow::Owned(self.shifted(&ordered).into_owned()))
    }

    /// The recordings with the origins of the model.
    fn shifted<'a>(&self, recordings: &'a RawRecordings) -> Cow<'a, RawRecordings> {
        let own = (&recordings.origins.observation, &recordings.origins.control);
        if own == (&self.origins.observation, &self.origins.control) {
            return Cow::Borrowed(recordings);
        }
        let mut shifted = recordings.clone();
        shifted.shift(&self.origins);
        Cow::Owned(shifted)
    }

    /// Controls `(T, U)` of a sequence of [`matched`](Self::matched) recordings as the filter takes them: row
    /// `t` acts between `t` and `t + 1`, with the seconds until then where the model wants them.
    pub(super) fn controls(
        &self,
        recordings: &RawRecordings,
        sequence: &RawSequence,
    ) -> Array2<f32> {
        match (&sequence.intervals, recordings.dt) {
            (None, Some(dt)) if self.is_timed() => {
                let seconds = vec![narrow(dt); sequence.controls.nrows()];
                timed(sequence, &seconds)
            }
            _ => controls(sequence),
        }
    }

    /// Takes steps `0 … count` of a sequence.
    ///
    /// # Errors
    /// If a value is not one that a filter takes.
    pub(super) fn run(
        filter: &mut Filter,
        sequence: &RawSequence,
        controls: &Array2<f32>,
        count: usize,
        mut each: impl FnMut(usize, &Filter),
    ) -> Result<(), FilterError> {
        let dt = filter.dt();
        let none = vec![0.0; controls.ncols()];
        filter.reset();
        for t in 0..count {
            let x = sequence.observations.row(t).to_vec();
            let u = if t > 0 { controls.slice(s![t - 1, ..]).to_vec() } else { none.clone() };
            filter.step(Some(&x), &u, dt)?;
            each(t, filter);
        }
        Ok(())
    }
}

/// Whether the last control of the model is the seconds of a step.
fn takes_seconds(filter: &Filter) -> bool {
    matches!(filter.layout(), Some(Layout { steps: Steps::Control, .. }))
}

fn other_steps(own: f64, dt: f64) -> String {
    format!("dt is {own} s, and the model was trained at steps of {dt} s")
}

/// Where the channels of the model are among `names`; `None` if they are in place.
fn order(key: &str, names: &[String], model: &[String]) -> Result<Option<Vec<usize>>, String> {
    // A name that says nothing but the place of its channel.
    let plain = |name: &String| {
        let digits = name.strip_prefix(key);
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    if model.is_empty() || names == model {
        return Ok(None);
    }
    let places: Option<Vec<usize>> =
        model.iter().map(|name| names.iter().position(|other| other == name)).collect();
    if places.is_some() {
        return Ok(places);
    }
    if names.iter().all(plain) || model.iter().all(plain) {
        return Ok(None);
    }
    Err(format!(
        "the channels of {key} are {}, and those of the model {}; of tables, --observe and --control choose \
         columns in the order of the model",
        listed(names),
        listed(model)
    ))
}

/// `1 channel`, `2 channels`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        few if few.len() <= 8 => few.join(", "),
        many => format!("{}, …", many[..8].join(", ")),
    }
}
