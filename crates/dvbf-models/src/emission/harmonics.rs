//! Gaussian emission whose mean is a sum of waves over the state: what is seen is smooth, and between
//! the states that were seen it does not bend more than it has to.
//!
//! Shapes: `z (n, V)`, phases `φ (n, V)`, waves `h (n, 2N)`, `μ (n, X)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | phase | `φᵢ = rᵢ zᵢ`, `rᵢ = 1` of an angle, `2π / (period · scaleᵢ)` of any other component | |
//! | waves | `h = [λ_k cos(k·φ), λ_k sin(k·φ)]` for every `k` of `N` vectors of whole numbers, `λ_k = exp(−‖k‖² ℓ² / 4)` | |
//! | mean | `μ = b + h Cᵀ` | |
//! | `dz` | `dzᵢ += rᵢ Σ_k kᵢ (h_cos dh_sin − h_sin dh_cos)` | `h` (cached) |
//! | `dC`, `db` | those of an affine map | `h`, `dμ` (cached) |
//!
//! The vectors are those with `0 < ‖k‖₁ ≤ K`, one of each pair `±k`: of one angle the whole multiples
//! `1 … K`. The factors `λ` make a prior of it: coefficients `C` of equal size draw the functions of a
//! Gaussian process with the covariance `exp(−‖φ − φ'‖² / 2ℓ²)` (Rasmussen and Williams 2006, section
//! 4.2.1), whose samples change over about `ℓ` radians. The optimizer, to which all coefficients are
//! alike, moves broad waves more than narrow ones.

use super::gaussian::{MeanNetwork, check_visible};
use super::{Emission, EmissionRole, EmissionStd, GaussianEmission};
use crate::kind::{Context, KindError, PartConfig};
use dvbf_dynamics::ComponentKind;
use dvbf_ops::{Features, Linear, Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s,
};
use serde::{Deserialize, Serialize};

/// Largest number of vectors `k`.
const MOST: usize = 1 << 14;

/// Settings of an emission of waves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarmonicsConfig {
    /// `V`, leading dimensions of the state that are seen; all of them if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<usize>,
    /// `K`, the highest multiple.
    pub order: usize,
    /// `ℓ`, radians over which what is seen changes; zero for waves that all weigh the same.
    pub detail: f64,
    /// Typical magnitudes after which a component that is no angle repeats: more than its range.
    pub period: f64,
    /// How the standard deviation is set.
    pub std_kind: EmissionStd,
    /// The standard deviation: the value, or where training starts.
    pub std: f64,
}

impl Default for HarmonicsConfig {
    fn default() -> Self {
        Self {
            state: None,
            order: 16,
            detail: 0.2,
            period: 10.0,
            std_kind: EmissionStd::Fixed,
            std: 0.05,
        }
    }
}

impl HarmonicsConfig {
    fn visible(&self, context: &Context) -> usize {
        self.state.unwrap_or(context.state)
    }

    /// Radians of phase for a unit of every visible component.
    fn rates(&self, context: &Context) -> Vec<f64> {
        let visible = context.components.iter().take(self.visible(context));
        visible
            .map(|component| match component.kind {
                ComponentKind::Angle => 1.0,
                ComponentKind::Linear | ComponentKind::CountedAngle => {
                    std::f64::consts::TAU / (self.period * component.scale)
                }
            })
            .collect()
    }
}

impl PartConfig<EmissionRole> for HarmonicsConfig {
    const KIND: &'static str = "harmonics";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("order", self.order, 64)?;
        KindError::check_positive("period", self.period)?;
        KindError::check_positive("std", self.std)?;
        if !(self.detail.is_finite() && self.detail >= 0.0) {
            let problem =
                format!("is {}; it must be a finite number and not negative", self.detail);
            return Err(KindError::new("detail", problem));
        }
        check_visible(self.visible(context), context)?;
        let vectors = count(self.visible(context), self.order);
        if vectors > MOST {
            let problem = format!(
                "is {}, which makes more than {MOST} waves of {} components",
                self.order,
                self.visible(context)
            );
            return Err(KindError::new("order", problem));
        }
        Ok(())
    }

    fn parameters(&self, context: &Context) -> usize {
        let waves = 2 * count(self.visible(context), self.order);
        (waves + 1)
            .saturating_mul(context.observation)
            .saturating_add(self.std_kind.values(context.observation).0)
    }

    fn init<S: Scalar>(&self, context: &Context, _: Noise) -> Box<dyn Emission<S>> {
        let (values, scale) = self.std_kind.values(context.observation);
        let log_std = Array1::from_elem(values, S::of(self.std.ln()));
        let visible = self.visible(context);
        let waves = Waves::new(&self.rates(context), self.order, self.detail);
        let sum = Mlp::new(vec![Linear::zeros(waves.len(), context.observation)]);
        let features = Features::identity(visible);
        Box::new(GaussianEmission::new(
            Harmonics { waves, sum },
            features,
            context.state,
            log_std,
            scale,
        ))
    }
}

