//! Folders of frames and GIF.

use crate::fixtures::{fixture, survives};
use dvbf_data::{
    Columns, FrameSize, Frames, Part, RawRecordings, Reading, find_files, read_gif_from,
    read_images_from,
};
use std::fs;
use std::path::Path;

fn read(folder: &Path, frames: Frames, columns: Columns) -> Result<RawRecordings, String> {
    let files = vec![folder.display().to_string()];
    Reading { files, frames, columns, ..Reading::default() }.read().map_err(|e| e.to_string())
}

fn gray() -> Frames {
    Frames { gray: true, ..Frames::default() }
}

fn none() -> Columns {
    Columns::default()
}

/// Red, green and blue of frame `k`, as `write.py` makes them.
fn color(k: usize, r: usize, c: usize) -> [f64; 3] {
    let (k, r, c) = (k as f64, r as f64, c as f64);
    [10.0 * r + c + k, 20.0 * c + k, 255.0 - 30.0 * r - k].map(|v| v / 255.0)
}

#[track_caller]
fn near(own: f32, right: f64) {
    assert!((f64::from(own) - right).abs() < 2e-6, "{own} {right}");
}

#[test]
fn frames_in_color_are_planes_one_above_the_other_in_the_order_of_numbers() {
    let read = read(&fixture("frames"), Frames::default(), none()).unwrap();
    assert_eq!((read.sequences.len(), read.image), (1, Some((18, 8))));
    let x = &read.sequences[0].observations;
    assert_eq!(x.dim(), (3, 3 * 48));
    for k in 0..3 {
        for (r, c) in [(0, 0), (2, 5), (5, 7)] {
            for (plane, right) in color(k, r, c).into_iter().enumerate() {
                near(x[(k, plane * 48 + r * 8 + c)], right);
            }
        }
    }
    // The table beside them.
    assert_eq!((read.dt, &*read.control_names), (Some(0.1), &["torque".to_owned()][..]));
    assert_eq!(read.sequences[0].controls.column(0).to_vec(), [1.0, 2.0, 3.0]);
    assert!(read.remarks.iter().any(|remark| remark.contains("--gray")), "{:?}", read.remarks);
}

#[test]
fn gray_crop_and_size_are_means_over_areas() {
    let crop = "4x4+2+1".parse().unwrap();
    let frames = Frames { crop: Some(crop), size: Some("3x2".parse().unwrap()), ..gray() };
    let read = read(&fixture("frames"), frames, none()).unwrap();
    assert_eq!(read.image, Some((2, 3)));
    let luma = |k, r: usize, c: usize| {
        let [red, green, blue] = color(k, r, c);
        0.299 * red + 0.587 * green + 0.114 * blue
    };
    // Two rows to one; four columns to three, of which each covers one and a third.
    for k in 0..3 {
        for row in 0..2 {
            let mean =
                |c: usize| f64::midpoint(luma(k, 1 + 2 * row, 2 + c), luma(k, 2 + 2 * row, 2 + c));
            let (a, b, c, d) = (mean(0), mean(1), mean(2), mean(3));
            let right = [(3.0 * a + b) / 4.0, f64::midpoint(b, c), (c + 3.0 * d) / 4.0];
            for (column, right) in right.into_iter().enumerate() {
                near(read.sequences[0].observations[(k, row * 3 + column)], right);
            }
        }
    }
}

