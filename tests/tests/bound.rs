//! The bound's terms against textbook sums, their scaling, and the weights of the objective.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Adam, Bound, Dvbf, KindTable, ModelConfig, Noise, Objective, Params, Scalar, Workspace,
};
use dvbf_tests::{Data, Scenario, loss, normal, part, pass, places, scenarios};
use ndarray::Array2;
use proptest::prelude::*;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// `ln N(x; μ, σ²)`, written out once more.
fn log_density(x: f64, mean: f64, std: f64) -> f64 {
    -0.5 * ((x - mean) / std).powi(2) - std.ln() - 0.5 * std::f64::consts::TAU.ln()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Sums over steps and observed channels, never means; `q` against the standard normal prior.
    #[test]
    fn terms_are_sums_of_densities(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data::<f64>());
        let c = scenario.objective.prior;
        let (n, x) = (data.sequences, scenario.config.observation);
        let mut work = Workspace::new(&model, n, data.input.nrows());
        work.prepare(&model);
        let mut bound = Bound::zeros(n);
        model.bound(&data.batch(), c, &mut work, &mut bound);

        let mut mean = Array2::zeros(data.target.dim());
        let mut scratch = model.emission().scratch();
        model.emission().prepare(&mut scratch);
        model.emission().mean(work.state(), mean.view_mut(), &mut scratch);
        let log_std = model.emission().log_std();
        let (mut log_lik, mut kl) = (vec![0.0; n], vec![0.0; n]);
        for row in 0..data.input.nrows() {
            for i in 0..x {
                if data.mask.as_ref().is_none_or(|mask| mask[[row, i]] > 0.0) {
                    let std = log_std[i.min(log_std.len() - 1)].exp();
                    log_lik[row % n] += log_density(data.target[[row, i]], mean[[row, i]], std);
                }
            }
            // E_q[ln q − c ln p] from the moments of q, entropy and cross-entropy apart.
            for (mean, std) in work.noise_mean().row(row).iter().zip(work.noise_std().row(row)) {
                let entropy = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln() + std.ln();
                let cross = 0.5 * (std::f64::consts::TAU.ln() + std * std + mean * mean);
                kl[row % n] += c * cross - entropy;
            }
        }
        for b in 0..n {
            prop_assert!(close(bound.log_lik[b], log_lik[b]), "{} is not {}", bound.log_lik[b], log_lik[b]);
            prop_assert!(close(bound.kl[b], kl[b]), "{} is not {}", bound.kl[b], kl[b]);
        }
        let o = scenario.objective;
        let expected = (o.kl * kl.iter().sum::<f64>() - o.likelihood * log_lik.iter().sum::<f64>()) / n as f64;
        prop_assert!(close(bound.loss(o), expected));
        let found = pass(&model, &data, o);
        prop_assert_eq!(&found.bound, &bound);
        prop_assert!(close(loss(&model, &data, o), bound.loss(o) / data.steps() as f64));
    }

    /// The sample that drives a step is `μ + σ ε` of that very step.
    #[test]
    fn samples_are_of_their_own_step(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data::<f64>());
        let mut work = Workspace::new(&model, data.sequences, data.input.nrows());
        work.prepare(&model);
        model.infer(&data.batch(), &mut work);
        let expected = &work.noise_std() * &data.noise + work.noise_mean();
        for (w, e) in work.noise().iter().zip(&expected) {
            prop_assert!(close(*w, *e));
        }
        for (row, seen) in data.seen.iter().enumerate().skip(data.sequences) {
            if *seen < 0.5 {
                prop_assert!(work.noise_mean().row(row).iter().all(|m| m.to_bits() == 0));
                prop_assert!(work.noise_std().row(row).iter().all(|s| s.to_bits() == 1.0_f64.to_bits()));
            }
        }
    }

    #[test]
    fn divergence_is_not_negative_and_tempering_lowers_it(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let kl = |prior: f64| pass(&model, &data, Objective { prior, ..Objective::BOUND }).bound.kl;
        let (whole, half) = (kl(1.0), kl(0.5));
        for (whole, half) in whole.iter().zip(&half) {
            prop_assert!(*whole >= -1e-12, "divergence {whole}");
            prop_assert!(half < whole);
        }
    }

    /// The annealing coefficient and the weight change the loss and its gradient, each by as much
    /// as it should: all are linear.
    #[test]
    fn weights_of_the_objective_reach_loss_and_gradient(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let at = |likelihood: f64, prior: f64, kl: f64| {
            let objective = Objective { likelihood, prior, kl };
            let found = pass(&model, &data, objective);
            let mut all = vec![loss(&model, &data, objective)];
            all.extend(found.dparams);
            all.extend(found.dnoise);
            all
        };
        let base = at(1.0, 1.0, 1.0);
        let observed = data.mask.as_ref().is_none_or(|mask| mask.sum() > 0.0);
        for (observed, once, twice) in [
            (observed, at(0.5, 1.0, 1.0), at(0.0, 1.0, 1.0)),
            (true, at(1.0, 0.5, 1.0), at(1.0, 0.0, 1.0)),
            (true, at(1.0, 1.0, 0.5), at(1.0, 1.0, 0.0)),
        ] {
            if !observed {
                prop_assert_eq!(&base, &once);
                continue;
            }
            prop_assert!(base.iter().zip(&once).skip(1).any(|(a, b)| a.to_bits() != b.to_bits()));
            prop_assert!((base[0] - once[0]).abs() > 1e-9);
            for ((base, once), twice) in base.iter().zip(&once).zip(&twice) {
                prop_assert!((base - 2.0 * once + twice).abs() <= 1e-9 * (1.0 + base.abs().max(twice.abs())));
            }
        }
    }

    /// A batch of sequences gives what its sequences give one by one; terms and states bit for bit.
    #[test]
    fn sequences_do_not_meet(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let objective = scenario.objective;
        let whole = pass(&model, &data, objective);
        let mut sum = vec![0.0; model.count()];
        for b in 0..data.sequences {
            let alone = pass(&model, &data.select(&[b]), objective);
            prop_assert_eq!(data.of_sequence(b, &whole.state), alone.state);
            prop_assert_eq!(data.of_sequence(b, &whole.noise), alone.noise);
            prop_assert_eq!(whole.bound.log_lik[b].to_bits(), alone.bound.log_lik[0].to_bits());
            prop_assert_eq!(whole.bound.kl[b].to_bits(), alone.bound.kl[0].to_bits());
            for (sum, g) in sum.iter_mut().zip(alone.dparams) {
                *sum += g / data.sequences as f64;
            }
        }
        for (whole, sum) in whole.dparams.iter().zip(&sum) {
            prop_assert!((whole - sum).abs() <= 1e-10 * (1.0 + sum.abs()), "{whole} is not {sum}");
        }
    }

    /// In single precision too, where products run through other kernels.
    #[test]
    fn sequences_do_not_meet_in_single_precision(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f32>(), scenario.data());
        let whole = pass(&model, &data, Objective::BOUND);
        for b in 0..data.sequences {
            let alone = pass(&model, &data.select(&[b]), Objective::BOUND);
            prop_assert_eq!(data.of_sequence(b, &whole.state), alone.state);
            prop_assert_eq!(whole.bound.log_lik[b].to_bits(), alone.bound.log_lik[0].to_bits());
            prop_assert_eq!(whole.bound.kl[b].to_bits(), alone.bound.kl[0].to_bits());
        }
    }

    /// The loss is a mean over sequences: a batch and its double have the same.
    #[test]
    fn doubling_the_batch_changes_neither_loss_nor_gradient(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data::<f64>());
        let twice: Vec<usize> = (0..data.sequences).chain(0..data.sequences).collect();
        let double = data.select(&twice);
        prop_assert!(close(loss(&model, &data, scenario.objective), loss(&model, &double, scenario.objective)));
        let (one, two) = (pass(&model, &data, scenario.objective), pass(&model, &double, scenario.objective));
        for (a, b) in one.dparams.iter().zip(&two.dparams) {
            prop_assert!((a - b).abs() <= 1e-10 * (1.0 + a.abs()));
        }
    }
}

