//! Adam (Kingma and Ba 2015, algorithm 1).
//!
//! ```text
//! m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
//! θ ← θ − η · m̂ / (√v̂ + ε)     m̂ = m / (1 − β₁ⁱ),  v̂ = v / (1 − β₂ⁱ)
//! ```

use crate::Params;
use dvbf_tensor::{Kernel, Scalar, vectorize};
use serde::{Deserialize, Serialize};

/// State of Adam; moments are in the order of [`Params::visit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adam<S> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    step: u64,
    first: Vec<S>,
    second: Vec<S>,
}

impl<S: Scalar> Adam<S> {
    /// Adam for `count` parameters with β₁ 0.9, β₂ 0.999 and ε 1e-8.
    pub fn new(count: usize) -> Self {
        Self::with_constants(count, 0.9, 0.999, 1e-8)
    }

    /// Adam with the given constants.
    pub fn with_constants(count: usize, beta1: f64, beta2: f64, epsilon: f64) -> Self {
        let zeros = vec![S::ZERO; count];
        Self { beta1, beta2, epsilon, step: 0, first: zeros.clone(), second: zeros }
    }

    /// Number of parameters that this state is for.
    pub fn count(&self) -> usize {
        self.first.len()
    }

    /// Moves `params` against `scale · gradient` with the given learning rate.
    ///
    /// # Panics
    /// If `params` or `gradient` has another size than this state.
    #[track_caller]
    pub fn update(&mut self, params: &mut dyn Params<S>, gradient: &[S], scale: S, rate: f64) {
        assert_eq!(gradient.len(), self.count(), "gradient against the optimizer's state");
        assert_eq!(params.count(), self.count(), "parameters against the optimizer's state");
        let AdamUpdate { step, first, second } = self.begin(scale, rate);
        params.each_slice_mut(&mut |start, theta| {
            let range = start..start + theta.len();
            let (first, second) = (&mut first[range.clone()], &mut second[range.clone()]);
            step.apply(theta, &gradient[range], first, second);
        });
    }

    /// Counts an update and hands out what it needs, for callers that divide the parameters among
    /// threads: every parameter's update is independent of the others.
    pub fn begin(&mut self, scale: S, rate: f64) -> AdamUpdate<'_, S> {
        self.step += 1;
        let power = |beta: f64| 1.0 - beta.powf(self.step as f64);
        let correction = power(self.beta2).sqrt();
        let rate = rate * correction / power(self.beta1);
        let step = AdamStep {
            beta1: S::of(self.beta1),
            rest1: S::of(1.0 - self.beta1),
            beta2: S::of(self.beta2),
            rest2: S::of(1.0 - self.beta2),
            epsilon: S::of(self.epsilon * correction),
            rate: S::of(rate),
            scale,
        };
        AdamUpdate { step, first: &mut self.first, second: &mut self.second }
    }
}

/// One update of Adam in progress: its constants and the moments in the order of
/// [`Params::visit`].
#[derive(Debug)]
pub struct AdamUpdate<'a, S> {
    /// The constants of this update.
    pub step: AdamStep<S>,
    /// `m`.
    pub first: &'a mut [S],
    /// `v`.
    pub second: &'a mut [S],
}

/// The constants of one update of Adam.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep<S> {
    beta1: S,
    rest1: S,
    beta2: S,
    rest2: S,
    epsilon: S,
    rate: S,
    scale: S,
}

impl<S: Scalar> AdamStep<S> {
    /// The same step with the learning rate times `factor`.
    #[must_use]
    pub fn with_factor(self, factor: S) -> Self {
        Self { rate: self.rate * factor, ..self }
    }

    /// Moves the parameters `theta`, whose gradient and moments these are.
    ///
    /// # Panics
    /// If the lengths differ.
    #[track_caller]
    pub fn apply(&self, theta: &mut [S], gradient: &[S], first: &mut [S], second: &mut [S]) {
        let lengths = (gradient.len(), first.len(), second.len());
        assert_eq!(lengths, (theta.len(), theta.len(), theta.len()), "gradient and moments");
        vectorize(Update { constants: *self, theta, gradient, first, second });
    }
}

struct Update<'a, S> {
    constants: AdamStep<S>,
    theta: &'a mut [S],
    gradient: &'a [S],
    first: &'a mut [S],
    second: &'a mut [S],
}

impl<S: Scalar> Kernel for Update<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let k = self.constants;
        let moments = self.first.iter_mut().zip(self.second);
        for ((theta, &g), (m, v)) in self.theta.iter_mut().zip(self.gradient).zip(moments) {
            let g = g * k.scale;
            *m = k.beta1 * *m + k.rest1 * g;
            *v = k.beta2 * *v + k.rest2 * g * g;
            *theta -= k.rate * *m / (v.sqrt() + k.epsilon);
        }
    }
}
