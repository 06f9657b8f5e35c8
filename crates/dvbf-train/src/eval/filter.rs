//! The Deep Variational Bayes Filter as something that is evaluated.

use super::{Factors, Generative, Predictor, Seen};
use crate::train::Learner;
use dvbf_core::{Batch, Bound, Dvbf, Rollout, RolloutInput, Scalar};
use ndarray::{Array2, ArrayView2, s};

impl<S: Scalar> Predictor<S> for Dvbf<S> {
    /// The mean path of the filter over what was seen, then the transition with zero noise.
    fn predict(&self, seen: &Seen<'_, S>) -> Array2<S> {
        let (n, rows) = (seen.sequences, seen.observed.nrows());
        let width = Learner::noise(self);
        let noise = Array2::zeros((rows, width));
        let batch = Batch {
            sequences: n,
            input: seen.observed,
            start: None,
            target: seen.observed,
            mask: seen.mask,
            seen: seen.seen,
            control: seen.control.slice(s![..rows, ..]),
            noise: noise.view(),
        };
        let mut work = self.work(n, rows);
        self.prepare(&mut work);
        self.recognize(&batch, &mut work);
        let z = work.state().slice(s![rows - n.., ..]).to_owned();
        let control = seen.control.slice(s![rows - n.., ..]);
        let none = Array2::zeros((control.nrows(), width));
        let mut run = Rollout::new(self, n);
        let input = RolloutInput { start: z.view(), control, noise: none.view() };
        let states = run.states(self, input);
        let mut mean = Array2::zeros((control.nrows(), self.observation()));
        run.observe(self, states.view(), mean.view_mut());
        mean
    }
}

impl<S: Scalar> Generative<S> for Dvbf<S> {
    fn factors(&self) -> Factors {
        Factors::Sequences
    }

    /// `w` is what is sampled: `ln p(x | w) + ln p(w) − ln q(w)`.
    fn log_weights(work: &Self::Work, bound: &Bound<S>, noise: ArrayView2<'_, S>) -> Vec<f64> {
        let mut weights: Vec<f64> = bound.log_lik.iter().map(|l| l.to_double()).collect();
        let n = weights.len();
        let (w, std) = (work.noise(), work.noise_std());
        for row in 0..noise.nrows() {
            // ln p(w) − ln q(w) at the sample: the constants cancel.
            let terms = w.row(row).into_iter().zip(std.row(row)).zip(noise.row(row)).map(
                |((w, std), e)| {
                    let (w, std, e) = (w.to_double(), std.to_double(), e.to_double());
                    std.ln() + 0.5 * (e * e - w * w)
                },
            );
            weights[row % n] += terms.sum::<f64>();
        }
        weights
    }
}
