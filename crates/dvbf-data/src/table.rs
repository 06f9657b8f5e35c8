//! Recordings from tables of comma-separated values: one file a sequence, one row a step.
//!
//! [`Columns`] says what the columns are. They are separated by commas, semicolons or tabs. All
//! files have the same columns, in any order. Files in folders called `train`, `validation` and
//! `test` are used for what these names say.

use super::RecordingError;
use super::center::Wide;
use super::clock;
use super::columns::{Columns, Layout, separator, shown};
use super::gathered::Gathered;
use super::lines::Lines;
use super::raw::{Part, RawRecordings, RawSequence};
use ndarray::Array2;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Reads the files at `paths`, one sequence each.
///
/// # Errors
/// If a file cannot be read, has a column that is not known or a cell that is no number, or the
/// files differ in their columns.
pub fn read_tables(paths: &[PathBuf], columns: &Columns) -> Result<RawRecordings, RecordingError> {
    let mut reader = TableReader::new(columns.clone());
    for path in paths {
        let file = File::open(path).map_err(|source| RecordingError::io(path, source))?;
        reader.read(BufReader::new(file), path)?;
    }
    reader.finish()
}

/// Reads tables one by one.
#[derive(Debug)]
pub struct TableReader {
    columns: Columns,
    layout: Option<Layout>,
    path: PathBuf,
    sequences: Vec<RawSequence>,
    values: Vec<Wide>,
    intervals: Vec<Option<Vec<f64>>>,
    remarks: Vec<String>,
    /// Frames that each table stands beside, which are what is observed.
    frames: Option<Vec<usize>>,
}

impl TableReader {
    /// A reader of tables with these columns.
    pub fn new(columns: Columns) -> Self {
        Self {
            columns,
            layout: None,
            path: PathBuf::new(),
            sequences: Vec::new(),
            values: Vec::new(),
            intervals: Vec::new(),
            remarks: Vec::new(),
            frames: None,
        }
    }

    /// A reader of tables that stand beside so many frames each: a row says what belongs to a frame, and nothing
    /// is observed in it.
    #[cfg(any(feature = "images", feature = "video"))]
    pub(super) fn beside_frames(columns: Columns, frames: Vec<usize>) -> Self {
        Self { frames: Some(frames), ..Self::new(columns) }
    }

    /// Reads a table; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`read_tables`].
    pub fn read(&mut self, mut from: impl BufRead, path: &Path) -> Result<(), RecordingError> {
        let separator = separator(&mut from).map_err(|e| RecordingError::io(path, e))?;
        let mut table = csv::ReaderBuilder::new()
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(Lines::new(from, separator));
        let header = table.headers().map_err(|e| unreadable(path, &e, 0))?;
        let header: Vec<String> = header.iter().map(str::to_owned).collect();
        let layout = match &self.layout {
            None => {
                let layout = Layout::new(header, &self.columns, path, self.frames.is_some())?;
                self.layout.insert(layout).clone()
            }
            Some(first) => first.of(&header, path, &self.path)?,
        };
        if self.sequences.is_empty() {
            path.clone_into(&mut self.path);
        }
        let mut rows = Rows::default();
        let mut record = csv::StringRecord::new();
        let mut episode: Option<String> = None;
        let mut numbers = 0;
        loop {
            let read = table.read_record(&mut record);
            let above = table.get_ref().above;
            if !read.map_err(|e| unreadable(path, &e, above))? {
                break;
            }
            let line = record.position().map_or(0, csv::Position::line) + above as u64;
            let own = layout.episode.and_then(|place| record.get(place)).unwrap_or_default();
            // A row of empty cells belongs to the episode around it.
            if !own.is_empty() && episode.as_deref() != Some(own) {
                if let Some(before) = episode.replace(own.to_owned()) {
                    let done = std::mem::take(&mut rows);
                    self.keep(done, &layout, path, Some(&before))?;
                }
                numbers += 1;
            }
            rows.push(&record, &layout, (path, line))?;
        }
        let named = if numbers > 1 { episode.as_deref() } else { None };
        self.keep(rows, &layout, path, named)
    }

