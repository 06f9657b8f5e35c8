//! Runs about recordings that were in memory.

use crate::recorded::oscillation;
use crate::tiny;
use dvbf::run::{FolderError, RunError, TrainRequest, own_recordings};
use std::path::Path;

fn overrides() -> Vec<String> {
    let small = "training.steps=6 training.log_interval=3 training.batch=4 model.hidden=6 \
                 model.transition.remainder.hidden=6 evaluation.importance_samples=2";
    small.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_recordings_lie_in_the_folder_and_the_run_can_be_continued_there() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = oscillation(&[40, 30, 40, 35, 40, 40, 40, 40]);
    let begun = folder.path().join("run");
    let request = TrainRequest::about(&recordings, "auto", &overrides(), &begun).unwrap();
    let file = own_recordings(&begun).unwrap();
    let source = request.settings.recordings.clone().unwrap();
    assert_eq!(source.files, [file.display().to_string()]);
    assert!(Path::new(&source.files[0]).is_absolute(), "found from wherever the run is continued");
    assert_eq!(request.settings.training.steps, 6);

    let mut stop = tiny::Stop::after(2);
    tiny::run(&request.settings, &begun, (false, 1), &mut stop).unwrap();
    let whole = folder.path().join("whole");
    tiny::finish(&request.settings, &whole, false);
    tiny::finish(&request.settings, &begun, true);
    assert_eq!(tiny::files(&begun), tiny::files(&whole));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = oscillation(&[40, 30, 40, 35]);
    let path = folder.path().join("run");
    let wrong = ["training.stebs=3".to_owned()];
    let error = TrainRequest::about(&recordings, "auto", &wrong, &path).unwrap_err();
    assert!(error.to_string().contains("did you mean training.steps"), "{error}");
    let error = TrainRequest::about(&recordings, "penduls", &[], &path).unwrap_err();
    assert!(error.to_string().contains("unknown preset penduls"), "{error}");
    let error = TrainRequest::about(&oscillation(&[2, 2, 2]), "auto", &[], &path).unwrap_err();
    assert!(error.to_string().contains("too short"), "{error}");
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("config.toml"), "").unwrap();
    let error = TrainRequest::about(&recordings, "auto", &[], &path).unwrap_err();
    assert!(matches!(error, RunError::Folder(FolderError::Exists { .. })), "{error}");
    assert_eq!(own_recordings(&path), None);
}
