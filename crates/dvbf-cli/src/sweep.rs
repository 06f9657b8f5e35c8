//! `dvbf sweep`: many runs side by side, each in a process of its own, and the table of them.

use crate::terminal::{error_line, noteln, outln};
use crate::{interrupt, quoted};
use clap::Args;
use dvbf::report::sweep_page;
use dvbf::run::{RunFolder, Sweep, SweepError, SweepState, SweepTable};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How often processes are looked at.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct Sweeping {
    /// The file of the sweep: a preset or config, and lists of values for settings.
    file: PathBuf,
    /// Folder of the sweep [default: runs/<name of the file>].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Runs at a time [default: as many as there are cores].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    processes: Option<u64>,
    /// Threads of each run. Results do not depend on it.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Make this run only and no table, as a task of an array of jobs; the first is 0.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["collect", "list", "processes"])]
    array_index: Option<usize>,
    /// Make the table of what is finished and no run.
    #[arg(long, conflicts_with = "list")]
    collect: bool,
    /// Print the runs and make none.
    #[arg(long)]
    list: bool,
    /// Print nothing but errors.
    #[arg(long)]
    quiet: bool,
}

/// The folder of the sweep, and what is to be done there.
struct Work<'a> {
    arguments: &'a Sweeping,
    sweep: Sweep,
    folder: PathBuf,
}

/// A run in progress.
enum Running {
    /// In a process of this sweep.
    Own(Child),
    /// In a process that somebody else started, such as a sweep that was killed.
    Foreign(RunFolder),
}

