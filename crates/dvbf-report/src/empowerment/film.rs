//! The animation of the recorded trial: seen, believed, and a bar for every control.

use super::super::raster::{Raster, gray};
use super::scene::RecordedTrial;

/// Pixels between the images, and of the height of a bar.
const SPACE: usize = 8;
const BAR: usize = 10;

/// At most `most` frames.
pub(super) fn frames(trial: &RecordedTrial, most: usize) -> Vec<Raster> {
    let (height, width) = trial.image;
    let scale = (144 / height.max(width)).max(1);
    let (tall, wide) = (height * scale, width * scale);
    let total = 2 * wide + SPACE;
    let controls = trial.controls.ncols();
    let at = |t: usize| {
        let mut image = Raster::new(total, tall + controls * (SPACE + BAR), [255, 255, 255]);
        for (i, frame) in [&trial.seen[t], &trial.believed[t]].into_iter().enumerate() {
            let pixels = gray(ndarray::ArrayView1::from(&frame[..]));
            image.draw((i * (wide + SPACE), 0), &pixels, (height, width), scale);
        }
        for (j, share) in trial.controls.row(t).iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
            let length = (share.abs().min(1.0) * (total / 2) as f64) as usize;
            let from = if *share < 0.0 { total / 2 - length } else { total / 2 };
            let top = tall + SPACE + j * (SPACE + BAR);
            image.fill((0, top), (total, BAR), [235, 237, 240]);
            image.fill((from, top), (length, BAR), [209, 96, 43]);
        }
        image
    };
    (0..trial.seen.len().min(most.max(1))).map(at).collect()
}
