//! The learned remainder: what the known part leaves out.

use super::library::Library;
use crate::kind::Context;
use crate::transition::TransitionInput;
use dvbf_ops::{Features, Linear, Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Settings of the remainder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemainderConfig {
    /// Hidden units; without any, the remainder is linear in what it sees, which friction and gravity of
    /// the wrong size are.
    pub hidden: usize,
    /// Names of the components that it acts on, or their numbers where there is no equation; all
    /// if empty.
    pub components: Vec<String>,
    /// Weight of the squared remainder in the loss of a step of a sequence, in nats.
    pub penalty: f64,
    /// How it acts.
    pub action: RemainderAction,
    /// Whether it also sees candidate terms of force laws: `sin kθ` and `cos kθ` with `k = 2 … 8` of an angle
    /// `θ`, `ξ |ξ|` and `tanh(50 ξ)` of any other component `ξ` in typical magnitudes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub library: bool,
}

/// How a remainder acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemainderAction {
    /// It is added to the state at the end of a step.
    #[default]
    Kick,
    /// It is a part of the derivative of the differential equation, and the integrator follows both.
    Force,
}

impl Default for RemainderConfig {
    fn default() -> Self {
        Self {
            hidden: 32,
            components: Vec::new(),
            penalty: 1.0,
            action: RemainderAction::Kick,
            library: false,
        }
    }
}

impl RemainderConfig {
    /// What the remainder sees beside these features: a force does not see how long a step is.
    pub(super) fn shown(&self, features: &Features, context: &Context) -> Library {
        let force = self.action == RemainderAction::Force;
        let controls = context.control - usize::from(context.uneven && force);
        if self.library {
            Library::new(features, controls)
        } else {
            Library::empty(features.outputs() + controls)
        }
    }
}

const ROWS: &str = "rows of the cache are contiguous";

#[derive(Clone, Debug)]
pub(super) struct Remainder<S> {
    /// Maps `[φ(z), u]` and the terms of the library to one output for each picked component.
    net: Mlp<S>,
    library: Library,
    /// Picked components of the state, and their typical magnitudes.
    picked: Vec<usize>,
    scale: Vec<f64>,
    penalty: f64,
}

#[derive(Debug)]
pub(super) struct RemainderCache<S> {
    net: MlpCache<S>,
    /// Outputs of all rows, and the cotangents of one block.
    output: Array2<S>,
    doutput: Array2<S>,
    dinput: Array2<S>,
    /// Features, controls and terms of all rows, which their way back needs.
    features: Array2<S>,
    penalty_scale: S,
}

impl<S: Scalar> RemainderCache<S> {
    pub(super) fn set_penalty_scale(&mut self, scale: S) {
        self.penalty_scale = scale;
    }
}

impl<S: Scalar> Remainder<S> {
    /// A network with one hidden layer, or none, whose output is exactly zero; of `hidden` units.
    pub(super) fn new(
        library: Library,
        hidden: usize,
        picked: Vec<usize>,
        scale: Vec<f64>,
        penalty: f64,
        noise: Noise,
    ) -> Self {
        let inputs = library.outputs();
        let layers = if hidden == 0 {
            vec![Linear::zeros(inputs, picked.len())]
        } else {
            let std = (2.0 / inputs.max(1) as f64).sqrt();
            vec![Linear::random(inputs, hidden, std, noise), Linear::zeros(hidden, picked.len())]
        };
        Self { net: Mlp::new(layers), library, picked, scale, penalty }
    }

    /// Makes the remainder of all components `map · [φ(z), u] + offset`, in units of their magnitudes; false,
    /// and nothing is changed, if it acts on some of them only, has a library, or has too few hidden units.
    pub(super) fn set_affine(&mut self, map: ArrayView2<'_, S>, offset: ArrayView1<'_, S>) -> bool {
        let every = self.picked.iter().copied().eq(0..map.nrows());
        every && self.library.is_empty() && self.net.set_affine(map, offset)
    }

    pub(super) fn net(&self) -> &Mlp<S> {
        &self.net
    }

