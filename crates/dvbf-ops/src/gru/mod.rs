//! Gated recurrent unit (Cho et al. 2014, equations 5 to 8; the reset acts before the product).
//!
//! Shapes: `x (B, I)`, `h, h' (B, H)`, gates `r, k (B, H)`, candidate `n (B, H)`; `σ` is the
//! logistic function and `a` what stands in its or the tangent's brackets.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `[r, k] = σ(x Wᵀ + h Uᵀ + b)`, `s = r ⊙ h` | all |
//! | | `n = tanh(x Vᵀ + s Rᵀ + c)`, `h' = k ⊙ h + (1 − k) ⊙ n` | all |
//! | `da_n` | `dh' ⊙ (1 − k) ⊙ (1 − n²)` | `k`, `n` (cached) |
//! | `da_k` | `dh' ⊙ (h − n) ⊙ k ⊙ (1 − k)` | `h`, `k`, `n` (cached) |
//! | `ds`, `da_r` | `da_n R`, `ds ⊙ h ⊙ r ⊙ (1 − r)` | `h`, `r` (cached) |
//! | `dh` | `+= dh' ⊙ k + ds ⊙ r + [da_r, da_k] U` | |
//! | `dx` | `+= [da_r, da_k] W + da_n V` | |
//! | `dW`, `db`, `dU` | `+= [da_r, da_k]ᵀ x`, `+= [da_r, da_k]ᵀ 1`, `+= [da_r, da_k]ᵀ h` | `x`, `h`, `da` |
//! | `dV`, `dc`, `dR` | `+= da_nᵀ x`, `+= da_nᵀ 1`, `+= da_nᵀ s` | `x`, `s`, `da` |
//!
//! The products with `x` run over the rows of all steps at once, before the steps, and so do those
//! that book the parameter gradients, after them. Steps may visit the rows in any order: over
//! reversed time the unit summarizes what comes later.

mod elementwise;

use crate::{Linear, LinearPack, Params, Path};
use dvbf_tensor::{
    Accum, Noise, PackedMatrix, Scalar, gemm, gemm_packed, logistic, tanh, vectorize,
};
use elementwise::{Blend, ByProduct, ByState, Reset};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// Parameters of the unit and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Gru<S> {
    // Invariant: `(2H, I)`, `(2H, H)`, `(H, I)`, `(H, H)`; gates are in the order reset, keep.
    gates: Linear<S>,
    gates_state: Array2<S>,
    candidate: Linear<S>,
    candidate_state: Array2<S>,
}

/// What the backward pass of [`Gru`] reads; rows are those of all steps.
#[derive(Clone, Debug)]
pub struct GruCache<S> {
    gates_pack: LinearPack<S>,
    candidate_pack: LinearPack<S>,
    gates_state: [PackedMatrix<S>; 2],
    candidate_state: [PackedMatrix<S>; 2],
    /// `[r, k] (R, 2H)`.
    gates: Array2<S>,
    /// `n (R, H)`.
    candidate: Array2<S>,
    /// `h (R, H)`.
    state: Array2<S>,
    /// `s (R, H)`.
    reset: Array2<S>,
    /// `[da_r, da_k] (R, 2H)`.
    dgates: Array2<S>,
    /// `da_n (R, H)`.
    dcandidate: Array2<S>,
    /// `ds` of one step.
    dreset: Array2<S>,
    read: usize,
    stepped: usize,
    pulled: usize,
}

