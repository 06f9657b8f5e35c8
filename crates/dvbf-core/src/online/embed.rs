//! A filter as bytes for machines without an operating system.

use super::evidence::{noise_bound, precision};
use super::filter::Filter;
use crate::units::Channels;
use dvbf_embedded::Sizes;
use dvbf_models::{Feedforward, FirstFrames, GaussianEmission, LocallyLinear};
use dvbf_ops::{Mlp, Params, Path};
use std::any::Any;
use std::collections::BTreeMap;

/// The embedded filter has no part of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {role} is of another kind than `{kind}`, which is what an embedded filter has")]
pub struct NotEmbedded {
    /// The role of the part, as its table of settings is called.
    pub role: &'static str,
    /// The kind that there is.
    pub kind: &'static str,
}

/// Values of a model by their paths.
struct Values {
    arrays: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    bytes: Vec<u8>,
}

impl Values {
    /// Appends the layers of a network, and gives its hidden units, none if it has one layer.
    fn network(&mut self, path: &str) -> usize {
        let mut hidden = 0;
        for layer in 0.. {
            let Some((shape, weight)) = self.arrays.get(&format!("{path}.{layer}.weight")) else {
                break;
            };
            if layer == 1 {
                hidden = shape[1];
            }
            let bias = &self.arrays[&format!("{path}.{layer}.bias")].1;
            let values = weight.iter().chain(bias);
            self.bytes.extend(values.flat_map(|value| value.to_le_bytes()));
        }
        hidden
    }

    fn inputs(&self, path: &str) -> usize {
        self.arrays[&format!("{path}.0.weight")].0[1]
    }

    fn append<'a>(&mut self, values: impl IntoIterator<Item = &'a f32>) {
        self.bytes.extend(values.into_iter().flat_map(|value| value.to_le_bytes()));
    }
}

impl Filter {
    /// The mean path of this filter as bytes that `dvbf_embedded::Model` reads: weights, units, plausible values and
    /// limits of the state, without sample paths, gate and read-out.
    ///
    /// # Errors
    /// If a part is of a kind that the embedded filter does not have.
    pub fn embedded(&self) -> Result<Vec<u8>, NotEmbedded> {
        let model = self.model();
        let refuse = |role, kind| Err(NotEmbedded { role, kind });
        let is = |part: &dyn Any, kind: fn(&dyn Any) -> bool| kind(part);
        if !is(model.initial(), <dyn Any>::is::<FirstFrames<f32>>) {
            return refuse("initial", "first-frames");
        }
        if !is(model.recognition(), <dyn Any>::is::<Feedforward<f32>>) {
            return refuse("recognition", "feedforward");
        }
        let transition: &dyn Any = model.transition();
        let Some(transition) = transition.downcast_ref::<LocallyLinear<f32>>() else {
            return refuse("transition", "locally-linear");
        };
        if !is(model.emission(), <dyn Any>::is::<GaussianEmission<f32, Mlp<f32>>>) {
            return refuse("emission", "gaussian");
        }
        let mut values = Values { arrays: BTreeMap::new(), bytes: Vec::new() };
        model.visit(Path::ROOT, &mut |path, array| {
            let own = (array.shape().to_vec(), array.iter().copied().collect());
            values.arrays.insert(path.to_string(), own);
        });
        self.append_units(&mut values);
        values.append(&precision(model));
        let hidden = [
            values.network("initial.recognition"),
            values.network("initial.state"),
            values.network("recognition"),
            values.network("transition.mixing"),
            values.network("emission"),
        ];
        values.append(&transition.maps().columns());
        let dims = transition.maps().dims();
        let sizes = Sizes {
            observation: model.observation(),
            control: dims.control,
            state: dims.state,
            noise: dims.noise,
            frames: model.initial_frames(),
            matrices: dims.bases,
            visible: values.inputs("emission"),
            hidden,
        };
        let judge = self.evidence.is_some().then(|| noise_bound(dims.noise));
        let header = dvbf_embedded::header(&sizes, self.dt(), judge, &values.bytes);
        Ok([header.as_slice(), &values.bytes].concat())
    }

    /// Units, plausible values and limits of the state.
    fn append_units(&self, values: &mut Values) {
        let (x, u) = self.input.plausible();
        let plain = [Channels::plain(x.len()), Channels::plain(u.len())];
        let units = match self.units() {
            Some(units) => [&units.observation, &units.control],
            None => plain.each_ref(),
        };
        let means = units.iter().flat_map(|channels| channels.mean());
        values.bytes.extend(means.flat_map(|mean| mean.to_le_bytes()));
        for channels in units {
            values.append(channels.scale());
        }
        for limits in [x, u, self.paths.limits()] {
            values.append(limits.iter().flatten());
        }
    }
}
