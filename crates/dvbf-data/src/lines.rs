//! Tables line by line: ends of lines of all systems, and empty lines, which are steps of their own.

use std::io::{self, BufRead, Read};

/// Most cells that empty lines stand for.
const MOST_EMPTY: usize = 20_000_000;

/// A table in which every line ends in `\n` and an empty line between two rows is a row of empty cells.
///
/// A reader of tables that drops empty lines and counts `\r\n` otherwise then finds every step, and the
/// lines at which an editor shows them. Empty lines at the end are none, and those above the first row are
/// counted in [`above`](Self::above).
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    separator: u8,
    /// What is to be handed out, and how much of it was.
    line: Vec<u8>,
    given: usize,
    /// Cells of the header; none before it was read.
    cells: usize,
    /// Lines that were handed out below the header.
    rows: usize,
    /// Whether the line is within a quoted cell.
    quoted: bool,
    /// Empty lines that were read and not handed out.
    empty: usize,
    /// Cells that were handed out for empty lines.
    filled: usize,
    /// A line that comes after them.
    next: Vec<u8>,
    /// Empty lines above the first row.
    pub(super) above: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R, separator: u8) -> Self {
        Self {
            from,
            separator,
            line: Vec::new(),
            given: 0,
            cells: 0,
            rows: 0,
            filled: 0,
            quoted: false,
            empty: 0,
            next: Vec::new(),
            above: 0,
        }
    }

    /// Puts the next line into `line`, which stays empty at the end.
    fn advance(&mut self) -> io::Result<()> {
        self.line.clear();
        self.given = 0;
        if self.next.is_empty() {
            loop {
                self.from.read_until(b'\n', &mut self.next)?;
                let blank = self.next.iter().all(|b| matches!(b, b' ' | b'\r' | b'\n'));
                if self.next.is_empty() || !blank || self.quoted {
                    break;
                }
                self.next.clear();
                if self.rows == 0 {
                    self.above += 1;
                } else {
                    self.empty += 1;
                }
            }
        }
        if self.next.is_empty() {
            // Empty lines at the end are no steps.
            return Ok(());
        }
        if self.empty > 0 {
            self.empty -= 1;
            self.filled += self.cells;
            if self.filled > MOST_EMPTY {
                let problem = format!("empty lines stand for more than {MOST_EMPTY} cells");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            if self.cells == 1 {
                self.line.extend_from_slice(b"\"\"");
            }
            self.line.resize(self.line.len() + self.cells - 1, self.separator);
            self.line.push(b'\n');
            return Ok(());
        }
        std::mem::swap(&mut self.line, &mut self.next);
        if self.line.ends_with(b"\r\n") {
            let end = self.line.len() - 2;
            self.line.truncate(end);
            self.line.push(b'\n');
        }
        let mut cells = 1;
        for &byte in &self.line {
            self.quoted ^= byte == b'"';
            cells += usize::from(byte == self.separator && !self.quoted);
        }
        if self.cells == 0 {
            self.cells = cells;
        } else {
            self.rows += 1;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() {
            self.advance()?;
        }
        let rest = &self.line[self.given..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}