/// Terms grow with the number of steps: a longer recording adds to those of its beginning.
#[test]
fn terms_of_more_steps_are_added() {
    let (model, long) = typical(3, 9);
    let terms = |data: &Data<f64>| pass(&model, data, Objective::BOUND).bound;
    let mut short = long.clone();
    let rows = 5 * long.sequences;
    for a in [&mut short.input, &mut short.target, &mut short.control, &mut short.noise] {
        *a = a.slice(ndarray::s![..rows, ..]).to_owned();
    }
    short.seen = short.seen.slice(ndarray::s![..rows]).to_owned();
    let (long, short) = (terms(&long), terms(&short));
    for b in 0..3 {
        let (gain, per_step) = (long.log_lik[b] - short.log_lik[b], short.log_lik[b] / 5.0);
        assert!(gain < 0.0 && per_step < 0.0, "log-density of rough data");
        assert!((0.2..5.0).contains(&(gain / 4.0 / per_step)), "{gain} in four steps, {per_step}");
        assert!(long.kl[b] > short.kl[b]);
    }
}

/// What two halves of the channels say adds up to what all say.
#[test]
fn log_likelihood_is_a_sum_over_channels() {
    let (model, data) = typical(2, 6);
    let half = Array2::from_shape_fn(data.input.dim(), |(_, i)| f64::from(u8::from(i < 2)));
    let rest = half.mapv(|m| 1.0 - m);
    let mut work = Workspace::new(&model, 2, data.input.nrows());
    work.prepare(&model);
    // Only the likelihood is masked: the states stay what they are.
    let mut log_lik = |mask: Option<&Array2<f64>>| {
        let observed = dvbf_models::Observations {
            value: data.target.view(),
            mask: mask.map(|mask| mask.view()),
        };
        model.infer(&data.batch(), &mut work);
        let mut scratch = model.emission().scratch();
        model.emission().prepare(&mut scratch);
        let mut out = ndarray::Array1::zeros(data.input.nrows());
        model.emission().log_likelihood(work.state(), observed, out.view_mut(), &mut scratch);
        out.sum()
    };
    let (all, half, rest) = (log_lik(None), log_lik(Some(&half)), log_lik(Some(&rest)));
    assert!(close(all, half + rest), "{all} is not {half} and {rest}");
}

