//! Innovation recognition network `q(w | z, u, x')` of Karl et al. 2017: what the next observation
//! says beyond the transition.
//!
//! Shapes: `x' (B, X)`, `z (B, Z)`, `u (B, U)`, hidden `h (B, H)`, `raw (B, 2W)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `h = max(0, W₀ [x', z, u] + b₀)`, `raw = W₁ h + b₁` | |
//! | `da` | `(draw W₁) ⊙ [h > 0]` | `h` (cached) |
//! | `dz` | `+= da W₀[z]` | |
//! | `dW₀`, `db₀` | `+= daᵀ [x', z, u]`, `+= daᵀ 1` | `x'` (given again), `z`, `u` (cached) |
//! | `dW₁`, `db₁` | `+= drawᵀ h`, `+= drawᵀ 1` | `h`, `draw` (cached) |
//!
//! `x'` does not depend on the recursion: its product runs over all rows at once, before the steps.

use dvbf_ops::{Linear, LinearPack, Params, Path};
use dvbf_tensor::{
    Accum, Fused, Noise, PackedMatrix, Scalar, add_column_sums, gemm, gemm_fused, gemm_packed,
};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// Parameters of the recognition network.
#[derive(Clone, Debug, PartialEq)]
pub struct Innovation<S> {
    // Invariant: `hidden` has `X + Z + U` inputs, in this order; widths fit.
    hidden: Linear<S>,
    output: Linear<S>,
    sizes: (usize, usize, usize),
}

/// What [`Innovation`]'s backward pass reads.
#[derive(Debug)]
pub struct InnovationCache<S> {
    observation: PackedMatrix<S>,
    inner: PackedMatrix<S>,
    state_back: PackedMatrix<S>,
    output: LinearPack<S>,
    /// Rows `[z, u]`.
    inner_input: Array2<S>,
    hidden: Array2<S>,
    dhidden: Array2<S>,
    draw: Array2<S>,
    written: usize,
    pulled: usize,
}

impl<S: Scalar> Innovation<S> {
    /// The network of these layers for `(X, Z, U)`.
    ///
    /// # Panics
    /// If the widths disagree.
    #[track_caller]
    pub fn new(hidden: Linear<S>, output: Linear<S>, sizes: (usize, usize, usize)) -> Self {
        assert_eq!(hidden.dim().1, sizes.0 + sizes.1 + sizes.2, "hidden layer against X + Z + U");
        assert_eq!(hidden.dim().0, output.dim().1, "widths of the two layers");
        Self { hidden, output, sizes }
    }

    /// Rectifier-scaled hidden weights by kind of input; small output weights.
    pub fn random(
        sizes: (usize, usize, usize),
        width: usize,
        outputs: usize,
        noise: Noise,
    ) -> Self {
        let (x, z, u) = sizes;
        let mut hidden = Linear::random(x + z + u, width, 1.0, noise.part(0));
        let scale = |values: usize, gain: f64| S::of((gain / values.max(1) as f64).sqrt());
        let mut weight = hidden.weight_mut();
        weight.slice_mut(s![.., ..x]).map_inplace(|w| *w *= scale(x, 2.0));
        weight.slice_mut(s![.., x..]).map_inplace(|w| *w *= scale(z + u, 1.0));
        let output = Linear::random(width, outputs, 0.3 / (width as f64).sqrt(), noise.part(1));
        Self::new(hidden, output, sizes)
    }

    /// Number of outputs, `2W`.
    pub fn outputs(&self) -> usize {
        self.output.dim().0
    }

    /// Multiplies the weights, not the biases, by `factor`.
    pub fn scale_weights(&mut self, factor: S) {
        for layer in [&mut self.hidden, &mut self.output] {
            layer.weight_mut().map_inplace(|w| *w *= factor);
        }
    }

    /// A cache for at most `rows` rows.
    pub fn cache(&self, rows: usize) -> InnovationCache<S> {
        let (_, z, u) = self.sizes;
        let width = self.hidden.dim().0;
        InnovationCache {
            observation: PackedMatrix::new(),
            inner: PackedMatrix::new(),
            state_back: PackedMatrix::new(),
            output: LinearPack::new(),
            inner_input: Array2::zeros((rows, z + u)),
            hidden: Array2::zeros((rows, width)),
            dhidden: Array2::zeros((rows, width)),
            draw: Array2::zeros((rows, self.outputs())),
            written: 0,
            pulled: 0,
        }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut InnovationCache<S>) {
        let (x, z, _) = self.sizes;
        let weight = self.hidden.weight();
        cache.observation.pack(weight.slice(s![.., ..x]).reversed_axes());
        cache.inner.pack(weight.slice(s![.., x..]).reversed_axes());
        cache.state_back.pack(weight.slice(s![.., x..x + z]));
        self.output.pack(&mut cache.output);
    }

