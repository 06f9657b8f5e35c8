//! The learned remainder: what the known part leaves out.

use crate::transition::TransitionInput;
use dvbf_ops::{Features, Linear, Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

#[derive(Clone, Debug)]
pub(super) struct Remainder<S> {
    /// Maps `[φ(z), u]` to one output for each picked component.
    net: Mlp<S>,
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
    /// Features of all rows, which their way back needs.
    features: Array2<S>,
    penalty_scale: S,
}

impl<S: Scalar> RemainderCache<S> {
    pub(super) fn set_penalty_scale(&mut self, scale: S) {
        self.penalty_scale = scale;
    }
}

impl<S: Scalar> Remainder<S> {
    /// A network with one hidden layer, or none, whose output is exactly zero; sizes are `(F + U, H)`.
    pub(super) fn new(
        (inputs, hidden): (usize, usize),
        picked: Vec<usize>,
        scale: Vec<f64>,
        penalty: f64,
        noise: Noise,
    ) -> Self {
        let layers = if hidden == 0 {
            vec![Linear::zeros(inputs, picked.len())]
        } else {
            let std = (2.0 / inputs.max(1) as f64).sqrt();
            vec![Linear::random(inputs, hidden, std, noise), Linear::zeros(hidden, picked.len())]
        };
        Self { net: Mlp::new(layers), picked, scale, penalty }
    }

    /// Makes the remainder of all components `map · [φ(z), u] + offset`, in units of their magnitudes; false,
    /// and nothing is changed, if it acts on some of them only or has too few hidden units.
    pub(super) fn set_affine(&mut self, map: ArrayView2<'_, S>, offset: ArrayView1<'_, S>) -> bool {
        let every = self.picked.iter().copied().eq(0..map.nrows());
        every && self.net.set_affine(map, offset)
    }

    pub(super) fn net(&self) -> &Mlp<S> {
        &self.net
    }

    pub(super) fn net_mut(&mut self) -> &mut Mlp<S> {
        &mut self.net
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
        shown.slice_mut(s![.., f..]).assign(&input.control);
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
        let shown = cache.features.slice(s![at..at + n, ..f]);
        features.backward(shown, dinput.slice(s![.., ..f]), dstate.view_mut());
        if let Some(dcontrol) = dcontrol {
            *dcontrol += &dinput.slice(s![.., f..]);
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
