//! Pictures become observations: cut, brought to size, in gray or as three planes of color.
//!
//! A pixel of the result is the mean over the area that it covers of the file's pixels. Colors stand one above
//! the other: an observation of `H × W` pixels in color has the axes `(3 H, W)`, red above green above blue.

use super::RecordingError;
use super::budget::{FREE, RATIO};
use super::frames::{FrameSize, Frames};
use super::raw::{Part, RawRecordings, RawSequence};
use super::table::TableReader;
use super::{Columns, Origins};
use ndarray::{Array2, s};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Frames with at most so many pixels on a side stay as they are, if nobody chose a size.
const SMALL: usize = 64;
/// Pixels on the longer side that larger frames get.
const USUAL: usize = 32;
/// Shares of red, green and blue in the brightness of a pixel (Rec. 601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// A picture as it was decoded: `width · height` pixels of red, green and blue in `[0, 1]`, row by row.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) size: FrameSize,
    pub(super) pixels: Vec<f32>,
}

/// A recording of frames.
#[derive(Debug)]
pub(super) struct Film {
    /// Where it comes from.
    pub(super) name: String,
    /// What it is to be used for.
    pub(super) part: Option<Part>,
    /// Steps.
    pub(super) count: usize,
    /// Seconds from every frame to the next, where they are known.
    pub(super) gaps: Option<Vec<f64>>,
    /// A table with a row for each frame.
    pub(super) table: Option<PathBuf>,
    /// Where its frames begin.
    first: usize,
    /// Whether some of its frames stand for several steps.
    held: bool,
}

/// Takes pictures of all recordings, in one size.
#[derive(Debug)]
pub(super) struct Camera<'a> {
    frames: &'a Frames,
    /// Bytes that observations may still take.
    budget: u64,
    /// What was decoded first, its size, and the size that frames get.
    first: Option<(PathBuf, FrameSize, FrameSize)>,
    /// All frames `(frame, color, row, column)`.
    taken: Vec<f32>,
    /// Whether a color was seen.
    colored: bool,
    films: Vec<Film>,
}

impl<'a> Camera<'a> {
    pub(super) fn new(frames: &'a Frames) -> Self {
        let (taken, films) = (Vec::new(), Vec::new());
        Self { frames, budget: FREE, first: None, taken, colored: false, films }
    }

    /// Begins a recording from a file, or another file of it, with so many bytes.
    pub(super) fn grant(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_add(bytes.saturating_mul(RATIO));
    }

    /// Begins a recording.
    pub(super) fn begin(&mut self, name: String, part: Option<Part>, table: Option<PathBuf>) {
        let first = self.films.last().map_or(0, |film| film.first + film.count);
        self.films.push(Film { name, part, count: 0, gaps: None, table, first, held: false });
    }

    /// Takes a picture as the next frame of the recording that began last; `path` is where it comes from.
    pub(super) fn take(&mut self, picture: &Picture, path: &Path) -> Result<(), RecordingError> {
        let wrong = |problem: String| RecordingError::file(path, problem);
        let native = picture.size;
        if native.width == 0 || native.height == 0 {
            return Err(wrong("holds a frame without pixels".into()));
        }
        let (left, top, cut) = match self.frames.crop {
            None => (0, 0, native),
            Some(crop) => {
                let fits = |from: usize, length: usize, all| {
                    from.checked_add(length).is_some_and(|end| end <= all)
                };
                if !fits(crop.left, crop.size.width, native.width)
                    || !fits(crop.top, crop.size.height, native.height)
                {
                    return Err(wrong(format!("has {native} pixels, and --crop {crop} is beyond")));
                }
                (crop.left, crop.top, crop.size)
            }
        };
        let size = match &self.first {
            None => {
                let size = self.frames.size.unwrap_or_else(|| usual(cut));
                self.first = Some((path.to_owned(), cut, size));
                size
            }
            Some((first, own, size)) => {
                if *own != cut && self.frames.size.is_none() {
                    return Err(wrong(format!(
                        "has {cut} pixels, and {} has {own}; --size brings all to one size",
                        first.display()
                    )));
                }
                *size
            }
        };
        let values = if self.frames.gray { 1 } else { 3 } * size.width * size.height;
        let bytes = 4 * values as u64;
        if bytes > self.budget {
            return Err(wrong(format!(
                "makes frames of {size} pixels that take more than {} MiB and {RATIO} times the files; \
                 take smaller ones with --size, or fewer with --fps",
                FREE >> 20
            )));
        }
        self.budget -= bytes;
        let pixels = scaled(picture, (left, top), cut, size);
        self.colored |= pixels
            .chunks_exact(3)
            .any(|p| p[0].to_bits() != p[1].to_bits() || p[1].to_bits() != p[2].to_bits());
        if self.frames.gray {
            let bright = |p: &[f32]| p.iter().zip(LUMA).map(|(p, share)| p * share).sum::<f32>();
            self.taken.extend(pixels.chunks_exact(3).map(bright));
        } else {
            for color in 0..3 {
                self.taken.extend(pixels.iter().skip(color).step_by(3));
            }
        }
        if let Some(film) = self.films.last_mut() {
            film.count += 1;
        }
        Ok(())
    }

