//! Sequences of images as one animation.

use super::ApplyError;
use crate::data::RawRecordings;
use crate::report::{Raster, animation, gray};
use dvbf_core::replace_file;
use std::path::Path;

/// Sequences side by side.
const ACROSS: usize = 6;
/// Sequences of a film.
const MOST: usize = 24;
/// Pixels between them.
const SPACE: usize = 6;
/// Seconds between two frames where nobody knows.
const UNKNOWN: f64 = 0.1;

/// Writes an animated PNG of the first 24 sequences side by side, at their own pace but at most 50 frames a
/// second. A sequence that ends holds its last frame.
///
/// # Errors
/// If the recordings are no images or have no steps, or the file cannot be written; what was there before
/// is then intact.
pub fn film(recordings: &RawRecordings, path: &Path) -> Result<(), ApplyError> {
    let failed = |problem: String| ApplyError::Output { path: path.to_owned(), problem };
    let Some(bytes) = frames(recordings) else {
        return Err(failed(
            "the simulated observations are not images, so there is nothing to animate".into(),
        ));
    };
    replace_file(path, &[&bytes]).map_err(|e| failed(e.to_string()))
}

fn frames(recordings: &RawRecordings) -> Option<Vec<u8>> {
    let (height, width) = recordings.image?;
    let shown: Vec<_> =
        recordings.sequences.iter().filter(|s| s.observations.nrows() > 0).take(MOST).collect();
    if shown.is_empty() {
        return None;
    }
    let scale = (96 / height.max(width)).max(1);
    let cell = (width * scale + SPACE, height * scale + SPACE);
    let columns = ACROSS.min(shown.len());
    let size = (columns * cell.0 + SPACE, shown.len().div_ceil(columns) * cell.1 + SPACE);
    let frames = shown.iter().map(|s| s.observations.nrows()).max().unwrap_or(0);
    let at = |t: usize| {
        let mut image = Raster::new(size.0, size.1, [255, 255, 255]);
        for (i, sequence) in shown.iter().enumerate() {
            let corner = (SPACE + i % columns * cell.0, SPACE + i / columns * cell.1);
            let row = t.min(sequence.observations.nrows() - 1);
            image.draw(corner, &gray(sequence.observations.row(row)), (height, width), scale);
        }
        image
    };
    let images: Vec<Raster> = (0..frames).map(at).collect();
    Some(animation(&images, recordings.dt.unwrap_or(UNKNOWN).max(0.02)))
}
