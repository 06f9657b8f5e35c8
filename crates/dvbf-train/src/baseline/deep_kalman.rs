//! Deep Kalman filter (Krishnan, Shalit and Sontag 2015), as the article on Deep Variational Bayes
//! Filters compares itself with it: a smoother that reads the whole sequence in both directions.
//!
//! `z₁ ~ N(0, I)`, `z_{t+1} ~ N(z_t + net(z_t, u_t), net(z_t, u_t)²)`, `x_t ~ N(net(z_t), σ²)`;
//! `q(z_t | x₁ … x_T, u₁ … u_{T−1})`, one for every step, from two recurrent units.
//!
//! Shapes: rows `R = T·B`, `i (R, X + U)`, `h (R, 2H)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | input | `i_t = [x_t, u_{t−1}]`, no control at the first step | |
//! | posterior | `h_t = [forward unit, backward unit]`, `raw_t = P h_t + p`, `z_t = μ_t + σ_t ε_t` | |
//! | prior | `[d, r]_t = net(z_t, u_t)`, `m_{t+1} = z_t + d_t`, `s_{t+1} = softplus(r_t) + floor` | |
//! | loss | `−ln p(x \| z) + k Σ KL(q(z_t) ‖ N(m_t, s_t²))` | |
//! | `dz_t` | by the emission, by `dm_{t+1}`, and by the network of the prior | |
//!
//! The recognition network reads zeros for channels that are masked; a step without any observation is
//! inferred from its neighbors.
//!
//! The transition stands in the divergence only: a state is inferred, never the innovation that
//! leads to it, so no gradient of a frame passes through the transition.

use super::latent::{Latent, write_seen};
use super::weights::Weights;
use crate::eval::{Factors, Generative, Predictor, Seen};
use crate::settings::TrainingSettings;
use crate::train::Learner;
use dvbf_core::{Batch, Bound, GradientOptions, Noise, Params, Path, Scalar};
use dvbf_data::settings::ValueError;
use dvbf_models::{Cache, Emission, GaussianEmission, GaussianSizes, NoiseScale};
use dvbf_ops::{Features, Gru, GruCache, Linear, LinearPack, Mlp, MlpCache};
use dvbf_prob::{GaussianHead, HeadCotangents};
use dvbf_tensor::Accum;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMutD, s};

/// Sizes of the deep Kalman filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeepKalmanSizes {
    /// `X`.
    pub observation: usize,
    /// `U`.
    pub control: usize,
    /// `Z`.
    pub state: usize,
    /// Leading dimensions of the state that the emission sees.
    pub emission_state: usize,
    /// `H`, units of the recurrent network in each direction.
    pub recurrent: usize,
    /// Hidden units of the emission.
    pub hidden: usize,
    /// Hidden units of the transition.
    pub transition_hidden: usize,
    /// `σ` of the emission, which stays.
    pub emission_std: f64,
}

/// Parameters of the deep Kalman filter and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct DeepKalman<S> {
    // Invariant: the parts agree about X, U, Z and H.
    forward: Gru<S>,
    backward: Gru<S>,
    posterior: Linear<S>,
    transition: Mlp<S>,
    emission: GaussianEmission<S>,
}

/// Buffers of a pass.
#[derive(Debug)]
pub struct DeepKalmanWork<S> {
    units: [GruCache<S>; 2],
    posterior: LinearPack<S>,
    transition: MlpCache<S>,
    emission: Cache,
    latent: Latent<S>,
    input: Array2<S>,
    hidden: Array2<S>,
    dhidden: Array2<S>,
    /// The state of one unit at one step, and its cotangents.
    unit: Array2<S>,
    dunit: [Array2<S>; 2],
    step_head: GaussianHead<S>,
    step_raw: Array2<S>,
    step_input: Array2<S>,
    dstep_input: Array2<S>,
    ones: Array1<S>,
    zeros: Array2<S>,
}

