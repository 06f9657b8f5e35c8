//! Small images in memory, and PNG files of them, still or moving.

use super::palette::{Rgb, byte};
use ndarray::ArrayView1;

/// An image of red, green and blue bytes, rows from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Raster {
    /// An image of one color.
    pub fn new(width: usize, height: usize, color: Rgb) -> Self {
        Self { width, height, pixels: color.repeat(width * height) }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Fills a rectangle with its upper left corner at `(x, y)`.
    pub fn fill(&mut self, (x, y): (usize, usize), size: (usize, usize), color: Rgb) {
        for row in y..y + size.1 {
            let at = 3 * (row * self.width + x);
            self.pixels[at..at + 3 * size.0].copy_from_slice(&color.repeat(size.0));
        }
    }

    /// Draws a frame of `(height, width)` pixels, each a square of `scale` pixels.
    pub fn draw(
        &mut self,
        (x, y): (usize, usize),
        frame: &[Rgb],
        (height, width): (usize, usize),
        scale: usize,
    ) {
        for i in 0..height {
            for j in 0..width {
                let at = (x + j * scale, y + i * scale);
                self.fill(at, (scale, scale), frame[i * width + j]);
            }
        }
    }

    /// A PNG file.
    pub fn png(&self) -> Vec<u8> {
        encode(std::slice::from_ref(self), None)
    }
}

/// An animated PNG of equally large images, `seconds` apart, the last one held for a second more.
/// It repeats forever.
///
/// # Panics
/// If there is no image or their sizes differ.
pub fn animation(frames: &[Raster], seconds: f64) -> Vec<u8> {
    encode(frames, Some(seconds))
}

fn encode(frames: &[Raster], seconds: Option<f64>) -> Vec<u8> {
    let (width, height) = frames.first().expect("an image").size();
    let mut out = Vec::new();
    let written = (|| {
        let narrow = |v: usize| u32::try_from(v).map_err(|_| png::EncodingError::LimitsExceeded);
        let mut encoder = png::Encoder::new(&mut out, narrow(width)?, narrow(height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Flat areas and repeated shapes: filters would only hide the repetition.
        encoder.set_filter(png::Filter::NoFilter);
        if seconds.is_some() {
            encoder.set_animated(narrow(frames.len())?, 0)?;
        }
        let mut writer = encoder.write_header()?;
        for (i, frame) in frames.iter().enumerate() {
            assert_eq!(frame.size(), (width, height), "images of one animation");
            if let Some(seconds) = seconds {
                let hold = if i + 1 == frames.len() { 1.0 } else { 0.0 };
                writer.set_frame_delay(milliseconds(seconds + hold), 1000)?;
            }
            writer.write_image_data(&frame.pixels)?;
        }
        writer.finish()
    })();
    written.expect("images in memory have the announced sizes");
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type"
)]
fn milliseconds(seconds: f64) -> u16 {
    (seconds * 1e3).round().clamp(0.0, 65_535.0) as u16
}

/// A frame of values in `[0, 1]`, from black to white.
pub fn gray(values: ArrayView1<'_, f32>) -> Vec<Rgb> {
    values.iter().map(|&v| [byte(f64::from(v)); 3]).collect()
}

/// What a prediction has too much, in red, and too little, in blue, on white.
pub(super) fn difference(predicted: ArrayView1<'_, f32>, truth: ArrayView1<'_, f32>) -> Vec<Rgb> {
    let pixel = |(&p, &x): (&f32, &f32)| {
        let excess = f64::from(p) - f64::from(x);
        let rest = byte(1.0 - excess.abs());
        if excess.is_nan() {
            [255, 0, 255]
        } else if excess > 0.0 {
            [255, rest, rest]
        } else {
            [rest, rest, 255]
        }
    };
    predicted.iter().zip(truth).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn decode(file: &[u8]) -> (png::OutputInfo, Vec<u8>, Option<png::AnimationControl>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info, pixels, reader.info().animation_control)
    }

    #[test]
    fn a_png_decodes_to_the_pixels_that_were_drawn() {
        let mut image = Raster::new(5, 4, [255, 255, 255]);
        let frame = gray(array![0.0, 1.0, 0.5, 2.0].view());
        image.draw((1, 0), &frame, (2, 2), 2);
        let (info, pixels, animated) = decode(&image.png());
        assert_eq!((info.width, info.height), (5, 4));
        assert_eq!(pixels, image.pixels);
        assert!(animated.is_none());
        let at = |x: usize, y: usize| pixels[3 * (5 * y + x)];
        assert_eq!([at(0, 0), at(1, 0), at(2, 1), at(3, 1)], [255, 0, 0, 255]);
        assert_eq!([at(1, 2), at(2, 3), at(4, 3)], [128, 128, 255]);
    }

    #[test]
    fn an_animation_has_all_frames() {
        let frames = [Raster::new(3, 2, [1, 2, 3]), Raster::new(3, 2, [4, 5, 6])];
        let file = animation(&frames, 0.1);
        let (_, first, control) = decode(&file);
        assert_eq!(control.map(|c| (c.num_frames, c.num_plays)), Some((2, 0)));
        assert_eq!(first, frames[0].pixels);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file[..])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let mut delays = Vec::new();
        while reader.next_frame(&mut pixels).is_ok() {
            delays.push(reader.info().frame_control.unwrap().delay_num);
        }
        assert_eq!(pixels, frames[1].pixels);
        assert_eq!(delays, [100, 1100]);
    }

    #[test]
    fn a_difference_has_a_sign() {
        let pixels =
            difference(array![0.0, 1.0, 0.0, f32::NAN].view(), array![0.0, 0.0, 1.0, 0.0].view());
        assert_eq!(pixels, [[255, 255, 255], [255, 0, 0], [0, 0, 255], [255, 0, 255]]);
    }
}
