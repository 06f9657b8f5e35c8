//! Tables of comma-separated values, right and wrong.

use dvbf_data::{Columns, RawRecordings, TableReader};
use ndarray::array;
use std::path::Path;

fn read_as(columns: &Columns, tables: &[&[u8]]) -> Result<RawRecordings, String> {
    let mut reader = TableReader::new(columns.clone());
    for (i, table) in tables.iter().enumerate() {
        let name = format!("walk{i}.csv");
        reader.read(*table, Path::new(&name)).map_err(|e| e.to_string())?;
    }
    reader.finish().map_err(|e| e.to_string())
}

fn read(tables: &[&str]) -> Result<RawRecordings, String> {
    let tables: Vec<&[u8]> = tables.iter().map(|t| t.as_bytes()).collect();
    read_as(&Columns::default(), &tables)
}

#[track_caller]
fn refused(tables: &[&str], words: &[&str]) {
    let error = read(tables).expect_err("it is wrong");
    assert!(!error.contains('\n') && error.len() < 400, "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} in {error:?}");
    }
}

#[test]
fn names_say_what_columns_are_and_gaps_are_missing() {
    let first = "t,x_pos,u,state_angle,x_vel\n0,1,0.5,3,\n0.1,NaN,0.25,,nan\n0.2, 5 ,,7,8\n";
    let second = "x_vel,x_pos,u,t,state_angle\n1,2,3,1.5,4\n5,6,7,1.6,8\n";
    let recordings = read(&[first, second]).unwrap();
    assert_eq!(recordings.observation_names, ["pos", "vel"]);
    assert_eq!(
        (recordings.control_names, recordings.state_names),
        (vec!["u".into()], vec!["angle".into()])
    );
    assert!((recordings.dt.unwrap() - 0.1).abs() < 1e-9);
    let [a, b] = &recordings.sequences[..] else { panic!("two sequences") };
    assert_eq!(a.name, "walk0.csv");
    assert!(a.observations[[0, 1]].is_nan() && a.observations.row(1).iter().all(|x| x.is_nan()));
    assert_eq!(a.observations.row(2), array![5.0, 8.0]);
    assert_eq!(a.controls, array![[0.5], [0.25], [0.0]], "the last acts on nothing");
    assert!(a.states.as_ref().unwrap()[[1, 0]].is_nan());
    assert_eq!(b.observations, array![[2.0, 1.0], [6.0, 5.0]], "by name, not by place");
}

#[test]
fn the_same_numbers_under_other_names_are_other_recordings() {
    let one = read(&["x_pos,x_vel,u\n1,2,3\n4,5,6\n"]).unwrap();
    let swapped = read(&["x_vel,x_pos,u\n1,2,3\n4,5,6\n"]).unwrap();
    assert_eq!(one.sequences[0].observations, swapped.sequences[0].observations);
    assert_ne!(one.checksum(), swapped.checksum());
}

#[test]
fn columns_can_be_chosen() {
    let columns = Columns {
        observe: vec!["theta".into(), "x_cart".into()],
        control: vec!["motor".into()],
        state: vec!["truth".into()],
        time: None,
        episode: None,
    };
    let table = b"time,theta,x_cart,motor,truth,temperature\n0,1,2,3,4,hot\n1,5,6,7,8,cold\n";
    let recordings = read_as(&columns, &[table]).unwrap();
    assert_eq!(recordings.observation_names, ["theta", "x_cart"]);
    assert_eq!(recordings.control_names, ["motor"]);
    assert_eq!(recordings.state_names, ["truth"]);
    assert_eq!(recordings.ignored, ["temperature"]);
    assert_eq!(recordings.dt, Some(1.0));
    let error = read_as(&columns, &[b"theta,x_cart\n1,2\n"]).unwrap_err();
    assert_eq!(error, "walk0.csv: column motor is missing; there are theta, x_cart");
    let twice = vec!["a".into()];
    let twice = Columns { observe: twice.clone(), control: twice, ..Columns::default() };
    let error = read_as(&twice, &[b"a\n1\n"]).unwrap_err();
    assert!(error.contains("column a is chosen twice"), "{error}");
}