/// `emission_std = 2` means `N(μ, 2²)`, and `N(μ, 4)` has it.
#[test]
fn the_configured_deviation_is_a_standard_deviation() {
    for kind in ["fixed", "learned", "learned-per-channel"] {
        let mut config = config();
        config.emission = config.emission.with("std", 2.0).with("std_kind", kind);
        let model = Dvbf::<f64>::random(&config, Noise::new(3, 0)).unwrap();
        let data = Data::observed(1, normal(4, 4, 1, 1), normal(4, 1, 1, 2), 2);
        let mut work = Workspace::new(&model, 1, 4);
        work.prepare(&model);
        let mut bound = Bound::zeros(1);
        model.bound(&data.batch(), 1.0, &mut work, &mut bound);
        let mut mean = Array2::zeros((4, 4));
        let mut scratch = model.emission().scratch();
        model.emission().prepare(&mut scratch);
        model.emission().mean(work.state(), mean.view_mut(), &mut scratch);
        let expected: f64 =
            data.target.iter().zip(&mean).map(|(x, m)| log_density(*x, *m, 4.0_f64.sqrt())).sum();
        assert!(close(bound.log_lik[0], expected));
    }
}

fn config() -> ModelConfig {
    ModelConfig {
        noise: 2,
        hidden: 6,
        initial_frames: 3,
        transition: KindTable::new("locally-linear")
            .with("matrices", 3)
            .with("shared", 1)
            .with("hidden", 5),
        emission: KindTable::new("gaussian")
            .with("state", 2)
            .with("std_kind", "learned-per-channel")
            .with("std", 0.3),
        ..ModelConfig::new(4, 1, 3)
    }
}

fn typical(sequences: usize, steps: usize) -> (Dvbf<f64>, Data<f64>) {
    let rows = sequences * steps;
    let mut data = Data::observed(sequences, normal(rows, 4, 5, 1), normal(rows, 1, 5, 2), 2);
    data.noise = normal(rows, 2, 5, 3);
    (Dvbf::random(&config(), Noise::new(5, 0)).unwrap(), data)
}

/// A gradient reaches everything that should have one, and one update moves all of it.
#[test]
fn every_parameter_moves_in_one_step() {
    for (kind, std) in [
        ("locally-linear", "learned-per-channel"),
        ("locally-linear", "fixed"),
        ("residual", "learned"),
    ] {
        let mut config = config();
        if kind == "residual" {
            config.transition = KindTable::new("residual").with("hidden", 5);
            config.noise = 3;
        }
        config.emission = config.emission.with("std_kind", std);
        let noise = config.noise;
        let mut model = Dvbf::<f64>::random(&config, Noise::new(8, 0)).unwrap();
        // Enough sequences that no rectifier is closed for all of them.
        let (sequences, rows) = (64, 64 * 6);
        let mut data =
            Data::observed(sequences, normal(rows, 4, 8, 1), normal(rows, 1, 8, 2), noise);
        data.noise = normal(rows, noise, 8, 3);
        let gradient = pass(&model, &data, Objective::BOUND).dparams;
        let before = model.to_flat();
        Adam::new(before.len()).update(&mut model, &gradient, 1.0, 1e-3);
        let after = model.to_flat();
        for (name, place) in places(&model) {
            let fixed = name == "emission.log_std" && std == "fixed";
            for i in place {
                assert_eq!(gradient[i].to_bits() == 0, fixed, "gradient of {name}");
                assert_eq!(before[i].to_bits() == after[i].to_bits(), fixed, "move of {name}");
            }
        }
        for prefix in ["initial.recognition", "initial.state", "recognition", "transition"] {
            let norm: f64 = part(&model, &gradient, prefix).iter().map(|g| g * g).sum();
            assert!(norm.sqrt() > 1e-6, "{prefix} gets {norm}");
        }
    }
}

