//! A trained model, and what its run knows of its recordings.

use crate::data::{
    Columns, DataError, RawRecordings, RawSequence, RecordingError, Set, Supply, find_files,
    read_files, read_recordings,
};
use crate::pool::PoolError;
use crate::run::{FolderError, RunFolder};
use crate::settings::Settings;
use dvbf_core::{FileError, Filter, FilterError, Transition};
use ndarray::{Array2, ArrayView1, Axis, concatenate, s};
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
}

impl Trained {
    /// The best model of the run in the folder `run`, or the model of the file `run`, whose folder may be
    /// that of a run.
    ///
    /// # Errors
    /// If there is none, or a file is damaged.
    pub fn open(run: &Path) -> Result<Self, ApplyError> {
        let (model, folder) = if run.is_dir() {
            RunFolder::open(run)?;
            (run.join("best.dvbf"), Some(run))
        } else {
            (run.to_owned(), run.parent())
        };
        let filter = Filter::load(model)?;
        let settings = match folder.map(RunFolder::open) {
            Some(Ok(folder)) => Some(folder.settings()?),
            _ => None,
        };
        Ok(Self { filter, settings })
    }

    /// The filter, at the start of a sequence.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The settings of the run, if the model lies in the folder of one.
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// Height and width of what the run simulates, if its system is seen as images.
    pub(super) fn image(&self) -> Option<(usize, usize)> {
        self.settings.as_ref()?.source().environment().ok()??.spec().image
    }

    /// Reads recordings; tables by `columns`, or by those of the run if none are chosen.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(&self, files: &[String], columns: Columns) -> Result<RawRecordings, ApplyError> {
        let own = || self.settings.as_ref()?.recordings.as_ref().map(|own| own.columns());
        let columns =
            if columns == Columns::default() { own().unwrap_or_default() } else { columns };
        Ok(read_files(&find_files(files)?, &columns)?)
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

    /// Controls `(T, U)` of a sequence as the filter takes them: row `t` acts between `t` and `t + 1`,
    /// with the seconds until then where the model was trained at steps of different lengths.
    ///
    /// # Errors
    /// If channels or steps are not those of the model.
    pub(super) fn controls(
        &self,
        recordings: &RawRecordings,
        sequence: &RawSequence,
    ) -> Result<Array2<f32>, ApplyError> {
        let model = self.filter.model();
        let (observed, controls) =
            (recordings.observation_names.len(), recordings.control_names.len());
        if observed != model.observation() {
            return Err(ApplyError::unfit(format!(
                "the recordings have {observed} observed channels ({}), and the model sees {}",
                listed(&recordings.observation_names),
                model.observation()
            )));
        }
        let (taken, dt) = (model.transition().dims().control, self.filter.dt());
        let own = &sequence.controls;
        let timed = |seconds: ArrayView1<'_, f32>| {
            concatenate(Axis(1), &[own.view(), seconds.insert_axis(Axis(1))])
                .expect("a control and an interval of every step")
        };
        if let Some(seconds) = &sequence.intervals {
            if taken == controls + 1 {
                return Ok(timed(ArrayView1::from(seconds)));
            }
            return Err(ApplyError::unfit(format!(
                "the steps of the recordings differ in length, and the model was trained at steps of \
                 {dt} s with {taken} controls"
            )));
        }
        if taken == controls {
            return match recordings.dt {
                Some(own) if (own - dt).abs() > 1e-3 * dt => Err(ApplyError::unfit(format!(
                    "the steps of the recordings are {own} s, and those that the model was trained at {dt} s"
                ))),
                _ => Ok(own.clone()),
            };
        }
        // A model of steps of different lengths has a placeholder of one second.
        #[expect(clippy::float_cmp, reason = "the placeholder is exact")]
        if let (true, true, Some(own)) = (taken == controls + 1, dt == 1.0, recordings.dt) {
            let seconds = crate::data::narrow(own);
            return Ok(timed(
                ndarray::Array1::from_elem(sequence.controls.nrows(), seconds).view(),
            ));
        }
        Err(ApplyError::unfit(format!(
            "the recordings have {controls} controls ({}), and the model takes {taken}",
            listed(&recordings.control_names)
        )))
    }

    /// Takes steps `0 … count` of a sequence; the filter is reset where its state would not be finite.
    ///
    /// # Errors
    /// If a value is not one that a filter takes.
    pub(super) fn run(
        filter: &mut Filter,
        sequence: &RawSequence,
        controls: &Array2<f32>,
        count: usize,
        mut each: impl FnMut(usize, &Filter, bool),
    ) -> Result<(), FilterError> {
        let dt = filter.dt();
        let none = vec![0.0; controls.ncols()];
        filter.reset();
        for t in 0..count {
            let x = sequence.observations.row(t).to_vec();
            let u = if t > 0 { controls.slice(s![t - 1, ..]).to_vec() } else { none.clone() };
            let reset = match filter.step(Some(&x), &u, dt) {
                Ok(_) => false,
                Err(FilterError::Overflow { .. }) => {
                    filter.reset();
                    true
                }
                Err(error) => return Err(error),
            };
            each(t, filter, reset);
        }
        Ok(())
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        few if few.len() <= 8 => few.join(", "),
        many => format!("{}, …", many[..8].join(", ")),
    }
}
