//! A sampled latent state with a diagonal Gaussian posterior and a diagonal Gaussian prior, and
//! what is seen of it: the part that latent variable models have in common.
//!
//! Shapes: `raw (R, 2Z)`, `ε, z, μ, σ, m, s (R, Z)`, `x (R, X)`; `R = T·B`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | posterior | `q = N(μ, σ²)` from `raw`, `z = μ + σ ε` | see `dvbf_prob::GaussianHead` |
//! | loss | `−ln p(x \| z) + k KL(q ‖ N(m, s²))` | |
//! | `dz` | by the emission, and by whatever else reads `z` | |
//! | `draw` | by `dz` through the sample, and by the divergence | `dz`, `ε` |
//! | `dm`, `ds` | by the divergence | |

use super::weights::Weights;
use dvbf_core::{Batch, Bound, Scalar};
use dvbf_models::{Cache, Emission, GaussianEmission, LikelihoodOutputs, Observations};
use dvbf_prob::{Diagonal, GaussianHead, HeadCotangents, gaussian_kl_backward, gaussian_kl_terms};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};

/// Buffers of the latent state of all rows.
#[derive(Debug)]
pub struct Latent<S> {
    head: GaussianHead<S>,
    /// One where the posterior is that of the recognition network, zero where it is the prior.
    told: Array1<S>,
    /// Output of the recognition network, then its cotangent.
    pub(super) raw: Array2<S>,
    /// `z`.
    pub(super) state: Array2<S>,
    /// `dz`.
    pub(super) dstate: Array2<S>,
    /// `m`, `s`.
    pub(super) prior: Diagonal<Array2<S>>,
    /// `dm`, `ds`.
    pub(super) dprior: Diagonal<Array2<S>>,
    dposterior: Diagonal<Array2<S>>,
    dnoise: Array2<S>,
    log_lik: Array1<S>,
    terms: Array2<S>,
    rows: usize,
}

const WHOLE: &str = "whole rows are contiguous";

