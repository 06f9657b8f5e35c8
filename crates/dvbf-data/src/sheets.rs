//! Recordings from formats that keep whole columns: one sheet a sequence, or several sequences in one.
//!
//! Columns are chosen as those of tables are. Where nobody chose and a data set of robot learning is
//! recognized by its names, its observations (`observation…`, `observations…`, `obs…`) are observed and its
//! actions (`action…`, `actions…`) are controls.

use super::RecordingError;
use super::center::Wide;
use super::clock;
use super::columns::{Columns, Layout};
use super::gathered::Gathered;
use super::guess::{ColumnFacts, Seen};
use super::raw::{Part, RawRecordings, RawSequence};
use ndarray::Array2;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A column of numbers.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// Its name; parts of an array are named `array.part`.
    pub(super) name: String,
    /// A value for each row; NaN where there is none.
    pub(super) values: Vec<f64>,
    /// The smallest step that its numbers can show; zero if it is that of double precision.
    pub(super) resolution: f64,
    /// Whether it holds seconds, whatever its name says.
    pub(super) seconds: bool,
}

/// Columns of equal length.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// Where it comes from.
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) part: Option<Part>,
}

impl Sheet {
    /// Rows of the longest column; shorter ones by one row end with nothing, as actions do that lie between
    /// observations.
    ///
    /// # Errors
    /// If a column is shorter than that.
    #[cfg(any(feature = "hdf5", feature = "parquet"))]
    pub(super) fn even(&mut self, path: &Path) -> Result<(), RecordingError> {
        let longest =
            |columns: &[Column]| columns.iter().map(|c| c.values.len()).max().unwrap_or(0);
        let rows = longest(&self.columns);
        for place in 0..self.columns.len() {
            let own = self.columns[place].values.len();
            if own + 1 == rows {
                self.columns[place].values.push(f64::NAN);
            } else if own != rows {
                let longest = self.columns.iter().find(|column| column.values.len() == rows);
                let longest = longest.map_or("", |column| &column.name);
                let problem = format!("of {} has {own} rows, and {longest} has {rows}", self.name);
                let key = format!("column {}", self.columns[place].name);
                return Err(RecordingError::key(path, key, problem));
            }
        }
        Ok(())
    }
}

/// Gathers sheets.
#[derive(Debug)]
pub(super) struct Sheets {
    columns: Columns,
    layout: Option<Layout>,
    path: PathBuf,
    gathered: Gathered,
    parts: Vec<Option<Part>>,
    aside: Vec<String>,
}

