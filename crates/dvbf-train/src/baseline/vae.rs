//! Variational auto-encoder of single frames (Kingma and Welling 2014): `z ~ N(0, I)`,
//! `x ~ N(net(z), σ²)`, `q(z | x)` a perceptron. It knows nothing of time, and ignores controls. The posterior of a
//! frame of which nothing was observed is the prior.

use super::latent::{Latent, write_seen};
use super::weights::Weights;
use crate::eval::{Factors, Generative};
use crate::settings::TrainingSettings;
use crate::train::Learner;
use dvbf_core::{Batch, Bound, GradientOptions, Noise, Params, Path, Scalar};
use dvbf_data::settings::ValueError;
use dvbf_models::{Cache, Emission, GaussianEmission, GaussianSizes, NoiseScale};
use dvbf_ops::{Features, Mlp, MlpCache};
use ndarray::{Array1, ArrayView2, ArrayViewD, ArrayViewMutD};

/// Sizes of the auto-encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VaeSizes {
    /// `X`.
    pub observation: usize,
    /// `Z`.
    pub state: usize,
    /// `H`, hidden units of encoder and decoder.
    pub hidden: usize,
    /// `σ` of the emission, which stays.
    pub emission_std: f64,
}

/// Parameters of the auto-encoder and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Vae<S> {
    // Invariant: the encoder has `2 Z` outputs for the emission's `Z`.
    encoder: Mlp<S>,
    emission: GaussianEmission<S>,
}

/// Buffers of a pass.
#[derive(Debug)]
pub struct VaeWork<S> {
    encoder: MlpCache<S>,
    emission: Cache,
    latent: Latent<S>,
}

impl<S: Scalar> Vae<S> {
    /// Freshly drawn parameters.
    pub fn random(sizes: &VaeSizes, noise: Noise) -> Self {
        let VaeSizes { observation, state, hidden, emission_std } = *sizes;
        let gains = [2.0_f64.sqrt(), 0.3];
        let log_std = Array1::from_elem(1, S::of(emission_std.ln()));
        let emission = GaussianSizes { state, hidden, observation };
        let seen = Features::identity(state);
        let fixed = NoiseScale::Fixed;
        Self {
            encoder: Mlp::random(&[observation, hidden, 2 * state], &gains, noise.part(0)),
            emission: GaussianEmission::random(emission, seen, log_std, fixed, noise.part(1)),
        }
    }
}

impl<S: Scalar> Learner<S> for Vae<S> {
    type Work = VaeWork<S>;
    type Facts = ();

    fn check(training: &TrainingSettings) -> Result<(), ValueError> {
        super::weights::check(training)
    }

    fn noise(&self) -> usize {
        self.emission.state()
    }

    fn work(&self, _: usize, rows: usize) -> VaeWork<S> {
        VaeWork {
            encoder: self.encoder.cache(rows),
            emission: self.emission.scratch(),
            latent: Latent::new(rows, self.noise()),
        }
    }

    fn prepare(&self, work: &mut VaeWork<S>) {
        self.encoder.prepare_data(&mut work.encoder);
        self.emission.prepare(&mut work.emission);
    }

    fn recognize(&self, batch: &Batch<'_, S>, work: &mut VaeWork<S>) {
        batch.steps();
        let rows = batch.input.nrows();
        write_seen(work.encoder.input(0, rows), batch.input, batch.mask);
        let raw = work.latent.begin(rows);
        self.encoder.forward_written(0, raw, &mut work.encoder);
        work.latent.sample_seen(batch.noise, batch.mask);
    }

    fn bound(&self, batch: &Batch<'_, S>, work: &mut VaeWork<S>, out: &mut Bound<S>) {
        self.recognize(batch, work);
        work.latent.bound(&self.emission, batch, &mut work.emission, out);
    }

    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut VaeWork<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        let weights = Weights::of(options);
        self.recognize(batch, work);
        let VaeWork { encoder, emission, latent } = work;
        latent.bound_gradient(&self.emission, batch, weights, emission, out, &mut grads.emission);
        self.encoder.backward_data(0, latent.pull(batch.noise), encoder);
        self.encoder.accumulate(encoder, &mut grads.encoder);
    }

    fn state(work: &VaeWork<S>) -> ArrayView2<'_, S> {
        work.latent.state()
    }

    /// # Panics
    /// Always: [`check`](Learner::check) refuses it.
    fn decay(&mut self, _: S) {
        panic!("a baseline has no decay of weights");
    }
}

impl<S> VaeWork<S> {
    /// The latent state of the last pass.
    pub fn latent(&self) -> &Latent<S> {
        &self.latent
    }
}

impl<S: Scalar> Generative<S> for Vae<S> {
    fn factors(&self) -> Factors {
        Factors::Frames
    }

    fn log_weights(work: &VaeWork<S>, _: &Bound<S>, noise: ArrayView2<'_, S>) -> Vec<f64> {
        work.latent.log_weights(noise, noise.nrows())
    }
}

impl<S: Scalar> Params<S> for Vae<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.encoder.visit(path.child("encoder"), f);
        self.emission.visit(path.child("emission"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.encoder.visit_mut(path.child("encoder"), f);
        self.emission.visit_mut(path.child("emission"), f);
    }
}
