//! Time stamps under other names, in other units, and rounded.

use dvbf_data::{Columns, RawRecordings, TableReader};
use std::fmt::Write as _;
use std::path::Path;

fn read(text: &str, columns: &Columns) -> Result<RawRecordings, String> {
    let mut reader = TableReader::new(columns.clone());
    reader.read(text.as_bytes(), Path::new("walk.csv")).map_err(|e| e.to_string())?;
    reader.finish().map_err(|e| e.to_string())
}

#[track_caller]
fn step(text: &str, columns: &Columns, right: f64) {
    let recordings = read(text, columns).unwrap();
    assert!(!recordings.is_irregular());
    let dt = recordings.dt.unwrap();
    assert!((dt - right).abs() < 1e-12, "{dt} against {right}");
}

#[test]
fn usual_names_and_units_are_known() {
    for (name, factor) in [
        ("t", 1.0),
        ("Time", 1.0),
        ("timestamp", 1.0),
        ("__time", 1.0),
        ("time [s]", 1.0),
        ("time (ms)", 1e3),
        ("time_ms", 1e3),
        ("timestamp [us]", 1e6),
        ("%time", 1e9),
    ] {
        let at = |t: f64| t * factor;
        let text = format!("{name},x\n{},1\n{},2\n{},3\n", at(0.0), at(0.5), at(1.0));
        step(&text, &Columns::default(), 0.5);
    }
    let recordings = read("x,x_time,x_t\n1,2,3\n4,5,6\n", &Columns::default()).unwrap();
    assert_eq!(recordings.observation_names, ["x", "time", "t"]);
}

#[test]
fn columns_are_chosen_without_their_units_and_the_clock_by_name() {
    let text = "clock [ms],time,angle [rad],torque [Nm]\n0,7,1,2\n20,7,3,4\n40,7,5,6\n";
    let columns = Columns {
        observe: vec!["angle".into()],
        control: vec!["torque [Nm]".into()],
        time: Some("clock".into()),
        ..Columns::default()
    };
    step(text, &columns, 0.02);
    let recordings = read(text, &columns).unwrap();
    assert_eq!(recordings.observation_names, ["angle [rad]"]);
    assert_eq!(recordings.control_names, ["torque [Nm]"]);
    let missing = Columns { time: Some("watch".into()), ..columns.clone() };
    let message = read(text, &missing).unwrap_err();
    assert!(message.contains("column watch is missing"), "{message}");
    let twice = Columns { time: Some("angle".into()), ..columns };
    assert!(read(text, &twice).unwrap_err().contains("chosen twice"));
}

fn stamps(count: usize, stamp: impl Fn(usize) -> String) -> String {
    let mut text = String::from("t,x\n");
    for k in 0..count {
        writeln!(text, "{},{}", stamp(k), k % 7).unwrap();
    }
    text
}

#[test]
fn rounded_stamps_are_even_steps() {
    let about = |text: &str| {
        let recordings = read(text, &Columns::default()).unwrap();
        assert!(!recordings.is_irregular());
        recordings.dt.unwrap()
    };
    for offset in [0.0, 3.4, 1000.0] {
        let dt = about(&stamps(600, |k| format!("{:.3}", offset + k as f64 / 30.0)));
        assert!((dt - 1.0 / 30.0).abs() < 1e-5, "{dt}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "as a logger in single precision does")]
    let dt = about(&stamps(600, |k| ((500.0 + k as f64 / 30.0) as f32).to_string()));
    assert!((dt - 1.0 / 30.0).abs() < 1e-6, "{dt}");
    let dt = about(&stamps(600, |k| (1.7e9 + k as f64 * 0.05).to_string()));
    assert!((dt - 0.05).abs() < 1e-12, "{dt}");
}

#[test]
fn steps_that_differ_are_not_rounded_away() {
    let lost = |k: usize| k + usize::from(k > 300);
    for text in [
        stamps(600, |k| format!("{:.3}", lost(k) as f64 / 30.0)),
        stamps(600, |k| format!("{:.3}", k as f64 / 30.0 + 0.004 * (k as f64).sin())),
        stamps(5, |k| ["0", "1", "2", "4", "5"][k].to_owned()),
    ] {
        assert!(read(&text, &Columns::default()).unwrap().is_irregular());
    }
}

#[test]
fn a_step_is_said_without_the_dust_of_binary_numbers() {
    let recordings = read("t,x\n1.1,1\n1.15,2\n1.2,3\n", &Columns::default()).unwrap();
    assert_eq!(recordings.dt.unwrap().to_string(), "0.05");
}
