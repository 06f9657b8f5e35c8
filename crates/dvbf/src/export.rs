//! Weights for other programs: as named arrays, or as the bytes that an embedded filter runs.
//!
//! A `safetensors` file holds every parameter under its plain name, such as
//! `recognition.0.weight`, in row-major order and single precision, and one entry of metadata,
//! `dvbf`: JSON with the model's configuration, its step, the scale of its predictions and the units of
//! its recordings. `docs/numpy_filter.py` rebuilds the filter from it.

use dvbf_core::{FileError, Filter, ModelFile, Params, Path as ParamPath, replace_file};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// A model could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The model file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The format cannot hold the model, or the file is the model itself.
    #[error("{}: {problem}", path.display())]
    Format {
        /// The file that was to be written.
        path: PathBuf,
        /// What is in the way.
        problem: String,
    },
}

/// Writes the weights of a run's best model, or of a model file, as `safetensors`; to
/// `<model>.safetensors` beside the model if `out` is `None`. Gives the file that was written.
///
/// # Errors
/// If the model cannot be read or the file cannot be written.
pub fn safetensors(run: &Path, out: Option<&Path>) -> Result<PathBuf, ExportError> {
    write(run, out, "safetensors", |file, _| Ok(encode(&file)))
}

/// Writes the filter of a run's best model, or of a model file, along its mean path, for `dvbf_embedded`; to
/// `<model>.embedded` beside the model if `out` is `None`. Gives the file that was written.
///
/// # Errors
/// If the model cannot be read, has parts that the embedded filter does not have, or the file cannot be written.
pub fn embedded(run: &Path, out: Option<&Path>) -> Result<PathBuf, ExportError> {
    write(run, out, "embedded", |file, source| {
        let config = file.config.clone();
        let filter = Filter::from_file(file, source)?;
        Ok(filter.embedded().map_err(|problem| {
            let table = match problem.role {
                "initial" => &config.initial,
                "recognition" => &config.recognition,
                "transition" => &config.transition,
                _ => &config.emission,
            };
            format!("cannot hold {}: {problem}; it is `{}`", source.display(), table.kind)
        }))
    })
}

/// Writes what `encode` makes of a model file, which is also told where it lies.
fn write(
    run: &Path,
    out: Option<&Path>,
    ending: &str,
    encode: impl FnOnce(ModelFile, &Path) -> Result<Result<Vec<u8>, String>, FileError>,
) -> Result<PathBuf, ExportError> {
    let source = if run.is_dir() { run.join("best.dvbf") } else { run.to_owned() };
    let file = ModelFile::read_for_use(&source)?;
    let path = out.map_or_else(|| source.with_extension(ending), Path::to_owned);
    // What the weights are taken from shall still be there afterwards.
    if path.canonicalize().is_ok_and(|path| source.canonicalize().is_ok_and(|own| own == path)) {
        let problem = "is the model itself; choose another file with --out".into();
        return Err(ExportError::Format { path, problem });
    }
    let bytes = encode(file, &source)?
        .map_err(|problem| ExportError::Format { path: path.clone(), problem })?;
    match replace_file(&path, &[&bytes]) {
        Ok(()) => Ok(path),
        Err(source) => Err(ExportError::Io { path, source }),
    }
}

fn encode(file: &ModelFile) -> Result<Vec<u8>, String> {
    let facts = serde_json::json!({
        "config": file.config,
        "dt": file.config.dt,
        "std_scale": file.std_scale,
        "units": file.units,
    });
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    file.clone().into_model().visit(ParamPath::ROOT, &mut |path, array| {
        let bytes = array.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((path.to_string(), array.shape().to_vec(), bytes));
    });
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name, view))
        })
        .collect();
    let views = views.map_err(|e| e.to_string())?;
    // A single entry: the order of several would differ from file to file.
    let metadata = HashMap::from([("dvbf".to_owned(), facts.to_string())]);
    safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::preset;
    use dvbf_core::{Dvbf, Noise};
    use safetensors::SafeTensors;
    use std::fs;

    #[test]
    fn a_file_holds_every_parameter_and_what_a_filter_has_to_know() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = preset("smoke").unwrap().model.resolve(16, 1).unwrap();
        config.dt = Some(0.1);
        let model = Dvbf::<f32>::random(&config, Noise::new(0, 0)).unwrap();
        let file = ModelFile { std_scale: 0.5, ..ModelFile::new(&config, &model) };
        file.write(&folder.path().join("best.dvbf")).unwrap();
        let path = safetensors(folder.path(), None).unwrap();
        assert_eq!(path, folder.path().join("best.safetensors"));

        let bytes = fs::read(&path).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let facts = &header.metadata().as_ref().unwrap()["dvbf"];
        let facts: serde_json::Value = serde_json::from_str(facts).unwrap();
        assert_eq!(facts["dt"], 0.1);
        assert_eq!(facts["std_scale"], 0.5);
        assert_eq!(facts["config"]["hidden"], config.hidden);
        let mut count = 0;
        model.visit(ParamPath::ROOT, &mut |path, array| {
            let tensor = read.tensor(&path.to_string()).unwrap();
            assert_eq!(tensor.shape(), array.shape());
            let values = tensor.data().chunks_exact(4);
            let values: Vec<f32> =
                values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            assert_eq!(values, array.iter().copied().collect::<Vec<f32>>());
            count += 1;
        });
        assert_eq!(read.names().len(), count);
        let again = safetensors(&folder.path().join("best.dvbf"), Some(&folder.path().join("b")));
        assert_eq!(fs::read(again.unwrap()).unwrap(), bytes, "the same model, the same bytes");
    }

    #[test]
    fn an_embedded_model_is_written_and_other_kinds_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = preset("smoke").unwrap().model.resolve(16, 1).unwrap();
        config.dt = Some(0.1);
        let write = |config: &dvbf_core::ModelConfig| {
            let model = Dvbf::<f32>::random(config, Noise::new(0, 0)).unwrap();
            ModelFile::new(config, &model).write(&folder.path().join("best.dvbf")).unwrap();
            embedded(folder.path(), None)
        };
        let path = write(&config).unwrap();
        assert_eq!(path, folder.path().join("best.embedded"));
        assert!(fs::read(&path).unwrap().starts_with(b"DVBFe\r\n\x1a"));
        config.transition = dvbf_core::KindTable::new("residual");
        let error = write(&config).unwrap_err().to_string();
        for word in ["best.embedded", "transition", "`locally-linear`", "`residual`"] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = safetensors(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("best.dvbf"), "{error}");
    }
}
