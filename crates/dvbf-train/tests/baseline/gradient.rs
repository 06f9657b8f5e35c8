//! Gradients of whole sequences against central differences: all parameters and all noise.
//!
//! Only several steps show a gradient that is cut in time, taken from the wrong step or
//! overwritten. Observations and controls get no gradient and are not checked.

use dvbf_core::{Batch, Bound, GradientOptions, Noise, Objective, Params};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_train::baseline::{
    DeepKalman, DeepKalmanSizes, Latent, Recurrent, RecurrentSizes, Vae, VaeSizes,
};
use dvbf_train::train::Learner;
use ndarray::{Array1, Array2};
use proptest::{prelude::*, test_runner::TestCaseError};

/// Losses are means a row, of order one to a hundred.
const TOL: Tol = Tol { abs: 1e-6, rel: 1e-5 };
const OBSERVATION: usize = 3;

/// Sequences and how their loss is weighted.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    sequences: usize,
    control: Array2<f64>,
    input: Array2<f64>,
    target: Array2<f64>,
    seen: Array1<f64>,
    mask: Option<Array2<f64>>,
    kl: f64,
}

fn draw(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f64> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(seed, stream).normal(a.as_slice_mut().unwrap());
    a
}

fn case() -> impl Strategy<Value = Case> {
    (any::<u64>(), 1..4_usize, 1..5_usize, 0..3_usize, 0.1..3.0, any::<bool>()).prop_map(
        |(seed, sequences, steps, controls, kl, masked)| {
            let rows = sequences * steps;
            Case {
                seed,
                sequences,
                control: draw(rows, controls, seed, 1),
                input: draw(rows, OBSERVATION, seed, 2),
                target: draw(rows, OBSERVATION, seed, 3),
                seen: draw(rows, 1, seed, 4).column(0).mapv(|v| f64::from(u8::from(v > -0.5))),
                mask: masked.then(|| {
                    draw(rows, OBSERVATION, seed, 6).mapv(|v| f64::from(u8::from(v > 0.0)))
                }),
                kl,
            }
        },
    )
}

impl Case {
    fn batch<'a>(&'a self, noise: &'a Array2<f64>) -> Batch<'a, f64> {
        Batch {
            sequences: self.sequences,
            input: self.input.view(),
            start: None,
            target: self.target.view(),
            mask: self.mask.as_ref().map(|mask| mask.view()),
            seen: self.seen.view(),
            control: self.control.view(),
            noise: noise.view(),
        }
    }

    fn noise(&self, model: &impl Learner<f64>) -> Array2<f64> {
        draw(self.input.nrows(), model.noise(), self.seed, 5)
    }

    fn weights(&self) -> GradientOptions<f64> {
        GradientOptions {
            objective: Objective { kl: self.kl, ..Objective::BOUND },
            scale: 1.0 / self.input.nrows() as f64,
            state_limit: f64::INFINITY,
        }
    }

    fn loss(&self, model: &impl Learner<f64>, noise: &Array2<f64>) -> f64 {
        let mut work = model.work(self.sequences, self.input.nrows());
        model.prepare(&mut work);
        let mut bound = Bound::zeros(self.sequences);
        model.bound(&self.batch(noise), &mut work, &mut bound);
        (self.kl * bound.kl.sum() - bound.log_lik.sum()) / self.input.nrows() as f64
    }
}

/// The gradient of one pass, and its buffers.
fn pass<M: Learner<f64>>(case: &Case, model: &M, noise: &Array2<f64>) -> (Vec<f64>, M::Work) {
    let mut work = model.work(case.sequences, case.input.nrows());
    model.prepare(&mut work);
    let (mut bound, mut grads) = (Bound::zeros(case.sequences), model.zeros_like());
    model.gradient(&case.batch(noise), case.weights(), &mut work, &mut bound, &mut grads);
    (grads.to_flat(), work)
}

/// Parameters against differences; the fixed standard deviation at the end is left out.
fn check_parameters<M: Learner<f64>>(case: &Case, model: &M) -> Result<(), TestCaseError> {
    let (noise, all) = (case.noise(model), model.to_flat());
    let gradient = pass(case, model, &noise).0;
    let trained = all.len() - 1;
    prop_assert!(gradient[trained] == 0.0, "the standard deviation of the emission is fixed");
    let mut moved = model.clone();
    let at = |theta: &[f64]| {
        moved.set_flat(&[theta, &all[trained..]].concat());
        case.loss(&moved, &noise)
    };
    check_coordinates(at, &all[..trained], &gradient[..trained], TOL)
}