impl Sheets {
    pub(super) fn new(columns: &Columns) -> Self {
        let columns = columns.clone();
        Self {
            columns,
            layout: None,
            path: PathBuf::new(),
            gathered: Gathered::default(),
            parts: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// Names something in a file that cannot be used.
    #[cfg(feature = "parquet")]
    pub(super) fn leave_out(&mut self, name: String) {
        if !self.aside.contains(&name) {
            self.aside.push(name);
        }
    }

    /// Adds a sheet of the file at `path`, whose columns are equally long.
    ///
    /// # Errors
    /// If chosen columns are missing, or time stamps do not grow.
    pub(super) fn add(&mut self, mut sheet: Sheet, path: &Path) -> Result<(), RecordingError> {
        if let Some(first) = &self.layout {
            // What only some sequences have is not used.
            sheet.columns.retain(|column| first.header.contains(&column.name));
        }
        let header: Vec<String> = sheet.columns.iter().map(|column| column.name.clone()).collect();
        let rows = sheet.columns.first().map_or(0, |column| column.values.len());
        if rows == 0 {
            return Err(RecordingError::file(path, format!("has no rows in {}", sheet.name)));
        }
        let layout = match &self.layout {
            None => {
                let chosen = resolved(&self.columns, &header);
                path.clone_into(&mut self.path);
                self.layout.insert(Layout::new(header, &chosen, path, false)?).clone()
            }
            Some(first) => first.of(&header, path, &self.path)?,
        };
        let Some(place) = layout.episode else {
            return self.keep(&sheet, &layout, 0..rows, (None, path));
        };
        let numbers = &sheet.columns[place].values;
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in 0..rows {
            match runs.last_mut() {
                Some(run) if numbers[row].to_bits() == numbers[row - 1].to_bits() => {
                    run.end = row + 1;
                }
                _ => runs.push(row..row + 1),
            }
        }
        let alone = runs.len() == 1;
        for run in runs {
            let number = numbers[run.start];
            self.keep(&sheet, &layout, run, ((!alone).then_some(number), path))?;
        }
        Ok(())
    }

    /// Keeps rows as a sequence.
    fn keep(
        &mut self,
        sheet: &Sheet,
        layout: &Layout,
        rows: Range<usize>,
        (episode, path): (Option<f64>, &Path),
    ) -> Result<(), RecordingError> {
        let name = match episode {
            None => sheet.name.clone(),
            Some(number) => format!("{}, episode {number}", sheet.name),
        };
        let of = |channels: &[(String, usize)]| {
            let value =
                |(t, i): (usize, usize)| sheet.columns[channels[i].1].values[rows.start + t];
            Array2::from_shape_fn((rows.len(), channels.len()), value)
        };
        let column = |place: usize| &sheet.columns[place].values[rows.clone()];
        let wrong = |place: usize, t: usize, problem: String| {
            let key = format!("column {}", sheet.columns[place].name);
            RecordingError::key(path, key, format!("{problem} in row {t} of {name}"))
        };
        let intervals = if let Some(place) = layout.interval {
            let gaps = column(place);
            let read = &gaps[..gaps.len() - 1];
            if let Some(t) = read.iter().position(|dt| !(dt.is_finite() && *dt > 0.0)) {
                let problem = format!("is {}, and must be a positive number of seconds,", gaps[t]);
                return Err(wrong(place, t, problem));
            }
            Some(gaps.to_vec())
        } else if let Some(place) = layout.time {
            let stamps = column(place);
            let grows = |two: &[f64]| two[1] - two[0] > 0.0 && (two[1] - two[0]).is_finite();
            if let Some(t) = stamps.windows(2).position(|two| !grows(two)) {
                let problem =
                    format!("is {} after {}, and time stamps must grow,", stamps[t + 1], stamps[t]);
                return Err(wrong(place, t + 1, problem));
            }
            let own = &sheet.columns[place];
            let unit = if own.seconds { 1.0 } else { clock::unit_of(&own.name) };
            Some(clock::gaps(stamps, own.resolution, unit))
        } else {
            None
        };
        self.gathered.intervals.push(intervals);
        self.gathered.values.push(Wide {
            observations: Some(of(&layout.observations)),
            controls: of(&layout.controls),
            states: (!layout.states.is_empty()).then(|| of(&layout.states)),
        });
        self.gathered.sequences.push(RawSequence {
            name,
            observations: Array2::zeros((0, 0)),
            controls: Array2::zeros((0, 0)),
            intervals: None,
            states: None,
            part: None,
        });
        self.parts.push(sheet.part);
        Ok(())
    }

    /// The recordings.
    ///
    /// # Errors
    /// If nothing was read, or a channel has values that cannot be used.
    pub(super) fn finish(self) -> Result<RawRecordings, RecordingError> {
        let Some(layout) = self.layout else {
            let problem = "no recordings were found".into();
            return Err(RecordingError::Selection { problem });
        };
        let mut out = self.gathered.finish(layout, &self.path)?;
        for (sequence, part) in out.sequences.iter_mut().zip(self.parts) {
            // What is in no part is divided.
            sequence.part = part;
        }
        out.ignored.extend(self.aside);
        Ok(out)
    }
}

/// Whether `name` is an array or one of its parts.
pub(super) fn is_part(name: &str, array: &str) -> bool {
    name.strip_prefix(array).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Columns by what they are in `header`: an array that was chosen is all its parts, and what nobody chose goes by
/// the names of data sets of robot learning.
fn resolved(columns: &Columns, header: &[String]) -> Columns {
    let parts = |chosen: &[String]| {
        let of = |name: &String| {
            let all =
                || header.iter().filter(|own| is_part(own, name)).cloned().collect::<Vec<_>>();
            if header.contains(name) || all().is_empty() { vec![name.clone()] } else { all() }
        };
        chosen.iter().flat_map(of).collect::<Vec<_>>()
    };
    if columns.has_channels() {
        return Columns {
            observe: parts(&columns.observe),
            control: parts(&columns.control),
            state: parts(&columns.state),
            ..columns.clone()
        };
    }
    let usual = |arrays: &[&str]| {
        let own = |name: &&String| arrays.iter().any(|array| is_part(name, array));
        header.iter().filter(own).cloned().collect::<Vec<_>>()
    };
    let observe = usual(&["observation", "observations", "obs"]);
    if observe.is_empty() {
        return columns.clone();
    }
    Columns { observe, control: usual(&["action", "actions"]), ..columns.clone() }
}

/// What the columns of a sheet probably are.
pub(super) fn guess_sheet(sheet: &Sheet) -> Vec<ColumnFacts> {
    let facts = |column: &Column| {
        let mut seen = Seen::default();
        column.values.iter().for_each(|value| seen.add_number(*value));
        seen.facts(column.name.clone())
    };
    sheet.columns.iter().map(facts).collect()
}
