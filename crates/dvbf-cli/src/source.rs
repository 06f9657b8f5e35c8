//! Arguments that say where recordings come from: a simulated system, or columns of files.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dvbf::apply::{ApplyError, Trained};
use dvbf::data::{
    ColumnFacts, Columns, Crop, FrameSize, Frames, Guess, Pace, RawRecordings, Reading,
    RecordingError, thinning, usual_step,
};
use dvbf::envs::{SYSTEMS, SystemKind};
use dvbf::settings::{RecordingsSettings, Settings, SettingsError, usual_source};
use std::fmt;

/// A system that recordings are simulated of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment(&'static SystemKind);

impl Environment {
    /// Reads the name of a system.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        let values = SYSTEMS.iter().map(|kind| {
            // As helps of arguments are: without a full stop.
            PossibleValue::new(kind.argument()).help(kind.about.trim_end_matches('.'))
        });
        let kind = |name: String| SystemKind::named(&name).expect("one of the possible values");
        PossibleValuesParser::new(values).map(move |name| Self(kind(name)))
    }

    /// Its name as an argument, and that of its first preset.
    pub(crate) fn name(self) -> String {
        self.0.argument()
    }

    /// Refuses settings of another system.
    pub(crate) fn check(self, settings: &Settings) -> Result<(), SettingsError> {
        let about = settings.source().name();
        if about == self.0.name {
            return Ok(());
        }
        let problem = format!("the settings are about another system and have a table {about}");
        Err(SettingsError::Value { key: self.name(), problem })
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Columns of tables by what they are; without any, names such as `x_…`, `u_…` and `state_…` say it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Chosen {
    /// Observed columns of tables, such as a,b.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    observe: Vec<String>,
    /// Columns with controls.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    control: Vec<String>,
    /// Columns with components of the true state, for evaluation only.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    state: Vec<String>,
    /// Column with time stamps, in seconds or the unit of its name such as `clock [ms]`.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// Column that changes where a new sequence begins, such as the number of an episode.
    #[arg(long, value_name = "COLUMN")]
    episode: Option<String>,
    /// Average so many steps to one.
    #[arg(long, value_name = "STEPS")]
    every: Option<usize>,
    /// Bring steps of different lengths to even ones of so many seconds.
    #[arg(long, value_name = "SECONDS")]
    resample: Option<f64>,
    /// Bring frames of images and video to this size in pixels, such as 32 or 32x24.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    size: Option<FrameSize>,
    /// Cut this rectangle out of every frame first, in pixels of the file.
    #[arg(long, value_name = "WIDTHxHEIGHT+LEFT+TOP")]
    crop: Option<Crop>,
    /// Take the brightness of frames and no colors.
    #[arg(long)]
    gray: bool,
    /// Frames a second: take so many of a video; of images and GIF, there are so many.
    #[arg(long, value_name = "FRAMES")]
    fps: Option<f64>,
}

/// Files that are for one part only.
#[derive(Debug, Default, Args)]
pub(crate) struct Held {
    /// Recordings for validation only; without any, a part of the others is taken.
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "data")]
    validation: Vec<String>,
    /// Recordings for the test only; without any, a part of the others is taken.
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "data")]
    test: Vec<String>,
}

impl Chosen {
    /// Reads recordings.
    pub(crate) fn read(
        &self,
        files: &[String],
        held: &Held,
    ) -> Result<RawRecordings, RecordingError> {
        let reading = Reading {
            files: files.to_vec(),
            validation: held.validation.clone(),
            test: held.test.clone(),
            columns: self.columns(),
            pace: self.pace().unwrap_or_default(),
            frames: self.frames(),
        };
        reading.read()
    }

    /// The recordings at a pace that suits them, where nobody chose one: many steps that show no more than one become
    /// one, and steps of different lengths become even ones if `even`.
    pub(crate) fn paced(
        &self,
        files: &[String],
        held: &Held,
        even: bool,
    ) -> Result<(Self, RawRecordings), RecordingError> {
        let recordings = self.read(files, held)?;
        let suited = match self.pace() {
            Some(_) => None,
            None if recordings.is_irregular() => usual_step(&recordings)
                .filter(|_| even)
                .map(|seconds| Self { resample: Some(seconds), ..self.clone() }),
            None => Some(thinning(&recordings))
                .filter(|every| *every > 1)
                .map(|every| Self { every: Some(every), ..self.clone() }),
        };
        let read = suited.and_then(|suited| Some((suited.read(files, held).ok()?, suited)));
        Ok(read.map_or_else(|| (self.clone(), recordings), |(read, suited)| (suited, read)))
    }