impl<S: Scalar> DeepKalman<S> {
    /// Freshly drawn parameters.
    pub fn random(sizes: &DeepKalmanSizes, noise: Noise) -> Self {
        let DeepKalmanSizes { observation, control, state, recurrent, .. } = *sizes;
        let inputs = observation + control;
        let std = 0.3 / ((2 * recurrent).max(1) as f64).sqrt();
        let widths = [state + control, sizes.transition_hidden, 2 * state];
        let log_std = Array1::from_elem(1, S::of(sizes.emission_std.ln()));
        let emission = GaussianSizes { state, hidden: sizes.hidden, observation };
        let seen = Features::identity(sizes.emission_state);
        let fixed = NoiseScale::Fixed;
        Self {
            forward: Gru::random(inputs, recurrent, noise.part(0)),
            backward: Gru::random(inputs, recurrent, noise.part(1)),
            posterior: Linear::random(2 * recurrent, 2 * state, std, noise.part(2)),
            transition: Mlp::random(&widths, &[2.0_f64.sqrt(), 0.3], noise.part(3)),
            emission: GaussianEmission::random(emission, seen, log_std, fixed, noise.part(4)),
        }
    }

    /// `z_{t+1}` without noise for `z (B, Z)`, `u (B, U)`.
    fn advance(
        &self,
        z: ArrayView2<'_, S>,
        u: ArrayView2<'_, S>,
        work: &mut DeepKalmanWork<S>,
    ) -> Array2<S> {
        let (n, width) = z.dim();
        let mut input = work.transition.input(0, n);
        input.slice_mut(s![.., ..width]).assign(&z);
        input.slice_mut(s![.., width..]).assign(&u);
        let mut raw = work.step_raw.slice_mut(s![..n, ..]);
        self.transition.forward_written(0, raw.view_mut(), &mut work.transition);
        &raw.slice(s![.., ..width]) + &z
    }

    fn hidden(&self) -> usize {
        self.forward.dim().1
    }

    /// The posterior of all steps and a sample of it.
    fn read(&self, seen: &Seen<'_, S>, noise: ArrayView2<'_, S>, work: &mut DeepKalmanWork<S>) {
        let Seen { sequences: n, observed, mask, control, .. } = *seen;
        let ((rows, channels), hidden) = (observed.dim(), self.hidden());
        let DeepKalmanWork { units, latent, posterior, .. } = work;
        let raw = latent.begin(rows);
        let mut input = work.input.slice_mut(s![..rows, ..]);
        write_seen(input.slice_mut(s![.., ..channels]), observed, mask);
        input.slice_mut(s![..n, channels..]).fill(S::ZERO);
        input.slice_mut(s![n.., channels..]).assign(&control.slice(s![..rows - n, ..]));
        for (direction, unit) in [&self.forward, &self.backward].into_iter().enumerate() {
            let columns = s![.., direction * hidden..(direction + 1) * hidden];
            let mut state = work.unit.slice_mut(s![..n, ..]);
            let mut next = work.dunit[0].slice_mut(s![..n, ..]);
            state.fill(S::ZERO);
            unit.read(input.view(), &mut units[direction]);
            for at in steps(rows, n, direction == 1) {
                unit.step(at, state.view(), next.view_mut(), &mut units[direction]);
                state.assign(&next);
                let mut out = work.hidden.slice_mut(s![at..at + n, ..]);
                out.slice_mut(columns).assign(&next);
            }
        }
        self.posterior.apply(posterior, work.hidden.slice(s![..rows, ..]), raw);
        latent.sample(noise);
    }

    /// The prior of all steps, given the sample.
    fn follow(&self, batch: &Batch<'_, S>, work: &mut DeepKalmanWork<S>) {
        let (n, rows) = (batch.sequences, batch.input.nrows());
        let (later, before) = (s![n..rows, ..], s![..rows - n, ..]);
        let DeepKalmanWork { latent, step_head, transition, step_raw, .. } = work;
        latent.prior.mean.slice_mut(s![..n, ..]).fill(S::ZERO);
        latent.prior.std.slice_mut(s![..n, ..]).fill(S::ONE);
        if rows == n {
            return;
        }
        let width = latent.state.ncols();
        let mut input = work.step_input.slice_mut(before);
        input.slice_mut(s![.., ..width]).assign(&latent.state.slice(before));
        input.slice_mut(s![.., width..]).assign(&batch.control.slice(before));
        let mut raw = step_raw.slice_mut(before);
        self.transition.forward(0, input.view(), raw.view_mut(), transition);
        step_head.forward(0, raw.view(), work.ones.slice(s![..rows - n]));
        let mut mean = latent.prior.mean.slice_mut(later);
        mean.assign(&latent.state.slice(before));
        mean += &step_head.mean().slice(before);
        latent.prior.std.slice_mut(later).assign(&step_head.std().slice(before));
    }