/// Following the gradient a little lowers the loss by what the gradient promises: the sign is right.
#[test]
fn a_small_step_against_the_gradient_lowers_the_loss() {
    let (mut model, data) = typical(3, 6);
    let gradient = pass(&model, &data, Objective::BOUND).dparams;
    let before = loss(&model, &data, Objective::BOUND);
    let square: f64 = gradient.iter().map(|g| g * g).sum();
    let step = 1e-6 / square.sqrt();
    let moved: Vec<f64> =
        model.to_flat().iter().zip(&gradient).map(|(p, g)| p - step * g).collect();
    model.set_flat(&moved);
    let gain = before - loss(&model, &data, Objective::BOUND);
    assert!((gain / (step * square) - 1.0).abs() < 1e-3, "{gain} of {}", step * square);
}

/// One precision says what the other says.
#[test]
fn single_precision_follows_double() {
    let (model, data) = typical(2, 6);
    let narrow = |a: &Array2<f64>| a.mapv(f32::of);
    let mut single = Dvbf::<f32>::random(&config(), Noise::new(5, 0)).unwrap();
    let values: Vec<f32> = model.to_flat().iter().map(|v| f32::of(*v)).collect();
    single.set_flat(&values);
    let mut observed = Data::observed(2, narrow(&data.input), narrow(&data.control), 2);
    observed.noise = narrow(&data.noise);
    let (a, b) =
        (pass(&model, &data, Objective::BOUND), pass(&single, &observed, Objective::BOUND));
    let scale = a.dparams.iter().fold(0.0_f64, |s, g| s.max(g.abs()));
    for (a, b) in a.dparams.iter().zip(&b.dparams) {
        assert!((a - f64::from(*b)).abs() < 1e-4 * scale, "{a} and {b}");
    }
    for (a, b) in a.bound.log_lik.iter().zip(&b.bound.log_lik) {
        assert!((a - f64::from(*b)).abs() < 1e-4 * a.abs());
    }
}

#[test]
fn scenarios_of_all_kinds_are_drawn() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let drawn: Vec<Scenario> =
        (0..400).map(|_| scenarios().new_tree(&mut runner).unwrap().current()).collect();
    let shared = |s: &Scenario| {
        s.config.transition.settings.get("shared").map_or(0, |v| v.as_u64().unwrap())
    };
    let counts = [
        drawn.iter().filter(|s| s.config.control == 0).count(),
        drawn.iter().filter(|s| s.steps == 1).count(),
        drawn.iter().filter(|s| s.steps == 2).count(),
        drawn.iter().filter(|s| s.steps >= 5).count(),
        drawn.iter().filter(|s| s.steps < s.config.initial_frames).count(),
        drawn.iter().filter(|s| s.config.emission.settings["state"] != s.config.state).count(),
        drawn.iter().filter(|s| s.config.transition.kind == "residual").count(),
        drawn.iter().filter(|s| s.config.transition.settings["hidden"] == 0).count(),
        drawn.iter().filter(|s| shared(s) > 0).count(),
        drawn.iter().filter(|s| s.start && s.data::<f64>().mask.is_some()).count(),
        drawn.iter().filter(|s| s.data::<f64>().seen.iter().any(|s| *s < 0.5)).count(),
        drawn.iter().filter(|s| s.data::<f64>().target.iter().any(|x| x.is_nan())).count(),
        drawn.iter().filter(|s| s.objective.prior < 1.0).count(),
        drawn.iter().filter(|s| (s.objective.kl - 1.0).abs() > 0.01).count(),
    ];
    assert!(counts.iter().all(|c| *c >= 20), "{counts:?}");
}
