//! Importance-weighted bounds: above the bound, and where the answer is known, the answer.

use crate::small::{pendulum, pool};
use dvbf_core::{Noise, Path};
use dvbf_train::baseline::{DeepKalman, DeepKalmanSizes, Vae, VaeSizes};
use dvbf_train::eval::{Draw, Generative, importance_weighted_bound, infer};
use dvbf_train::train::Learner;

const SIZE: usize = 6;

fn vae(seed: u64) -> Vae<f32> {
    let sizes = VaeSizes { observation: SIZE * SIZE, state: 2, hidden: 5, emission_std: 1.0 };
    Vae::random(&sizes, Noise::new(seed, 0))
}

fn deep_kalman(seed: u64) -> DeepKalman<f32> {
    let sizes = DeepKalmanSizes {
        observation: SIZE * SIZE,
        control: 1,
        state: 2,
        emission_state: 2,
        recurrent: 4,
        hidden: 5,
        transition_hidden: 5,
        emission_std: 1.0,
    };
    DeepKalman::random(&sizes, Noise::new(seed, 0))
}

fn check<M: Generative<f32>>(model: &M) {
    let data = pendulum(SIZE, 30, 4, 1);
    let mean = |seed| {
        let inferred = infer(model, &data, 4, Draw::Sample(seed), &pool());
        (inferred.log_lik.sum() - inferred.kl.sum()) / 30.0
    };
    // One sample is unbiased for the bound; more samples are above it and rise.
    let bound = (0..40).map(mean).sum::<f64>() / 40.0;
    let single = (0..40).map(|seed| importance_weighted_bound(model, &data, 1, seed, &pool()));
    let single = single.sum::<f64>() / 40.0;
    assert!((single - bound).abs() < 1.0, "{single} against {bound}");
    let [few, many] =
        [4, 64].map(|samples| importance_weighted_bound(model, &data, samples, 0, &pool()));
    assert!(bound < few && few < many, "{bound} {few} {many}");
}

#[test]
fn more_samples_are_closer() {
    check(&vae(1));
    check(&deep_kalman(2));
}

/// With an emission that ignores the state the evidence is the likelihood, whatever the posterior,
/// as long as it is wider than the prior.
#[test]
fn without_a_latent_state_the_bound_is_exact() {
    fn blind<M: Learner<f32>>(mut model: M, deviations: &str) -> M {
        let (mut start, mut flat, width) = (0, model.to_flat(), model.noise());
        model.visit(Path::ROOT, &mut |path, array| {
            let place = start..start + array.len();
            start = place.end;
            if path.to_string() == "emission.0.weight" {
                flat[place].fill(0.0);
            } else if path.to_string() == deviations {
                flat[place.end - width..place.end].fill(1.0);
            }
        });
        model.set_flat(&flat);
        model
    }
    let data = pendulum(SIZE, 30, 3, 1);
    let exact = |log_lik: ndarray::Array1<f64>| log_lik.sum() / 30.0;
    let model = blind(vae(3), "encoder.1.bias");
    let truth = exact(infer(&model, &data, 3, Draw::Sample(0), &pool()).log_lik);
    let found = importance_weighted_bound(&model, &data, 4000, 0, &pool());
    assert!((found - truth).abs() < 0.05, "{found} against {truth}");
    let model = blind(deep_kalman(3), "posterior.bias");
    let truth = exact(infer(&model, &data, 3, Draw::Sample(0), &pool()).log_lik);
    let found = importance_weighted_bound(&model, &data, 4000, 0, &pool());
    assert!((found - truth).abs() < 0.15, "{found} against {truth}");
}
