//! Arguments that cannot be meant: one sentence that names the key and, where one is near, the
//! right one.

use crate::tiny::{dvbf, refusal, text, train};
use std::fs;

#[test]
fn unknown_presets_name_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(dvbf(folder.path(), &["train", "pendulum", "--preset", "pendulm"]));
    assert!(
        line.contains("unknown preset pendulm") && line.contains("did you mean pendulum?"),
        "{line}"
    );
    let line = refusal(dvbf(folder.path(), &["train", "pendulum", "--preset", "zzz"]));
    assert!(
        line.contains(
            "pendulum, pendulum-physics, cart-pole, ball, two-balls, video, skin, paper, smoke"
        ) && !line.contains("did you mean"),
        "{line}"
    );
    let line = refusal(dvbf(folder.path(), &["train", "pendulum", "--preset", "autoo"]));
    assert!(line.contains("auto for recordings") && line.contains("did you mean auto?"), "{line}");
    let line = refusal(dvbf(folder.path(), &["train", "pendulum", "--preset", "auto"]));
    assert!(line.contains("preset auto: is for recordings, which --data names"), "{line}");
}

#[test]
fn settings_of_another_system_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (system, preset) in [("ball", "pendulum"), ("pendulum", "two-balls"), ("two-balls", "ball")]
    {
        let line = refusal(dvbf(folder.path(), &["train", system, "--preset", preset]));
        let table = preset.replace('-', "_");
        assert!(line.starts_with(&format!("dvbf: {system}: ")) && line.ends_with(&table), "{line}");
    }
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn unknown_keys_name_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    for (given, nearest) in [
        ("training.learnig_rate=1e-3", "training.learning_rate"),
        ("model.stat=3", "model.state"),
        ("training.kl_wieght.from=2", "training.kl_weight.from"),
        ("sead=3", "seed"),
    ] {
        let line = refusal(train(folder.path(), &["--set", given]));
        let key = given.split('=').next().unwrap();
        assert!(line.contains(&format!("unknown setting {key};")), "{line}");
        assert!(line.contains(&format!("did you mean {nearest}")), "{line}");
    }
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn bad_values_name_their_key() {
    let folder = tempfile::tempdir().unwrap();
    for (given, part) in [
        ("training.steps=many", "training.steps"),
        ("training.steps=1.5", "training.steps"),
        ("training.steps=0", "training.steps"),
        ("training.steps", "key=value"),
        ("training.drop=1.5", "training.drop"),
        ("training.drop=nan", "training.drop"),
        ("training.batch=9", "training.batch"),
        ("training.optimizer=adadelta", "training.optimizer"),
        ("training.clip=0", "training.clip"),
        ("training.average=1", "training.average"),
        ("training.window=7", "training.window"),
        ("model.state=0", "model.state"),
        ("model.emission_state=4", "model.emission.state: is 4, more than model.state = 3"),
        ("model.state=1", "model.emission.state: is 2, more than model.state = 1"),
        ("model.emission_std=-1", "model.emission.std"),
        ("model.transition=magic", "model.transition"),
        ("evaluation.horizons=[7]", "evaluation.horizons"),
        ("evaluation.horizons=near", "evaluation.horizons"),
        ("pendulum.mass=-1", "pendulum"),
    ] {
        let line = refusal(train(folder.path(), &["--set", given]));
        assert!(line.contains(part), "{given}: {line}");
    }
    for (given, part) in [("open_loop.45=0.004", "--require"), ("open_loop.45<=small", "--require")]
    {
        let line = refusal(train(folder.path(), &["--require", given]));
        assert!(line.contains(part) && line.contains(given), "{line}");
    }
    // A figure that no run with these settings has is refused before anything is begun.
    for figure in
        ["open_loop.3.model", "open_loop.2.linear", "r2.sample.angle", "r2.sample", "seeds"]
    {
        let line = refusal(train(folder.path(), &["--require", &format!("{figure}<=1")]));
        assert!(line.contains(&format!("has no figure {figure};")), "{line}");
        assert!(
            line.contains("open_loop.2.physics") && line.contains("r2.sample.velocity"),
            "{line}"
        );
    }
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn settings_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let with = |text: &str| {
        fs::write(folder.path().join("my.toml"), text).unwrap();
        let output =
            dvbf(folder.path(), &["train", "pendulum", "--config", "my.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = crate::tiny::text(&output.stderr);
        assert!(error.starts_with("dvbf: my.toml: "), "{error}");
        error
    };
    assert!(with("seed = \n").contains("line 1"));
    with("seed = 3\n");
    with("");
    let line = refusal(dvbf(folder.path(), &["train", "pendulum", "--config", "none.toml"]));
    assert!(line.contains("none.toml"), "{line}");
}

/// Usage errors are clap's: exit status 2.
#[test]
fn usage_errors_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["train"][..],
        &["train", "cart"],
        &["trian"],
        &["train", "pendulum", "--steps", "many"],
        &["train", "pendulum", "--preset", "smoke", "--config", "my.toml"],
    ] {
        let output = dvbf(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let error = text(&dvbf(folder.path(), &["train"]).output().unwrap().stderr);
    for choice in ["ENVIRONMENT", "--data", "--config"] {
        assert!(error.contains(choice), "{error}");
    }
}
