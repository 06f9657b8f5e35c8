//! What every command says to its terminal in the same way.
#![expect(clippy::print_stderr, reason = "this is the program's voice")]

/// Prints an error or a note.
pub(crate) fn error_line(text: &str) {
    eprintln!("dvbf: {text}");
}