    /// Takes every frame of the recording that began last so many times; `path` is where it comes from.
    #[cfg(feature = "images")]
    pub(super) fn hold(&mut self, counts: &[usize], path: &Path) -> Result<(), RecordingError> {
        let all: usize = counts.iter().sum();
        let Some(film) = self.films.last_mut().filter(|film| film.count < all) else {
            return Ok(());
        };
        let size = (self.taken.len() / (film.first + film.count)).max(1);
        let more = 4 * ((all - film.count) * size) as u64;
        if more > self.budget {
            let problem = format!(
                "holds frames for {all} steps, which is too much; --size makes them smaller"
            );
            return Err(RecordingError::file(path, problem));
        }
        self.budget -= more;
        let own = self.taken.split_off(film.first * size);
        for (frame, count) in own.chunks_exact(size).zip(counts) {
            (0..*count).for_each(|_| self.taken.extend_from_slice(frame));
        }
        film.count = all;
        film.held = true;
        Ok(())
    }

    /// The recording that began last.
    pub(super) fn film(&mut self) -> Option<&mut Film> {
        self.films.last_mut()
    }

    /// The recordings, with what the tables beside them say.
    pub(super) fn finish(self, columns: &Columns) -> Result<RawRecordings, RecordingError> {
        let Some((first, native, size)) = self.first else {
            let problem = "no frames were found".into();
            return Err(RecordingError::Selection { problem });
        };
        let planes = if self.frames.gray { 1 } else { 3 };
        // Pictures without colors have three equal planes.
        let kept = if self.colored { planes } else { 1 };
        let (height, width) = (kept * size.height, size.width);
        let plane = size.height * size.width;
        let mut out = beside(&self.films, columns)?;
        out.image = Some((height, width));
        out.colors = kept;
        let channel = |i| if height * width == 1 { "x".into() } else { format!("x{i}") };
        out.observation_names = (0..height * width).map(channel).collect();
        for (film, sequence) in self.films.iter().zip(&mut out.sequences) {
            let rows = film.first * planes * plane..(film.first + film.count) * planes * plane;
            let whole =
                Array2::from_shape_vec((film.count, planes * plane), self.taken[rows].to_vec())
                    .map_err(|e| RecordingError::file(&first, e.to_string()))?;
            sequence.observations = whole.slice(s![.., ..kept * plane]).to_owned();
        }
        if size != native {
            out.remarks.push(format!(
                "frames of {native} pixels were brought to {size} by means over areas{}",
                if self.frames.size.is_some() { "" } else { "; --size chooses" }
            ));
        }
        if self.films.iter().any(|film| film.held) {
            let held =
                "frames that are shown for several of the shortest delays stand for so many steps";
            out.remarks.push(held.into());
        }
        if kept == 3 {
            let colors = "in color: red above green above blue, as one picture; --gray leaves brightness alone";
            out.remarks.push(colors.into());
        }
        out.checked(&first)
    }
}

/// The size that frames get if nobody chose one.
fn usual(own: FrameSize) -> FrameSize {
    let longer = own.width.max(own.height);
    if longer <= SMALL {
        return own;
    }
    let side = |own: usize| ((own * USUAL + longer / 2) / longer).max(1);
    FrameSize { width: side(own.width), height: side(own.height) }
}

