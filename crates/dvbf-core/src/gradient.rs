//! The gradient of the loss of a batch: back through emission, divergence and time.

use crate::batch::{Batch, Objective};
use crate::bound::Bound;
use crate::model::Dvbf;
use crate::workspace::Workspace;
use dvbf_models::{LikelihoodOutputs, Observations, TransitionCotangents};
use dvbf_prob::{HeadCotangents, tempered_kl_backward};
use dvbf_tensor::Scalar;
use ndarray::{ArrayViewMut2, s};

/// How a gradient is scaled on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientOptions<S> {
    /// Weights of the loss's terms.
    pub objective: Objective<S>,
    /// Factor of the summed loss of all sequences, such as one over their number.
    pub scale: S,
    /// Bound of every element of `dz_t`, applied at every step (±2 in the first author's code of
    /// 2016); exact gradients need infinity.
    pub state_limit: S,
}

impl<S: Scalar> Dvbf<S> {
    /// The bound's terms of every sequence; adds the gradient of
    /// `scale · Σ_b loss_b` to `grads`.
    ///
    /// The workspace must have been [prepared](Workspace::prepare) with these parameters.
    ///
    /// # Panics
    /// If the batch's shapes disagree or exceed the workspace, `out` is for another number of
    /// sequences, or a gradient is [held](Self::held_gradient).
    #[track_caller]
    pub fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Workspace<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        work.assert_nothing_held();
        self.held_gradient(batch, options, work, out, grads);
        self.add_held(work, grads);
    }

    /// [`gradient`](Self::gradient), but that of the initial state's networks stays in the workspace
    /// until [`add_held`](Self::add_held): their layers are large and a batch has one row for a
    /// sequence, so that a sum over many batches is cheaper.
    ///
    /// No pass of another kind may use the workspace in between;
    /// [`prepare`](Workspace::prepare) drops what is held.
    ///
    /// # Panics
    /// If the batch's shapes disagree or exceed the workspace, `out` is for another number of
    /// sequences, or the workspace has no room for so many sequences.
    #[track_caller]
    pub fn held_gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Workspace<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        self.pull_back(batch, options, work, out, grads, None);
    }

    /// Adds to `grads` what [`held_gradient`](Self::held_gradient) and
    /// [`held_dream`](Self::held_dream) left.
    #[track_caller]
    pub fn add_held(&self, work: &mut Workspace<S>, grads: &mut Self) {
        if work.held > 0 {
            self.initial.accumulate(&mut work.initial, &mut *grads.initial);
            work.held = 0;
        }
        if let Some(dream) = &mut work.dream {
            dream.accumulate(self, grads);
        }
    }

    /// [`gradient`](Self::gradient), which also adds the gradient with respect to the noise to
    /// `dnoise (T·B, W)`.
    ///
    /// # Panics
    /// As [`gradient`](Self::gradient), or if `dnoise` has another shape than the noise.
    #[track_caller]
    pub fn gradient_with_noise(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Workspace<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
        dnoise: ArrayViewMut2<'_, S>,
    ) {
        assert_eq!(dnoise.dim(), batch.noise.dim(), "noise cotangent against noise");
        work.assert_nothing_held();
        self.pull_back(batch, options, work, out, grads, Some(dnoise));
        self.add_held(work, grads);
    }

    fn pull_back(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Workspace<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
        mut deps: Option<ArrayViewMut2<'_, S>>,
    ) {
        self.pass_forward(batch, false, work);
        let (n, rows) = (batch.sequences, work.rows);
        let steps = rows / n;
        let GradientOptions { objective, scale, state_limit } = options;
        let all = s![..rows, ..];

        work.dstate.slice_mut(all).fill(S::ZERO);
        self.emission.log_likelihood_gradient(
            work.state.slice(all),
            Observations { value: batch.target, mask: batch.mask },
            LikelihoodOutputs {
                weight: -objective.likelihood * scale,
                log_lik: work.log_lik.slice_mut(s![..rows]),
                dstate: work.dstate.slice_mut(all),
                grads: &mut *grads.emission,
            },
            &mut work.emission,
        );
        work.sum_rows(n, objective.prior, out);

        self.transition.set_penalty_scale(scale, &mut work.transition);
        for buffer in [&mut work.dmean, &mut work.dstd] {
            buffer.slice_mut(all).fill(S::ZERO);
        }
        let contiguous = "whole rows are contiguous";
        tempered_kl_backward(
            work.head.mean().slice(all).as_slice().expect(contiguous),
            work.head.std().slice(all).as_slice().expect(contiguous),
            objective.prior,
            objective.kl * scale,
            work.dmean.slice_mut(all).as_slice_mut().expect(contiguous),
            work.dstd.slice_mut(all).as_slice_mut().expect(contiguous),
        );

        let held = work.held;
        let Workspace { initial, recognition, transition, head, dstate, .. } = work;
        let (dmean, dstd) = (&work.dmean, &work.dstd);
        let mut dw = work.dnoise.slice_mut(s![..n, ..]);
        let mut draw = work.raw.slice_mut(s![..n, ..]);
        for t in (0..steps - 1).rev() {
            let (at, next) = (t * n, (t + 1) * n);
            let (now, later) = (s![at..next, ..], s![next..next + n, ..]);
            let (mut dz, mut dz_next) = dstate.multi_slice_mut((now, later));
            limit(&mut dz_next, state_limit);
            dw.fill(S::ZERO);
            let cotangents =
                TransitionCotangents { state: dz.view_mut(), control: None, noise: dw.view_mut() };
            self.transition.backward(at, dz_next.view(), cotangents, transition);
            if let Some(deps) = &mut deps {
                head.backward_noise(next, dw.view(), deps.slice_mut(later));
            }
            let cotangents = HeadCotangents {
                sample: dw.view(),
                mean: dmean.slice(later),
                std: dstd.slice(later),
            };
            head.backward(next, batch.noise.slice(later), cotangents, draw.view_mut());
            self.recognition.backward(at, draw.view(), dz.view_mut(), recognition);
        }

        let first = s![..n, ..];
        limit(&mut dstate.slice_mut(first), state_limit);
        dw.fill(S::ZERO);
        self.initial.backward_start(held, dstate.slice(first), dw.view_mut(), initial);
        if let Some(deps) = &mut deps {
            head.backward_noise(0, dw.view(), deps.slice_mut(first));
        }
        let cotangents =
            HeadCotangents { sample: dw.view(), mean: dmean.slice(first), std: dstd.slice(first) };
        head.backward(0, batch.noise.slice(first), cotangents, draw.view_mut());
        self.initial.backward_recognize(held, draw.view(), initial);

        let input = match batch.mask {
            Some(_) => work.input.view(),
            None => batch.input,
        };
        self.recognition.accumulate(input.slice(s![n.., ..]), recognition, &mut *grads.recognition);
        if steps > 1 {
            self.transition.accumulate(transition, &mut *grads.transition);
        }
        work.held += n;
    }
}

fn limit<S: Scalar>(dstate: &mut ArrayViewMut2<'_, S>, bound: S) {
    if bound < S::infinity() {
        dstate.map_inplace(|d| {
            *d = if *d > bound {
                bound
            } else if *d < -bound {
                -bound
            } else {
                *d
            }
        });
    }
}