    /// Keeps the rows of a sequence.
    fn keep(
        &mut self,
        mut rows: Rows,
        layout: &Layout,
        path: &Path,
        episode: Option<&str>,
    ) -> Result<(), RecordingError> {
        if rows.count == 0 {
            return Err(RecordingError::file(path, "has no rows below its header"));
        }
        if rows.empty > 0 {
            rows.drop_marks(layout);
            rows.fill_times();
        }
        if rows.empty > 0 {
            self.remarks.push(format!(
                "{}: {} empty lines are steps at which nothing was observed{}",
                path.display(),
                rows.empty,
                if layout.controls.is_empty() { "" } else { " and the control before went on" }
            ));
        }
        if let Some(frames) = &self.frames {
            let own = frames.get(self.sequences.len()).copied().unwrap_or_default();
            // Nothing acts after the last frame.
            if rows.count >= 2 && rows.count + 1 == own {
                rows.push_after(layout);
            }
            if rows.count != own {
                let problem =
                    format!("has {} rows beside {own} frames; a row belongs to each", rows.count);
                return Err(RecordingError::file(path, problem));
            }
        }
        self.intervals.push(rows.intervals(layout, path)?);
        let table = |values: Vec<f64>, channels: &[_]| {
            Array2::from_shape_vec((rows.count, channels.len()), values)
                .map_err(|e| RecordingError::file(path, format!("cannot be laid out: {e}")))
        };
        self.values.push(Wide {
            observations: Some(table(rows.observations, &layout.observations)?),
            controls: table(rows.controls, &layout.controls)?,
            states: match layout.states.as_slice() {
                [] => None,
                channels => Some(table(rows.states, channels)?),
            },
        });
        self.sequences.push(RawSequence {
            name: match episode {
                None => path.display().to_string(),
                Some(episode) => format!("{}, episode {episode}", path.display()),
            },
            observations: Array2::zeros((0, 0)),
            controls: Array2::zeros((0, 0)),
            intervals: None,
            states: None,
            part: folder(path).and_then(Part::named),
        });
        Ok(())
    }

    /// The recordings.
    ///
    /// # Errors
    /// If nothing was read, or a channel has no values.
    pub fn finish(self) -> Result<RawRecordings, RecordingError> {
        let Some(layout) = self.layout else {
            let problem = "no file with recordings was given".into();
            return Err(RecordingError::Selection { problem });
        };
        let Self { path, sequences, values, intervals, remarks, .. } = self;
        Gathered { sequences, values, intervals, remarks }.finish(layout, &path)
    }
}

/// Name of the folder that a file lies in.
fn folder(path: &Path) -> Option<&str> {
    path.parent()?.file_name()?.to_str()
}

/// The values of a table, row by row.
#[derive(Debug, Default)]
struct Rows {
    count: usize,
    observations: Vec<f64>,
    controls: Vec<f64>,
    states: Vec<f64>,
    times: Vec<(u64, f64)>,
    gaps: Vec<(u64, f64)>,
    /// Most digits behind the point of a time stamp.
    decimals: i32,
    /// Rows of empty cells whose controls, step and time are those of their neighbours.
    empty: usize,
}

