//! What looks odd is named: numbers for something missing, gaps, what the parts are made of, and too many steps.

use dvbf_core::Noise;
use dvbf_data::{RawRecordings, TableReader, facts, thinning, usual_step};
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

fn table(text: &str) -> RawRecordings {
    let mut reader = TableReader::new(dvbf_data::Columns::default());
    reader.read(Cursor::new(text.as_bytes().to_vec()), Path::new("log.csv")).unwrap();
    reader.finish().unwrap()
}

fn remarks(text: &str) -> String {
    facts(&table(text)).join("\n")
}

fn rows(header: &str, count: usize, of: impl Fn(usize) -> String) -> String {
    let mut text = format!("{header}\n");
    for t in 0..count {
        let _ = writeln!(text, "{}", of(t));
    }
    text
}

#[test]
fn a_number_for_something_missing_is_named() {
    let wave = |t: usize| (0.3 * t as f64).sin();
    let odd = |t: usize| if t % 10 == 3 { -9999.0 } else { wave(t) };
    let found = remarks(&rows("x_a,u_b", 50, |t| format!("{:.4},{:.4}", odd(t), wave(t))));
    assert!(found.contains("observation a is -9999 at 5 steps"), "{found}");
    assert!(found.contains("write NaN") && !found.contains("control b is"), "{found}");
    let found = remarks(&rows("x_a,u_b", 50, |t| format!("{:.4},{:.4}", wave(t), odd(t))));
    assert!(found.contains("control b is -9999 at 5 steps"), "{found}");
    // Neither a switch, nor one peak, nor what jumps.
    let switch = |t: usize| f64::from(u8::from(t % 10 == 3));
    let peak = |t: usize| if t == 7 { 80.0 } else { wave(t) };
    for column in [&switch as &dyn Fn(usize) -> f64, &peak, &wave] {
        let found = remarks(&rows("x_a", 50, |t| format!("{:.4}", column(t))));
        assert!(!found.contains("far from all"), "{found}");
    }
}

#[test]
fn a_gap_of_a_day_is_named() {
    let stamp = |t: usize| 0.05 * t as f64 + if t < 20 { 0.0 } else { 86_400.0 };
    let found = remarks(&rows("time,x_a", 50, |t| format!("{:.2},{}", stamp(t), t % 7)));
    assert!(found.contains("a gap of 86400") && found.contains("--episode"), "{found}");
    let found = remarks(&rows("time,x_a", 50, |t| format!("{:.2},{}", 0.05 * (t * t) as f64, t)));
    assert!(!found.contains("a gap of"), "{found}");
}

/// What moves slowly beside its steps is thinned as far as straight lines show it, noise or not.
#[test]
fn steps_that_show_no_more_become_one() {
    let every = |count: usize, of: &dyn Fn(usize) -> f64| {
        thinning(&table(&rows("x_a", count, |t| format!("{:.9}", of(t)))))
    };
    let slow = |t: usize| (t as f64 / 300.0).sin();
    assert_eq!(every(40_000, &slow), 20, "two thousand steps are left");
    // A straight line between means over N steps leaves about N²/16·30² of a sine of period 2π·30.
    assert!((4..10).contains(&every(40_000, &|t| (t as f64 / 30.0).sin())));
    let mut draws = vec![0.0_f64; 40_000];
    Noise::new(1, 0).normal(&mut draws);
    let noise = |t: usize| 0.06 * draws[t];
    assert!(every(40_000, &|t| slow(t) + noise(t)) >= 20);
    assert_eq!(every(40_000, &|t| (t as f64 / 3.0).sin()), 1, "it is fast");
    assert_eq!(every(3900, &slow), 1, "there are few");
    let mut all = table(&rows("x_a", 40_000, |t| format!("{:.9}", slow(t))));
    all.sequences[0].part = Some(dvbf_data::Part::Test);
    assert_eq!(thinning(&all), 1, "nothing is learned from them");
    assert_eq!(every(40_000, &noise), 1, "noise alone is no motion");
}

#[test]
fn even_steps_are_as_long_as_usual_ones() {
    let uneven = |t: usize| 0.02 * t as f64 + 0.004 * (t as f64).sin();
    let log = table(&rows("time,x_a", 60, |t| format!("{:.5},{}", uneven(t), t % 5)));
    assert_eq!(usual_step(&log), Some(0.02));
    let log = table(&rows("time,x_a", 60, |t| format!("{:.2},{}", 0.02 * t as f64, t % 5)));
    assert_eq!(usual_step(&log), None);
}
