//! Parquet: tables of pandas and data sets of `LeRobot`.

use crate::fixtures::{actions, fixture, observations, survives};
use dvbf_data::{
    Columns, Frames, Guess, Reading, guess_columns, narrow, read_files, read_parquet_from,
};
use std::fs;
use std::path::Path;

#[test]
fn a_data_set_of_lerobot_is_its_folder() {
    let files = vec![fixture("lerobot").display().to_string()];
    let read = Reading { files, ..Reading::default() }.read().unwrap();
    assert_eq!(
        read.observation_names,
        ["observation.state.angle.pos", "observation.state.slide.pos"]
    );
    assert_eq!(read.control_names, ["action"]);
    assert_eq!(read.ignored, ["frame_index", "index", "task_index"]);
    assert_eq!(read.sequences.len(), 2);
    // Stamps in single precision.
    assert!((read.dt.unwrap() - 1.0 / 30.0).abs() < 1e-7, "{:?}", read.dt);
    for (n, sequence) in read.sequences.iter().enumerate() {
        let rows: Vec<[f32; 2]> =
            sequence.observations.rows().into_iter().map(|row| [row[0], row[1]]).collect();
        assert_eq!(rows, observations(n, 5 + n));
        assert_eq!(sequence.controls.column(0).to_vec(), actions(n, 5 + n));
        assert!(
            sequence.name.ends_with(&format!("file-000.parquet, episode {n}")),
            "{}",
            sequence.name
        );
    }
}

#[test]
fn a_table_of_pandas_has_stamps_nulls_and_texts() {
    let path = fixture("pandas.parquet");
    let columns = Columns {
        observe: vec!["angle".into(), "count".into()],
        control: vec!["torque".into()],
        episode: Some("trial".into()),
        ..Columns::default()
    };
    let read = read_files(std::slice::from_ref(&path), &columns, &Frames::default()).unwrap();
    assert_eq!((read.sequences.len(), read.dt), (2, Some(0.05)));
    let x = &read.sequences[0].observations;
    assert!((f64::from(x[(2, 0)]) - 2.0_f64.sin()).abs() < 1e-6);
    assert!(x[(3, 0)].is_nan() && x[(2, 1)].is_nan() && !x[(1, 1)].is_nan());
    assert_eq!(read.sequences[1].controls.column(0).to_vec()[..3], [2.0, 2.5, 3.0]);
    assert_eq!(read.ignored, ["name"]);
    let facts = guess_columns(&path).unwrap();
    let role = |name: &str| facts.iter().find(|own| own.name == name).unwrap().role;
    assert_eq!(
        ["time", "angle", "torque", "trial"].map(role),
        [Guess::Time, Guess::Output, Guess::Input, Guess::Episode]
    );
    let missing = facts.iter().find(|own| own.name == "angle").unwrap().missing;
    assert!((missing - 1.0 / 8.0).abs() < 1e-12);
    let error = read_files(&[path], &Columns::default(), &Frames::default()).unwrap_err();
    assert!(error.to_string().contains("pandas.parquet: column angle is not known"), "{error}");
}

/// As pyarrow 26 writes it: the pages of a column begin with its dictionary, and their size is that of all.
#[test]
fn every_compression_of_pyarrow_is_read() {
    for name in ["zstd1", "zstd2", "lz41", "snappy2", "gzip1"] {
        let whole = fs::read(fixture(&format!("{name}.parquet"))).unwrap();
        let read = read_parquet_from(whole.clone(), Path::new(name)).unwrap();
        let [sequence] = &read.sequences[..] else { panic!("{name}: one sequence") };
        let expected = |t: usize| (narrow((t % 7) as f64 / 8.0), narrow((t * t) as f64 / 7.0));
        let (x, u) = (&sequence.observations, &sequence.controls);
        assert_eq!(x.nrows(), 120, "{name}");
        for t in 0..120 {
            assert_eq!((x[[t, 0]], u[[t, 0]]), expected(t), "{name}, row {t}");
        }
        // A file that was cut off between its columns and its footer.
        let footer = whole.len() - 8;
        let length = u32::from_le_bytes(whole[footer..footer + 4].try_into().unwrap()) as usize;
        let cut = [&whole[..8], &whole[footer - length..]].concat();
        assert!(read_parquet_from(cut, Path::new(name)).is_err(), "{name}");
    }
}

#[test]
fn damaged_files_are_refused_in_a_sentence() {
    let name = Path::new("walk.parquet");
    for file in ["pandas.parquet", "lerobot/data/chunk-000/file-000.parquet"] {
        let whole = fs::read(fixture(file)).unwrap();
        survives(&whole, "walk.parquet", 11, |bytes| read_parquet_from(bytes, name));
    }
}

#[test]
fn a_page_that_the_library_panics_on_is_a_damaged_file() {
    // Found by changing bytes at random.
    let whole = fs::read(fixture("broken.parquet")).unwrap();
    let error = read_parquet_from(whole, Path::new("walk.parquet")).unwrap_err().to_string();
    assert!(error.starts_with("walk.parquet") && error.contains("damaged"), "{error}");
}