impl<S: Scalar> Gru<S> {
    /// The unit of these parts: `gates` `W, b (2H, I)` and `gates_state` `U (2H, H)`, reset before
    /// keep; `candidate` `V, c (H, I)` and `candidate_state` `R (H, H)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn new(
        (gates, gates_state): (Linear<S>, Array2<S>),
        (candidate, candidate_state): (Linear<S>, Array2<S>),
    ) -> Self {
        let (hidden, inputs) = candidate.dim();
        assert_eq!(gates.dim(), (2 * hidden, inputs), "gates against (2H, I)");
        assert_eq!(gates_state.dim(), (2 * hidden, hidden), "gates of the state against (2H, H)");
        assert_eq!(
            candidate_state.dim(),
            (hidden, hidden),
            "candidate of the state against (H, H)"
        );
        let standard = |a: Array2<S>| a.as_standard_layout().into_owned();
        Self {
            gates,
            gates_state: standard(gates_state),
            candidate,
            candidate_state: standard(candidate_state),
        }
    }

    /// Weights from `N(0, 1 / I)` and `N(0, 1 / H)`, biases zero.
    pub fn random(inputs: usize, hidden: usize, noise: Noise) -> Self {
        let std = |values: usize| 1.0 / (values.max(1) as f64).sqrt();
        let layer =
            |inputs, outputs, part| Linear::random(inputs, outputs, std(inputs), noise.part(part));
        let state = |outputs, part| layer(hidden, outputs, part).weight().to_owned();
        Self::new(
            (layer(inputs, 2 * hidden, 0), state(2 * hidden, 1)),
            (layer(inputs, hidden, 2), state(hidden, 3)),
        )
    }

    /// `(I, H)`.
    pub fn dim(&self) -> (usize, usize) {
        let (hidden, inputs) = self.candidate.dim();
        (inputs, hidden)
    }

    /// A cache for at most `rows` rows, made once and reused.
    pub fn cache(&self, rows: usize) -> GruCache<S> {
        let hidden = self.dim().1;
        let (narrow, wide) = (Array2::zeros((rows, hidden)), Array2::zeros((rows, 2 * hidden)));
        GruCache {
            gates_pack: LinearPack::new(),
            candidate_pack: LinearPack::new(),
            gates_state: [PackedMatrix::new(), PackedMatrix::new()],
            candidate_state: [PackedMatrix::new(), PackedMatrix::new()],
            gates: wide.clone(),
            candidate: narrow.clone(),
            state: narrow.clone(),
            reset: narrow.clone(),
            dgates: wide,
            dcandidate: narrow.clone(),
            dreset: narrow,
            read: 0,
            stepped: 0,
            pulled: 0,
        }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut GruCache<S>) {
        self.gates.pack(&mut cache.gates_pack);
        self.candidate.pack(&mut cache.candidate_pack);
        for (pack, weight) in [
            (&mut cache.gates_state, &self.gates_state),
            (&mut cache.candidate_state, &self.candidate_state),
        ] {
            pack[0].pack(weight.t());
            pack[1].pack(weight.view());
        }
    }

    /// Takes the inputs `x (R, I)` of all steps; comes before the steps and starts anew.
    ///
    /// # Panics
    /// If the shapes disagree, or the cache is too small or not prepared.
    #[track_caller]
    pub fn read(&self, x: ArrayView2<'_, S>, cache: &mut GruCache<S>) {
        let (rows, capacity) = (x.nrows(), cache.gates.nrows());
        assert!(rows <= capacity, "cache of {capacity} rows is too small for {rows}");
        let all = s![..rows, ..];
        self.gates.apply(&cache.gates_pack, x, cache.gates.slice_mut(all));
        self.candidate.apply(&cache.candidate_pack, x, cache.candidate.slice_mut(all));
        (cache.read, cache.stepped, cache.pulled) = (rows, 0, 0);
    }

    /// Writes `h' (n, H)` for `h (n, H)` and the inputs of rows `at..at + n`; once for every row.
    ///
    /// # Panics
    /// If the shapes disagree or the rows were not read.
    #[track_caller]
    pub fn step(
        &self,
        at: usize,
        h: ArrayView2<'_, S>,
        mut h_next: ArrayViewMut2<'_, S>,
        cache: &mut GruCache<S>,
    ) {
        let (n, hidden) = h.dim();
        assert!(at + n <= cache.read, "rows {at}.. were not read");
        assert_eq!(hidden, self.dim().1, "state against H");
        assert_eq!(h_next.dim(), h.dim(), "next state against state");
        cache.stepped += n;
        let rows = s![at..at + n, ..];
        cache.state.slice_mut(rows).assign(&h);
        let mut gates = cache.gates.slice_mut(rows);
        gemm_packed(Accum::Add, gates.view_mut(), h, &cache.gates_state[0]);
        logistic(gates.as_slice_mut().expect(WHOLE));
        let (state, mut reset) = (cache.state.slice(rows), cache.reset.slice_mut(rows));
        vectorize(Reset {
            width: hidden,
            gates: gates.as_slice().expect(WHOLE),
            state: state.as_slice().expect(WHOLE),
            product: reset.as_slice_mut().expect(WHOLE),
        });
        let mut candidate = cache.candidate.slice_mut(rows);
        let pack = &cache.candidate_state[0];
        gemm_packed(Accum::Add, candidate.view_mut(), reset.view(), pack);
        tanh(candidate.as_slice_mut().expect(WHOLE));
        for r in 0..n {
            let (gates, mut next) = (gates.row(r), h_next.row_mut(r));
            vectorize(Blend {
                keep: &slice(&gates)[hidden..],
                state: slice(&state.row(r)),
                candidate: slice(&candidate.row(r)),
                next: next.as_slice_mut().expect(WHOLE),
            });
        }
    }

    /// Pulls `dh' (n, H)` back to the state of rows `at..at + n`: `dh += …`.
    ///
    /// # Panics
    /// If the shapes disagree or not all rows were stepped through.
    #[track_caller]
    pub fn backward_step(
        &self,
        at: usize,
        dh_next: ArrayView2<'_, S>,
        mut dh: ArrayViewMut2<'_, S>,
        cache: &mut GruCache<S>,
    ) {
        let (n, hidden) = dh_next.dim();
        assert!(at + n <= cache.read, "rows {at}.. were not read");
        assert_eq!(cache.stepped, cache.read, "rows stepped through against rows read");
        assert_eq!(hidden, self.dim().1, "state cotangent against H");
        assert_eq!(dh.dim(), dh_next.dim(), "state cotangents");
        cache.pulled += n;
        let rows = s![at..at + n, ..];
        let (gates, state) = (cache.gates.slice(rows), cache.state.slice(rows));
        let candidate = cache.candidate.slice(rows);
        let mut dgates = cache.dgates.slice_mut(rows);
        let mut dcandidate = cache.dcandidate.slice_mut(rows);
        for r in 0..n {
            let gates = gates.row(r);
            let (mut dgates, mut dcandidate) = (dgates.row_mut(r), dcandidate.row_mut(r));
            vectorize(ByState {
                dnext: slice(&dh_next.row(r)),
                keep: &slice(&gates)[hidden..],
                state: slice(&state.row(r)),
                candidate: slice(&candidate.row(r)),
                dcandidate: dcandidate.as_slice_mut().expect(WHOLE),
                dkeep: &mut dgates.as_slice_mut().expect(WHOLE)[hidden..],
                dstate: dh.row_mut(r).as_slice_mut().expect(WHOLE),
            });
        }
        let mut dreset = cache.dreset.slice_mut(s![..n, ..]);
        let pack = &cache.candidate_state[1];
        gemm_packed(Accum::Replace, dreset.view_mut(), dcandidate.view(), pack);
        for r in 0..n {
            let (gates, mut dgates) = (gates.row(r), dgates.row_mut(r));
            vectorize(ByProduct {
                dproduct: slice(&dreset.row(r)),
                reset: &slice(&gates)[..hidden],
                state: slice(&state.row(r)),
                dreset: &mut dgates.as_slice_mut().expect(WHOLE)[..hidden],
                dstate: dh.row_mut(r).as_slice_mut().expect(WHOLE),
            });
        }
        gemm_packed(Accum::Add, dh, dgates.view(), &cache.gates_state[1]);
    }

    /// Pulls back to the inputs of all rows: `dx += …`; comes after the steps.
    ///
    /// # Panics
    /// If the shapes disagree, or the rows pulled back are not those read.
    #[track_caller]
    pub fn backward_input(&self, mut dx: ArrayViewMut2<'_, S>, cache: &GruCache<S>) {
        assert_eq!(cache.pulled, cache.read, "rows pulled back against rows read");
        let all = s![..cache.read, ..];
        let (dgates, dcandidate) = (cache.dgates.slice(all), cache.dcandidate.slice(all));
        self.gates.backward_input(&cache.gates_pack, dgates, Accum::Add, dx.view_mut());
        self.candidate.backward_input(&cache.candidate_pack, dcandidate, Accum::Add, dx);
    }

    /// Books the parameter gradients of all rows, whose inputs `x (R, I)` are given again.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly those read, or the shapes disagree.
    #[track_caller]
    pub fn accumulate(&self, x: ArrayView2<'_, S>, cache: &mut GruCache<S>, grads: &mut Self) {
        assert_eq!(cache.pulled, cache.read, "rows pulled back against rows read");
        cache.pulled = 0;
        let all = s![..cache.read, ..];
        let (dgates, dcandidate) = (cache.dgates.slice(all), cache.dcandidate.slice(all));
        Linear::backward_params(x, dgates, &mut grads.gates);
        Linear::backward_params(x, dcandidate, &mut grads.candidate);
        let (state, reset) = (cache.state.slice(all), cache.reset.slice(all));
        gemm(Accum::Add, grads.gates_state.view_mut(), dgates.t(), state);
        gemm(Accum::Add, grads.candidate_state.view_mut(), dcandidate.t(), reset);
    }
}

const WHOLE: &str = "whole rows are contiguous";

#[track_caller]
fn slice<'a, S>(row: &'a ArrayView1<'_, S>) -> &'a [S] {
    row.as_slice().expect(WHOLE)
}

impl<S: Scalar> Params<S> for Gru<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.gates.visit(path.child("gates"), f);
        f(path.child("gates_state"), self.gates_state.view().into_dyn());
        self.candidate.visit(path.child("candidate"), f);
        f(path.child("candidate_state"), self.candidate_state.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.gates.visit_mut(path.child("gates"), f);
        f(path.child("gates_state"), self.gates_state.view_mut().into_dyn());
        self.candidate.visit_mut(path.child("candidate"), f);
        f(path.child("candidate_state"), self.candidate_state.view_mut().into_dyn());
    }
}
