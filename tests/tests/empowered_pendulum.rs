//! The example with a controller behind the filter: it runs with any model of the pendulum's frames,
//! and refuses others.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{Dvbf, ModelConfig, ModelFile, Noise};
use dvbf_tests::project;
use std::process::Output;

fn run(observation: usize) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.dvbf");
    let config = ModelConfig { dt: Some(0.1), ..ModelConfig::new(observation, 1, 3) };
    let model = Dvbf::random(&config, Noise::new(1, 0)).unwrap();
    ModelFile::new(&config, &model).write(&path).unwrap();
    project("empowered-pendulum").arg(path).output().unwrap()
}

#[test]
fn frames_go_in_and_torques_come_out() {
    let output = run(256);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told.lines().filter(|line| line.starts_with("frame ")).count(), 10, "{told}");
    for line in told.lines().filter(|line| line.starts_with("frame ")) {
        let torque = line.split("torque ").nth(1).unwrap().trim_end_matches(" N m");
        assert!(torque.parse::<f64>().unwrap().abs() <= 2.0, "{line}");
    }
    // A model that was not trained has no reason to stand up.
    assert!(told.contains("not upright at the end"), "{told}");

    let output = run(9);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && told.contains("no model of frames of 256 pixels"),
        "{told}"
    );
}
