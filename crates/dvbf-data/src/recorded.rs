//! From recordings in files to the sets of a run.

use super::controls::{control_width, controls};
use super::division::{Piece, divide, segments, stride};
use super::noise::noise;
use super::raw::{RawRecordings, RawSequence, narrow};
use super::scaling::Scaling;
use super::{DataError, Dataset, Reading, Splits, find_files};
use crate::settings::{DataPlan, RecordingsSettings, Source};
use dvbf_core::{Layout, Steps, Units};
use ndarray::{Array2, Array3, s};
use std::ops::Range;

/// Reads the files that the settings name, from where the command runs or, if they are not there,
/// from the folder that the settings remember.
///
/// # Errors
/// If they cannot be read, or are not those that the run began with.
pub fn read_recordings(settings: &RecordingsSettings) -> Result<RawRecordings, DataError> {
    let here = read_checked(settings, &settings.reading());
    let error = match (here, settings.remembered()) {
        (Ok(recordings), _) => return Ok(recordings),
        (Err(here), None) => here,
        (Err(here), Some(there)) => match read_checked(settings, &there) {
            Ok(recordings) => return Ok(recordings),
            // What was found but is wrong says more than what was not found.
            Err(there) => {
                if is_there(&settings.files) {
                    here
                } else {
                    there
                }
            }
        },
    };
    let problem = format!(
        "{error}; recordings.files in the settings of the run names them, and --data gives another \
         place"
    );
    Err(DataError::Unfit { problem })
}

fn is_there(files: &[String]) -> bool {
    find_files(files).is_ok_and(|found| found.iter().all(|file| file.exists()))
}

fn read_checked(
    settings: &RecordingsSettings,
    reading: &Reading,
) -> Result<RawRecordings, DataError> {
    let recordings = reading.read()?;
    let checksum = recordings.checksum();
    if settings.checksum != 0 && settings.checksum != checksum {
        let problem = format!(
            "{} are not the recordings that the run began with: their checksum is {checksum}, and \
             recordings.checksum says {}",
            reading.files.join(", "),
            settings.checksum
        );
        return Err(DataError::Unfit { problem });
    }
    Ok(recordings)
}

impl RecordingsSettings {
    /// Reads the recordings from `files` from now on, which hold what the run began with.
    ///
    /// # Errors
    /// If the files cannot be read or hold something else.
    pub fn read_from(&mut self, files: &[String]) -> Result<(), DataError> {
        // All of them may lie elsewhere, or those of the training part alone.
        let elsewhere = Reading { files: files.to_vec(), ..self.reading() };
        let whole = Reading { validation: Vec::new(), test: Vec::new(), ..elsewhere.clone() };
        let same = |reading: &Reading| read_checked(self, reading);
        let found = match same(&elsewhere) {
            Ok(_) => elsewhere,
            Err(error) => same(&whole).map(|_| whole).map_err(|_| error)?,
        };
        (self.files, self.validation, self.test) = (found.files, found.validation, found.test);
        self.folder = None;
        Ok(())
    }
}

/// Sequences that open-loop predictions are judged on, about, if they may overlap.
const MOST_LONG: usize = 400;

impl RawRecordings {
    /// What the model file keeps of them.
    fn layout(&self) -> Layout {
        let steps = match (self.is_irregular(), self.dt) {
            (true, _) => Steps::Control,
            (false, Some(_)) => Steps::Equal,
            (false, None) => Steps::Unstated,
        };
        let observation = if self.image.is_some() { &[][..] } else { &self.observation_names };
        Layout {
            observation: observation.to_vec(),
            control: self.control_names.clone(),
            image: self.image,
            steps,
        }
    }

    /// Keeps the first `count` pieces of the test part of a division with this `seed`.
    ///
    /// # Errors
    /// Says what is in the way.
    pub fn keep_test(
        &mut self,
        source: &RecordingsSettings,
        seed: u64,
        count: usize,
    ) -> Result<(), String> {
        let pieces = divide(self, source.division, source.held_out, seed)?.test;
        self.sequences = pieces.iter().take(count).map(|piece| self.cut(*piece)).collect();
        Ok(())
    }

