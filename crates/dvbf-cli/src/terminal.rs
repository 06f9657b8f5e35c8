//! What every command says to its terminal: results to standard output, everything else to standard
//! error.
//!
//! A reader that closes the pipe, such as `head`, wants no more of the results; the command does what it
//! has to do all the same and ends quietly with the status of a program that was ended by the pipe. That
//! nobody reads notes is no trouble.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Mutex;

/// Exit status where the reader of the results closed the pipe: 128 and the number of the signal that
/// would have ended the program.
const CLOSED: u8 = 141;

/// Why results can no longer be printed, if they cannot.
static TROUBLE: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Prints a result, as `println!` does.
macro_rules! outln {
    ($($text:tt)*) => {
        $crate::terminal::result(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// Prints a part of a line of results, as `print!` does.
macro_rules! out {
    ($($text:tt)*) => {
        $crate::terminal::result(format_args!($($text)*))
    };
}

/// Prints a line to standard error, as `eprintln!` does.
macro_rules! noteln {
    ($($text:tt)*) => {
        $crate::terminal::note(format_args!($($text)*))
    };
}

pub(crate) use {noteln, out, outln};

/// Prints to standard output; nothing once that has failed.
pub(crate) fn result(text: fmt::Arguments<'_>) {
    let mut trouble = TROUBLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if trouble.is_none() {
        *trouble = std::io::stdout().write_fmt(text).err();
    }
}

/// Prints a line to standard error.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error or a note.
pub(crate) fn error_line(text: &str) {
    noteln!("dvbf: {text}");
}

/// The exit status of a command that ends with `status`: one of its own if its results could not be
/// printed.
pub(crate) fn ended(status: ExitCode) -> ExitCode {
    let flushed = std::io::stdout().flush();
    let mut trouble = TROUBLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match trouble.take().map_or(flushed, Err) {
        // What went wrong before says more.
        _ if status != ExitCode::SUCCESS => status,
        Ok(()) => status,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(CLOSED),
        Err(error) => {
            error_line(&format!("the results could not be printed: {error}"));
            ExitCode::FAILURE
        }
    }
}
