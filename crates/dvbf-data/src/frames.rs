//! How frames of images and video are taken: crop, size, color, frames a second.

use super::RecordingError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Pixels on a side that `--size` may ask for, at most.
const MOST: usize = 1024;

/// Extensions of the names of images.
#[cfg(feature = "images")]
pub(super) const IMAGES: &[&str] = &["png", "jpg", "jpeg"];
#[cfg(not(feature = "images"))]
const IMAGES: &[&str] = &[];

/// Whether `path` is called as an image, and this build reads them.
pub(super) fn is_image(path: &Path) -> bool {
    let named = |own: &&str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(own));
    IMAGES.iter().any(named)
}

/// Width and height in pixels; `32` and `32x24` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameSize {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
}

/// A rectangle in pixels of the file, `WIDTHxHEIGHT+LEFT+TOP` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Crop {
    /// Its size.
    pub size: FrameSize,
    /// Pixels to the left of it.
    pub left: usize,
    /// Pixels above it.
    pub top: usize,
}

/// How frames are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frames {
    /// What is cut out of every frame, before it is brought to its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// The size that frames are brought to, by means over areas; without one, frames of at most 64 pixels on a
    /// side stay as they are and the longer side of larger ones becomes 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FrameSize>,
    /// Whether colors become gray (Rec. 601: `0.299 R + 0.587 G + 0.114 B`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gray: bool,
    /// Frames a second: those that are taken of a video, those that images and GIF were recorded with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
}

impl Frames {
    /// Whether nothing was chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what was chosen, for a file at `path` that has no frames: `what` it is.
    pub(super) fn unused(&self, path: &Path, what: &str) -> Result<(), RecordingError> {
        if self.is_default() {
            return Ok(());
        }
        let problem = format!("is read without --size, --crop, --gray and --fps: {what}");
        Err(RecordingError::file(path, problem))
    }
}

fn side(text: &str) -> Option<usize> {
    text.parse().ok().filter(|side| (1..=MOST * 64).contains(side))
}

impl FromStr for FrameSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a size of 1 to {MOST} pixels on a side, such as 32 or 32x24")
        };
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        let size = side(width).zip(side(height)).map(|(width, height)| Self { width, height });
        size.filter(|size| size.width.max(size.height) <= MOST).ok_or_else(wrong)
    }
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let mut parts = text.split('+');
            let (width, height) = parts.next()?.split_once('x')?;
            let size = FrameSize { width: side(width)?, height: side(height)? };
            let (left, top) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { size, left, top })
        };
        parse().ok_or_else(|| {
            format!("{text:?} is not a rectangle WIDTHxHEIGHT+LEFT+TOP, such as 200x100+10+0")
        })
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.size, self.left, self.top)
    }
}

impl TryFrom<String> for FrameSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Crop {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FrameSize> for String {
    fn from(size: FrameSize) -> Self {
        size.to_string()
    }
}

impl From<Crop> for String {
    fn from(crop: Crop) -> Self {
        crop.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rectangles_are_read_as_they_are_written() {
        let size = |text: &str| text.parse::<FrameSize>();
        assert_eq!(size("32").unwrap(), FrameSize { width: 32, height: 32 });
        assert_eq!(size("40x30").unwrap().to_string(), "40x30");
        let crop: Crop = "200x100+10+0".parse().unwrap();
        assert_eq!((crop.size.width, crop.size.height, crop.left, crop.top), (200, 100, 10, 0));
        assert_eq!(crop.to_string(), "200x100+10+0");
        for wrong in ["", "0", "x", "32x", "-3", "1025", "3.5", "32x32x3"] {
            assert!(size(wrong).unwrap_err().contains("such as 32"), "{wrong}");
        }
        for wrong in ["", "10x10", "10x10+1", "0x1+0+0", "10x10+1+1+1", "10x10+-1+0"] {
            assert!(wrong.parse::<Crop>().unwrap_err().contains("WIDTHxHEIGHT"), "{wrong}");
        }
    }
}