/// Vectors of `dims` whole numbers with `0 < ‖k‖₁ ≤ order`, one of each pair `±k`; at most `usize::MAX`.
fn count(dims: usize, order: usize) -> usize {
    // Σᵢ C(dims, i) C(order, i) 2ⁱ of them lie in the ball.
    let (mut term, mut ball) = (1.0_f64, 1.0_f64);
    for i in 0..dims.min(order) {
        let next = (i + 1) as f64;
        term *= 2.0 * (dims - i) as f64 * (order - i) as f64 / (next * next);
        ball += term;
    }
    if ball > (1_u64 << 52) as f64 {
        return usize::MAX;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let vectors = ((ball.round() - 1.0) / 2.0) as usize;
    vectors
}

/// The waves of some components.
#[derive(Clone, Debug, PartialEq)]
struct Waves {
    /// Radians of phase for a unit of every component.
    rates: Vec<f64>,
    /// `k (N, V)`.
    vectors: Array2<i32>,
    /// `λ (N)`.
    weights: Vec<f64>,
    order: usize,
}

impl Waves {
    fn new(rates: &[f64], order: usize, detail: f64) -> Self {
        let (dims, limit) = (rates.len(), i32::try_from(order).expect("a small order"));
        let mut found = Vec::new();
        let mut vector = vec![0; dims];
        extend(&mut vector, 0, limit, &mut found);
        // The broadest first; the sort is stable.
        found.sort_by_key(|k| k.iter().map(|k| k.abs()).sum::<i32>());
        let square = |k: &[i32]| k.iter().map(|&k| f64::from(k * k)).sum::<f64>();
        let weights = found.iter().map(|k| (-square(k) * detail * detail / 4.0).exp()).collect();
        let vectors = Array2::from_shape_fn((found.len(), dims), |(i, j)| found[i][j]);
        Self { rates: rates.to_vec(), vectors, weights, order }
    }

    /// `2N`.
    fn len(&self) -> usize {
        2 * self.weights.len()
    }

    /// Writes the waves of one state.
    fn write<S: Scalar>(&self, state: ArrayView1<'_, S>, powers: &mut [(S, S)], out: &mut [S]) {
        // cos(j φᵢ), sin(j φᵢ) for j up to K, by turning on and on.
        let each = self.order + 1;
        for ((&z, &rate), powers) in state.iter().zip(&self.rates).zip(powers.chunks_mut(each)) {
            let phase = S::of(rate) * z;
            let one = (phase.cos(), phase.sin());
            powers[0] = (S::ONE, S::ZERO);
            for j in 1..each {
                powers[j] = turned(powers[j - 1], one);
            }
        }
        for (i, (k, &weight)) in self.vectors.rows().into_iter().zip(&self.weights).enumerate() {
            let mut wave = (S::of(weight), S::ZERO);
            for (&k, powers) in k.iter().zip(powers.chunks(each)) {
                if k != 0 {
                    let (cosine, sine) = powers[k.unsigned_abs() as usize];
                    wave = turned(wave, (cosine, if k < 0 { -sine } else { sine }));
                }
            }
            (out[2 * i], out[2 * i + 1]) = wave;
        }
    }

    /// Adds the cotangent of a state, given its waves and their cotangents.
    fn pull_back<S: Scalar>(&self, waves: &[S], dwaves: &[S], dstate: &mut [S]) {
        for (i, k) in self.vectors.rows().into_iter().enumerate() {
            let (cosine, sine) = (waves[2 * i], waves[2 * i + 1]);
            let dphase = cosine * dwaves[2 * i + 1] - sine * dwaves[2 * i];
            for ((&k, &rate), dstate) in k.iter().zip(&self.rates).zip(&mut *dstate) {
                *dstate += S::of(f64::from(k) * rate) * dphase;
            }
        }
    }
}

/// All vectors from place `at` on whose first number that is not zero is positive.
fn extend(vector: &mut Vec<i32>, at: usize, left: i32, found: &mut Vec<Vec<i32>>) {
    if at == vector.len() {
        if vector.iter().any(|&k| k != 0) {
            found.push(vector.clone());
        }
        return;
    }
    let leading = vector[..at].iter().all(|&k| k == 0);
    for k in if leading { 0 } else { -left }..=left {
        vector[at] = k;
        extend(vector, at + 1, left - k.abs(), found);
    }
    vector[at] = 0;
}

/// The product of two complex numbers.
fn turned<S: Scalar>(a: (S, S), b: (S, S)) -> (S, S) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// The sum of waves, the network of the mean of a [`GaussianEmission`].
#[derive(Clone, Debug)]
struct Harmonics<S> {
    waves: Waves,
    /// `C (X, 2N)`, `b (X)`.
    sum: Mlp<S>,
}

#[derive(Debug)]
struct HarmonicsCache<S> {
    sum: MlpCache<S>,
    waves: Array2<S>,
    dwaves: Array2<S>,
    dstate: Vec<S>,
    powers: Vec<(S, S)>,
}

impl<S: Scalar> Harmonics<S> {
    fn write_waves(&self, state: ArrayView2<'_, S>, cache: &mut HarmonicsCache<S>) {
        assert_eq!(state.ncols(), self.waves.rates.len(), "state against V");
        let HarmonicsCache { waves, powers, .. } = cache;
        for (state, mut waves) in state.rows().into_iter().zip(waves.rows_mut()) {
            let out = waves.as_slice_mut().expect("rows are contiguous");
            self.waves.write(state, powers, out);
        }
    }
}

impl<S: Scalar> MeanNetwork<S> for Harmonics<S> {
    type Cache = HarmonicsCache<S>;

    fn sizes(&self) -> (usize, usize) {
        (self.waves.rates.len(), self.sum.dim().1)
    }

    fn new_cache(&self, rows: usize) -> HarmonicsCache<S> {
        let waves = || Array2::zeros((rows, self.waves.len()));
        let powers = self.waves.rates.len() * (self.waves.order + 1);
        HarmonicsCache {
            sum: self.sum.cache(rows),
            waves: waves(),
            dwaves: waves(),
            dstate: vec![S::ZERO; self.waves.rates.len()],
            powers: vec![(S::ZERO, S::ZERO); powers],
        }
    }

    fn pack(&self, cache: &mut HarmonicsCache<S>) {
        self.sum.prepare(&mut cache.sum);
    }

    fn write(
        &self,
        features: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
        cache: &mut HarmonicsCache<S>,
    ) {
        self.write_waves(features, cache);
        let waves = cache.waves.slice(s![..features.nrows(), ..]);
        self.sum.forward(0, waves, mean, &mut cache.sum);
    }

    fn write_kept(&self, features: ArrayView2<'_, S>, cache: &mut HarmonicsCache<S>) {
        self.write_waves(features, cache);
        let waves = cache.waves.slice(s![..features.nrows(), ..]);
        self.sum.forward_kept(0, waves, &mut cache.sum);
    }

    fn output(cache: &mut HarmonicsCache<S>, rows: usize) -> ArrayViewMut2<'_, S> {
        cache.sum.output(0, rows)
    }

    fn pull_back(&self, mut dfeatures: ArrayViewMut2<'_, S>, cache: &mut HarmonicsCache<S>) {
        let HarmonicsCache { sum, waves, dwaves, dstate, .. } = cache;
        let mut dwaves = dwaves.slice_mut(s![..dfeatures.nrows(), ..]);
        dwaves.fill(S::ZERO);
        self.sum.backward_written(0, dwaves.view_mut(), sum);
        let rows = waves.rows().into_iter().zip(dwaves.rows()).zip(dfeatures.rows_mut());
        for ((waves, dwaves), mut dfeatures) in rows {
            dstate.fill(S::ZERO);
            let contiguous = "rows are contiguous";
            let (waves, dwaves) =
                (waves.to_slice().expect(contiguous), dwaves.to_slice().expect(contiguous));
            self.waves.pull_back(waves, dwaves, dstate);
            dfeatures.iter_mut().zip(&*dstate).for_each(|(to, &d)| *to += d);
        }
    }

    fn accumulate_block(&self, cache: &mut HarmonicsCache<S>, grads: &mut Self) {
        self.sum.accumulate(&mut cache.sum, &mut grads.sum);
    }

    fn push_forward(&self, features: ArrayView1<'_, S>, tangents: ArrayView2<'_, S>) -> Array2<S> {
        let dims = self.waves.rates.len();
        let mut powers = vec![(S::ZERO, S::ZERO); dims * (self.waves.order + 1)];
        let mut waves = vec![S::ZERO; self.waves.len()];
        self.waves.write(features, &mut powers, &mut waves);
        let mut slopes = Array2::zeros((waves.len(), dims));
        for (i, k) in self.waves.vectors.rows().into_iter().enumerate() {
            for (j, (&k, &rate)) in k.iter().zip(&self.waves.rates).enumerate() {
                let turn = S::of(f64::from(k) * rate);
                slopes[[2 * i, j]] = -turn * waves[2 * i + 1];
                slopes[[2 * i + 1, j]] = turn * waves[2 * i];
            }
        }
        self.sum.layers()[0].weight().dot(&slopes.dot(&tangents))
    }
}

impl<S: Scalar> Params<S> for Harmonics<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.sum.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.sum.visit_mut(path, f);
    }
}