    /// Pulls the cotangents of the prior back to the states before, and books the transition.
    fn follow_backward(
        &self,
        n: usize,
        rows: usize,
        work: &mut DeepKalmanWork<S>,
        grads: &mut Self,
    ) {
        if rows == n {
            return;
        }
        let (later, before) = (s![n..rows, ..], s![..rows - n, ..]);
        let DeepKalmanWork { latent, step_head, transition, step_raw, zeros, .. } = work;
        let (none, mut draw) = (zeros.slice(before), step_raw.slice_mut(before));
        let cotangents = HeadCotangents {
            sample: none,
            mean: latent.dprior.mean.slice(later),
            std: latent.dprior.std.slice(later),
        };
        step_head.backward(0, none, cotangents, draw.view_mut());
        let mut dinput = work.dstep_input.slice_mut(before);
        dinput.fill(S::ZERO);
        self.transition.backward(0, draw.view(), dinput.view_mut(), transition);
        self.transition.accumulate(transition, &mut grads.transition);
        let mut dstate = latent.dstate.slice_mut(before);
        let width = dstate.ncols();
        dstate += &dinput.slice(s![.., ..width]);
        dstate += &latent.dprior.mean.slice(later);
    }

    /// Pulls the cotangent of the recognition network's output back through both units.
    fn read_backward(
        &self,
        (n, noise): (usize, ArrayView2<'_, S>),
        work: &mut DeepKalmanWork<S>,
        grads: &mut Self,
    ) {
        let (rows, width) = (noise.nrows(), self.hidden());
        let all = s![..rows, ..];
        let DeepKalmanWork { units, latent, posterior, hidden, dhidden, dunit, .. } = work;
        let draw = latent.pull(noise);
        let mut dhidden = dhidden.slice_mut(all);
        self.posterior.backward_input(posterior, draw, Accum::Replace, dhidden.view_mut());
        Linear::backward_params(hidden.slice(all), draw, &mut grads.posterior);
        let input = work.input.slice(all);
        let out = [&mut grads.forward, &mut grads.backward];
        for (direction, unit) in [&self.forward, &self.backward].into_iter().enumerate() {
            let columns = s![.., direction * width..(direction + 1) * width];
            let [dnext, dstate] = dunit;
            let mut dnext = dnext.slice_mut(s![..n, ..]);
            let mut dstate = dstate.slice_mut(s![..n, ..]);
            dstate.fill(S::ZERO);
            for at in steps(rows, n, direction == 0) {
                dnext.assign(&dstate);
                dnext += &dhidden.slice(s![at..at + n, ..]).slice(columns);
                dstate.fill(S::ZERO);
                unit.backward_step(at, dnext.view(), dstate.view_mut(), &mut units[direction]);
            }
            unit.accumulate(input, &mut units[direction], out[direction]);
        }
    }
}

/// First rows of the steps, from the last to the first if `reversed`.
fn steps(rows: usize, n: usize, reversed: bool) -> impl Iterator<Item = usize> {
    (0..rows / n).map(move |t| if reversed { rows - (t + 1) * n } else { t * n })
}

impl<S: Scalar> Learner<S> for DeepKalman<S> {
    type Work = DeepKalmanWork<S>;
    type Facts = ();

    fn check(training: &TrainingSettings) -> Result<(), ValueError> {
        super::weights::check(training)
    }

    fn noise(&self) -> usize {
        self.emission.state()
    }

    fn work(&self, sequences: usize, rows: usize) -> DeepKalmanWork<S> {
        let (z, hidden, inputs) = (self.noise(), self.hidden(), self.forward.dim().0);
        let step = self.transition.dim().0;
        let zeros = |rows, columns| Array2::zeros((rows, columns));
        DeepKalmanWork {
            units: [self.forward.cache(rows), self.backward.cache(rows)],
            posterior: LinearPack::new(),
            transition: self.transition.cache(rows),
            emission: self.emission.scratch(),
            latent: Latent::new(rows, z),
            input: zeros(rows, inputs),
            hidden: zeros(rows, 2 * hidden),
            dhidden: zeros(rows, 2 * hidden),
            unit: zeros(sequences, hidden),
            dunit: [zeros(sequences, hidden), zeros(sequences, hidden)],
            step_head: GaussianHead::new(rows, z),
            step_raw: zeros(rows, 2 * z),
            step_input: zeros(rows, step),
            dstep_input: zeros(rows, step),
            ones: Array1::from_elem(rows, S::ONE),
            zeros: zeros(rows, z),
        }
    }

