//! Recordings from folders of PNG and JPEG frames, and from GIF.
//!
//! A folder is a recording; its frames come in the order of their names, in which numbers count as numbers. A
//! table in the folder, or one beside a GIF that has its name, has a row for each frame.

use super::beside::{by_numbers, part_of, table_in, table_of};
use super::budget::{FREE, RATIO};
use super::camera::{Camera, Picture};
use super::frames::{FrameSize, Frames, is_image};
use super::raw::RawRecordings;
use super::{Columns, RecordingError};
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageReader, Limits};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Pixels on a side of an image, at most.
const SIDE: u32 = 1 << 14;
/// Bytes of a frame of a GIF, at most: each is drawn on the one before.
const CANVAS: u64 = 64 << 20;

/// Steps that a frame of a GIF may stand for, if its delay says so.
const MOST_HELD: f64 = 1000.0;

/// Reads folders of frames; frames that are named one by one belong to the recording of their folder.
///
/// # Errors
/// If a frame cannot be read or decoded, frames differ in size, or a table beside them does not fit.
pub(super) fn read_image_folders(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut recordings: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    for path in paths {
        if path.is_dir() {
            recordings.push((path.clone(), frames_in(path)?));
            continue;
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        match recordings.iter_mut().find(|(own, _)| *own == folder) {
            Some((_, own)) => own.push(path.clone()),
            None => recordings.push((folder, vec![path.clone()])),
        }
    }
    let mut camera = Camera::new(frames);
    for (folder, mut own) in recordings {
        own.sort_by_cached_key(|path| by_numbers(path));
        camera.begin(folder.display().to_string(), part_of(&folder), table_in(&folder)?);
        let count = own.len();
        for path in own {
            let bytes = fs::read(&path).map_err(|e| RecordingError::io(&path, e))?;
            camera.grant(bytes.len() as u64);
            camera.take(&decoded(&bytes, &path)?, &path)?;
        }
        if let (Some(film), Some(fps)) = (camera.film(), frames.fps) {
            film.gaps = Some(vec![1.0 / fps; count]);
        }
    }
    camera.finish(columns)
}

/// Reads GIF files.
///
/// # Errors
/// As [`read_image_folders`].
pub(super) fn read_gifs(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut camera = Camera::new(frames);
    for path in paths {
        let bytes = fs::read(path).map_err(|e| RecordingError::io(path, e))?;
        camera.begin(path.display().to_string(), path.parent().and_then(part_of), table_of(path));
        camera.grant(bytes.len() as u64);
        take_gif(&mut camera, &bytes, path)?;
        if let (Some(film), Some(fps)) = (camera.film(), frames.fps) {
            film.gaps = Some(vec![1.0 / fps; film.count]);
        }
    }
    camera.finish(columns)
}

/// Reads one recording from a GIF; `path` is what errors call it.
///
/// # Errors
/// If it cannot be decoded, or asks for more memory than its size allows.
pub fn read_gif_from(
    bytes: &[u8],
    path: &Path,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut camera = Camera::new(frames);
    camera.begin(path.display().to_string(), None, None);
    camera.grant(bytes.len() as u64);
    take_gif(&mut camera, bytes, path)?;
    camera.finish(&Columns::default())
}

/// Reads one recording from PNG and JPEG frames; `path` is what errors call them.
///
/// # Errors
/// If one cannot be decoded, asks for more memory than its size allows, or differs in size.
pub fn read_images_from(
    images: &[&[u8]],
    path: &Path,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut camera = Camera::new(frames);
    camera.begin(path.display().to_string(), None, None);
    for bytes in images {
        camera.grant(bytes.len() as u64);
        camera.take(&decoded(bytes, path)?, path)?;
    }
    camera.finish(&Columns::default())
}

/// What a file of so many bytes may take while it is decoded.
fn limits(bytes: usize) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(FREE.saturating_add(RATIO.saturating_mul(bytes as u64)));
    limits
}

fn decoded(bytes: &[u8], path: &Path) -> Result<Picture, RecordingError> {
    let damaged = |e: &dyn std::fmt::Display| {
        RecordingError::file(path, format!("is not a PNG or JPEG image, or damaged: {e}"))
    };
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader = reader.with_guessed_format().map_err(|e| damaged(&e))?;
    let limits = limits(bytes.len());
    let most = limits.max_alloc.unwrap_or(FREE);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| damaged(&e))?;
    let (width, height) = decoder.dimensions();
    // A pixel becomes three numbers of four bytes, whatever it is in the file.
    if 12 * u64::from(width) * u64::from(height) > most {
        let size = bytes.len();
        let problem =
            format!("is said to have {width}x{height} pixels in {size} bytes, which is too much");
        return Err(RecordingError::file(path, problem));
    }
    Ok(picture(DynamicImage::from_decoder(decoder).map_err(|e| damaged(&e))?))
}

fn picture(image: DynamicImage) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Picture { size: FrameSize { width, height }, pixels: image.into_rgb32f().into_raw() }
}

fn take_gif(camera: &mut Camera<'_>, bytes: &[u8], path: &Path) -> Result<(), RecordingError> {
    let damaged = |e: &dyn std::fmt::Display| {
        RecordingError::file(path, format!("is not a GIF, or damaged: {e}"))
    };
    let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(&e))?;
    let mut limits = limits(bytes.len());
    limits.max_alloc = limits.max_alloc.map(|most| most.min(4 * CANVAS));
    decoder.set_limits(limits).map_err(|e| damaged(&e))?;
    let (width, height) = decoder.dimensions();
    if 4 * u64::from(width) * u64::from(height) > CANVAS {
        let problem = format!("is said to have {width}x{height} pixels, which is too much");
        return Err(RecordingError::file(path, problem));
    }
    let mut gaps = Vec::new();
    for frame in decoder.into_frames() {
        let frame = frame.map_err(|e| damaged(&e))?;
        let (top, bottom) = frame.delay().numer_denom_ms();
        gaps.push(f64::from(top) / f64::from(bottom.max(1)) / 1e3);
        camera.take(&picture(frame.into_buffer().into()), path)?;
    }
    if gaps.is_empty() {
        return Err(damaged(&"it has no frames"));
    }
    // Programs that write GIF show a frame for longer where the next one is the same.
    let shown =
        if gaps.last().is_some_and(|last| *last > 0.0) { gaps.len() } else { gaps.len() - 1 };
    let read = &gaps[..shown];
    let shortest = read.iter().copied().fold(f64::INFINITY, f64::min);
    let times = |gap: &f64| (gap / shortest).round();
    let even = |gap: &f64| (times(gap) * shortest - gap).abs() < 1e-3 && times(gap) < MOST_HELD;
    // Without delays, nobody said how fast it is.
    if gaps.len() < 2 || shortest <= 0.0 {
        return Ok(());
    }
    if !read.iter().all(even) {
        if let Some(film) = camera.film() {
            film.gaps = Some(gaps);
        }
        return Ok(());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between one and a thousand"
    )]
    let mut counts: Vec<usize> = read.iter().map(|gap| times(gap) as usize).collect();
    counts.resize(gaps.len(), 1);
    camera.hold(&counts, path)?;
    if let Some(film) = camera.film() {
        film.gaps = Some(vec![shortest; film.count]);
    }
    Ok(())
}

/// The frames in a folder.
fn frames_in(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| RecordingError::io(folder, e))? {
        let path = entry.map_err(|e| RecordingError::io(folder, e))?.path();
        if is_image(&path) {
            out.push(path);
        }
    }
    Ok(out)
}
