//! Video, where there is `ffmpeg`.

use crate::fixtures::fixture;
use dvbf_data::{Columns, Frames, RawRecordings, Reading};
use std::fs;
use std::path::Path;
use std::process::Command;

fn read(path: &Path, frames: Frames) -> Result<RawRecordings, String> {
    let files = vec![path.display().to_string()];
    Reading { files, frames, ..Reading::default() }.read().map_err(|e| e.to_string())
}

/// A film without loss of eight frames at twenty a second, and the folder of the same frames; none without `ffmpeg`.
fn film(folder: &Path) -> Option<()> {
    let frames = folder.join("frames");
    fs::create_dir(&frames).unwrap();
    for k in 0..8 {
        let picture = fixture("frames").join(format!("frame_{}.png", [1, 2, 10][k % 3]));
        fs::copy(picture, frames.join(format!("{k}.png"))).unwrap();
    }
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-framerate", "20", "-i"])
        .arg(frames.join("%d.png"))
        .args(["-c:v", "ffv1", "-pix_fmt", "bgr0"])
        .arg(folder.join("walk.mkv"))
        .status();
    made.is_ok_and(|status| status.success()).then_some(())
}

#[test]
fn a_film_is_the_folder_of_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let Some(()) = film(folder.path()) else { return };
    let path = folder.path().join("walk.mkv");
    let film = read(&path, Frames::default()).unwrap();
    let images = read(&folder.path().join("frames"), Frames::default()).unwrap();
    assert_eq!((film.image, film.dt), (Some((18, 8)), Some(0.05)));
    assert_eq!(film.sequences[0].observations, images.sequences[0].observations);
    let half = Frames { fps: Some(10.0), size: Some("4x3".parse().unwrap()), ..Frames::default() };
    let half = read(&path, half).unwrap();
    assert_eq!((half.steps(), half.image, half.dt), (4, Some((9, 4)), Some(0.1)));
    // A table that has its name.
    fs::write(folder.path().join("walk.csv"), "u\n0\n1\n2\n3\n4\n5\n6\n7\n").unwrap();
    let with = read(&path, Frames::default()).unwrap();
    assert_eq!(with.sequences[0].controls.column(0).to_vec()[..7], [0., 1., 2., 3., 4., 5., 6.]);
    assert_eq!(with.dt, Some(0.05), "the stamps of the film");
    // A film in a folder comes once, though there is a table.
    fs::remove_dir_all(folder.path().join("frames")).unwrap();
    assert_eq!(read(folder.path(), Frames::default()).unwrap().sequences.len(), 1);
}

#[test]
fn a_film_that_is_cut_off_is_refused_or_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let Some(()) = film(folder.path()) else { return };
    let whole = fs::read(folder.path().join("walk.mkv")).unwrap();
    let path = folder.path().join("cut.mkv");
    for share in [10, 4, 2] {
        fs::write(&path, &whole[..whole.len() / share]).unwrap();
        match read(&path, Frames::default()) {
            Ok(read) => assert!(read.steps() < 8),
            Err(error) => assert!(error.contains("cut.mkv cannot be decoded by ffmpeg"), "{error}"),
        }
    }
    let columns = Columns { observe: vec!["a".into()], ..Columns::default() };
    let files = vec![folder.path().join("walk.mkv").display().to_string()];
    let error = Reading { files, columns, ..Reading::default() }.read().unwrap_err();
    assert!(error.to_string().contains("frames are what is observed"), "{error}");
}
