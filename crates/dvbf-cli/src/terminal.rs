//! What every command says to its terminal: results to standard output, everything else to standard
//! error.
//!
//! A reader that closes the pipe, such as `head`, wants no more of the results; the command does what it
//! has to do all the same and ends quietly with the status of a program that was ended by the pipe. That
//! nobody reads notes is no trouble.

use std::fmt::{self, Write as _};
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
        *trouble = std::io::stdout().write_all(harmless(&text.to_string()).as_bytes()).err();
    }
}

/// Text without characters that control a terminal or turn the direction of writing, which names and files may
/// hold: their numbers stand in their place, in a form that JSON has too. Line breaks and tabs stay.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n' && c != '\t') || turns {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Prints a line to standard error.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{}", harmless(&text.to_string()));
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

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nothing_that_is_printed_controls_the_terminal() {
        assert_eq!(harmless("θ\ta\n"), "θ\ta\n");
        let shown = harmless("\u{1b}]0;title\u{7}\u{9b}2J\u{202e}gpj\r\u{7f}\u{2066}");
        assert_eq!(shown, "\\u001b]0;title\\u0007\\u009b2J\\u202egpj\\u000d\\u007f\\u2066");
    }
}
