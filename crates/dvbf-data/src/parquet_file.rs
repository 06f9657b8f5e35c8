//! Recordings from Parquet: tables of pandas, polars or Spark, and data sets of `LeRobot`.
//!
//! Every column of numbers is a column; a list of numbers of the same length in every row is one column for each,
//! `name.0`, `name.1`, …, or by the names that `meta/info.json` of a data set of `LeRobot` has for them. Columns of
//! time stamps are seconds, nulls are missing, and texts are not used. No more memory is taken than the size of the
//! file justifies: see [`FREE`] and [`RATIO`].

use super::RecordingError;
use super::budget::{FREE, RATIO};
use super::columns::Columns;
use super::frames::Frames;
use super::guess::ColumnFacts;
use super::raw::RawRecordings;
use super::sheets::{Column, Sheet, Sheets, guess_sheet};
use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Rows that are decoded at once.
const BATCH: usize = 1 << 16;
/// Numbers that a list may have to be columns.
const WIDEST: usize = 256;

/// Names of the numbers in a list, by the name of the column.
type Names = HashMap<String, Vec<String>>;

/// Reads Parquet files.
///
/// # Errors
/// If a file cannot be read or is damaged, asks for more memory than its size allows, lists differ in length, or
/// the files differ in the columns that are used.
pub(super) fn read_parquet(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    frames.unused(&paths[0], "it is a table")?;
    let mut sheets = Sheets::new(columns);
    for video in videos_of(&paths[0]) {
        sheets.leave_out(format!("{video} (video beside the tables)"));
    }
    for path in paths {
        let sheet = sheet_of(path, &mut sheets)?;
        sheets.add(sheet, path)?;
    }
    sheets.finish()
}

/// Reads a Parquet file from memory; `path` is what errors call it.
///
/// # Errors
/// If it is damaged, asks for more memory than its size allows, or its columns say nothing of what is observed.
pub fn read_parquet_from(bytes: Vec<u8>, path: &Path) -> Result<RawRecordings, RecordingError> {
    let size = bytes.len() as u64;
    let mut sheets = Sheets::new(&Columns::default());
    let sheet = read_sheet(Bytes::from(bytes), size, &Names::new(), &mut sheets, path)?;
    sheets.add(sheet, path)?;
    sheets.finish()
}

/// What the columns of a file probably are.
pub(super) fn guess_parquet(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    Ok(guess_sheet(&sheet_of(path, &mut Sheets::new(&Columns::default()))?))
}

fn sheet_of(path: &Path, sheets: &mut Sheets) -> Result<Sheet, RecordingError> {
    let file = File::open(path).map_err(|e| RecordingError::io(path, e))?;
    let size = file.metadata().map_err(|e| RecordingError::io(path, e))?.len();
    read_sheet(file, size, &names_of(path), sheets, path)
}

/// The features of the data set of `LeRobot` that a file belongs to, if it does.
fn features_of(path: &Path) -> Option<serde_json::Map<String, serde_json::Value>> {
    let info = path.ancestors().nth(3)?.join("meta").join("info.json");
    let mut info: serde_json::Value = serde_json::from_slice(&std::fs::read(info).ok()?).ok()?;
    match info.get_mut("features")?.take() {
        serde_json::Value::Object(features) => Some(features),
        _ => None,
    }
}

/// Features that lie beside the tables, in files of video.
fn videos_of(path: &Path) -> Vec<String> {
    let features = features_of(path).into_iter().flatten();
    let video = |feature: &serde_json::Value| feature.get("dtype")?.as_str().map(|t| t == "video");
    features.filter(|(_, feature)| video(feature) == Some(true)).map(|(name, _)| name).collect()
}

/// The names that a data set of `LeRobot` has for the numbers in lists; none if the file is not of one.
fn names_of(path: &Path) -> Names {
    let features = features_of(path);
    let texts = |list: &serde_json::Value| {
        let all = list.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
        all.collect::<Option<Vec<_>>>()
    };
    // Either a list, or a list under the name of what it is about.
    let names = |feature: &serde_json::Value| {
        let names = feature.get("names")?;
        texts(names).or_else(|| texts(names.as_object()?.values().next()?))
    };
    let all = features.iter().flatten();
    all.filter_map(|(name, feature)| Some((name.clone(), names(feature)?))).collect()
}

/// The columns of a file. The library panics on some damaged pages, which is a damaged file like any other.
fn read_sheet(
    from: impl ChunkReader + 'static,
    size: u64,
    names: &Names,
    sheets: &mut Sheets,
    path: &Path,
) -> Result<Sheet, RecordingError> {
    let read = AssertUnwindSafe(|| decoded(from, size, names, sheets, path));
    catch_unwind(read)
        .unwrap_or_else(|_| Err(RecordingError::file(path, "is Parquet with a damaged page")))
}