fn check_noise<M: Learner<f64>>(
    case: &Case,
    model: &M,
    latent: fn(&M::Work) -> &Latent<f64>,
) -> Result<(), TestCaseError> {
    let noise = case.noise(model);
    let work = pass(case, model, &noise).1;
    let gradient: Vec<f64> = latent(&work).noise_gradient().iter().copied().collect();
    let at = |v: &[f64]| {
        let noise = Array2::from_shape_vec(noise.dim(), v.to_vec()).unwrap();
        case.loss(model, &noise)
    };
    check_coordinates(at, noise.as_slice().unwrap(), &gradient, TOL)
}

/// Three passes add three times the gradient, and a used workspace is as good as a new one.
fn check_accumulation<M: Learner<f64>>(
    case: &Case,
    other: &Case,
    model: &M,
) -> Result<(), TestCaseError> {
    let noise = case.noise(model);
    let one = pass(case, model, &noise).0;
    let sequences = case.sequences.max(other.sequences);
    let mut work = model.work(sequences, case.input.nrows().max(other.input.nrows()));
    model.prepare(&mut work);
    if case.control.ncols() == other.control.ncols() {
        let (mut bound, mut grads) = (Bound::zeros(other.sequences), model.zeros_like());
        let before = other.noise(model);
        model.gradient(&other.batch(&before), other.weights(), &mut work, &mut bound, &mut grads);
    }
    let (mut bound, mut grads) = (Bound::zeros(case.sequences), model.clone());
    let start = 0.75;
    grads.set_flat(&vec![start; model.count()]);
    for _ in 0..3 {
        model.gradient(&case.batch(&noise), case.weights(), &mut work, &mut bound, &mut grads);
    }
    for (one, three) in one.iter().zip(grads.to_flat()) {
        prop_assert!((start + 3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
    }
    let loss = (case.kl * bound.kl.sum() - bound.log_lik.sum()) / case.input.nrows() as f64;
    prop_assert_eq!(loss.to_bits(), case.loss(model, &noise).to_bits());
    Ok(())
}

fn vae(case: &Case) -> Vae<f64> {
    let sizes = VaeSizes { observation: OBSERVATION, state: 2, hidden: 4, emission_std: 0.5 };
    Vae::random(&sizes, Noise::new(case.seed, 9))
}

fn deep_kalman(case: &Case) -> DeepKalman<f64> {
    let sizes = DeepKalmanSizes {
        observation: OBSERVATION,
        control: case.control.ncols(),
        state: 3,
        emission_state: 2,
        recurrent: 3,
        hidden: 4,
        transition_hidden: 4,
        emission_std: 0.5,
    };
    DeepKalman::random(&sizes, Noise::new(case.seed, 9))
}

fn recurrent(case: &Case) -> Recurrent<f64> {
    let control = case.control.ncols();
    let sizes = RecurrentSizes {
        observation: OBSERVATION,
        control,
        state: 3,
        hidden: 4,
        emission_std: 0.5,
    };
    // Where nothing was seen, a rectifier whose biases are zero would stand exactly at its kink.
    let mut model = Recurrent::random(&sizes, Noise::new(case.seed, 9));
    let mut values = model.to_flat();
    let moves = draw(1, values.len() - 1, case.seed, 10);
    values.iter_mut().zip(&moves).for_each(|(value, by)| *value += 0.1 * by);
    model.set_flat(&values);
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn auto_encoder(case in case()) {
        check_parameters(&case, &vae(&case))?;
        check_noise(&case, &vae(&case), |work| work.latent())?;
    }

    #[test]
    fn deep_kalman_filter(case in case()) {
        check_parameters(&case, &deep_kalman(&case))?;
        check_noise(&case, &deep_kalman(&case), |work| work.latent())?;
    }

    #[test]
    fn recurrent_predictor(case in case()) {
        check_parameters(&case, &recurrent(&case))?;
    }

    #[test]
    fn gradients_add_to_what_is_there(case in case(), other in case()) {
        check_accumulation(&case, &other, &vae(&case))?;
        check_accumulation(&case, &other, &deep_kalman(&case))?;
        check_accumulation(&case, &other, &recurrent(&case))?;
    }
}