impl Rows {
    fn push(
        &mut self,
        record: &csv::StringRecord,
        layout: &Layout,
        (path, line): (&Path, u64),
    ) -> Result<(), RecordingError> {
        let number = |place: usize| {
            let cell = record.get(place).unwrap_or_default();
            if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
                return Ok(f64::NAN);
            }
            cell.parse().map_err(|_| RecordingError::Cell {
                path: path.to_owned(),
                line,
                column: shown(&layout.header[place], place),
                problem: format!("is {cell:?} and should be a number, empty if it is missing"),
            })
        };
        if self.count > 0 && record.iter().all(str::is_empty) {
            self.push_empty(layout, line);
            return Ok(());
        }
        for (channels, values) in [
            (&layout.observations, &mut self.observations),
            (&layout.controls, &mut self.controls),
            (&layout.states, &mut self.states),
        ] {
            for &(_, place) in channels {
                values.push(number(place)?);
            }
        }
        for (place, values) in [(layout.time, &mut self.times), (layout.interval, &mut self.gaps)] {
            if let Some(place) = place {
                values.push((line, number(place)?));
                if layout.time == Some(place) {
                    let cell = record.get(place).unwrap_or_default();
                    self.decimals = self.decimals.max(clock::decimals(cell));
                }
            }
        }
        self.count += 1;
        Ok(())
    }

    /// A step at which nothing was recorded: the control of the row before goes on.
    fn push_empty(&mut self, layout: &Layout, line: u64) {
        let missing =
            |values: &mut Vec<f64>, count| values.extend(std::iter::repeat_n(f64::NAN, count));
        missing(&mut self.observations, layout.observations.len());
        missing(&mut self.states, layout.states.len());
        self.controls.extend_from_within(self.controls.len() - layout.controls.len()..);
        if let Some(&(_, gap)) = self.gaps.last() {
            self.gaps.push((line, gap));
        }
        if layout.time.is_some() {
            self.times.push((line, f64::NAN));
        }
        self.empty += 1;
        self.count += 1;
    }

    /// A step after the last row, as long after it as the one before.
    fn push_after(&mut self, layout: &Layout) {
        let line = self.times.last().map_or(0, |(line, _)| *line);
        self.push_empty(layout, line);
        self.empty -= 1;
        if let [.., before, last, own] = self.times.as_mut_slice() {
            own.1 = 2.0 * last.1 - before.1;
        }
    }

    /// Leaves out empty rows between two stamps that are a usual step apart: such a line separates two blocks and is
    /// no step.
    fn drop_marks(&mut self, layout: &Layout) {
        let stamped: Vec<usize> =
            (0..self.times.len()).filter(|&t| !self.times[t].1.is_nan()).collect();
        let gap = |two: &[usize]| self.times[two[1]].1 - self.times[two[0]].1;
        let mut usual: Vec<f64> =
            stamped.windows(2).filter(|two| two[1] == two[0] + 1).map(gap).collect();
        usual.sort_by(f64::total_cmp);
        let Some(&usual) = usual.get(usual.len() / 2) else { return };
        let mut keep = vec![true; self.count];
        for two in stamped.windows(2).filter(|two| two[1] > two[0] + 1) {
            if gap(two) < 1.5 * usual {
                keep[two[0] + 1..two[1]].fill(false);
            }
        }
        let widths = [layout.observations.len(), layout.controls.len(), layout.states.len()];
        for (values, width) in
            [&mut self.observations, &mut self.controls, &mut self.states].into_iter().zip(widths)
        {
            let rows = values.chunks(width.max(1)).zip(&keep);
            *values = rows.filter(|(_, keep)| **keep).flat_map(|(row, _)| row.to_vec()).collect();
        }
        for stamps in [&mut self.times, &mut self.gaps] {
            let mut place = 0..;
            stamps.retain(|_| place.next().is_none_or(|t: usize| keep[t]));
        }
        let dropped = keep.iter().filter(|keep| !**keep).count();
        (self.count, self.empty) = (self.count - dropped, self.empty - dropped);
    }

    /// Time stamps of rows without any, evenly between those of their neighbours.
    fn fill_times(&mut self) {
        let mut before: Option<usize> = None;
        for now in 0..self.times.len() {
            if self.times[now].1.is_nan() {
                continue;
            }
            if let Some(first) = before.filter(|first| now - first > 1) {
                let step = (self.times[now].1 - self.times[first].1) / (now - first) as f64;
                for t in first + 1..now {
                    self.times[t].1 = self.times[first].1 + (t - first) as f64 * step;
                }
            }
            before = Some(now);
        }
    }

    /// Seconds after every row, if the table tells.
    fn intervals(&self, layout: &Layout, path: &Path) -> Result<Option<Vec<f64>>, RecordingError> {
        let wrong = |place: usize, line: u64, problem: String| RecordingError::Cell {
            path: path.to_owned(),
            line,
            column: shown(&layout.header[place], place),
            problem,
        };
        if let Some(place) = layout.interval {
            let read = &self.gaps[..self.count - 1];
            if let Some((line, dt)) = read.iter().find(|(_, dt)| !(dt.is_finite() && *dt > 0.0)) {
                let problem = format!("is {dt}; it must be a positive number of seconds");
                return Err(wrong(place, *line, problem));
            }
            return Ok(Some(self.gaps.iter().map(|(_, dt)| *dt).collect()));
        }
        let Some(place) = layout.time else { return Ok(None) };
        for ((_, before), (line, now)) in self.times.iter().zip(self.times.iter().skip(1)) {
            let gap = now - before;
            if !(gap.is_finite() && gap > 0.0) {
                let problem = format!("is {now} after {before}; time stamps must grow");
                return Err(wrong(place, *line, problem));
            }
        }
        let unit = clock::unit_of(&layout.header[place]);
        let stamps: Vec<f64> = self.times.iter().map(|(_, time)| *time).collect();
        Ok(Some(clock::gaps(&stamps, 10.0_f64.powi(-self.decimals), unit)))
    }
}

/// One sentence about what the reader of tables found.
fn unreadable(path: &Path, error: &csv::Error, above: usize) -> RecordingError {
    let line =
        |pos: &Option<csv::Position>| pos.as_ref().map_or(1, csv::Position::line) + above as u64;
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = line(pos);
            let problem = format!("has {len} cells in line {line}; its header has {expected_len}");
            RecordingError::file(path, problem)
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = line(pos);
            RecordingError::file(path, format!("holds bytes in line {line} that are no text"))
        }
        _ => RecordingError::file(path, format!("cannot be read: {error}")),
    }
}
