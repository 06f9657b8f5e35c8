//! Film strips: true frames above predicted ones, and what is between them.

use super::palette::Rgb;
use super::raster::{Raster, difference, gray};
use super::sequences::Example;

/// Frames side by side in one strip; longer films continue below.
const PER_ROW: usize = 25;
/// Pixels around every frame.
const GAP: usize = 2;
/// Behind the frames.
const PAPER: Rgb = [255, 255, 255];
/// Around frames that the model has seen.
pub(super) const SEEN: Rgb = [222, 120, 20];
/// Around frames that it has not.
pub(super) const AHEAD: Rgb = [205, 209, 214];

/// The strips of one example, each with at most 25 frames: a row of true frames, a row of the
/// model's, a row of differences.
pub(super) fn strips(example: &Example, (height, width): (usize, usize)) -> Vec<Raster> {
    let frames = example.truth.nrows();
    // The frames of all strips are equally large on the page.
    let columns = PER_ROW.min(frames);
    let size = ((width + GAP) * columns + GAP, (height + GAP) * 3 + GAP);
    let strip = |first: usize| {
        let mut image = Raster::new(size.0, size.1, PAPER);
        for t in first..(first + PER_ROW).min(frames) {
            let (truth, model) = (example.truth.row(t), example.model.row(t));
            let rows = [gray(truth), gray(model), difference(model, truth)];
            for (row, pixels) in rows.iter().enumerate() {
                let corner = ((width + GAP) * (t - first), (height + GAP) * row);
                let border = if t < example.filtered { SEEN } else { AHEAD };
                let shown = (corner.0 + 1, corner.1 + 1);
                image.fill(shown, (width + 2, height + 2), border);
                image.draw((shown.0 + 1, shown.1 + 1), pixels, (height, width), 1);
            }
        }
        image
    };
    (0..frames).step_by(PER_ROW).map(strip).collect()
}

/// The frames of one animation of all examples, side by side: true frames above the model's.
pub(super) fn animation(examples: &[Example], (height, width): (usize, usize)) -> Vec<Raster> {
    const BORDER: usize = 3;
    const SPACE: usize = 10;
    // Small images are shown large, and large ones as they are.
    let scale = (96 / height.max(width)).max(1);
    let (tall, wide) = (height * scale + 2 * BORDER, width * scale + 2 * BORDER);
    let size = ((wide + SPACE) * examples.len() - SPACE, 2 * tall + SPACE);
    let frames = examples.first().map_or(0, |e| e.truth.nrows());
    let at = |t: usize| {
        let mut image = Raster::new(size.0, size.1, PAPER);
        for (column, example) in examples.iter().enumerate() {
            let border = if t < example.filtered { SEEN } else { AHEAD };
            let rows = [gray(example.truth.row(t)), gray(example.model.row(t))];
            for (row, pixels) in rows.iter().enumerate() {
                let corner = ((wide + SPACE) * column, (tall + SPACE) * row);
                image.fill(corner, (wide, tall), border);
                let inside = (corner.0 + BORDER, corner.1 + BORDER);
                image.draw(inside, pixels, (height, width), scale);
            }
        }
        image
    };
    (0..frames).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn example(frames: usize) -> Example {
        Example {
            rank: "median of 9".into(),
            index: 4,
            error: 0.1,
            filtered: 5,
            truth: Array2::zeros((frames, 12)),
            model: Array2::ones((frames, 12)),
        }
    }

    fn decoded(image: &Raster) -> ((u32, u32), Vec<u8>) {
        let file = image.png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file[..])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        ((info.width, info.height), pixels)
    }

    #[test]
    fn strips_decode_to_frames_and_marks() {
        let strips = strips(&example(50), (4, 3));
        assert_eq!(strips.len(), 2);
        let (size, pixels) = decoded(&strips[0]);
        assert_eq!(size, (25 * 5 + 2, 3 * 6 + 2));
        let at = |x: usize, y: usize| {
            let at = 3 * (y * size.0 as usize + x);
            [pixels[at], pixels[at + 1], pixels[at + 2]]
        };
        assert_eq!([at(1, 1), at(2, 2)], [SEEN, [0, 0, 0]], "true frames are black");
        assert_eq!([at(1, 7), at(2, 8)], [SEEN, [255, 255, 255]], "the model's are white");
        assert_eq!(at(2, 14), [255, 0, 0], "the model shows too much");
        assert_eq!([at(4 * 5 + 1, 1), at(5 * 5 + 1, 1)], [SEEN, AHEAD]);
        assert_eq!(decoded(&strips[1]).1[3 * (size.0 as usize + 1)..][..3], AHEAD);
    }

    #[test]
    fn a_short_film_is_one_narrow_strip() {
        let strips = strips(&example(6), (4, 3));
        assert_eq!(strips.iter().map(Raster::size).collect::<Vec<_>>(), [(6 * 5 + 2, 20)]);
    }

    #[test]
    fn an_animation_shows_every_frame_of_all_examples() {
        let frames = animation(&[example(7), example(7)], (4, 3));
        assert_eq!(frames.len(), 7);
        assert_eq!(frames[0].size(), (2 * (3 * 24 + 6) + 10, 2 * (4 * 24 + 6) + 10));
        let large = animation(&[example(1)], (3, 4));
        assert_eq!(large[0].size(), (4 * 24 + 6, 2 * (3 * 24 + 6) + 10));
    }
}