fn decoded(
    from: impl ChunkReader + 'static,
    size: u64,
    names: &Names,
    sheets: &mut Sheets,
    path: &Path,
) -> Result<Sheet, RecordingError> {
    let damaged = |e: &ParquetError| {
        let problem = match e {
            ParquetError::NYI(what) => format!("is Parquet of a kind that is not read: {what}"),
            other => format!("is not Parquet, or damaged: {other}"),
        };
        RecordingError::file(path, problem)
    };
    let reader = SerializedFileReader::new(from).map_err(|e| damaged(&e))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let mut budget = FREE.saturating_add(size.saturating_mul(RATIO));
    let mut sheet = Sheet { name: path.display().to_string(), ..Sheet::default() };
    for (place, column) in schema.columns().iter().enumerate() {
        let Some(kind) = Numbers::of(column) else {
            sheets.leave_out(column.path().string());
            continue;
        };
        let mut list = List::new(column);
        for group in 0..reader.num_row_groups() {
            let about = reader.metadata().row_group(group);
            if !lies_within(about.column(place), size) {
                let problem = "is said to lie outside of the file, which is damaged or cut off";
                return Err(RecordingError::key(path, shown(column), problem));
            }
            let count = unsigned(about.column(place).num_values());
            let bytes =
                count.saturating_mul(8).max(unsigned(about.column(place).uncompressed_size()));
            if bytes > budget {
                let problem = format!(
                    "is said to hold {count} values in a file of {size} bytes; at most {} MiB and {RATIO} times \
                     the file are read",
                    FREE >> 20
                );
                return Err(RecordingError::key(path, shown(column), problem));
            }
            budget -= bytes;
            let reader = reader.get_row_group(group).map_err(|e| damaged(&e))?;
            let reader = reader.get_column_reader(place).map_err(|e| damaged(&e))?;
            let failed = |e: ParquetError| {
                RecordingError::key(path, shown(column), format!("cannot be read: {e}"))
            };
            list.read(reader, kind, count).map_err(failed)?;
        }
        let made = list
            .columns(kind, names)
            .map_err(|problem| RecordingError::key(path, shown(column), problem))?;
        sheet.columns.extend(made);
    }
    if sheet.columns.is_empty() {
        return Err(RecordingError::file(path, "has no columns of numbers"));
    }
    sheet.even(path)?;
    Ok(sheet)
}

/// Whether the bytes of a column are bytes of the file.
fn lies_within(column: &ColumnChunkMetaData, size: u64) -> bool {
    // The size is that of all pages, which begin with the dictionary if there is one.
    let data = column.data_page_offset();
    let first = column.dictionary_page_offset().map_or(data, |dictionary| dictionary.min(data));
    let sizes = [first, column.compressed_size()].map(|value| u64::try_from(value).ok());
    let end = sizes[0].zip(sizes[1]).and_then(|(first, length)| first.checked_add(length));
    end.is_some_and(|end| end <= size) && u64::try_from(data).is_ok_and(|data| data <= size)
}

fn unsigned(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn shown(column: &ColumnDescriptor) -> String {
    format!("column {}", column.path().string())
}

/// How the numbers of a column are to be understood.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    /// Seconds of a unit, where they are time stamps.
    stamp: Option<f64>,
    unsigned: bool,
    single: bool,
    integer: bool,
}

impl Numbers {
    /// Those of a column; none if it holds something else.
    fn of(column: &ColumnDescriptor) -> Option<Self> {
        if column.max_rep_level() > 1 {
            return None;
        }
        let physical = column.physical_type();
        let integer = matches!(physical, Type::INT32 | Type::INT64 | Type::BOOLEAN);
        if !integer && !matches!(physical, Type::FLOAT | Type::DOUBLE) {
            return None;
        }
        let unit = match column.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => Some(match stamp.unit {
                TimeUnit::MILLIS => 1e-3,
                TimeUnit::MICROS => 1e-6,
                TimeUnit::NANOS => 1e-9,
            }),
            Some(LogicalType::Decimal(_)) => return None,
            _ => match column.converted_type() {
                ConvertedType::TIMESTAMP_MILLIS => Some(1e-3),
                ConvertedType::TIMESTAMP_MICROS => Some(1e-6),
                ConvertedType::DECIMAL => return None,
                _ => None,
            },
        };
        let unsigned =
            matches!(column.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64);
        Some(Self { stamp: unit, unsigned, single: physical == Type::FLOAT, integer })
    }
}

/// The values of a column, of which a row has one, or a list of them.
struct List {
    name: String,
    most: (i16, i16),
    values: Vec<f64>,
    /// Where each row begins.
    rows: Vec<usize>,
    /// The first time stamp, from which all are counted.
    origin: Option<i64>,
}

impl List {
    fn new(column: &ColumnDescriptor) -> Self {
        let most = (column.max_def_level(), column.max_rep_level());
        let parts = column.path().parts();
        // A list has a group of its own and a name for its elements.
        let own = if most.1 > 0 { parts.len().saturating_sub(2).max(1) } else { parts.len() };
        let name = parts[..own].join(".");
        Self { name, most, values: Vec::new(), rows: Vec::new(), origin: None }
    }