#[test]
fn large_frames_become_small_ones_unless_somebody_chose() {
    let folder = tempfile::tempdir().unwrap();
    // A JPEG of 24 by 16 pixels stays as it is; one value is 100 everywhere.
    fs::copy(fixture("gray.jpg"), folder.path().join("a.JPG")).unwrap();
    let small = read(folder.path(), Frames::default(), none()).unwrap();
    assert_eq!(small.image, Some((16, 24)), "gray without being told");
    assert!(small.sequences[0].observations.iter().all(|x| (x - 100.0 / 255.0).abs() < 0.01));
    let large = Frames { size: Some(FrameSize { width: 48, height: 32 }), ..Frames::default() };
    assert_eq!(read(folder.path(), large, none()).unwrap().image, Some((32, 48)));
    // Sixteen bits keep their digits.
    let deep =
        read_images_from(&[&fs::read(fixture("deep.png")).unwrap()], Path::new("d.png"), &gray());
    near(deep.unwrap().sequences[0].observations[(0, 47)], 47_000.0 / 65_535.0);
    let odd = [fs::read(fixture("gray.jpg")).unwrap(), fs::read(fixture("deep.png")).unwrap()];
    let error = read_images_from(&[&odd[0], &odd[1]], Path::new("d.png"), &gray()).unwrap_err();
    assert!(
        error.to_string().contains("8x6 pixels") && error.to_string().contains("--size"),
        "{error}"
    );
    let beyond = Frames { crop: Some("8x6+1+0".parse().unwrap()), ..gray() };
    let error = read_images_from(&[&odd[1]], Path::new("d.png"), &beyond).unwrap_err();
    assert!(error.to_string().contains("--crop 8x6+1+0 is beyond"), "{error}");
}

#[test]
fn a_gif_has_its_own_clock() {
    let read = |frames: Frames| {
        read_gif_from(&fs::read(fixture("gray.gif")).unwrap(), Path::new("gray.gif"), &frames)
    };
    let read_as_is = read(Frames::default()).unwrap();
    assert_eq!((read_as_is.image, read_as_is.dt), (Some((6, 8)), Some(0.04)));
    let x = &read_as_is.sequences[0].observations;
    for k in 0..4 {
        near(x[(k, 13)], 50.0 * k as f64 / 255.0);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("gray.gif"), folder.path().join("walk.gif")).unwrap();
    fs::write(folder.path().join("walk.csv"), "u,state_angle\n1,0.5\n2,0.25\n3,0\n").unwrap();
    let with = self::read(folder.path(), Frames { fps: Some(50.0), ..gray() }, none()).unwrap();
    assert_eq!((with.dt, with.sequences[0].controls.nrows()), (Some(0.02), 4));
    // Three controls lie between four frames.
    assert_eq!(with.sequences[0].controls.column(0).to_vec()[..3], [1.0, 2.0, 3.0]);
    assert!(with.sequences[0].states.as_ref().unwrap()[(3, 0)].is_nan());
    fs::write(folder.path().join("walk.csv"), "u\n1\n2\n").unwrap();
    let error = self::read(folder.path(), gray(), none()).unwrap_err();
    assert!(error.contains("walk.csv has 2 rows beside 4 frames"), "{error}");
}

#[test]
fn equal_frames_of_a_gif_are_steps_though_they_are_kept_once() {
    let bytes = fs::read(fixture("held.gif")).unwrap();
    let read = read_gif_from(&bytes, Path::new("held.gif"), &Frames::default()).unwrap();
    assert_eq!((read.steps(), read.dt), (6, Some(0.04)));
    let first = read.sequences[0].observations.column(0);
    for (own, level) in first.iter().zip([0, 0, 0, 50, 50, 100]) {
        near(*own, f64::from(level) / 255.0);
    }
    assert!(read.remarks[0].contains("several"), "{:?}", read.remarks);
}

#[test]
fn folders_of_folders_are_recordings_with_their_parts() {
    let top = tempfile::tempdir().unwrap();
    for name in ["train/a", "train/b", "validation/c", "test/d"] {
        let folder = top.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        for k in [1, 2, 10] {
            let from = fixture("frames").join(format!("frame_{k}.png"));
            fs::copy(from, folder.join(format!("{k}.png"))).unwrap();
        }
    }
    let read = read(top.path(), gray(), none()).unwrap();
    let parts: Vec<_> = read.sequences.iter().map(|s| s.part.unwrap()).collect();
    assert_eq!(parts, [Part::Train, Part::Train, Part::Validation, Part::Test]);
    assert_eq!((read.steps(), read.dt), (12, None));
    // Frames one by one are the recording of their folder.
    let one = top.path().join("train/a/*.png").display().to_string();
    let files = find_files(&[one]).unwrap();
    assert_eq!(files.len(), 3);
    let read = dvbf_data::read_files(&files, &none(), &gray()).unwrap();
    assert_eq!((read.sequences.len(), read.steps()), (1, 3));
    near(read.sequences[0].observations[(2, 0)], {
        let [red, green, blue] = color(2, 0, 0);
        0.299 * red + 0.587 * green + 0.114 * blue
    });
}

