//! Runs that take a moment, and their pages taken apart.

use dvbf::pool::Pool;
use dvbf::report::{ReportError, report};
use dvbf::run::{LogRecord, Observer, Outcome, Phase, TrainRequest, train};
use dvbf::settings::{Settings, preset};
use dvbf::train::StepStats;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Settings of the smallest run that has everything a report shows.
pub(crate) fn settings() -> Settings {
    let mut settings = preset("smoke").expect("a preset");
    let (data, model, training) = (&mut settings.data, &mut settings.model, &mut settings.training);
    (data.train, data.validation, data.test) = (12, 6, 9);
    (data.steps, data.long_steps) = (7, 40);
    model.hidden = 8;
    model.transition = model.transition.clone().with("hidden", 8).with("matrices", 2);
    (training.steps, training.batch, training.shard, training.window) = (6, 6, 3, 6);
    (training.log_interval, training.checkpoint_interval) = (2, 6);
    training.restarts = 1;
    settings.evaluation.horizons = vec![3, 30];
    settings.evaluation.chosen_by = 30;
    settings.evaluation.importance_samples = 2;
    settings
}

/// A run in a folder of its own.
pub(crate) struct Run {
    pub(crate) path: PathBuf,
    _scratch: TempDir,
}

struct Silent;

impl Observer for Silent {
    fn phase(&mut self, _: Phase) {}

    fn note(&mut self, _: &str) {}
    fn step(&mut self, _: u64, _: u64, _: &StepStats) {}
    fn logged(&mut self, _: &LogRecord) {}
    fn should_stop(&self) -> bool {
        false
    }
}

impl Run {
    pub(crate) fn new(name: &str, settings: Settings) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join(name);
        let picture =
            if settings.source().name() == "pendulum" { "barrel.svg" } else { "latent.svg" };
        let request = TrainRequest {
            settings,
            folder: path.clone(),
            resume: false,
            files: Vec::new(),
            threads: 1,
        };
        let outcome = train(&request, &mut Silent).expect("a run");
        let Outcome::Finished(finished) = outcome else { panic!("{outcome:?}") };
        let written = finished.report.expect("a report");
        assert_eq!(written.page, path.join("report.html"));
        assert_eq!(written.picture, path.join(picture));
        Self { path, _scratch: scratch }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("a text file")
    }

    /// Writes a file with every `from` replaced; there has to be one.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} holds no {from}");
        fs::write(self.file(name), text.replace(from, to)).expect("a file to write");
    }

    pub(crate) fn report(&self) -> Result<String, ReportError> {
        remake(&self.path, 1).map(|()| self.read("report.html"))
    }
}

/// Makes the report of a folder again.
pub(crate) fn remake(path: &Path, threads: usize) -> Result<(), ReportError> {
    report(path, &[], &Pool::new(threads)?).map(|_| ())
}

/// The page without the drawing library.
pub(crate) fn own(page: &str) -> String {
    let start = page.find("<script type=\"text/javascript\">").expect("the library");
    let end = start + page[start..].find("</script>").expect("its end");
    [&page[..start], &page[end..]].concat()
}

/// The values of an attribute, wherever it stands.
pub(crate) fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!("{name}=\"");
    page.split(&mark).skip(1).map(|rest| rest.split('"').next().unwrap_or("")).collect()
}

/// The figures' data, in order.
pub(crate) fn figures(page: &str) -> Vec<serde_json::Value> {
    let parts = page.split("<script type=\"application/json\"").skip(1);
    let text = |part: &str| {
        let start = part.find('>').expect("an opening tag") + 1;
        part[start..part.find("</script>").expect("a closing tag")].to_owned()
    };
    parts.map(|part| serde_json::from_str(&text(part)).expect("JSON")).collect()
}

/// The PNG files in the page.
pub(crate) fn images(page: &str) -> Vec<Vec<u8>> {
    let prefix = "data:image/png;base64,";
    attributes(page, "src").iter().filter_map(|uri| uri.strip_prefix(prefix)).map(decode).collect()
}

fn decode(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{} is no digit of base 64", char::from(c)),
    };
    let mut out = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let word = chunk.iter().fold(0u32, |w, &c| w << 6 | u32::from(digit(c)));
        let bytes = (word << (6 * (4 - chunk.len()))).to_be_bytes();
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    out
}