/// Places and shares of the `from` pixels in each of `to` areas of equal length.
fn areas(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let length = from as f64 / to as f64;
    let area = |i: usize| {
        let (begin, end) = (i as f64 * length, (i + 1) as f64 * length);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the number of pixels"
        )]
        let (first, last) = (begin.floor() as usize, (end.ceil() as usize).min(from));
        let first = first.min(from - 1);
        let share = |p: usize| {
            let covered = end.min((p + 1) as f64) - begin.max(p as f64);
            super::narrow((covered / length).max(0.0))
        };
        (first, (first..last.max(first + 1)).map(share).collect())
    };
    (0..to).map(area).collect()
}

/// A part of a picture at another size, in pixels of red, green and blue.
fn scaled(
    picture: &Picture,
    (left, top): (usize, usize),
    cut: FrameSize,
    size: FrameSize,
) -> Vec<f32> {
    let row = |y: usize| {
        let start = 3 * ((top + y) * picture.size.width + left);
        &picture.pixels[start..start + 3 * cut.width]
    };
    if cut == size {
        return (0..cut.height).flat_map(|y| row(y).iter().copied()).collect();
    }
    let (across, down) = (areas(cut.width, size.width), areas(cut.height, size.height));
    let mut out = vec![0.0; 3 * size.width * size.height];
    let mut line = vec![0.0; 3 * cut.width];
    for (out, (first, shares)) in out.chunks_exact_mut(3 * size.width).zip(&down) {
        line.fill(0.0);
        for (y, share) in shares.iter().enumerate() {
            line.iter_mut().zip(row(first + y)).for_each(|(sum, pixel)| *sum += share * pixel);
        }
        for (out, (first, shares)) in out.chunks_exact_mut(3).zip(&across) {
            for (x, share) in shares.iter().enumerate() {
                let pixel = &line[3 * (first + x)..][..3];
                out.iter_mut().zip(pixel).for_each(|(sum, pixel)| *sum += share * pixel);
            }
        }
    }
    out
}

/// Recordings without observations: what tables say of the steps of films.
fn beside(films: &[Film], columns: &Columns) -> Result<RawRecordings, RecordingError> {
    if !columns.observe.is_empty() {
        let problem = "--observe chooses columns, and frames are what is observed".into();
        return Err(RecordingError::Selection { problem });
    }
    let without = films.iter().find(|film| film.table.is_none());
    let with = films.iter().find_map(|film| film.table.as_deref());
    let mut out = match (with, without) {
        (Some(table), Some(film)) => {
            let problem = format!("stands beside frames, and {} has no table", film.name);
            return Err(RecordingError::file(table, problem));
        }
        (Some(_), None) => {
            let mut reader = TableReader::beside_frames(
                columns.clone(),
                films.iter().map(|f| f.count).collect(),
            );
            for table in films.iter().filter_map(|film| film.table.as_ref()) {
                let file = File::open(table).map_err(|e| RecordingError::io(table, e))?;
                reader.read(BufReader::new(file), table)?;
            }
            reader.finish()?
        }
        (None, _) => {
            if *columns != Columns::default() {
                let problem = "columns are chosen, and there is no table beside the frames".into();
                return Err(RecordingError::Selection { problem });
            }
            RawRecordings {
                sequences: films.iter().map(|_| blank()).collect(),
                observation_names: Vec::new(),
                control_names: Vec::new(),
                state_names: Vec::new(),
                dt: None,
                image: None,
                colors: 1,
                ignored: Vec::new(),
                remarks: Vec::new(),
                origins: Origins::default(),
            }
        }
    };
    for (film, sequence) in films.iter().zip(&mut out.sequences) {
        film.name.clone_into(&mut sequence.name);
        sequence.part = film.part;
        if sequence.controls.is_empty() {
            sequence.controls = Array2::zeros((film.count, 0));
        }
    }
    if out.dt.is_none() && !out.is_irregular() {
        let gaps: Option<Vec<_>> = films.iter().map(|film| film.gaps.clone()).collect();
        if let Some(gaps) = gaps {
            out.set_intervals(gaps);
        }
    }
    Ok(out)
}

fn blank() -> RawSequence {
    RawSequence {
        name: String::new(),
        observations: Array2::zeros((0, 0)),
        controls: Array2::zeros((0, 0)),
        intervals: None,
        states: None,
        part: None,
    }
}
