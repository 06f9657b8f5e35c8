//! Archives of arrays for `NumPy`, without compression.

use ndarray_npy::WriteNpyExt;
use std::fmt::Write as _;
use std::io::{Seek, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Why an archive could not be written.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An archive that is being written.
#[derive(Debug)]
pub struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
}

impl<W: Write + Seek> Archive<W> {
    /// An empty archive.
    pub fn new(out: W) -> Self {
        Self { zip: ZipWriter::new(out) }
    }

    fn start(&mut self, name: &str) -> Result<(), Failure> {
        // Larger arrays need the archive's 64-bit fields, which every reader knows.
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .large_file(true);
        Ok(self.zip.start_file(format!("{name}.npy"), options)?)
    }

    /// Adds an array.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, name: &str, array: &impl WriteNpyExt) -> Result<(), Failure> {
        self.start(name)?;
        Ok(array.write_npy(&mut self.zip)?)
    }

    /// Adds texts as `NumPy` keeps them: as many code points of four bytes each as the longest has.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn texts(&mut self, name: &str, texts: &[String]) -> Result<(), Failure> {
        let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let mut header = format!(
            "{{'descr': '<U{longest}', 'fortran_order': False, 'shape': ({},), }}",
            texts.len()
        );
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        let _ = writeln!(header);
        self.start(name)?;
        self.zip.write_all(b"\x93NUMPY\x01\x00")?;
        self.zip.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
        self.zip.write_all(header.as_bytes())?;
        for text in texts {
            let padding = std::iter::repeat('\0');
            for point in text.chars().chain(padding).take(longest) {
                self.zip.write_all(&u32::from(point).to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Ends the archive and gives what it was written to.
    ///
    /// # Errors
    /// If the end cannot be written.
    pub fn finish(self) -> Result<W, Failure> {
        let mut out = self.zip.finish()?;
        out.flush()?;
        Ok(out)
    }
}