#[test]
fn separators_byte_order_marks_and_line_ends_of_other_systems_work() {
    for table in
        ["\u{feff}x;u\r\n1;2\r\n3;4\r\n", "x\tu\n1\t2\n3\t4", "\"x\",\"u\"\n\"1\",2\n3,4\n"]
    {
        let recordings = read(&[table]).unwrap_or_else(|e| panic!("{table:?}: {e}"));
        assert_eq!(recordings.sequences[0].observations, array![[1.0], [3.0]]);
        assert_eq!(recordings.sequences[0].controls, array![[2.0], [4.0]]);
    }
}

#[test]
fn irregular_steps_are_kept() {
    let stamps = read(&["t,x\n0,1\n0.1,2\n0.4,3\n"]).unwrap();
    let intervals = stamps.sequences[0].intervals.clone().unwrap();
    assert!((intervals[0] - 0.1).abs() < 1e-6 && (intervals[1] - 0.3).abs() < 1e-6);
    assert!((intervals[2] - 0.3).abs() < 1e-6, "the last is not read");
    let seconds = read(&["dt,x\n0.1,1\n0.5,2\n,3\n", "dt,x\n,1\n"]).unwrap();
    assert_eq!(seconds.sequences[0].intervals, Some(vec![0.1, 0.5, 0.5]));
    assert!(seconds.sequences[1].intervals.as_ref().unwrap()[0].is_finite());
}

#[test]
fn wrong_columns_are_named() {
    refused(&["x,speed\n1,2\n"], &["walk0.csv", "column speed is not known", "--observe"]);
    refused(&["x,X_a\n1,2\n"], &["column X_a is not known"]);
    refused(&["x,x_\n1,2\n"], &["column x_ is not known"]);
    refused(&["x,\n1,2\n"], &["column 2 without a name"]);
    refused(&["x,x\n1,2\n"], &["column x is there twice"]);
    refused(&["t,time,x\n1,2,3\n"], &["column time stands beside"]);
    refused(&["u,state_a\n1,2\n"], &["no observed column", "--observe"]);
    refused(&["x,u\n1,2\n", "x\n1\n"], &["walk1.csv", "column u is missing", "walk0.csv has it"]);
    refused(&["x\n1\n", "x,u\n1,2\n"], &["walk1.csv", "column u is not in walk0.csv"]);
    refused(&["x,u\n1,2\n", "x,x\n1,2\n"], &["walk1.csv", "column x is there twice"]);
    refused(&["x_a,x\n1,2\n", "1,2\n3,4\n"], &["walk1.csv", "column 1 is not in"]);
    refused(&["x,x_x\n1,2\n"], &["x is the name of two channels"]);
}

#[test]
fn wrong_cells_are_named_with_their_line() {
    refused(&["x,u\n1,2\n3,wide\n"], &["walk0.csv, line 3: column u is \"wide\""]);
    refused(&["x;u\n1;2\n3;0,5\n"], &["line 3: column u is \"0,5\""]);
    refused(&["x,u\n1,2\n3\n"], &["line 3", "1 cells", "2"]);
    refused(&["x,u\n1,,\n"], &["line 2", "3 cells"]);
    refused(&["x,u\n1,2\n3,\n5,6\n"], &["control u", "step 1", "has to be known"]);
    refused(&["x\ninf\n"], &["observation x", "infinite", "at step 0"]);
    refused(&["x\n1e39\n"], &["beyond the range of single precision"]);
    refused(&["x\n\n\n"], &["no rows"]);
    refused(&[""], &["walk0.csv"]);
    refused(&["x\n"], &["no rows"]);
    refused(&[], &["no file"]);
    for stamps in ["0\n0", "1\n0", "0\n", "nan\n1", "0\ninf"] {
        let (first, second) = stamps.split_once('\n').unwrap();
        refused(
            &[&format!("t,x\n{first},1\n{second},2\n")],
            &["column t", "time stamps must grow"],
        );
    }
    refused(&["dt,x\n0,1\n1,2\n"], &["line 2: column dt is 0", "positive"]);
    let bytes: &[u8] = b"x\n\xff\xfe\n";
    let error = read_as(&Columns::default(), &[bytes]).unwrap_err();
    assert!(error.contains("walk0.csv") && error.contains("line 2"), "{error}");
}