#[test]
fn what_is_beside_frames_has_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::copy(fixture("deep.png"), folder.path().join("a.png")).unwrap();
    fs::copy(fixture("deep.png"), folder.path().join("b.png")).unwrap();
    let control = Columns { control: vec!["motor".into()], ..none() };
    let error = read(folder.path(), gray(), control.clone()).unwrap_err();
    assert!(error.contains("no table beside the frames"), "{error}");
    write("t.csv", "motor,name\n1,a\n2,b\n");
    let read_with = |columns: Columns| read(folder.path(), gray(), columns);
    assert_eq!(read_with(control.clone()).unwrap().control_names, ["motor"]);
    assert!(read_with(none()).unwrap_err().contains("column motor is not known"));
    let observe = Columns { observe: vec!["motor".into()], ..none() };
    assert!(read_with(observe).unwrap_err().contains("frames are what is observed"));
    write("t.csv", "x_a,u\n1,1\n2,2\n");
    assert!(read_with(none()).unwrap_err().contains("column x_a is observed"));
    write("u.csv", "u\n1\n2\n");
    assert!(read_with(none()).unwrap_err().contains("several tables"));
    fs::remove_file(folder.path().join("u.csv")).unwrap();
    fs::remove_file(folder.path().join("t.csv")).unwrap();
    write("c.png", "no image");
    let error = read_with(none()).unwrap_err();
    assert!(error.contains("c.png is not a PNG or JPEG image"), "{error}");
    let table = folder.path().join("v.csv");
    fs::write(&table, "x\n1\n").unwrap();
    let error = read(&table, gray(), none()).unwrap_err();
    assert!(error.contains("v.csv is read without --size"), "{error}");
}

#[test]
fn damaged_images_are_refused_in_a_sentence() {
    let path = Path::new("walk");
    for name in ["frames/frame_1.png", "deep.png", "gray.jpg"] {
        let whole = fs::read(fixture(name)).unwrap();
        survives(&whole, "walk", 1, |bytes| read_images_from(&[&bytes], path, &gray()));
    }
    let whole = fs::read(fixture("gray.gif")).unwrap();
    survives(&whole, "walk", 1, |bytes| read_gif_from(&bytes, path, &gray()));
}

#[test]
fn a_picture_that_is_said_to_be_huge_gets_nothing() {
    // The width and height of a PNG stand behind its first sixteen bytes, with a checksum.
    let mut png = fs::read(fixture("deep.png")).unwrap();
    png[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
    let sum = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    let error = read_images_from(&[&png], Path::new("walk"), &gray()).unwrap_err().to_string();
    assert!(error.contains("16383x16383 pixels") && error.contains("too much"), "{error}");
    let mut gif = fs::read(fixture("gray.gif")).unwrap();
    gif[6..10].copy_from_slice(&[8, 0, 0, 0]);
    let error = read_gif_from(&gif, Path::new("walk"), &gray()).unwrap_err().to_string();
    assert!(error.contains("walk"), "{error}");
    gif[6..10].copy_from_slice(&[0xff; 4]);
    let error = read_gif_from(&gif, Path::new("walk"), &gray()).unwrap_err().to_string();
    assert!(error.contains("walk"), "{error}");
    // Many frames are too much together.
    let one = fs::read(fixture("deep.png")).unwrap();
    let all = vec![&one[..]; 200];
    let frames = Frames { size: Some("1024".parse().unwrap()), ..Frames::default() };
    let error = read_images_from(&all, Path::new("walk"), &frames).unwrap_err().to_string();
    assert!(error.contains("smaller ones with --size"), "{error}");
}