    fn read(
        &mut self,
        reader: ColumnReader,
        kind: Numbers,
        count: u64,
    ) -> Result<(), ParquetError> {
        let single = |v: &f32| f64::from(*v);
        #[expect(clippy::cast_precision_loss, reason = "numbers are in double precision")]
        let wide = |v: i64| v as f64;
        match reader {
            ColumnReader::BoolColumnReader(own) => {
                self.take(own, count, |_, v| f64::from(u8::from(*v)))
            }
            ColumnReader::FloatColumnReader(own) => self.take(own, count, |_, v| single(v)),
            ColumnReader::DoubleColumnReader(own) => self.take(own, count, |_, v| *v),
            ColumnReader::Int32ColumnReader(own) => self.take(own, count, |_, v| {
                if kind.unsigned { f64::from(v.cast_unsigned()) } else { f64::from(*v) }
            }),
            ColumnReader::Int64ColumnReader(own) => self.take(own, count, |origin, v| {
                if let Some(unit) = kind.stamp {
                    let begin = *origin.get_or_insert(*v);
                    return wide(v.wrapping_sub(begin)) * unit;
                }
                #[expect(clippy::cast_precision_loss, reason = "numbers are in double precision")]
                let unsigned = v.cast_unsigned() as f64;
                if kind.unsigned { unsigned } else { wide(*v) }
            }),
            _ => Err(ParquetError::General("it holds no numbers".into())),
        }
    }

    /// Takes all values of a reader, of which there are `count`, nulls included.
    fn take<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        count: u64,
        number: impl Fn(&mut Option<i64>, &T::T) -> f64,
    ) -> Result<(), ParquetError> {
        let (mut definitions, mut repetitions, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = count;
        loop {
            definitions.clear();
            repetitions.clear();
            found.clear();
            let (records, _, levels) = reader.read_records(
                BATCH,
                (self.most.0 > 0).then_some(&mut definitions),
                (self.most.1 > 0).then_some(&mut repetitions),
                &mut found,
            )?;
            if records == 0 {
                return Ok(());
            }
            left = left.checked_sub(levels as u64).ok_or_else(|| {
                ParquetError::General("it holds more values than its header says".into())
            })?;
            let mut next = found.iter();
            for level in 0..levels {
                if repetitions.get(level).is_none_or(|depth| *depth == 0) {
                    self.rows.push(self.values.len());
                }
                let depth = definitions.get(level).copied().unwrap_or(self.most.0);
                if depth == self.most.0 {
                    let value = next.next().ok_or_else(|| {
                        ParquetError::General("it holds fewer values than its levels say".into())
                    })?;
                    self.values.push(number(&mut self.origin, value));
                } else if self.most.1 == 0 || depth + 1 == self.most.0 {
                    // A null; a list that is null or empty holds nothing.
                    self.values.push(f64::NAN);
                }
            }
        }
    }

    /// The columns that it makes; what is wrong with it otherwise.
    fn columns(self, kind: Numbers, names: &Names) -> Result<Vec<Column>, String> {
        let largest =
            self.values.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
        let resolution = match kind {
            Numbers { stamp: Some(unit), .. } => unit,
            Numbers { integer: true, .. } => 1.0,
            Numbers { single: true, .. } => 2.0 * f64::from(f32::EPSILON) * largest,
            Numbers { .. } => 0.0,
        };
        let column = |name: String, values: Vec<f64>| Column {
            name,
            values,
            resolution,
            seconds: kind.stamp.is_some(),
        };
        if self.most.1 == 0 {
            return Ok(vec![column(self.name, self.values)]);
        }
        let ends = self.rows.iter().skip(1).copied().chain([self.values.len()]);
        let rows: Vec<(usize, usize)> = self.rows.iter().copied().zip(ends).collect();
        let width = rows.iter().map(|(begin, end)| end - begin).max().unwrap_or(0);
        if width > WIDEST {
            return Err(format!(
                "has lists of {width} numbers; more than {WIDEST} a row are no columns"
            ));
        }
        let odd = rows.iter().position(|(begin, end)| begin != end && end - begin != width);
        if let Some(row) = odd {
            let (begin, end) = rows[row];
            return Err(format!(
                "has {} numbers in row {row} and {width} in others; all rows need equally many",
                end - begin
            ));
        }
        let given = names.get(&self.name).filter(|names| names.len() == width);
        let part = |i: usize| {
            let part = given.map_or_else(|| i.to_string(), |names| names[i].clone());
            let value = |(begin, end): &(usize, usize)| {
                if begin == end { f64::NAN } else { self.values[begin + i] }
            };
            let name = if width == 1 { self.name.clone() } else { format!("{}.{part}", self.name) };
            column(name, rows.iter().map(value).collect())
        };
        Ok((0..width).map(part).collect())
    }
}
