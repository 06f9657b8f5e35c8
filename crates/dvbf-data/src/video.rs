//! Recordings from video, which the system's `ffmpeg` decodes.
//!
//! A file is a recording. `ffmpeg` writes its frames as they are, one after the other, and says when each is shown;
//! what is done with them is the same as with images. A table beside a video that has its name has a row for each
//! frame that is taken.

use super::beside::{part_of, table_of};
use super::budget::FREE;
use super::camera::{Camera, Picture};
use super::clock;
use super::frames::{FrameSize, Frames};
use super::raw::RawRecordings;
use super::{Columns, RecordingError};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

/// What is spawned.
const PROGRAM: &str = "ffmpeg";
/// Pixels on a side of a frame, at most.
const SIDE: usize = 1 << 14;

/// Reads video files.
///
/// # Errors
/// If there is no `ffmpeg`, it cannot decode a file, frames differ in size, or a table beside them does not fit.
pub(super) fn read_videos(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut camera = Camera::new(frames);
    for path in paths {
        let size = std::fs::metadata(path).map_err(|e| RecordingError::io(path, e))?.len();
        camera.begin(path.display().to_string(), path.parent().and_then(part_of), table_of(path));
        camera.grant(size);
        let stamps =
            decode(OsStr::new(PROGRAM), path, frames.fps, |picture| camera.take(&picture, path))?;
        if let Some(film) = camera.film() {
            film.gaps = gaps(&stamps, film.count, frames.fps);
        }
    }
    camera.finish(columns)
}

/// Seconds after every frame, if the stamps tell.
fn gaps(stamps: &[f64], count: usize, fps: Option<f64>) -> Option<Vec<f64>> {
    if let Some(fps) = fps {
        return Some(vec![1.0 / fps; count]);
    }
    let grow = stamps.windows(2).all(|two| two[1] > two[0]);
    // ffmpeg prints stamps with six digits.
    (stamps.len() == count && count > 1 && grow).then(|| clock::gaps(stamps, 2e-6, 1.0))
}

/// Hands over the frames of a video one by one, and gives the seconds at which they are shown.
fn decode(
    program: &OsStr,
    path: &Path,
    fps: Option<f64>,
    mut each: impl FnMut(Picture) -> Result<(), RecordingError>,
) -> Result<Vec<f64>, RecordingError> {
    // A name is a file, never the address of something elsewhere.
    let mut input = std::ffi::OsString::from("file:");
    input.push(path);
    let filter = fps.map_or_else(|| "showinfo".into(), |fps| format!("fps={fps},showinfo"));
    let spawned = Command::new(program)
        .args(["-nostdin", "-hide_banner", "-nostats", "-protocol_whitelist", "file,pipe", "-i"])
        .arg(input)
        .args(["-map", "0:v:0", "-vf", &filter, "-fps_mode", "passthrough"])
        .args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let problem = "is video, which the program ffmpeg decodes, and there is none here; install it, or save the \
                           frames as PNG files in a folder";
            RecordingError::file(path, problem)
        }
        _ => RecordingError::file(path, format!("needs ffmpeg, which cannot be started: {error}")),
    })?;
    let said = child.stderr.take().map(|errors| thread::spawn(move || listen(errors)));
    let decoded = frames_of(&mut child, path, &mut each);
    if decoded.is_err() {
        // It may have much to say still, and nobody listens.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| RecordingError::io(path, e))?;
    let (stamps, last) = said.and_then(|said| said.join().ok()).unwrap_or_default();
    let count = decoded?;
    if !status.success() || count == 0 {
        let problem = format!("cannot be decoded by ffmpeg: {last}");
        return Err(RecordingError::file(path, problem));
    }
    Ok(stamps)
}

/// Reads all frames, and gives their number.
fn frames_of(
    child: &mut Child,
    path: &Path,
    each: &mut impl FnMut(Picture) -> Result<(), RecordingError>,
) -> Result<usize, RecordingError> {
    let Some(out) = child.stdout.take() else { return Ok(0) };
    let mut out = BufReader::with_capacity(1 << 20, out);
    let mut count = 0;
    loop {
        let failed = |e: io::Error| RecordingError::file(path, format!("cannot be decoded: {e}"));
        let Some(picture) = frame(&mut out).map_err(failed)? else { return Ok(count) };
        each(picture)?;
        count += 1;
    }
}

