//! A process that measures when it is its turn.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a process said about one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    /// Median of the steps, in milliseconds.
    pub(super) median_ms: f64,
    /// Shortest of them.
    pub(super) min_ms: f64,
    /// Operations of a step in units of 10⁹; ours says so.
    pub(super) gflop: Option<f64>,
    /// Measured peak of a core in GFLOP/s; ours says so.
    pub(super) peak: Option<f64>,
    /// States or frames that a step makes; ours says so.
    pub(super) items: Option<f64>,
    /// Mean of what was computed, where all should compute the same.
    pub(super) mean: Option<f64>,
}

impl Reading {
    /// From a line of JSON.
    fn parse(line: &str) -> Option<Self> {
        Some(Self {
            median_ms: number(line, "median_ms")?,
            min_ms: number(line, "min_ms")?,
            gflop: number(line, "gflop"),
            peak: number(line, "peak_gflops"),
            items: number(line, "items"),
            mean: number(line, "mean_nats"),
        })
    }
}

/// The number at `key` in a flat object.
fn number(line: &str, key: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}

/// The process; it is ended when dropped.
pub(super) struct Contestant {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts `command` for a size, on `cores` if they are given.
    pub(super) fn start(
        root: &Path,
        command: &[OsString],
        size: &str,
        threads: usize,
        cores: Option<&str>,
    ) -> Result<Self, String> {
        let pinned = cores.into_iter().flat_map(|cores| ["taskset", "-c", cores]);
        let mut words = pinned.map(OsString::from).chain(command.iter().cloned());
        let program = words.next().ok_or("nothing to run")?;
        let mut child = Command::new(program)
            .args(words)
            .args(["--turns", "--size", size, "--threads", &threads.to_string()])
            // What torch.compile makes is kept, but not among the files of others.
            .env("TORCHINDUCTOR_CACHE_DIR", root.join("target").join("torchinductor"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("it could not be started: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = input.zip(output).ok_or("it has no input or output")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Waits until it is set up.
    pub(super) fn wait_ready(&mut self) -> Result<(), String> {
        let line = self.line()?;
        if line == "ready" { Ok(()) } else { Err(format!("it said {line:?} instead of ready")) }
    }

    /// Lets it measure.
    pub(super) fn turn(&mut self) -> Result<Reading, String> {
        let told = self.input.write_all(b"go\n").and_then(|()| self.input.flush());
        told.map_err(|error| format!("it does not listen: {error}"))?;
        let line = self.line()?;
        Reading::parse(&line).ok_or_else(|| format!("it said {line:?}, which is no reading"))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("it ended before its time; its own message stands above".to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(format!("its output cannot be read: {error}")),
        }
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // One that is gone already needs no ending.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The last `threads` cores that this process may use, as `taskset` reads them; `None` where that
/// cannot be told or there is no `taskset`.
pub(super) fn cores(threads: usize) -> Option<String> {
    Command::new("taskset").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let allowed = expand(list.trim())?;
    let chosen = &allowed[allowed.len().checked_sub(threads)?..];
    Some(chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// The numbers in a list such as `0-3,8`.
fn expand(list: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        numbers.extend(first.parse().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_come_from_lines_of_json() {
        let line = r#"{"system": "x", "median_ms": 1.5, "min_ms": 1.25, "first_step_s": 3.0}"#;
        let none = Reading {
            median_ms: 1.5,
            min_ms: 1.25,
            gflop: None,
            peak: None,
            items: None,
            mean: None,
        };
        let reading = none;
        assert_eq!(Reading::parse(line), Some(reading));
        let line = r#"{"median_ms":2,"min_ms":1,"gflop":0.183,"peak_gflops": 117.2}"#;
        let (gflop, peak) = (Some(0.183), Some(117.2));
        let reading = Reading { median_ms: 2.0, min_ms: 1.0, gflop, peak, ..none };
        assert_eq!(Reading::parse(line), Some(reading));
        let line = r#"{"median_ms": 2.0, "min_ms": 1.0, "mean_nats": 2.5}"#;
        assert_eq!(Reading::parse(line).unwrap().mean, Some(2.5));
        let line = r#"{"median_ms": 2.0, "min_ms": 1.0, "items": 1024}"#;
        assert_eq!(Reading::parse(line).unwrap().items, Some(1024.0));
        assert_eq!(Reading::parse(r#"{"median_ms": 1.5}"#), None);
        assert_eq!(Reading::parse("Traceback"), None);
    }

    #[test]
    fn lists_of_cores_are_expanded() {
        assert_eq!(expand("0-2,8"), Some(vec![0, 1, 2, 8]));
        assert_eq!(expand("5"), Some(vec![5]));
        assert_eq!(expand("a"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_process_has_turns_until_it_ends() {
        let script = r#"echo ready; read x; echo '{"median_ms": 2.0, "min_ms": 1.0}'"#;
        let command = ["sh", "-c", script].map(OsString::from);
        let mut contestant = Contestant::start(Path::new("."), &command, "b", 1, None).unwrap();
        contestant.wait_ready().unwrap();
        assert_eq!(contestant.turn().unwrap().median_ms.to_bits(), 2.0_f64.to_bits());
        contestant.turn().unwrap_err();
    }
}
