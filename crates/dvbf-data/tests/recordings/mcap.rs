//! MCAP with messages in JSON.

use crate::fixtures::{fixture, observations, survives};
use dvbf_data::{Columns, Frames, Guess, guess_columns, read_files, read_mcap_from};
use std::fs;
use std::path::Path;

fn chosen() -> Columns {
    Columns {
        observe: vec!["joint.position".into(), "joint.status.temp".into()],
        control: vec!["drive.torque".into()],
        ..Columns::default()
    }
}

#[test]
fn topics_are_brought_to_the_rows_of_what_is_observed() {
    // With chunks that zstd packed, and without.
    for name in ["log.mcap", "plain.mcap"] {
        let read = read_files(&[fixture(name)], &chosen(), &Frames::default()).unwrap();
        assert_eq!(
            read.observation_names,
            ["joint.position.0", "joint.position.1", "joint.status.temp"]
        );
        assert_eq!((read.steps(), read.dt), (8, Some(0.02)), "{name}");
        for (row, [position, temperature]) in
            read.sequences[0].observations.rows().into_iter().zip(observations(0, 8))
        {
            assert_eq!(row.to_vec(), [position, 2.0 * position, temperature]);
        }
        // A command every second row, a millisecond after it: 1 ms of the one before, and 19 of it.
        let u = read.sequences[0].controls.column(0).to_vec();
        let right = [0.0, 0.0, 0.95, 1.0, 1.95, 2.0, 2.95];
        for (own, right) in u.iter().zip(right) {
            assert!((own - right).abs() < 1e-5, "{u:?}");
        }
        assert_eq!(read.ignored, ["joint.status.ok"]);
    }
}

#[test]
fn a_slower_topic_that_is_observed_is_missing_between_its_messages() {
    let columns = Columns {
        observe: vec!["joint.status.temp".into(), "drive.torque".into()],
        ..Columns::default()
    };
    let read = read_files(&[fixture("log.mcap")], &columns, &Frames::default()).unwrap();
    let seen = read.sequences[0].observations.column(1).to_vec();
    // Messages come a millisecond after rows 0, 2, 4 and 6, so rows 1, 3, 5 and 7 have them.
    for (t, value) in seen.iter().enumerate() {
        assert_eq!(value.is_nan(), t % 2 == 0, "{seen:?}");
    }
    assert!((seen[3] - 1.0).abs() < 1e-6, "{seen:?}");
}

#[test]
fn columns_are_guessed_and_named() {
    let path = fixture("log.mcap");
    let facts = guess_columns(&path).unwrap();
    let role = |name: &str| facts.iter().find(|own| own.name == name).unwrap().role;
    let own = ["time", "joint.position.0", "drive.torque", "joint.status.ok"].map(role);
    assert_eq!(own, [Guess::Time, Guess::Output, Guess::Input, Guess::Unused]);
    let gone = Columns { observe: vec!["joint.gone".into()], ..Columns::default() };
    let error = read_files(&[path], &gone, &Frames::default()).unwrap_err().to_string();
    assert!(error.contains("log.mcap") && error.contains("joint.gone"), "{error}");
}

#[test]
fn damaged_files_are_refused_in_a_sentence() {
    for name in ["log.mcap", "plain.mcap"] {
        let whole = fs::read(fixture(name)).unwrap();
        survives(&whole, "walk.mcap", 1, |bytes| {
            read_mcap_from(&bytes, &chosen(), Path::new("walk.mcap"))
        });
    }
}

#[test]
fn a_chunk_that_promises_much_gets_nothing_and_other_messages_are_named() {
    let mut bytes = fs::read(fixture("log.mcap")).unwrap();
    // A chunk begins with its opcode, its length and two times; then comes its unpacked size.
    let header =
        8 + 9 + usize::try_from(u64::from_le_bytes(bytes[9..17].try_into().unwrap())).unwrap();
    assert_eq!(bytes[header], 6, "a chunk");
    let place = header + 9 + 16;
    bytes[place..place + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let error = read_mcap_from(&bytes, &chosen(), Path::new("walk.mcap")).unwrap_err().to_string();
    assert!(error.contains("would unpack to 1099511627776 bytes"), "{error}");
    let mut plain = fs::read(fixture("plain.mcap")).unwrap();
    while let Some(place) = plain.windows(8).position(|w| w == b"\x04\0\0\0json") {
        plain[place + 4..place + 8].copy_from_slice(b"cdr1");
    }
    let error = read_mcap_from(&plain, &chosen(), Path::new("walk.mcap")).unwrap_err().to_string();
    assert!(error.contains("/joint in \"cdr1\"") && error.contains("JSON"), "{error}");
}