impl<S: Scalar> Latent<S> {
    /// Buffers for `rows` rows of a state of `width = Z` dimensions, with a standard normal prior.
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let zeros = || Array2::zeros((rows, width));
        let pair = || Diagonal { mean: zeros(), std: zeros() };
        Self {
            head: GaussianHead::new(rows, width),
            told: Array1::from_elem(rows, S::ONE),
            raw: Array2::zeros((rows, 2 * width)),
            state: zeros(),
            dstate: zeros(),
            prior: Diagonal { mean: zeros(), std: Array2::from_elem((rows, width), S::ONE) },
            dprior: pair(),
            dposterior: pair(),
            dnoise: zeros(),
            log_lik: Array1::zeros(rows),
            terms: zeros(),
            rows: 0,
        }
    }

    /// `z (R, Z)` of the last pass.
    pub fn state(&self) -> ArrayView2<'_, S> {
        self.state.slice(s![..self.rows, ..])
    }

    /// `μ (R, Z)` of the last pass.
    pub fn posterior_mean(&self) -> ArrayView2<'_, S> {
        self.head.mean().slice_move(s![..self.rows, ..])
    }

    /// `dε (R, Z)` of the last gradient.
    pub fn noise_gradient(&self) -> ArrayView2<'_, S> {
        self.dnoise.slice(s![..self.rows, ..])
    }

    /// Begins a pass of `rows` rows: where the recognition network writes its output.
    #[track_caller]
    pub(super) fn begin(&mut self, rows: usize) -> ArrayViewMut2<'_, S> {
        assert!(rows <= self.raw.nrows(), "workspace is too small for {rows} rows");
        self.rows = rows;
        self.raw.slice_mut(s![..rows, ..])
    }

    /// Posterior and sample from what the recognition network wrote.
    pub(super) fn sample(&mut self, noise: ArrayView2<'_, S>) {
        self.told.slice_mut(s![..self.rows]).fill(S::ONE);
        self.sample_told(noise);
    }

    /// [`sample`](Self::sample) for a posterior that knows its own row alone: of a row without anything
    /// observed by `mask` it is the standard normal distribution.
    pub(super) fn sample_seen(
        &mut self,
        noise: ArrayView2<'_, S>,
        mask: Option<ArrayView2<'_, S>>,
    ) {
        for (row, told) in self.told.iter_mut().enumerate().take(self.rows) {
            let seen = mask.is_none_or(|mask| mask.row(row).iter().any(|&m| m > S::ZERO));
            *told = if seen { S::ONE } else { S::ZERO };
        }
        self.sample_told(noise);
    }

    fn sample_told(&mut self, noise: ArrayView2<'_, S>) {
        let all = s![..self.rows, ..];
        self.head.forward(0, self.raw.slice(all), self.told.slice(s![..self.rows]));
        self.head.sample(0, noise, self.state.slice_mut(all));
    }

    /// Likelihood of what was observed, and the terms of every sequence.
    pub(super) fn bound(
        &mut self,
        emission: &GaussianEmission<S>,
        batch: &Batch<'_, S>,
        scratch: &mut Cache,
        out: &mut Bound<S>,
    ) {
        emission.log_likelihood(
            self.state.slice(s![..self.rows, ..]),
            Observations { value: batch.target, mask: batch.mask },
            self.log_lik.slice_mut(s![..self.rows]),
            scratch,
        );
        self.sum(batch.sequences, out);
    }

    /// [`bound`](Self::bound); starts `dz` by the emission and writes `dm` and `ds`.
    pub(super) fn bound_gradient(
        &mut self,
        emission: &GaussianEmission<S>,
        batch: &Batch<'_, S>,
        weights: Weights<S>,
        scratch: &mut Cache,
        out: &mut Bound<S>,
        grads: &mut GaussianEmission<S>,
    ) {
        let all = s![..self.rows, ..];
        self.dstate.slice_mut(all).fill(S::ZERO);
        emission.log_likelihood_gradient(
            self.state.slice(all),
            Observations { value: batch.target, mask: batch.mask },
            LikelihoodOutputs {
                weight: -weights.scale,
                log_lik: self.log_lik.slice_mut(s![..self.rows]),
                dstate: self.dstate.slice_mut(all),
                grads,
            },
            scratch,
        );
        self.sum(batch.sequences, out);
        for pair in [&mut self.dposterior, &mut self.dprior] {
            pair.mean.slice_mut(all).fill(S::ZERO);
            pair.std.slice_mut(all).fill(S::ZERO);
        }
        let values = self.rows * self.state.ncols();
        let (mean, std) = (self.head.mean(), self.head.std());
        let q = Diagonal { mean: flat(&mean, values), std: flat(&std, values) };
        let (mean, std) = (self.prior.mean.view(), self.prior.std.view());
        let p = Diagonal { mean: flat(&mean, values), std: flat(&std, values) };
        let weight = weights.kl * weights.scale;
        let (dq, dp) = (flat_mut(&mut self.dposterior, values), flat_mut(&mut self.dprior, values));
        gaussian_kl_backward(q, p, weight, dq, dp);
    }

    /// Pulls `dz` and the divergence back to the recognition network's output, whose cotangent it
    /// gives, and to the noise.
    pub(super) fn pull(&mut self, noise: ArrayView2<'_, S>) -> ArrayView2<'_, S> {
        let all = s![..self.rows, ..];
        let dstate = self.dstate.slice(all);
        self.dnoise.slice_mut(all).fill(S::ZERO);
        self.head.backward_noise(0, dstate, self.dnoise.slice_mut(all));
        let cotangents = HeadCotangents {
            sample: dstate,
            mean: self.dposterior.mean.slice(all),
            std: self.dposterior.std.slice(all),
        };
        self.head.backward(0, noise, cotangents, self.raw.slice_mut(all));
        self.raw.slice(all)
    }

    /// `ln p(x, z) − ln q(z)` of the last pass, which had this noise, summed over the rows of each of
    /// `factors` factors.
    pub(super) fn log_weights(&self, noise: ArrayView2<'_, S>, factors: usize) -> Vec<f64> {
        let mut sums = vec![0.0; factors];
        for (row, weight) in self.row_weights(noise).iter().enumerate() {
            sums[row % factors] += weight;
        }
        sums
    }

    fn row_weights(&self, noise: ArrayView2<'_, S>) -> Vec<f64> {
        let (q, half) = (self.head.std(), 0.5);
        (0..self.rows)
            .map(|r| {
                let mut weight = self.log_lik[r].to_double();
                for j in 0..self.state.ncols() {
                    let (z, m) = (self.state[[r, j]], self.prior.mean[[r, j]]);
                    let (s, sigma) = (self.prior.std[[r, j]], q[[r, j]]);
                    let (e, s) = (noise[[r, j]].to_double(), s.to_double());
                    let d = (z - m).to_double() / s;
                    // The constants cancel.
                    weight += (sigma.to_double() / s).ln() + half * (e * e - d * d);
                }
                weight
            })
            .collect()
    }

    /// Sums the terms of all rows by sequence.
    #[track_caller]
    fn sum(&mut self, sequences: usize, out: &mut Bound<S>) {
        assert_eq!((out.log_lik.len(), out.kl.len()), (sequences, sequences), "terms a sequence");
        let values = self.rows * self.state.ncols();
        let (mean, std) = (self.head.mean(), self.head.std());
        let q = Diagonal { mean: flat(&mean, values), std: flat(&std, values) };
        let (mean, std) = (self.prior.mean.view(), self.prior.std.view());
        let p = Diagonal { mean: flat(&mean, values), std: flat(&std, values) };
        gaussian_kl_terms(q, p, &mut self.terms.as_slice_mut().expect(WHOLE)[..values]);
        by_sequence(self.log_lik.slice(s![..self.rows]), &mut out.log_lik);
        out.kl.fill(S::ZERO);
        for (row, terms) in self.terms.rows().into_iter().take(self.rows).enumerate() {
            out.kl[row % sequences] += terms.sum();
        }
    }
}

/// Sums the values of all rows by sequence.
pub(super) fn by_sequence<S: Scalar>(rows: ArrayView1<'_, S>, out: &mut Array1<S>) {
    let sequences = out.len();
    out.fill(S::ZERO);
    for (row, &value) in rows.iter().enumerate() {
        out[row % sequences] += value;
    }
}

fn flat<'a, S>(rows: &'a ArrayView2<'_, S>, values: usize) -> &'a [S] {
    &rows.as_slice().expect(WHOLE)[..values]
}

fn flat_mut<S>(pair: &mut Diagonal<Array2<S>>, values: usize) -> Diagonal<&mut [S]> {
    let Diagonal { mean, std } = pair;
    Diagonal {
        mean: &mut mean.as_slice_mut().expect(WHOLE)[..values],
        std: &mut std.as_slice_mut().expect(WHOLE)[..values],
    }
}

/// Writes observations as a recognition network sees them: zero where `mask` has a zero, whatever stands
/// there.
pub(super) fn write_seen<S: Scalar>(
    mut to: ArrayViewMut2<'_, S>,
    observed: ArrayView2<'_, S>,
    mask: Option<ArrayView2<'_, S>>,
) {
    to.assign(&observed);
    if let Some(mask) = mask {
        to.zip_mut_with(&mask, |x, &m| {
            if m <= S::ZERO {
                *x = S::ZERO;
            }
        });
    }
}
