//! Empty lines are steps, and lines are counted as an editor counts them.

use dvbf_data::{Columns, RawRecordings, TableReader};
use std::path::Path;

fn read(text: &str) -> Result<RawRecordings, String> {
    let mut reader = TableReader::new(Columns::default());
    reader.read(text.as_bytes(), Path::new("walk.csv")).map_err(|e| e.to_string())?;
    reader.finish().map_err(|e| e.to_string())
}

#[test]
fn an_empty_line_is_a_step_at_which_nothing_was_observed() {
    for text in [
        "x\n1\n2\n\n4\n5\n6\n",
        "x\r\n1\r\n2\r\n\r\n4\r\n5\r\n6\r\n\r\n\r\n",
        "\n\nx\n\n1\n2\n  \n4\n5\n6",
    ] {
        let recordings = read(text).unwrap();
        let x = &recordings.sequences[0].observations;
        assert_eq!(x.nrows(), 6, "{text:?}");
        assert!((recordings.missing() - 1.0 / 6.0).abs() < 1e-12);
        assert!(x[[2, 0]].is_nan() && x[[3, 0]] > 3.9);
        assert!(
            recordings.remarks[0].contains("1 empty lines are steps"),
            "{:?}",
            recordings.remarks
        );
    }
}

#[test]
fn time_and_control_go_on_over_empty_lines() {
    let recordings = read("t,x,u\n0,1,5\n0.1,2,6\n\n\n0.4,5,7\n0.5,6,8\n").unwrap();
    assert!((recordings.dt.unwrap() - 0.1).abs() < 1e-9);
    let controls = recordings.sequences[0].controls.column(0).to_vec();
    assert_eq!(controls, [5.0, 6.0, 6.0, 6.0, 7.0, 8.0]);
}

#[test]
fn messages_count_lines_as_editors_do() {
    for (text, line) in [
        ("t,x\r\n0.0,1\r\n0.1,2\r\n0.2,oops\r\n", 4),
        ("t,x\n0.0,1\n0.1,2\n0.2,oops\n", 4),
        ("t,x\n0.0,1\n\n\n0.3,oops\n", 5),
        ("\r\nt,x\r\n\r\n0.0,1\r\n\r\n0.2,oops\r\n", 6),
        ("\n\nt,x\n0.0,1\n0.2,3,4\n", 5),
        ("t,x,\"a\nb\"\n0.0,oops,2\n", 3),
    ] {
        let text = if line == 3 { text.replace("\"a\nb\"", "\"u_a\nb\"") } else { text.into() };
        let message = read(&text).unwrap_err();
        assert!(message.contains(&format!("line {line}")), "{text:?}: {message}");
    }
}

#[test]
fn what_is_quoted_separates_nothing() {
    let recordings = read("\"x_a, in m\";\"u_b, in N\"\n1;2\n3;4\n").unwrap();
    assert_eq!(recordings.observation_names, ["a, in m"]);
    assert_eq!(recordings.control_names, ["b, in N"]);
}

#[test]
fn few_bytes_do_not_become_many_cells() {
    let header = (0..3000).map(|i| format!("x_{i}")).collect::<Vec<_>>().join(",");
    let row = vec!["1"; 3000].join(",");
    let text = format!("{header}\n{row}\n{}{row}\n", "\n".repeat(100_000));
    let message = read(&text).unwrap_err();
    assert!(message.contains("empty lines"), "{message}");
}
