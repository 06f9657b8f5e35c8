//! `dvbf empower`: what it refuses, and what it leaves behind.

use crate::tiny::{dvbf, refusal, text, train};
use serde_json::Value;
use std::fs;

#[test]
fn a_model_that_predicts_nothing_is_refused_and_one_that_does_gets_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("r holds no run"), "{line}");
    assert!(train(folder.path(), &["--out", "r", "--quiet"]).status().unwrap().success());
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("the mean image") && line.contains("no dynamics"), "{line}");
    assert!(!folder.path().join("r/empowerment.json").exists());

    // As if it had learned to predict.
    let path = folder.path().join("r/summary.json");
    let mut summary: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for row in summary["open_loop"].as_object_mut().unwrap().values_mut() {
        row["model"] = 1e-9.into();
    }
    fs::write(&path, summary.to_string()).unwrap();
    let arguments = ["empower", "r", "--starts", "2", "--updates", "2", "--threads", "1", "--json"];
    let output = dvbf(folder.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written = fs::read(folder.path().join("r/empowerment.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), printed);
    assert!(printed["landscape"]["correlation"].as_f64().unwrap().abs() <= 1.0);
    for key in ["angle", "velocity"] {
        assert!(printed["landscape"]["maximum"][key].is_f64(), "{key}");
    }
    for (policy, eyes) in [
        ("greedy", "true"),
        ("greedy", "pixels"),
        ("actor-critic", "true"),
        ("actor-critic", "pixels"),
        ("random", "true"),
        ("uncontrolled", "true"),
    ] {
        let trial = &printed["control"][policy][eyes];
        assert_eq!(trial["starts"], 2, "{policy}, {eyes}");
        assert!(trial["success"].as_u64().unwrap() <= 2, "{policy}, {eyes}");
        assert!(trial.get("hanging_steps").is_some() && trial.get("median_steps").is_some());
    }
    assert!(printed["seconds"].as_f64().unwrap() > 0.0);
    let page = fs::read_to_string(folder.path().join("r/empowerment.html")).unwrap();
    for piece in ["landscape-true", "landscape-learned", "swing-torque", "data:image/png;base64,"] {
        assert!(page.contains(piece), "{piece}");
    }
    assert!(!page.contains("http-equiv=\"refresh\"") && page.matches("<tr>").count() == 7);
    let picture = fs::read_to_string(folder.path().join("r/empowerment.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("<path") && !picture.contains("NaN"));
}

#[test]
fn runs_of_other_systems_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = dvbf(folder.path(), &["train", "ball", "--out", "b", "--quiet"]);
    for setting in crate::tiny::SETTINGS {
        let other = setting.starts_with("model.matrices");
        command.args(if other { vec![] } else { vec!["--set", setting] });
    }
    assert!(command.status().unwrap().success());
    let line = refusal(dvbf(folder.path(), &["empower", "b"]));
    assert!(line.contains("only runs of the pendulum"), "{line}");
}
