//! Expectation maximization: no iteration lowers the likelihood, it ends where the likelihood is
//! flat, what is fixed stays, and the model found predicts as well as the true one.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod systems;

use dvbf_models::bayes::{
    Belief, DMatrix, DVector, Dims, EmFit, EmOptions, KalmanFilter, LinearGaussian, Parameter,
    Sequence, expectation_maximization,
};
use dvbf_tensor::Noise;
use ndarray::Array2;
use proptest::prelude::*;
use systems::System;

const ALL: [Parameter; 7] = [
    Parameter::Transition,
    Parameter::Control,
    Parameter::ProcessNoise,
    Parameter::Emission,
    Parameter::ObservationNoise,
    Parameter::InitialMean,
    Parameter::InitialCovariance,
];

fn log_likelihood(model: &LinearGaussian, initial: &Belief, sequences: &[Sequence<'_>]) -> f64 {
    let one = |sequence| {
        let mut filter = KalmanFilter::exact(model.clone(), initial.clone()).unwrap();
        filter.filter(sequence).unwrap().log_likelihood
    };
    sequences.iter().map(one).sum()
}

/// A model away from the truth.
fn wrong(system: &System, seed: u64) -> (LinearGaussian, Belief) {
    let other = System::draw(seed, system.model.dims(), 1, 0.0);
    (other.model, other.initial)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn no_iteration_lowers_the_likelihood(
        seed in 0..u64::MAX / 8,
        dims in (1..4usize, 0..3usize, 1..4usize),
        lengths in proptest::collection::vec(1..15usize, 1..4),
        fixed in proptest::collection::vec(any::<bool>(), 7),
        missing in 0.0..0.5f64,
    ) {
        let dims = Dims { state: dims.0, control: dims.1, observation: dims.2 };
        let base = System::draw(seed, dims, 40, missing);
        let mut systems = vec![base.clone()];
        for (i, &steps) in (0..).zip(&lengths) {
            let (model, initial) = (base.model.clone(), base.initial.clone());
            systems.push(System::record(model, initial, steps, missing, Noise::new(seed, 2 + i)));
        }
        let sequences: Vec<_> = systems.iter().map(System::sequence).collect();
        let (model, initial) = wrong(&base, seed + 1);
        let held: Vec<Parameter> =
            ALL.into_iter().zip(fixed).filter(|(_, fixed)| *fixed).map(|(p, _)| p).collect();
        // A single start has no covariance of its own; with few sequences it may vanish.
        let options = EmOptions { iterations: 8, tolerance: f64::NEG_INFINITY, fixed: &held };
        let fit = expectation_maximization(&model, &initial, &sequences, options).unwrap();
        prop_assert_eq!(fit.log_likelihood.len(), 9);
        for pair in fit.log_likelihood.windows(2) {
            prop_assert!(pair[1] >= pair[0] - 1e-8 * (1.0 + pair[0].abs()), "{:?}", pair);
        }
        let last = log_likelihood(&fit.model, &fit.initial, &sequences);
        prop_assert!((last - fit.best_log_likelihood()).abs() < 1e-9 * (1.0 + last.abs()));
        for parameter in ALL {
            let (before, after) = match parameter {
                Parameter::Transition => (&model.transition, &fit.model.transition),
                Parameter::Control => (&model.control, &fit.model.control),
                Parameter::ProcessNoise => (&model.process_noise, &fit.model.process_noise),
                Parameter::Emission => (&model.emission, &fit.model.emission),
                Parameter::ObservationNoise => {
                    (&model.observation_noise, &fit.model.observation_noise)
                }
                Parameter::InitialMean => continue,
                Parameter::InitialCovariance => {
                    (&initial.covariance, &fit.initial.covariance)
                }
            };
            let free = !held.contains(&parameter) && !before.is_empty();
            prop_assert_eq!(before == after, !free, "{:?}", parameter);
        }
        let moved = initial.mean != fit.initial.mean;
        prop_assert_eq!(moved, !held.contains(&Parameter::InitialMean));
    }
}

/// Moves one parameter.
type Change<'a> = &'a dyn Fn(&mut LinearGaussian, &mut Belief, f64);

/// Where the iterations end, the exact likelihood is flat in every parameter: the M-step has the
/// right regressions, those of partly missing observations included.
#[test]
fn iterations_end_where_the_likelihood_is_flat() {
    let dims = Dims { state: 1, control: 1, observation: 2 };
    let base = System::draw(21, dims, 40, 0.3);
    let systems: Vec<System> = (0..4)
        .map(|i| {
            let (model, initial) = (base.model.clone(), base.initial.clone());
            System::record(model, initial, 40, 0.3, Noise::new(21, 10 + i))
        })
        .collect();
    let sequences: Vec<_> = systems.iter().map(System::sequence).collect();
    let options = EmOptions { iterations: 4000, tolerance: 1e-11, fixed: &[] };
    let (model, initial) = (&base.model, &base.initial);
    let fit = expectation_maximization(model, initial, &sequences, options).unwrap();
    assert!(fit.converged);
    let slope = |change: Change<'_>| {
        let at = |step: f64| {
            let (mut model, mut initial) = (fit.model.clone(), fit.initial.clone());
            change(&mut model, &mut initial, step);
            log_likelihood(&model, &initial, &sequences)
        };
        // Relative steps; a step of one changes the likelihood by much more than one.
        (at(1e-5) - at(-1e-5)) / 2e-5
    };
    let cases: [(&str, Change<'_>); 10] = [
        ("A", &|m, _, h| m.transition[(0, 0)] += h),
        ("B", &|m, _, h| m.control[(0, 0)] += h),
        ("Q", &|m, _, h| m.process_noise[(0, 0)] += h),
        ("C₁", &|m, _, h| m.emission[(0, 0)] += h),
        ("C₂", &|m, _, h| m.emission[(1, 0)] += h),
        ("R₁₁", &|m, _, h| m.observation_noise[(0, 0)] += h),
        ("R₂₂", &|m, _, h| m.observation_noise[(1, 1)] += h),
        ("R₁₂", &|m, _, h| {
            m.observation_noise[(0, 1)] += h;
            m.observation_noise[(1, 0)] += h;
        }),
        ("m₀", &|_, i, h| i.mean[0] += h),
        ("P₀", &|_, i, h| i.covariance[(0, 0)] += h),
    ];
    let start = log_likelihood(model, initial, &sequences);
    assert!(fit.best_log_likelihood() - start > 1.0);
    for (name, change) in cases {
        let slope = slope(change);
        assert!(slope.abs() < 0.02, "{name}: {slope}");
    }
}

/// A level that wanders and is seen with noise, around `offset`.
fn level(offset: f64) -> Array2<f64> {
    Array2::from_shape_fn((200, 1), |(t, _)| {
        let ramp = ((37 * t) % 101) as f64 / 50.0 - 1.0;
        offset + 0.1 * (0.05 * t as f64).sin() + 0.01 * ramp
    })
}

fn fit_level(offset: f64, iterations: usize, tolerance: f64) -> EmFit {
    let one = |v: f64| DMatrix::from_element(1, 1, v);
    let model = LinearGaussian {
        transition: one(1.0),
        control: DMatrix::zeros(1, 0),
        process_noise: one(1e-4),
        emission: one(1.0),
        observation_noise: one(1e-4),
    };
    let initial = Belief::independent(&[offset], &[1.0]).unwrap();
    let (observations, controls) = (level(offset), Array2::zeros((200, 0)));
    let sequence = Sequence { observations: observations.view(), controls: controls.view() };
    let fixed = [
        Parameter::Transition,
        Parameter::Emission,
        Parameter::InitialMean,
        Parameter::InitialCovariance,
    ];
    let options = EmOptions { iterations, tolerance, fixed: &fixed };
    expectation_maximization(&model, &initial, &[sequence], options).unwrap()
}

/// Neither estimates nor likelihood depend on where the origin is; values of `data/em_offset.py`, in
/// 60 digits. In the end iterations differ by less than rounding of the likelihood, and the best of
/// them is any of the last.
#[test]
fn estimates_do_not_depend_on_the_origin() {
    for offset in [0.0, 101_325.0, 1e6, -1e6] {
        let close = |what: &str, got: f64, expected: f64, share: f64| {
            let error = (got / expected - 1.0).abs();
            assert!(error < share, "{what} at {offset}: {got} against {expected}");
        };
        let fit = fit_level(offset, 50, 1e-6);
        close("Q", fit.model.process_noise[(0, 0)], 4.718_221_913_944_549e-5, 1e-7);
        close("R", fit.model.observation_noise[(0, 0)], 2.754_120_695_417_04e-5, 1e-7);
        close("first likelihood", fit.log_likelihood[0], 600.300_758_609_346_2, 1e-9);
        close("likelihood", fit.best_log_likelihood(), 639.028_966_042_373_7, 1e-9);
        assert_eq!((fit.iterations(), fit.best, fit.converged), (28, 28, true));
        assert!(fit.log_likelihood.is_sorted());
        let fit = fit_level(offset, 50, f64::NEG_INFINITY);
        close("Q", fit.model.process_noise[(0, 0)], 4.719_131_471_140_877e-5, 1e-5);
        close("R", fit.model.observation_noise[(0, 0)], 2.753_374_276_430_325e-5, 1e-5);
        close("likelihood", fit.best_log_likelihood(), 639.028_967_251_719, 1e-9);
        assert_eq!((fit.iterations(), fit.converged), (50, false));
    }
}

/// Where the likelihood is flat, rounding makes it fall now and then.
#[test]
fn a_fall_is_no_convergence_and_the_best_model_is_kept() {
    let fit = fit_level(1e6, 200, f64::NEG_INFINITY);
    assert_eq!((fit.iterations(), fit.converged), (200, false));
    let falls = fit.log_likelihood.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(falls > 0, "the test needs a fall");
    let best = fit.log_likelihood.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(fit.best_log_likelihood().total_cmp(&best).is_eq());
    let (observations, controls) = (level(1e6), Array2::zeros((200, 0)));
    let sequence = Sequence { observations: observations.view(), controls: controls.view() };
    let again = log_likelihood(&fit.model, &fit.initial, &[sequence]);
    assert!(again.total_cmp(&best).is_eq(), "{again} against {best}");

    for tolerance in [1e-3, 1e-7, 1e-300] {
        let fit = fit_level(1e6, 200, tolerance);
        let [.., before, last] = fit.log_likelihood[..] else { panic!("no iteration") };
        if fit.converged {
            assert!((0.0..tolerance).contains(&(last - before)), "{before} to {last}");
        } else {
            assert_eq!(fit.iterations(), 200);
        }
        assert!(fit.converged || tolerance < 1e-6);
    }
}

/// All parameters are free, and the state is far from the origin.
#[test]
fn regressions_far_from_the_origin_raise_the_likelihood() {
    let dims = Dims { state: 2, control: 1, observation: 2 };
    let base = System::draw(51, dims, 1, 0.0);
    let far =
        Belief::new(&base.initial.mean + DVector::from_element(2, 1e5), base.initial.covariance)
            .unwrap();
    let model = LinearGaussian { transition: DMatrix::identity(2, 2), ..base.model };
    let system = System::record(model.clone(), far.clone(), 60, 0.2, Noise::new(51, 1));
    let options = EmOptions { iterations: 20, tolerance: f64::NEG_INFINITY, fixed: &[] };
    let fit = expectation_maximization(&model, &far, &[system.sequence()], options).unwrap();
    for pair in fit.log_likelihood.windows(2) {
        assert!(pair[1] >= pair[0] - 1e-6, "{pair:?}");
    }
    assert!(fit.best_log_likelihood() > fit.log_likelihood[0] + 1.0);
}

/// The model found is another one by a change of coordinates, and predicts as well: what its
/// number of parameters costs on data that it has not seen is a few nats.
#[test]
fn found_model_predicts_as_well_as_the_true_one() {
    let dims = Dims { state: 2, control: 1, observation: 2 };
    let base = System::draw(31, dims, 1, 0.0);
    let record = |stream: u64| {
        let (model, initial) = (base.model.clone(), base.initial.clone());
        System::record(model, initial, 60, 0.1, Noise::new(31, stream))
    };
    let systems: Vec<System> = (10..50).map(record).collect();
    let sequences: Vec<_> = systems.iter().map(System::sequence).collect();
    let (training, held_out) = sequences.split_at(20);
    // Other starts end in other maxima of the likelihood, or need thousands of iterations.
    let (other, initial) = wrong(&base, 32);
    let model = LinearGaussian {
        transition: &base.model.transition * 0.4,
        control: other.control,
        process_noise: DMatrix::identity(2, 2),
        emission: &base.model.emission + other.emission * 0.5,
        observation_noise: DMatrix::identity(2, 2),
    };
    let options = EmOptions { iterations: 300, tolerance: 1e-3, fixed: &[] };
    let EmFit { model: found, initial: found_start, .. } =
        expectation_maximization(&model, &initial, training, options).unwrap();

    let steps = 20.0 * 60.0;
    let truth = log_likelihood(&base.model, &base.initial, held_out) / steps;
    let before = log_likelihood(&model, &initial, held_out) / steps;
    let after = log_likelihood(&found, &found_start, held_out) / steps;
    assert!(before < truth - 0.5, "the start is no good test: {before} against {truth}");
    assert!(after > truth - 0.02, "{after} nats a step against {truth}");
    // A similarity keeps the eigenvalues.
    let invariants = |a: &DMatrix<f64>| (a.trace(), a.determinant());
    let (got, expected) = (invariants(&found.transition), invariants(&base.model.transition));
    assert!((got.0 - expected.0).abs() < 0.1, "trace {got:?} against {expected:?}");
    assert!((got.1 - expected.1).abs() < 0.1, "determinant {got:?} against {expected:?}");
}

/// One iteration from sums over smoothed beliefs and normal equations, for sequences of which many
/// are alike: more than go through a filter together, of two lengths, without a frame in some.
#[test]
fn sequences_that_are_alike_count_one_by_one() {
    let dims = Dims { state: 2, control: 1, observation: 2 };
    let base = System::draw(61, dims, 1, 0.0);
    let record = |i: u64| {
        let (model, initial) = (base.model.clone(), base.initial.clone());
        let steps = if i.is_multiple_of(9) { 5 } else { 7 };
        let mut system = System::record(model, initial, steps, 0.0, Noise::new(61, i));
        if i.is_multiple_of(4) {
            system.observations.row_mut(2).fill(f64::NAN);
        }
        system
    };
    let systems: Vec<System> = (1..150).map(record).collect();
    let sequences: Vec<_> = systems.iter().map(System::sequence).collect();
    let (model, initial) = wrong(&base, 62);
    let options = EmOptions { iterations: 1, tolerance: 0.0, fixed: &[] };
    let fit = expectation_maximization(&model, &initial, &sequences, options).unwrap();

    let zeros = DMatrix::<f64>::zeros;
    // Of v = [z, u] and z', of z and x.
    let (mut vv, mut nv, mut nn, mut pairs) = (zeros(3, 3), zeros(2, 3), zeros(2, 2), 0.0);
    let (mut zz, mut xz, mut xx, mut seen) = (zeros(2, 2), zeros(2, 2), zeros(2, 2), 0.0);
    let (mut first, mut second) = (zeros(2, 1), zeros(2, 2));
    for system in &systems {
        let mut filter = KalmanFilter::exact(model.clone(), initial.clone()).unwrap();
        let smoothed = filter.filter(&system.sequence()).unwrap().smooth().unwrap();
        let mean = |t: usize| DMatrix::from_column_slice(2, 1, smoothed.beliefs[t].mean.as_slice());
        let square = |t: usize| &smoothed.beliefs[t].covariance + mean(t) * mean(t).transpose();
        first += mean(0);
        second += square(0);
        for (t, lag) in smoothed.lag_one.iter().enumerate() {
            let (now, next) = (mean(t), mean(t + 1));
            let v = DMatrix::from_column_slice(3, 1, &[now[0], now[1], system.controls[[t, 0]]]);
            let mut square_v = &v * v.transpose();
            square_v.view_mut((0, 0), (2, 2)).copy_from(&square(t));
            let mut next_v = &next * v.transpose();
            let mut first_columns = next_v.columns_mut(0, 2);
            first_columns += lag;
            vv += square_v;
            nv += next_v;
            nn += square(t + 1);
            pairs += 1.0;
        }
        for (t, x) in system.observations.outer_iter().enumerate().filter(|(_, x)| !x[0].is_nan()) {
            let x = DMatrix::from_column_slice(2, 1, &x.to_vec());
            zz += square(t);
            xz += &x * mean(t).transpose();
            xx += &x * x.transpose();
            seen += 1.0;
        }
    }
    let close = |what: &str, got: &DMatrix<f64>, expected: &DMatrix<f64>| {
        assert!((got - expected).amax() < 1e-9 * (1.0 + expected.amax()), "{what}");
    };
    let map = &nv * vv.clone().try_inverse().unwrap();
    close("A", &fit.model.transition, &map.columns(0, 2).into_owned());
    close("B", &fit.model.control, &map.columns(2, 1).into_owned());
    close("Q", &fit.model.process_noise, &((nn - &map * nv.transpose()) / pairs));
    let emission = &xz * zz.clone().try_inverse().unwrap();
    close("C", &fit.model.emission, &emission);
    close("R", &fit.model.observation_noise, &((xx - &emission * xz.transpose()) / seen));
    let count = systems.len() as f64;
    let mean = first / count;
    close("m₀", &DMatrix::from_column_slice(2, 1, fit.initial.mean.as_slice()), &mean);
    close("P₀", &fit.initial.covariance, &(second / count - &mean * mean.transpose()));
    let expected = log_likelihood(&model, &initial, &sequences);
    assert!((fit.log_likelihood[0] - expected).abs() < 1e-9 * expected.abs());
}

#[test]
fn errors_name_the_sequence_and_the_step() {
    let dims = Dims { state: 2, control: 1, observation: 2 };
    let good = System::draw(41, dims, 5, 0.0);
    let mut bad = good.clone();
    bad.observations[[3, 1]] = f64::INFINITY;
    let sequences = [good.sequence(), bad.sequence()];
    let options = EmOptions { iterations: 1, tolerance: 0.0, fixed: &[] };
    let fit = |sequences: &[Sequence<'_>], options| {
        expectation_maximization(&good.model, &good.initial, sequences, options)
            .unwrap_err()
            .to_string()
    };
    let message = "sequence 1: step 3: observation value 1 is not finite";
    assert_eq!(fit(&sequences, options), message);
    assert_eq!(fit(&[], options), "there is no sequence");
    let options = EmOptions { tolerance: f64::NAN, ..options };
    assert_eq!(fit(&sequences, options), "tolerance is NaN; it must be a number");
}
