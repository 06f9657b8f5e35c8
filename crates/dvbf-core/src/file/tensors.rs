//! Named arrays: their names and shapes as text, their values one after the other.

use crate::config::{ConfigError, ModelConfig};
use crate::model::Dvbf;
use crate::range::TrainingRange;
use dvbf_ops::{Params, Path};
use dvbf_tensor::Noise;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and shape of an array; its values follow those of the arrays before it, row by row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tensor {
    name: String,
    shape: Vec<usize>,
}

impl Tensor {
    fn count(&self) -> usize {
        self.shape.iter().fold(1, |count, &size| count.saturating_mul(size))
    }
}

/// Names and shapes of the parameters of a model, in the order of visits.
pub(super) fn tensors_of(config: &ModelConfig) -> Result<Vec<Tensor>, ConfigError> {
    let mut tensors = Vec::new();
    Dvbf::<f32>::random(config, Noise::new(0, 0))?.visit(Path::ROOT, &mut |path, array| {
        tensors.push(Tensor { name: path.to_string(), shape: array.shape().to_vec() });
    });
    Ok(tensors)
}

/// What is wrong with values or names, given the configuration.
#[derive(Debug)]
pub(super) enum Mismatch {
    Config(ConfigError),
    Contents(String),
}

impl From<ConfigError> for Mismatch {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Refuses a configuration that needs another number of parameters than there are, before any
/// memory is taken for it.
pub(super) fn check_count(config: &ModelConfig, got: usize) -> Result<(), Mismatch> {
    let parts = config.parameters()?;
    let needed = parts.iter().fold(0_usize, |sum, (_, count)| sum.saturating_add(*count));
    if got == needed {
        return Ok(());
    }
    Err(Mismatch::Contents(format!("{got} parameters, the configuration needs {needed}")))
}

/// The arrays of a training range, beside those of the parameters.
const PROBABILITIES: &str = "range.probabilities";
const QUANTILES: &str = "range.quantiles";

/// Adds a training range to the arrays of a file.
pub(super) fn append_range(
    range: &TrainingRange,
    tensors: &mut Vec<Tensor>,
    values: &mut Vec<f32>,
) {
    let (rows, columns) = range.quantiles().dim();
    let tensor = |name: &str, shape: Vec<usize>| Tensor { name: name.into(), shape };
    tensors.push(tensor(PROBABILITIES, vec![rows]));
    tensors.push(tensor(QUANTILES, vec![rows, columns]));
    values.extend_from_slice(range.probabilities());
    values.extend(range.quantiles());
}

/// Arrays by their names, and where their values are.
type Places<'a> = BTreeMap<&'a str, (&'a [usize], std::ops::Range<usize>)>;

/// The values of named arrays in the order of a model's visits, and the training range if there is one.
pub(super) fn in_order(
    config: &ModelConfig,
    tensors: &[Tensor],
    values: &[f32],
) -> Result<(Vec<f32>, Option<TrainingRange>), Mismatch> {
    let total = tensors.iter().fold(0_usize, |sum, tensor| sum.saturating_add(tensor.count()));
    if total != values.len() {
        let what = format!("{} values, its arrays have {total}", values.len());
        return Err(Mismatch::Contents(what));
    }
    let of_range = |tensor: &&Tensor| [PROBABILITIES, QUANTILES].contains(&tensor.name.as_str());
    check_count(config, total - tensors.iter().filter(of_range).map(Tensor::count).sum::<usize>())?;
    let mut start = 0;
    let mut places = Places::new();
    for tensor in tensors {
        let range = start..start + tensor.count();
        start = range.end;
        if places.insert(tensor.name.as_str(), (&tensor.shape, range)).is_some() {
            return Err(Mismatch::Contents(format!("two arrays are named {}", tensor.name)));
        }
    }
    let mut ordered = Vec::with_capacity(total);
    for Tensor { name, shape } in tensors_of(config)? {
        let Some((found, range)) = places.remove(name.as_str()) else {
            return Err(Mismatch::Contents(format!("it has no array {name}")));
        };
        if *found != shape {
            let what = format!("{name} has shape {found:?}, the configuration needs {shape:?}");
            return Err(Mismatch::Contents(what));
        }
        ordered.extend_from_slice(&values[range]);
    }
    let range = range_of(&mut places, values).map_err(Mismatch::Contents)?;
    Ok((ordered, range))
}

/// Takes the training range out of the arrays.
fn range_of(places: &mut Places<'_>, values: &[f32]) -> Result<Option<TrainingRange>, String> {
    let (probabilities, quantiles) = match (places.remove(PROBABILITIES), places.remove(QUANTILES))
    {
        (None, None) => return Ok(None),
        (Some(probabilities), Some(quantiles)) => (probabilities, quantiles),
        _ => return Err(format!("it has only one of {PROBABILITIES} and {QUANTILES}")),
    };
    let &[rows, columns] = quantiles.0 else {
        return Err(format!("{QUANTILES} has shape {:?}, not two axes", quantiles.0));
    };
    let quantiles = Array2::from_shape_vec((rows, columns), values[quantiles.1].to_vec());
    let quantiles = quantiles.map_err(|error| format!("{QUANTILES}: {error}"))?;
    let range = TrainingRange::new(values[probabilities.1].to_vec(), quantiles);
    range.map(Some).map_err(|error| format!("its training range: {error}"))
}
