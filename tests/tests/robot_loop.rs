//! The example project outside the workspace: it builds, and its loop survives what it is shown.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{Dvbf, KindTable, ModelConfig, ModelFile, Noise};
use dvbf_tests::{project, project_target};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The loop on a model file, built first.
fn robot_loop(arguments: &[&str]) -> Output {
    project("robot-loop").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_loop_survives_dropped_late_and_broken_frames() {
    let config = ModelConfig {
        hidden: 32,
        initial_frames: 3,
        dt: Some(0.001),
        transition: KindTable::new("locally-linear").with("matrices", 4).with("hidden", 0),
        emission: KindTable::new("gaussian").with("state", 2).with("std", 0.3),
        ..ModelConfig::new(64, 1, 3)
    };
    let model = Dvbf::random(&config, Noise::new(3, 0)).unwrap();
    let folder = project_target();
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("test-{}.dvbf", std::process::id()));
    ModelFile::new(&config, &model).write(&file).unwrap();
    let path = file.to_str().unwrap();

    let told = text(&robot_loop(&[path, "--steps", "400", "--drop", "0.2", "--late", "0.2"]));
    assert!(told.contains("400 steps of 64 channels with 32 sample paths at 1000 Hz"), "{told}");
    assert!(told.contains("latency of a step in µs: median"), "{told}");
    let count = |what: &str| -> u32 {
        let before = told.split(what).next().unwrap();
        before.rsplit([' ', ';']).find(|w| !w.is_empty()).unwrap().parse().unwrap()
    };
    let (dropped, late, broken) = (count(" dropped"), count(" late"), count(" broken"));
    assert!((40..120).contains(&dropped), "{told}");
    assert!(late > 20 && broken > 0, "{told}");

    // The same seed gives the same belief, however long the steps took.
    let last = |text: &str| text.lines().skip_while(|l| !l.contains("belief")).collect::<String>();
    let quick = ["--steps", "300", "--fast", "--paths", "8"];
    let run = || text(&robot_loop(&[&[path], &quick[..]].concat()));
    assert_eq!(last(&run()), last(&run()));
    assert!(
        text(&robot_loop(&[path, "--steps", "100", "--fast", "--paths", "0"]))
            .contains(" 0 sample")
    );
    std::fs::remove_file(&file).unwrap();

    let missing = robot_loop(&["no/such.dvbf"]);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no/such.dvbf"));
}

/// What a project gets with `dvbf-core` is what its README lists, neither more nor less.
#[test]
fn the_dependency_tree_is_the_one_in_the_readme() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "dvbf-core", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = text(&output);
    let mut names: Vec<&str> = tree.lines().filter_map(|l| l.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty() && *name != "dvbf-core");
    let readme = std::fs::read_to_string(root().join("crates/dvbf-core/README.md")).unwrap();
    let (_, after) = readme.split_once("<!-- tree -->\n").expect("the README marks its list");
    let (list, _) = after.split_once("<!-- end -->").expect("the README ends its list");
    let mut listed: Vec<&str> = list.split(['`', ',', '\n', ' ', '.']).collect();
    listed.retain(|name| !name.is_empty());
    listed.sort_unstable();
    assert_eq!(names, listed);
}