    /// Reads recordings for a model, as its run did where nothing else is chosen.
    pub(crate) fn read_for(
        &self,
        trained: &Trained,
        files: &[String],
    ) -> Result<RawRecordings, ApplyError> {
        let frames = Some(self.frames()).filter(|frames| !frames.is_default());
        trained.read(files, self.columns(), self.pace(), frames)
    }

    /// The same with columns by what they probably are.
    pub(crate) fn guessed(&self, columns: &[ColumnFacts]) -> Self {
        let of = |role: Guess| {
            let own = columns.iter().filter(move |column| column.role == role);
            own.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        Self {
            observe: of(Guess::Output),
            control: of(Guess::Input),
            time: self.time.clone().or_else(|| of(Guess::Time).into_iter().next()),
            episode: self.episode.clone().or_else(|| of(Guess::Episode).into_iter().next()),
            ..self.clone()
        }
    }

    /// At which pace recordings are taken, if somebody said.
    pub(crate) fn pace(&self) -> Option<Pace> {
        let chosen = self.every.is_some() || self.resample.is_some();
        chosen.then(|| Pace { every: self.every.unwrap_or(1), resample: self.resample })
    }

    /// How frames are taken.
    fn frames(&self) -> Frames {
        Frames { crop: self.crop, size: self.size, gray: self.gray, fps: self.fps }
    }

    /// What is done with them.
    pub(crate) fn source(
        &self,
        recordings: &RawRecordings,
        files: &[String],
        held: &Held,
    ) -> RecordingsSettings {
        RecordingsSettings {
            folder: here(),
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
            time: self.time.clone(),
            episode: self.episode.clone(),
            every: self.every.unwrap_or(1),
            resample: self.resample,
            validation: held.validation.clone(),
            test: held.test.clone(),
            frames: self.frames(),
            ..usual_source(recordings, files.to_vec())
        }
    }

    /// The source of another run, but with these files, and these columns if any are chosen.
    pub(crate) fn instead(
        &self,
        source: RecordingsSettings,
        files: &[String],
        held: &Held,
    ) -> Result<RecordingsSettings, RecordingError> {
        let mut columns = self.columns();
        if !columns.has_channels() {
            let (time, episode) = (columns.time.take(), columns.episode.take());
            columns = source.columns();
            columns.time = time.or(columns.time);
            columns.episode = episode.or(columns.episode);
        }
        let pace = self.pace().unwrap_or_else(|| source.pace());
        let reading = Reading {
            files: files.to_vec(),
            validation: held.validation.clone(),
            test: held.test.clone(),
            columns: columns.clone(),
            pace,
            frames: if self.frames().is_default() { source.frames.clone() } else { self.frames() },
        };
        let recordings = reading.read()?;
        Ok(RecordingsSettings {
            episode: columns.episode,
            every: pace.every,
            resample: pace.resample,
            validation: reading.validation,
            test: reading.test,
            frames: reading.frames,
            files: files.to_vec(),
            folder: here(),
            observe: columns.observe,
            control: columns.control,
            state: columns.state,
            time: columns.time,
            checksum: recordings.checksum(),
            ..source
        })
    }

    /// What was chosen as arguments, with a space before each.
    pub(crate) fn arguments(&self) -> String {
        let quoted = |text: &str| crate::quoted(std::path::Path::new(text));
        let list = |(flag, columns): (&str, &Vec<String>)| {
            (!columns.is_empty()).then(|| format!(" --{flag} {}", quoted(&columns.join(","))))
        };
        let one = |(flag, column): (&str, &Option<String>)| {
            column.as_ref().map(|column| format!(" --{flag} {}", quoted(column)))
        };
        let lists =
            [("observe", &self.observe), ("control", &self.control), ("state", &self.state)];
        let names = [("time", &self.time), ("episode", &self.episode)];
        lists
            .into_iter()
            .filter_map(list)
            .chain(names.into_iter().filter_map(one))
            .chain(self.every.map(|every| format!(" --every {every}")))
            .chain(self.resample.map(|seconds| format!(" --resample {seconds}")))
            .chain(self.size.map(|size| format!(" --size {size}")))
            .chain(self.crop.map(|crop| format!(" --crop {crop}")))
            .chain(self.gray.then(|| " --gray".to_owned()))
            .chain(self.fps.map(|fps| format!(" --fps {fps}")))
            .collect()
    }

    /// The chosen columns.
    pub(crate) fn columns(&self) -> Columns {
        Columns {
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
            time: self.time.clone(),
            episode: self.episode.clone(),
        }
    }
}

/// The current folder.
fn here() -> Option<String> {
    std::env::current_dir().ok()?.to_str().map(str::to_owned)
}
