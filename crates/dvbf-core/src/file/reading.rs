//! Reading a model file, of this format or an earlier one.

use super::earlier;
use super::error::FileError;
use super::frame::{Contents, contents, read};
use super::model_file::{Description, ModelFile};
use super::tensors::{Mismatch, check_count, in_order};
use crate::layout::Layout;
use std::path::Path;

impl ModelFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If the file cannot be read, is foreign, damaged or of a later version, or describes no
    /// model.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::understand(&read(path, true)?, path, true)
    }

    /// Reads and checks a file, except for the trainer's state, which can be many times as large as
    /// the model.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_for_use(path: &Path) -> Result<Self, FileError> {
        let file = Self::understand(&read(path, false)?, path, false)?;
        Ok(Self { trainer: Vec::new(), ..file })
    }

    /// Checks the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, FileError> {
        Self::understand(bytes, path, true)
    }

    fn understand(bytes: &[u8], path: &Path, trainer: bool) -> Result<Self, FileError> {
        let damaged = |what: String| FileError::damaged(path, what);
        let mismatch = |mismatch: Mismatch| match mismatch {
            Mismatch::Config(source) => FileError::Config { path: path.to_owned(), source },
            Mismatch::Contents(what) => FileError::damaged(path, what),
        };
        let mut file = match contents(path, bytes, trainer)? {
            Contents::Earlier(version, payload) => {
                let file = earlier::parse(version, payload).map_err(|e| damaged(e.to_string()))?;
                check_count(&file.config, file.values.len()).map_err(mismatch)?;
                file
            }
            Contents::Sections { model, trainer } => {
                let (text, values) = split(model).map_err(damaged)?;
                let description: Description =
                    serde_json::from_slice(text).map_err(|e| damaged(e.to_string()))?;
                let Description { config, units, std_scale, layout, reference, bounds, tensors } =
                    description;
                let (values, range) = in_order(&config, &tensors, &values).map_err(mismatch)?;
                let trainer = trainer.to_vec();
                Self { config, values, trainer, units, std_scale, layout, range, bounds, reference }
            }
        };
        file.layout = file.layout.map(Layout::cleaned);
        file.check().map_err(damaged)?;
        Ok(file)
    }
}

/// The text of a model section, and the values behind it.
fn split(section: &[u8]) -> Result<(&[u8], Vec<f32>), String> {
    let Some((length, rest)) = section.split_first_chunk::<8>() else {
        return Err("its model section ends inside its length".into());
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((text, values)) = rest.split_at_checked(length) else {
        return Err("its description is longer than its model section".into());
    };
    if values.len() % 4 != 0 {
        return Err("its values are no whole numbers of four bytes".into());
    }
    let values = values.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Ok((text, values.collect()))
}