    pub(super) fn net_mut(&mut self) -> &mut Mlp<S> {
        &mut self.net
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    pub(super) fn picked(&self) -> &[usize] {
        &self.picked
    }

    pub(super) fn scale(&self) -> &[f64] {
        &self.scale
    }

    pub(super) fn penalty_weight(&self) -> f64 {
        self.penalty
    }

    pub(super) fn cache(&self, rows: usize) -> RemainderCache<S> {
        let (inputs, outputs) = self.net.dim();
        RemainderCache {
            net: self.net.cache(rows),
            output: Array2::zeros((rows, outputs)),
            doutput: Array2::zeros((rows, outputs)),
            dinput: Array2::zeros((rows, inputs)),
            features: Array2::zeros((rows, inputs)),
            penalty_scale: S::ZERO,
        }
    }

    pub(super) fn prepare(&self, cache: &mut RemainderCache<S>) {
        self.net.prepare(&mut cache.net);
    }

    /// Computes the outputs of rows `at..at + n`.
    pub(super) fn forward(
        &self,
        at: usize,
        input: &TransitionInput<'_, S>,
        features: &Features,
        cache: &mut RemainderCache<S>,
    ) {
        let (n, f) = (input.state.nrows(), features.outputs());
        let rows = s![at..at + n, ..];
        let mut shown = cache.features.slice_mut(rows);
        features.apply(input.state, shown.slice_mut(s![.., ..f]));
        shown.slice_mut(s![.., f..f + input.control.ncols()]).assign(&input.control);
        for row in shown.rows_mut() {
            self.library.write(row.into_slice().expect(ROWS));
        }
        cache.net.input(at, n).assign(&shown);
        self.net.forward_written(at, cache.output.slice_mut(rows), &mut cache.net);
    }

    /// Adds the outputs of rows `at..at + n` to the state.
    pub(super) fn add(
        &self,
        at: usize,
        next: &mut ArrayViewMut2<'_, S>,
        cache: &RemainderCache<S>,
    ) {
        let output = cache.output.slice(s![at..at + next.nrows(), ..]);
        for (mut next, output) in next.rows_mut().into_iter().zip(output.rows()) {
            for ((&i, scale), &output) in self.picked.iter().zip(&self.scale).zip(output) {
                next[i] += S::of(*scale) * output;
            }
        }
    }

    pub(super) fn pull_back(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        features: &Features,
        (dstate, dcontrol): (&mut ArrayViewMut2<'_, S>, Option<&mut ArrayViewMut2<'_, S>>),
        cache: &mut RemainderCache<S>,
    ) {
        let (n, f) = (dnext.nrows(), features.outputs());
        let pull = S::of(2.0 * self.penalty) * cache.penalty_scale;
        let mut doutput = cache.doutput.slice_mut(s![..n, ..]);
        let output = cache.output.slice(s![at..at + n, ..]);
        for ((mut to, dnext), output) in
            doutput.rows_mut().into_iter().zip(dnext.rows()).zip(output.rows())
        {
            for (k, (&i, scale)) in self.picked.iter().zip(&self.scale).enumerate() {
                to[k] = S::of(*scale) * dnext[i] + pull * output[k];
            }
        }
        let mut dinput = cache.dinput.slice_mut(s![..n, ..]);
        dinput.fill(S::ZERO);
        self.net.backward(at, doutput.view(), dinput.view_mut(), &mut cache.net);
        let shown = cache.features.slice(s![at..at + n, ..]);
        for (row, drow) in shown.rows().into_iter().zip(dinput.rows_mut()) {
            self.library.pull_back(row.to_slice().expect(ROWS), drow.into_slice().expect(ROWS));
        }
        features.backward(shown.slice(s![.., ..f]), dinput.slice(s![.., ..f]), dstate.view_mut());
        if let Some(dcontrol) = dcontrol {
            *dcontrol += &dinput.slice(s![.., f..f + dcontrol.ncols()]);
        }
    }

    pub(super) fn accumulate(&self, cache: &mut RemainderCache<S>, grads: &mut Self) {
        self.net.accumulate(&mut cache.net, &mut grads.net);
    }

    /// The penalty of the first `rows` rows.
    pub(super) fn penalty(&self, rows: usize, cache: &RemainderCache<S>) -> S {
        let output = cache.output.slice(s![..rows, ..]);
        let squares: S = output.iter().map(|&r| r * r).sum();
        S::of(self.penalty) * cache.penalty_scale * squares
    }
}

impl<S: Scalar> Params<S> for Remainder<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.net.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.net.visit_mut(path, f);
    }
}