pub(crate) fn run(arguments: &Sweeping) -> Result<ExitCode, SweepError> {
    let sweep = Sweep::read(&arguments.file)?;
    let stem = arguments.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(stem));
    let work = Work { arguments, sweep, folder };
    if arguments.list {
        for run in 0..work.sweep.runs.len() {
            outln!("{run} {}", work.sweep.label(run));
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Folders of another sweep are refused before anything runs.
    let table = SweepTable::read(&work.sweep, &work.folder)?;
    if arguments.collect {
        return work.collect();
    }
    let waits = |row: &dvbf::run::SweepRow| row.state != SweepState::Finished;
    let queue: VecDeque<usize> = match arguments.array_index {
        Some(index) if index >= table.runs.len() => {
            let problem = format!(
                "there is no run {index}; the last of {} is {}",
                table.runs.len(),
                table.runs.len() - 1
            );
            return Err(SweepError::File { path: arguments.file.clone(), problem });
        }
        Some(index) => {
            table.runs[index..=index].iter().filter(|r| waits(r)).map(|r| r.run).collect()
        }
        None => table.runs.iter().filter(|row| waits(row)).map(|row| row.run).collect(),
    };
    fs::create_dir_all(&work.folder)
        .map_err(|source| SweepError::Io { path: work.folder.clone(), source })?;
    interrupt::install();
    work.make(queue)?;
    if interrupt::asked() {
        error_line("stopped; the same command goes on");
        return Ok(ExitCode::from(interrupt::INTERRUPTED));
    }
    match arguments.array_index {
        Some(index) => {
            let row = &SweepTable::read(&work.sweep, &work.folder)?.runs[index];
            Ok(if row.state == SweepState::Finished {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        None => work.collect(),
    }
}

impl Work<'_> {
    /// Makes the runs of the queue, some at a time.
    fn make(&self, mut queue: VecDeque<usize>) -> Result<(), SweepError> {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = self.arguments.processes.map_or_else(cores, |n| usize::try_from(n).unwrap_or(1));
        let mut running: Vec<(usize, Running)> = Vec::new();
        let mut told = false;
        loop {
            let mut still = Vec::new();
            for (run, mut process) in running {
                match process.ended() {
                    None => still.push((run, process)),
                    // Whoever made it has left it, finished or not.
                    Some(Ended::Foreign) if self.is_finished(run)? => self.say(run, None)?,
                    Some(Ended::Foreign) => queue.push_front(run),
                    Some(Ended::Own(status)) => self.ended(run, status)?,
                }
            }
            running = still;
            if interrupt::asked() {
                if !told {
                    running.retain_mut(|(_, process)| process.terminate());
                    told = true;
                }
                queue.clear();
            }
            while running.len() < most
                && let Some(run) = queue.pop_front()
            {
                match self.start(run) {
                    Ok(process) => running.push((run, process)),
                    Err(problem) => self.say(run, Some(&problem))?,
                }
            }
            if running.is_empty() && queue.is_empty() {
                return Ok(());
            }
            sleep(PAUSE);
        }
    }

    fn path(&self, run: usize) -> PathBuf {
        self.folder.join(Sweep::folder(run))
    }

    fn is_finished(&self, run: usize) -> Result<bool, SweepError> {
        let table = SweepTable::read(&self.sweep, &self.folder)?;
        Ok(table.runs[run].state == SweepState::Finished)
    }

    /// Begins a run, or continues it.
    fn start(&self, run: usize) -> Result<Running, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let path = self.path(run);
        if let Ok(folder) = RunFolder::open(&path) {
            if folder.writer().is_some() {
                return Ok(Running::Foreign(folder));
            }
        } else {
            RunFolder::create(&path, &self.sweep.runs[run].settings).map_err(|e| text(&e))?;
        }
        SweepTable::note_problem(&self.folder, run, None).map_err(|e| text(&e))?;
        let log = File::create(self.log(run)).map_err(|e| text(&e))?;
        let program = std::env::current_exe().map_err(|e| text(&e))?;
        let mut command = Command::new(program);
        command
            .args(["train", "--quiet", "--resume", "--threads"])
            .arg(self.arguments.threads.to_string())
            .arg("--out")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        // Ctrl-C of a terminal reaches this process alone, which passes it on once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Running::Own).map_err(|e| text(&e))
    }

    /// What a run says of itself.
    fn log(&self, run: usize) -> PathBuf {
        self.folder.join(Sweep::folder(run) + ".log")
    }

    /// Notes how a run of this sweep ended.
    fn ended(&self, run: usize, status: ExitStatus) -> Result<(), SweepError> {
        if status.success() {
            return self.say(run, None);
        }
        if interrupt::asked() {
            return Ok(());
        }
        let log = fs::read_to_string(self.log(run)).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty());
        let problem = last.map_or_else(
            || format!("it ended with {status}"),
            |line| line.strip_prefix("dvbf: ").unwrap_or(line).to_owned(),
        );
        self.say(run, Some(&problem))
    }

    /// Says that a run is finished or why it failed, and brings the table up to date.
    fn say(&self, run: usize, problem: Option<&str>) -> Result<(), SweepError> {
        let (label, of) = (self.sweep.label(run), self.sweep.runs.len());
        if let Some(problem) = problem {
            SweepTable::note_problem(&self.folder, run, Some(problem))?;
            error_line(&format!("run {run} of {of} failed ({label}): {problem}"));
        } else if !self.arguments.quiet {
            noteln!("run {run} of {of} finished ({label})");
        }
        if self.arguments.array_index.is_none() {
            self.write(&SweepTable::read(&self.sweep, &self.folder)?)?;
        }
        Ok(())
    }

    /// Writes the table. Success if every run is finished.
    fn collect(&self) -> Result<ExitCode, SweepError> {
        let table = SweepTable::read(&self.sweep, &self.folder)?;
        fs::create_dir_all(&self.folder)
            .map_err(|source| SweepError::Io { path: self.folder.clone(), source })?;
        self.write(&table)?;
        let finished = table.runs.iter().filter(|row| row.state == SweepState::Finished).count();
        if !self.arguments.quiet {
            for name in ["sweep.csv", "sweep.json", "sweep.html"] {
                outln!("{}", self.folder.join(name).display());
            }
        }
        if finished == table.runs.len() {
            return Ok(ExitCode::SUCCESS);
        }
        let folder = quoted(&self.folder);
        error_line(&format!("{finished} of {} runs in {folder} are finished", table.runs.len()));
        Ok(ExitCode::FAILURE)
    }

    fn write(&self, table: &SweepTable) -> Result<(), SweepError> {
        let contents = [
            ("sweep.csv", table.to_csv()),
            ("sweep.json", table.to_json().into_bytes()),
            ("sweep.html", sweep_page(table).into_bytes()),
        ];
        for (name, content) in contents {
            let path = self.folder.join(name);
            dvbf::run::replace_file(&path, &[&content])
                .map_err(|source| SweepError::Io { path, source })?;
        }
        Ok(())
    }
}

/// A process that has ended.
enum Ended {
    Own(ExitStatus),
    Foreign,
}

impl Running {
    fn ended(&mut self) -> Option<Ended> {
        match self {
            Self::Own(child) => child.try_wait().ok().flatten().map(Ended::Own),
            Self::Foreign(folder) => folder.writer().is_none().then_some(Ended::Foreign),
        }
    }

    /// Asks an own process to save and stop, and says whether it is one: nobody waits any longer for
    /// a foreign one.
    fn terminate(&mut self) -> bool {
        let Self::Own(child) = self else { return false };
        #[cfg(unix)]
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().is_ok();
        #[cfg(not(unix))]
        let asked = false;
        if !asked {
            // What it has saved is kept.
            child.kill().ok();
        }
        true
    }
}