    /// Sequences of `steps` steps, or whole ones where they are shorter, that begin every so many steps of the
    /// sequences `which`, in the units of a model. Shorter ones than `steps` are left out, unless it is
    /// `usize::MAX`, which takes sequences as they are.
    ///
    /// # Panics
    /// If the units are of other channels.
    pub fn windows(
        &self,
        units: Option<&Units>,
        which: Range<usize>,
        steps: usize,
        every: usize,
    ) -> Dataset {
        let whole = |sequence: usize| {
            let length = self.sequences[sequence].observations.nrows();
            Piece { sequence, start: 0, length }
        };
        let pieces: Vec<Piece> = which.map(whole).collect();
        let (pieces, steps) = if steps == usize::MAX {
            let longest = pieces.iter().map(|piece| piece.length).max().unwrap_or(0);
            (pieces, longest)
        } else {
            let begin = |piece: &Piece| {
                let last = (piece.length + 1).saturating_sub(steps);
                let (sequence, length) = (piece.sequence, steps);
                (0..last).step_by(every.max(1)).map(move |start| Piece { sequence, start, length })
            };
            (pieces.iter().flat_map(begin).collect(), steps)
        };
        let scaling = units.map(|units| Scaling { held: units.clone(), whole: units.clone() });
        dataset(self, &pieces, steps, scaling.as_ref())
    }

    fn cut(&self, piece: Piece) -> RawSequence {
        let (from, rows) =
            (&self.sequences[piece.sequence], piece.start..piece.start + piece.length);
        let of = |values: &Array2<f32>| values.slice(s![rows.clone(), ..]).to_owned();
        RawSequence {
            name: from.name.clone(),
            observations: of(&from.observations),
            controls: of(&from.controls),
            intervals: from.intervals.as_ref().map(|all| all[rows.clone()].to_vec()),
            states: from.states.as_ref().map(of),
            part: from.part,
        }
    }
}

impl Splits {
    /// Divides recordings and cuts them to the lengths of the settings.
    ///
    /// Training segments have at most `data.steps` steps and begin so near to each other that every
    /// window of `training.window` steps lies within one: every `training.window` steps, and nearer
    /// where a segment is shorter than two windows. Long sequences overlap where there are few of them. The
    /// others do not, nor do training segments that are taken as a whole. Of every part, at most as many segments are used as `data` says, first
    /// those at the beginnings of sequences.
    ///
    /// # Errors
    /// If a part is empty, no sequence of it is long enough for an open-loop prediction, or nothing is
    /// observed of what is to be predicted.
    pub fn recorded<'a>(
        recordings: &RawRecordings,
        plan: impl Into<DataPlan<'a>>,
    ) -> Result<Self, DataError> {
        let plan = plan.into();
        let data = plan.data;
        let unfit = |problem: String| DataError::Unfit { problem };
        let Source::Recordings(source) = plan.source else {
            return Err(unfit("the settings are about no recordings".into()));
        };
        if let Some(channel) = recordings.unseen() {
            return Err(unfit(format!("observation {channel} is missing at every step")));
        }
        let parts = divide(recordings, source.division, source.held_out, data.seed)
            .map_err(|problem| unfit(format!("{} {problem}", source.files.join(", "))))?;
        let units = Scaling::of(recordings, &parts.train, source.normalize);
        // Of images, no noise is estimated: most pixels hardly ever change.
        let noise = recordings.image.is_none().then(|| {
            let scaling = units.as_ref().filter(|_| source.normalize);
            sensors(recordings, &parts.train, scaling)
        });
        let make = |pieces: &[Piece], (steps, stride): (usize, usize), limit: usize| {
            let mut cut = segments(pieces, steps, stride);
            cut.truncate(limit);
            Dataset { noise: noise.clone(), ..dataset(recordings, &cut, steps, units.as_ref()) }
        };
        let long = |name: &str, pieces: &[Piece], limit: usize| {
            let steps = data.long_steps;
            let long: Vec<Piece> = pieces.iter().copied().filter(|p| p.length >= steps).collect();
            if long.is_empty() {
                let longest = pieces.iter().map(|p| p.length).max().unwrap_or(0);
                return Err(unfit(format!(
                    "no {name} sequence has data.long_steps = {steps} steps; the longest has {longest}"
                )));
            }
            // Overlapping ones tell short predictions better, which a few windows hardly tell.
            let begun: usize = long.iter().map(|p| p.length - steps + 1).sum();
            let every = begun.div_ceil(MOST_LONG).clamp(1, steps);
            let enough: Vec<Piece> = long.iter().map(|p| whole(*p, steps, every)).collect();
            Ok(make(&enough, (steps, every), limit.saturating_mul(steps.div_ceil(every))))
        };
        let every = match plan.window {
            0 => data.steps,
            window => stride(data.steps, window),
        };
        let train = make(&parts.train, (data.steps, every), data.train);
        if train.lengths.len() < plan.batch {
            return Err(unfit(format!(
                "training.batch is {}, and the recordings give {} training sequences of at most \
                 data.steps = {} steps",
                plan.batch,
                train.lengths.len(),
                data.steps
            )));
        }
        let validation_long = long("validation", &parts.validation, data.validation)?;
        let test_long = long("test", &parts.test, data.test)?;
        for (name, set, ahead) in
            [("validation", &validation_long, plan.chosen_by), ("test", &test_long, plan.longest)]
        {
            let from = plan.filtered;
            if ahead > 0 && !anything(set, from..(from + ahead).min(data.long_steps)) {
                return Err(unfit(format!(
                    "nothing is observed of the {ahead} steps after the first evaluation.filtered = \
                     {from} of any {name} sequence, so no prediction can be judged"
                )));
            }
        }
        let mut notes = super::notes::notes(recordings, source, &parts);
        let all = segments(&parts.train, data.steps, every).len();
        if all > data.train {
            notes.push(format!(
                "{} of {all} training segments are used, as data.train says",
                data.train
            ));
        }
        Ok(Self {
            train,
            validation: make(&parts.validation, (data.steps, data.steps), data.validation),
            validation_long,
            test: make(&parts.test, (data.steps, data.steps), data.test),
            test_long,
            notes: Some(notes),
        })
    }
}

