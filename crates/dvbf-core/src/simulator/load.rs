//! What a simulator runs, from a model file.

use super::model::SimulatedModel;
use crate::file::{FileError, ModelFile};
use std::path::Path;
use std::sync::Arc;

impl SimulatedModel {
    /// The model of a file, in the units of its recordings and with its training range.
    ///
    /// # Errors
    /// If the file cannot be read or is not a model file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let mut file = ModelFile::read_for_use(path.as_ref())?;
        let (units, range) = (file.units.take(), file.range.take());
        Ok(Self { model: Arc::new(file.into_model()), units, range: range.map(Arc::new) })
    }
}