    /// The part of all steps that depends on the observations only; comes before the steps.
    ///
    /// # Panics
    /// If the shapes disagree or the cache is too small.
    #[track_caller]
    pub fn observe(&self, next_observed: ArrayView2<'_, S>, cache: &mut InnovationCache<S>) {
        let rows = next_observed.nrows();
        assert!(rows <= cache.hidden.nrows(), "cache is too small for {rows} rows");
        let hidden = cache.hidden.slice_mut(s![..rows, ..]);
        gemm_packed(Accum::Replace, hidden, next_observed, &cache.observation);
        (cache.written, cache.pulled) = (0, 0);
    }

    /// [`observe`](Self::observe) for `rows` rows that see the same observation `x' (1, X)`.
    ///
    /// # Panics
    /// If the shapes disagree or the cache is too small.
    #[track_caller]
    pub fn observe_shared(
        &self,
        next_observed: ArrayView2<'_, S>,
        rows: usize,
        cache: &mut InnovationCache<S>,
    ) {
        assert_eq!(next_observed.nrows(), 1, "one observation is shared");
        assert!(rows <= cache.hidden.nrows(), "cache is too small for {rows} rows");
        self.observe(next_observed, cache);
        let (first, mut others) = cache.hidden.multi_slice_mut((s![0, ..], s![1..rows.max(1), ..]));
        for mut row in others.rows_mut() {
            row.assign(&first);
        }
    }

    /// Writes `raw (n, 2W)` for rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree or rows are skipped.
    #[track_caller]
    pub fn forward(
        &self,
        at: usize,
        state: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut InnovationCache<S>,
    ) {
        let n = state.nrows();
        let (_, z, u) = self.sizes;
        assert_eq!((state.dim(), control.dim()), ((n, z), (n, u)), "state and control");
        assert_eq!(at, cache.written, "blocks of rows follow without gaps");
        cache.written = at + n;
        let rows = s![at..at + n, ..];
        let mut inner = cache.inner_input.slice_mut(rows);
        inner.slice_mut(s![.., ..z]).assign(&state);
        inner.slice_mut(s![.., z..]).assign(&control);
        let mut hidden = cache.hidden.slice_mut(rows);
        let bias = Fused::BiasRelu(self.hidden.bias().view());
        gemm_fused(Accum::Add, hidden.view_mut(), inner.view(), &cache.inner, bias);
        self.output.apply(&cache.output, hidden.view(), raw);
    }

    /// Pulls `draw (n, 2W)` back to the state of rows `at..at + n`: `dz += …`.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward(
        &self,
        at: usize,
        draw: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        cache: &mut InnovationCache<S>,
    ) {
        let n = draw.nrows();
        assert!(at + n <= cache.written, "rows {at}.. were not written");
        assert_eq!(draw.ncols(), self.outputs(), "output cotangent against 2W");
        let rows = s![at..at + n, ..];
        cache.pulled += n;
        cache.draw.slice_mut(rows).assign(&draw);
        let mut dhidden = cache.dhidden.slice_mut(rows);
        let hidden = cache.hidden.slice(rows);
        self.output.backward_rectified(&cache.output, draw, hidden, dhidden.view_mut());
        gemm_packed(Accum::Add, dstate, dhidden.view(), &cache.state_back);
    }

    /// Adds the parameter gradients of all rows; takes the observations of
    /// [`observe`](Self::observe) again.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly the rows written.
    #[track_caller]
    pub fn accumulate(
        &self,
        next_observed: ArrayView2<'_, S>,
        cache: &mut InnovationCache<S>,
        grads: &mut Self,
    ) {
        assert_eq!(cache.pulled, cache.written, "rows pulled back against rows written");
        assert_eq!(next_observed.nrows(), cache.written, "observations against rows written");
        cache.pulled = 0;
        let (x, _, _) = self.sizes;
        let rows = s![..cache.written, ..];
        let (dhidden, inner) = (cache.dhidden.slice(rows), cache.inner_input.slice(rows));
        let mut weight = grads.hidden.weight_mut();
        gemm(Accum::Add, weight.slice_mut(s![.., ..x]), dhidden.t(), next_observed);
        gemm(Accum::Add, weight.slice_mut(s![.., x..]), dhidden.t(), inner);
        add_column_sums(grads.hidden.bias_mut().view_mut(), dhidden);
        Linear::backward_params(
            cache.hidden.slice(rows),
            cache.draw.slice(rows),
            &mut grads.output,
        );
    }
}

impl<S: Scalar> Params<S> for Innovation<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.hidden.visit(path.child("0"), f);
        self.output.visit(path.child("1"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.hidden.visit_mut(path.child("0"), f);
        self.output.visit_mut(path.child("1"), f);
    }
}
