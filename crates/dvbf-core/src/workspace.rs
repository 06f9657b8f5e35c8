//! Buffers of one pass over a batch, made once and reused.

use crate::dream_work::DreamWork;
use crate::model::Dvbf;
use crate::refine::Refinement;
use dvbf_models::Cache;
use dvbf_prob::GaussianHead;
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView2, s};

/// Buffers for batches of at most a fixed number of sequences and steps.
#[derive(Debug)]
pub struct Workspace<S: Scalar> {
    pub(crate) initial: Cache,
    pub(crate) recognition: Cache,
    pub(crate) transition: Cache,
    pub(crate) emission: Cache,
    pub(crate) head: GaussianHead<S>,
    /// Inputs with masked channels set to zero.
    pub(crate) input: Array2<S>,
    pub(crate) start: Array2<S>,
    /// `z (T·B, Z)`.
    pub(crate) state: Array2<S>,
    /// `w (T·B, W)`.
    pub(crate) noise: Array2<S>,
    /// Output of a recognition network for one step, `(B, 2W)`.
    pub(crate) raw: Array2<S>,
    pub(crate) log_lik: Array1<S>,
    pub(crate) dstate: Array2<S>,
    pub(crate) dnoise: Array2<S>,
    pub(crate) dmean: Array2<S>,
    pub(crate) dstd: Array2<S>,
    /// Terms of the divergence, `(T·B, W)`.
    pub(crate) terms: Array2<S>,
    pub(crate) ones: Array1<S>,
    pub(crate) rows: usize,
    /// Sequences whose gradient of the initial state's networks is not added yet.
    pub(crate) held: usize,
    /// Sequences there is room for before their gradient is added.
    most_held: usize,
    /// Made by the first dream.
    pub(crate) dream: Option<Box<DreamWork<S>>>,
    /// Made for models that refine their first states.
    pub(crate) refine: Option<Box<Refinement<S>>>,
}

impl<S: Scalar> Workspace<S> {
    /// Buffers for `model` on batches of at most `sequences` sequences and `rows = T·B` rows.
    pub fn new(model: &Dvbf<S>, sequences: usize, rows: usize) -> Self {
        Self::holding(model, sequences, rows, sequences)
    }

    /// [`new`](Self::new) with room for the initial states of `held` sequences in several batches,
    /// whose gradient [`Dvbf::held_gradient`] leaves here.
    ///
    /// # Panics
    /// If a single batch has more sequences than are held.
    #[track_caller]
    pub fn holding(model: &Dvbf<S>, sequences: usize, rows: usize, held: usize) -> Self {
        assert!(sequences <= held, "{sequences} sequences of a batch, room for {held}");
        let dims = model.transition.dims();
        let (z, w) = (dims.state, dims.noise);
        Self {
            initial: model.initial.cache(held),
            recognition: model.recognition.cache(rows),
            transition: model.transition.cache(rows),
            emission: model.emission.scratch(),
            head: GaussianHead::new(rows, w),
            input: Array2::zeros((0, 0)),
            start: Array2::zeros((0, 0)),
            state: Array2::zeros((rows, z)),
            noise: Array2::zeros((rows, w)),
            raw: Array2::zeros((sequences, 2 * w)),
            log_lik: Array1::zeros(rows),
            dstate: Array2::zeros((rows, z)),
            dnoise: Array2::zeros((sequences, w)),
            dmean: Array2::zeros((rows, w)),
            dstd: Array2::zeros((rows, w)),
            terms: Array2::zeros((rows, w)),
            ones: Array1::from_elem(sequences, S::ONE),
            rows: 0,
            held: 0,
            most_held: held,
            dream: None,
            refine: (model.initial.refinements() > 0)
                .then(|| Box::new(Refinement::new(model, sequences))),
        }
    }

    /// Packs the parameters; to be called after every change of them. A gradient that is
    /// [held](Dvbf::held_gradient) is dropped.
    pub fn prepare(&mut self, model: &Dvbf<S>) {
        self.held = 0;
        if let Some(dream) = &mut self.dream {
            dream.forget();
        }
        if let Some(refine) = &mut self.refine {
            refine.forget();
        }
        model.initial.prepare(&mut self.initial);
        model.recognition.prepare(&mut self.recognition);
        model.transition.prepare(&mut self.transition);
        model.emission.prepare(&mut self.emission);
    }

    /// Sequences of a batch, and sequences that are held, for which there is room.
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.ones.len(), self.most_held)
    }

    #[track_caller]
    pub(crate) fn assert_nothing_held(&self) {
        assert_eq!(self.held, 0, "sequences whose gradient is held and has to be added before");
    }

    /// `z (T·B, Z)` of the last pass.
    pub fn state(&self) -> ArrayView2<'_, S> {
        self.state.slice(s![..self.rows, ..])
    }

    /// `w (T·B, W)` of the last pass.
    pub fn noise(&self) -> ArrayView2<'_, S> {
        self.noise.slice(s![..self.rows, ..])
    }

    /// Means of `q(w)`, `(T·B, W)`, of the last pass.
    pub fn noise_mean(&self) -> ArrayView2<'_, S> {
        self.head.mean().slice_move(s![..self.rows, ..])
    }

    /// Standard deviations of `q(w)`, `(T·B, W)`, of the last pass.
    pub fn noise_std(&self) -> ArrayView2<'_, S> {
        self.head.std().slice_move(s![..self.rows, ..])
    }
}