/// The next image in the portable pixmap format; none at the end.
fn frame(from: &mut impl BufRead) -> io::Result<Option<Picture>> {
    let odd = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut word = || -> io::Result<String> {
        let mut out = String::new();
        for byte in from.by_ref().take(20).bytes() {
            match byte? {
                byte if byte.is_ascii_whitespace() => return Ok(out),
                byte => out.push(char::from(byte)),
            }
        }
        Err(odd("a frame has no header"))
    };
    let (kind, width, height, most) = (word()?, word()?, word()?, word()?);
    let side = |text: &str| text.parse().ok().filter(|side| (1..=SIDE).contains(side));
    let (Some(width), Some(height)) = (side(&width), side(&height)) else {
        return Err(odd(&format!("a frame has {width}x{height} pixels")));
    };
    if kind != "P6" || most != "255" || 12 * (width * height) as u64 > FREE {
        return Err(odd(&format!(
            "a frame of {width}x{height} pixels is too large or of another kind"
        )));
    }
    let mut bytes = vec![0; 3 * width * height];
    from.read_exact(&mut bytes)?;
    let pixels = bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect();
    Ok(Some(Picture { size: FrameSize { width, height }, pixels }))
}

/// The stamps that the filter `showinfo` prints, and the last line that is none of its.
fn listen(errors: impl Read) -> (Vec<f64>, String) {
    let (mut stamps, mut last) = (Vec::new(), String::new());
    let mut lines = BufReader::new(errors);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(n) if n > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        let stamp = || -> Option<f64> {
            text.split("pts_time:").nth(1)?.split_whitespace().next()?.parse().ok()
        };
        if text.contains("showinfo") {
            stamps.extend(stamp());
        } else if !text.is_empty() {
            last = text;
        }
    }
    (stamps, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ffmpeg_there_is_one_clear_sentence() {
        let error = decode(OsStr::new("no-such-program"), Path::new("walk.mp4"), None, |_| Ok(()));
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("walk.mp4 is video") && error.contains("install it"), "{error}");
    }

    #[test]
    fn frames_are_read_one_by_one_and_stamps_from_what_is_said() {
        let two = b"P6\n2 1\n255\n\x00\x33\xff\x01\x02\x03P6\n2 1\n255\n\x0a\x0a\x0a\x0a\x0a\x0a";
        let mut from = &two[..];
        let first = frame(&mut from).unwrap().unwrap();
        assert_eq!((first.size.width, first.size.height), (2, 1));
        assert!((first.pixels[1] - 0.2).abs() < 1e-7);
        assert!(frame(&mut from).unwrap().is_some() && frame(&mut from).unwrap().is_none());
        for wrong in [
            &b"P6\n2 1\n255\n\x00"[..],
            b"P5\n2 1\n255\nab",
            b"P6\n99999 1\n255\n",
            b"P6",
            b"\n\n\n\n",
        ] {
            assert!(frame(&mut &wrong[..]).is_err(), "{wrong:?}");
        }
        let said = "Input #0, mov\n[Parsed_showinfo_0 @ 0x5] n:   0 pts:      0 pts_time:0       duration: 512\n\
                    [Parsed_showinfo_0 @ 0x5] n:   1 pts:    512 pts_time:0.04    duration: 512\nodd.mp4: Invalid data\n";
        let (stamps, last) = listen(said.as_bytes());
        assert_eq!((&*stamps, &*last), (&[0.0, 0.04][..], "odd.mp4: Invalid data"));
        assert_eq!(gaps(&[0.0, 0.033_333, 0.066_667, 0.1], 4, None).unwrap().len(), 4);
        assert!(gaps(&[0.0, 0.0], 2, None).is_none());
        assert_eq!(gaps(&[], 2, Some(10.0)), Some(vec![0.1, 0.1]));
    }
}