/// Whether anything was observed within these steps of any sequence.
fn anything(data: &Dataset, mut steps: std::ops::Range<usize>) -> bool {
    steps.any(|t| (0..data.lengths.len()).any(|n| t < data.lengths[n] && data.is_seen((n, t))))
}

/// The beginning of a piece in which the last of the sequences of `steps` steps that begin every so many
/// steps ends.
fn whole(piece: Piece, steps: usize, every: usize) -> Piece {
    Piece { length: (piece.length - steps) / every * every + steps, ..piece }
}

/// Standard deviation of the sensors' noise in the units of the model. No sensor is trusted as if it
/// had none, nor ignored as if it said nothing.
fn sensors(recordings: &RawRecordings, train: &[Piece], units: Option<&Scaling>) -> Vec<f32> {
    let raw = noise(recordings, train);
    let scale = |i: usize| units.map_or(1.0, |units| f64::from(units.held.observation.scale()[i]));
    let limited = |(i, std): (usize, f64)| {
        let std = std / scale(i);
        narrow(if units.is_some() { std.clamp(0.05, 0.7) } else { std.max(1e-6) })
    };
    raw.into_iter().enumerate().map(limited).collect()
}

/// The set of these pieces, padded to `steps`.
fn dataset(
    recordings: &RawRecordings,
    pieces: &[Piece],
    steps: usize,
    scaling: Option<&Scaling>,
) -> Dataset {
    let (x, s) = (recordings.observation_names.len(), recordings.state_names.len());
    let count = pieces.len();
    let mut observations = Array3::<f32>::zeros((count, steps, x));
    let mut mask = Array3::<f32>::zeros((count, steps, x));
    let mut acting = Array3::<f32>::zeros((count, steps, control_width(recordings)));
    let mut states = Array3::<f32>::from_elem((count, steps, s), f32::NAN);
    for (n, piece) in pieces.iter().enumerate() {
        let sequence = &recordings.sequences[piece.sequence];
        let (all, to) =
            (s![piece.start..piece.start + piece.length, ..], s![n, ..piece.length, ..]);
        observations.slice_mut(to).assign(&sequence.observations.slice(all));
        acting.slice_mut(to).assign(&controls(sequence).slice(all));
        if let Some(known) = &sequence.states {
            states.slice_mut(to).assign(&known.slice(all));
        }
        for t in 0..piece.length {
            let whole = "arrays are stored row by row";
            let mut row = observations.slice_mut(s![n, t, ..]);
            let row = row.as_slice_mut().expect(whole);
            for (seen, value) in mask.slice_mut(s![n, t, ..]).iter_mut().zip(&*row) {
                *seen = f32::from(u8::from(!value.is_nan()));
            }
            if let Some(Scaling { held: units, .. }) = scaling {
                units.observation.normalize(row);
                let mut row = acting.slice_mut(s![n, t, ..]);
                units.control.normalize(row.as_slice_mut().expect(whole));
            }
            row.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
        }
    }
    let complete = mask.iter().all(|&m| m > 0.0);
    Dataset {
        mask: (!complete).then_some(mask),
        lengths: pieces.iter().map(|p| p.length).collect(),
        states,
        state_kinds: recordings.state_kinds(),
        state_names: recordings.state_names.clone(),
        dt: recordings.dt.unwrap_or(1.0),
        image: recordings.image,
        names: if recordings.image.is_some() {
            Vec::new()
        } else {
            recordings.observation_names.clone()
        },
        units: scaling.map(|scaling| scaling.whole.clone()),
        layout: Some(recordings.layout()),
        ..Dataset::observed(observations, acting)
    }
}
