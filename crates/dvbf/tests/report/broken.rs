//! Runs that diverged, folders that miss something, files that cannot be read or written.

use crate::run::{Run, figures, own, remake, settings};
use dvbf_core::ModelFile;
use std::fs;
use std::path::Path;

fn message(run: &Run) -> String {
    run.report().expect_err("no report can be made").to_string()
}

#[test]
fn figures_that_are_not_finite_are_words_and_gaps() {
    let run = Run::new("run", settings());
    let mut summary: serde_json::Value = serde_json::from_str(&run.read("summary.json")).unwrap();
    for place in ["/r2/sample/velocity", "/bound/total", "/open_loop/30/model", "/seconds"] {
        *summary.pointer_mut(place).unwrap() = serde_json::Value::Null;
    }
    fs::write(run.file("summary.json"), summary.to_string()).unwrap();
    let history = run.read("metrics.jsonl");
    let mut lines: Vec<serde_json::Value> =
        history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for place in ["/bound", "/grad_norm", "/r2/sin", "/open_loop"] {
        *lines[1].pointer_mut(place).unwrap() = serde_json::Value::Null;
    }
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    fs::write(run.file("metrics.jsonl"), text.join("\n") + "\n").unwrap();

    let page = run.report().unwrap();
    assert_eq!(own(&page).matches("<td>not finite</td>").count(), 3);
    let bound = figures(&page).into_iter().nth(4).unwrap();
    let values = bound["data"][0]["y"].as_array().unwrap().clone();
    assert_eq!(values.len(), 3);
    assert!(values[1].is_null() && values[2].is_number(), "{values:?}");
}

#[test]
fn a_model_that_overflows_still_has_a_report() {
    let run = Run::new("run", settings());
    let mut file = ModelFile::read(&run.file("best.dvbf")).unwrap();
    for value in &mut file.values {
        *value *= 1e25;
    }
    file.write(&run.file("best.dvbf")).unwrap();
    let page = own(&run.report().unwrap());
    assert!(page.contains("Worst of 9"));
    assert!(!page.contains("NaN") && !page.contains("inf,"), "no such thing in JSON");
    assert!(page.contains("not finite and missing here"));
}

#[test]
fn a_run_without_history_says_so() {
    let run = Run::new("run", settings());
    fs::remove_file(run.file("metrics.jsonl")).unwrap();
    assert!(run.report().unwrap().contains("holds no <code>metrics.jsonl</code>"));
}

#[test]
fn a_folder_without_a_run_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    for path in [scratch.path(), Path::new("no/such/folder")] {
        let text = remake(path, 1).unwrap_err().to_string();
        let expected = format!("{} holds no finished run: config.toml is missing", path.display());
        assert_eq!(text, expected);
    }
}

#[test]
fn an_unfinished_run_can_be_resumed() {
    let run = Run::new("run", settings());
    fs::remove_file(run.file("summary.json")).unwrap();
    let text = message(&run);
    assert!(text.contains("summary.json is missing; dvbf train with --resume"), "{text}");
    fs::remove_file(run.file("checkpoint.dvbf")).unwrap();
    let text = message(&run);
    assert!(text.ends_with("holds no finished run: summary.json is missing"), "{text}");
}

#[test]
fn damaged_files_are_named() {
    let run = Run::new("run", settings());
    let damaged = [
        ("summary.json", "{\"preset\": 3}"),
        ("best.dvbf", "not a model"),
        ("metrics.jsonl", "{}\n{}\n"),
        ("config.toml", "preset = \"x\"\n"),
    ];
    for (name, content) in damaged {
        let good = fs::read(run.file(name)).unwrap();
        fs::write(run.file(name), content).unwrap();
        let text = message(&run);
        assert!(text.contains(&run.file(name).display().to_string()), "{name}: {text}");
        fs::write(run.file(name), good).unwrap();
    }
    run.report().unwrap();
}

#[test]
fn a_model_of_other_settings_is_refused() {
    let run = Run::new("run", settings());
    run.edit("config.toml", "size = 16", "size = 12");
    let text = message(&run);
    let expected = "best.dvbf: the model has 256 observed channels, but config.toml says 144";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    for name in ["report.html", "barrel.svg"] {
        let run = Run::new("run", settings());
        fs::remove_file(run.file(name)).unwrap();
        fs::create_dir(run.file(name)).unwrap();
        let text = message(&run);
        assert!(text.starts_with(&format!("{}: ", run.file(name).display())), "{text}");
    }
}
