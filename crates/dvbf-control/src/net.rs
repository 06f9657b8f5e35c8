//! A perceptron on scaled states, and the pull-back to the states themselves.
//!
//! Shapes: states `z (N, Z)`, `n (N, Z)`, outputs `y (N, O)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `n = L⁻¹ (z − m)`, `y = net(clip(n, −c, c))` | all |
//! | `dz` | `+= L⁻ᵀ (dn ⊙ [‖n‖ ≤ c])`, elementwise | `n` (cached) |
//! | parameters | as of the perceptron | cached |

use crate::scale::StateScale;
use dvbf_ops::{Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// A function of states with two hidden layers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateNet<S> {
    scale: StateScale<S>,
    clip: S,
    mlp: Mlp<S>,
}

/// Widths of the layers of a [`StateNet`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetSizes {
    /// Units of each of the two hidden layers.
    pub(crate) hidden: usize,
    pub(crate) outputs: usize,
}

/// What the backward pass reads.
#[derive(Clone, Debug)]
pub(crate) struct StateNetCache<S> {
    mlp: MlpCache<S>,
    scaled: Array2<S>,
    cotangents: Array2<S>,
}

impl<S: Scalar> StateNet<S> {
    /// Random weights; those of the last layer are multiplied by `last`.
    pub(crate) fn random(scale: StateScale<S>, sizes: NetSizes, last: f64, noise: Noise) -> Self {
        let gains = [1.0, 2.0_f64.sqrt(), 2.0_f64.sqrt() * last];
        let NetSizes { hidden, outputs } = sizes;
        let mlp = Mlp::random(&[scale.size(), hidden, hidden, outputs], &gains, noise);
        Self { scale, clip: S::infinity(), mlp }
    }

    /// Inputs beyond `clip` standard deviations count as being there.
    pub(crate) fn with_clip(mut self, clip: S) -> Self {
        self.clip = clip;
        self
    }

    pub(crate) fn scale(&self) -> &StateScale<S> {
        &self.scale
    }

    pub(crate) fn outputs(&self) -> usize {
        self.mlp.dim().1
    }

    /// A cache for at most `rows` rows, ready for the present parameters.
    pub(crate) fn cache(&self, rows: usize) -> StateNetCache<S> {
        let zeros = Array2::zeros((rows, self.scale.size()));
        let mut mlp = self.mlp.cache(rows);
        self.mlp.prepare(&mut mlp);
        StateNetCache { mlp, scaled: zeros.clone(), cotangents: zeros }
    }

    /// To be called after every change of the parameters.
    pub(crate) fn prepare(&self, cache: &mut StateNetCache<S>) {
        self.mlp.prepare(&mut cache.mlp);
    }

    /// Writes `y` for rows `at..at + n`, which are kept; blocks follow without gaps.
    pub(crate) fn forward(
        &self,
        at: usize,
        states: ArrayView2<'_, S>,
        y: ArrayViewMut2<'_, S>,
        cache: &mut StateNetCache<S>,
    ) {
        let rows = s![at..at + states.nrows(), ..];
        self.scale.normalize(states, cache.scaled.slice_mut(rows));
        let mut input = cache.mlp.input(at, states.nrows());
        input.assign(&cache.scaled.slice(rows));
        if self.clip < S::infinity() {
            let clip = self.clip;
            // A NaN stays, so that nothing finite is said of it.
            input.map_inplace(|n| *n = n.clamp(-clip, clip));
        }
        self.mlp.forward_written(at, y, &mut cache.mlp);
    }

    /// Adds the pull-back of `dy` to `dz`.
    pub(crate) fn backward(
        &self,
        at: usize,
        dy: ArrayView2<'_, S>,
        dz: ArrayViewMut2<'_, S>,
        cache: &mut StateNetCache<S>,
    ) {
        let rows = s![at..at + dy.nrows(), ..];
        let mut dn = cache.cotangents.slice_mut(rows);
        dn.fill(S::ZERO);
        self.mlp.backward(at, dy, dn.view_mut(), &mut cache.mlp);
        let clip = self.clip;
        dn.zip_mut_with(&cache.scaled.slice(rows), |dn, n| {
            if n.abs() > clip {
                *dn = S::ZERO;
            }
        });
        self.scale.normalize_backward(dn.view(), dz);
    }

    /// [`backward`](Self::backward) where the states need no gradient.
    pub(crate) fn backward_data(
        &self,
        at: usize,
        dy: ArrayView2<'_, S>,
        cache: &mut StateNetCache<S>,
    ) {
        self.mlp.backward_data(at, dy, &mut cache.mlp);
    }

    /// Books the parameter gradients of all rows since the last `at = 0`.
    pub(crate) fn accumulate(&self, cache: &mut StateNetCache<S>, grads: &mut Self) {
        self.mlp.accumulate(&mut cache.mlp, &mut grads.mlp);
    }
}

impl<S: Scalar> StateNetCache<S> {
    /// `n` of the rows kept.
    pub(crate) fn scaled(&self) -> ArrayView2<'_, S> {
        self.scaled.view()
    }
}

impl<S: Scalar> Params<S> for StateNet<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.mlp.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.mlp.visit_mut(path, f);
    }
}
