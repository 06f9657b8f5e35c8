//! RMSprop with the offset inside the root.
//!
//! ```text
//! v ← ρ v + (1 − ρ) g²        θ ← θ − η g / √(v + ε)
//! ```
//!
//! With η 1e-3, ρ 0.9 and ε 1e-4 this is, to within one per cent, the "adadelta, step rate 0.1" of
//! Karl et al. 2017: the optimizer of that name in their library counts the step rate into the
//! accumulated steps.

use crate::Params;
use dvbf_tensor::{Kernel, Scalar, vectorize};
use serde::{Deserialize, Serialize};

/// State of RMSprop; the moments are in the order of [`Params::visit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsProp<S> {
    decay: f64,
    epsilon: f64,
    second: Vec<S>,
}

impl<S: Scalar> RmsProp<S> {
    /// RMSprop for `count` parameters with decay ρ and offset ε.
    pub fn new(count: usize, decay: f64, epsilon: f64) -> Self {
        Self { decay, epsilon, second: vec![S::ZERO; count] }
    }

    /// Number of parameters that this state is for.
    pub fn count(&self) -> usize {
        self.second.len()
    }

    /// Moves `params` against `scale · gradient` with the given learning rate.
    ///
    /// # Panics
    /// If `params` or `gradient` has another size than this state.
    #[track_caller]
    pub fn update(&mut self, params: &mut dyn Params<S>, gradient: &[S], scale: S, rate: f64) {
        self.update_with(params, gradient, scale, &|_| rate);
    }

    /// [`update`](Self::update) with a learning rate for every array: `rate` is asked with the place
    /// of the array in the flat vector. An array whose rate is zero stays as it is, and so does its
    /// part of this state.
    ///
    /// # Panics
    /// As [`update`](Self::update).
    #[track_caller]
    pub fn update_with(
        &mut self,
        params: &mut dyn Params<S>,
        gradient: &[S],
        scale: S,
        rate: &dyn Fn(usize) -> f64,
    ) {
        assert_eq!(gradient.len(), self.count(), "gradient against the optimizer's state");
        assert_eq!(params.count(), self.count(), "parameters against the optimizer's state");
        let (decay, rest) = (S::of(self.decay), S::of(1.0 - self.decay));
        let epsilon = S::of(self.epsilon);
        params.each_slice_mut(&mut |start, theta| {
            let rate = S::of(rate(start));
            if rate <= S::ZERO {
                return;
            }
            let range = start..start + theta.len();
            vectorize(Update {
                constants: [decay, rest, epsilon, rate, scale],
                gradient: &gradient[range.clone()],
                second: &mut self.second[range],
                theta,
            });
        });
    }
}

struct Update<'a, S> {
    constants: [S; 5],
    theta: &'a mut [S],
    gradient: &'a [S],
    second: &'a mut [S],
}

impl<S: Scalar> Kernel for Update<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [decay, rest, epsilon, rate, scale] = self.constants;
        for ((theta, &g), v) in self.theta.iter_mut().zip(self.gradient).zip(self.second) {
            let g = g * scale;
            *v = decay * *v + rest * g * g;
            *theta -= rate * g / (*v + epsilon).sqrt();
        }
    }
}
