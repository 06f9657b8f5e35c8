//! Names of channels that are made to control a terminal, a spreadsheet or a page.

use crate::tiny::{dvbf, text};
use std::fmt::Write as _;
use std::fs;

/// A name with a sequence that clears the screen, a line break, a tab and letters from right to left.
const HOSTILE: &str = "ang\u{1b}[2J\nle\t\u{202e}x\u{9b}";
const MARKUP: &str = "<script>alert(1)</script>";
const FORMULA: &str = "=cmd|' /C calc'!A0";

#[test]
fn names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let here = |words: &[&str]| dvbf(folder.path(), words).output().unwrap();
    let mut table = format!("t,\"x_{HOSTILE}\",x_{MARKUP},\"x_{FORMULA}\",u_f\n");
    for t in 0..120 {
        let (a, b) = ((f64::from(t) * 0.3).sin(), (f64::from(t) * 0.3).cos());
        writeln!(table, "{},{a},{b},{},{}", f64::from(t) * 0.1, a * b, t % 3).unwrap();
    }
    for n in 0..4 {
        fs::write(folder.path().join(format!("s{n}.csv")), &table).unwrap();
    }
    let files = ["s0.csv", "s1.csv", "s2.csv", "s3.csv"];
    let harmless = |printed: &[u8], what: &str| {
        let printed = text(printed);
        let bad =
            printed.chars().find(|&c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}');
        assert_eq!(bad, None, "{what}: {printed:?}");
        assert!(!printed.contains("ang\u{1b}"), "{what}: {printed:?}");
    };
    let inspected = here(&[&["inspect"], &files[..]].concat());
    assert!(inspected.status.success(), "{}", text(&inspected.stderr));
    harmless(&inspected.stdout, "inspect");
    assert!(text(&inspected.stdout).contains("ang\u{fffd}[2J\u{fffd}le"), "the name is there");
    let train = [
        &["train", "--data"],
        &files[..],
        &["--out", "r", "--quiet", "--threads", "1", "--steps", "4"],
        &["--set", "training.restarts=1", "--set", "model.hidden=6"],
    ];
    let trained = here(&train.concat());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    harmless(&trained.stdout, "train");
    harmless(&trained.stderr, "train");
    let page = fs::read_to_string(folder.path().join("r/report.html")).unwrap();
    assert!(!page.contains(MARKUP) && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    let filtered = here(&["filter", "r", "--data", "s0.csv", "--out", "b.npz"]);
    assert!(filtered.status.success(), "{}", text(&filtered.stderr));
    harmless(&filtered.stdout, "filter");
    let missing = here(&["filter", "r", "--data", "\u{1b}[31mno.csv", "--out", "c.npz"]);
    assert!(!missing.status.success());
    harmless(&missing.stderr, "a file that is not there");
}