    fn prepare(&self, work: &mut DeepKalmanWork<S>) {
        self.forward.prepare(&mut work.units[0]);
        self.backward.prepare(&mut work.units[1]);
        self.posterior.pack(&mut work.posterior);
        self.transition.prepare(&mut work.transition);
        self.emission.prepare(&mut work.emission);
    }

    fn recognize(&self, batch: &Batch<'_, S>, work: &mut DeepKalmanWork<S>) {
        batch.steps();
        let (sequences, observed, mask) = (batch.sequences, batch.input, batch.mask);
        let seen = Seen { sequences, observed, mask, seen: batch.seen, control: batch.control };
        self.read(&seen, batch.noise, work);
    }

    fn bound(&self, batch: &Batch<'_, S>, work: &mut DeepKalmanWork<S>, out: &mut Bound<S>) {
        self.recognize(batch, work);
        self.follow(batch, work);
        work.latent.bound(&self.emission, batch, &mut work.emission, out);
    }

    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut DeepKalmanWork<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        let weights = Weights::of(options);
        let (n, rows) = (batch.sequences, batch.input.nrows());
        self.recognize(batch, work);
        self.follow(batch, work);
        let DeepKalmanWork { latent, emission, .. } = work;
        latent.bound_gradient(&self.emission, batch, weights, emission, out, &mut grads.emission);
        self.follow_backward(n, rows, work, grads);
        self.read_backward((n, batch.noise), work, grads);
    }

    fn state(work: &DeepKalmanWork<S>) -> ArrayView2<'_, S> {
        work.latent.state()
    }

    /// # Panics
    /// Always: [`check`](Learner::check) refuses it.
    fn decay(&mut self, _: S) {
        panic!("a baseline has no decay of weights");
    }
}

impl<S: Scalar> Predictor<S> for DeepKalman<S> {
    fn predict(&self, seen: &Seen<'_, S>) -> Array2<S> {
        let (n, control) = (seen.sequences, seen.control);
        let (rows, width) = (seen.observed.nrows(), self.noise());
        let mut work = self.work(n, rows);
        self.prepare(&mut work);
        let noise = Array2::zeros((rows, width));
        self.read(seen, noise.view(), &mut work);
        let mut now = work.latent.state().slice(s![rows - n.., ..]).to_owned();
        let future = control.nrows() + n - rows;
        let mut states = Array2::zeros((future, width));
        for at in (0..future).step_by(n) {
            let u = control.slice(s![rows - n + at..rows + at, ..]);
            now = self.advance(now.view(), u, &mut work);
            states.slice_mut(s![at..at + n, ..]).assign(&now);
        }
        let mut frames = Array2::zeros((future, self.emission.observation()));
        self.emission.mean(states.view(), frames.view_mut(), &mut work.emission);
        frames
    }
}

impl<S> DeepKalmanWork<S> {
    /// The latent state of the last pass.
    pub fn latent(&self) -> &Latent<S> {
        &self.latent
    }
}

impl<S: Scalar> Generative<S> for DeepKalman<S> {
    fn factors(&self) -> Factors {
        Factors::Sequences
    }

    fn log_weights(
        work: &DeepKalmanWork<S>,
        bound: &Bound<S>,
        noise: ArrayView2<'_, S>,
    ) -> Vec<f64> {
        work.latent.log_weights(noise, bound.log_lik.len())
    }
}

impl<S: Scalar> Params<S> for DeepKalman<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.forward.visit(path.child("forward"), f);
        self.backward.visit(path.child("backward"), f);
        self.posterior.visit(path.child("posterior"), f);
        self.transition.visit(path.child("transition"), f);
        self.emission.visit(path.child("emission"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.forward.visit_mut(path.child("forward"), f);
        self.backward.visit_mut(path.child("backward"), f);
        self.posterior.visit_mut(path.child("posterior"), f);
        self.transition.visit_mut(path.child("transition"), f);
        self.emission.visit_mut(path.child("emission"), f);
    }
}
