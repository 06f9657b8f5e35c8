//! The linear Gaussian special case, where everything is known: the bound against the exact
//! likelihood, the trained filter against the Kalman filter.
//!
//! With one base matrix, and one affine layer as emission and as start, the generative part is
//!
//! ```text
//! z₁ = G w₁ + g     z_{t+1} = A z_t + B u_t + C w_t     x_t = E z_t + e + σ v_t     w, v ~ N(0, I)
//! ```
//!
//! a linear Gaussian model with `P₀ = G Gᵀ`, `Q = C Cᵀ` and `R = σ² I`, whose Kalman filter gives
//! `ln p(x₁ … x_T)` exactly. The bound is at most that, whatever the recognition networks say.
//!
//! **How tight it can be.** The exact posterior factors as `p(w₁ | x₁ … x_T) Π p(w_t | z_t,
//! x_{t+1} … x_T)`, for `z_t` is a function of the noise before. The model's `q(w_t | z_t, u_t,
//! x_{t+1})` does not see `x_{t+2}` and what follows. With `q` the posterior given `x_{t+1}` alone,
//! a step adds `E_q[ln p(x_{t+1}, w_t | z_t) − ln q(w_t)] = ln p(x_{t+1} | z_t, u_t)`, so the bound
//! is
//!
//! ```text
//! ln p(x₁) + Σ_t E_q[ln p(x_{t+1} | z_t, u_t)]
//! ```
//!
//! with states that are Gaussian under `q`: a closed form, `Exact::filtering_bound`. It falls
//! short of `ln p(x₁ … x_T)` by what later observations would have said about `z_{t+1}` beyond
//! `x_{t+1}`. That vanishes if `A C = 0`, which is no dynamics, or if `x_{t+1}` determines
//! `z_{t+1}`. The system of these tests is near the latter: `E` is invertible and `σ` is a tenth of
//! the process noise. In one dimension, `x_{t+2}` raises the precision of `z_{t+1}` by the factor
//! `1 + ε`, `ε = a² σ² / (q + σ²)` with `E = 1`, which costs about `ε / 2` nats a dimension and
//! step: here 0.2 % of the likelihood. A recognition network that is diagonal is no further loss,
//! for the columns of `E C` and of `E G` are orthogonal.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod linear;

use dvbf_core::bayes::Belief;
use dvbf_core::{
    Adam, Bound, Filter, FilterOptions, GradientOptions, Noise, Objective, Params, Path, Workspace,
};
use linear::{Data, Exact, Generative, Model, single};
use ndarray::{Array2, s};
use std::sync::Arc;

/// Bound and importance-weighted likelihood of every sequence.
struct Estimate {
    /// Means of the bound over the draws and their standard errors.
    bound: Vec<(f64, f64)>,
    /// Means of `p(x, w) / (q(w) p(x))` and their standard errors; one if all is right.
    ratio: Vec<(f64, f64)>,
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn estimate(model: &Model, data: &Data, draws: u64, exact: &[f64]) -> Estimate {
    let n = data.sequences;
    let mut work = Workspace::new(model, n, data.x.nrows());
    work.prepare(model);
    let mut out = Bound::zeros(n);
    let (mut bounds, mut ratios) = (vec![Vec::new(); n], vec![Vec::new(); n]);
    let width = work_width(model);
    for draw in 0..draws {
        let noise = data.noise(width, 77, draw);
        model.bound(&data.batch(&noise), 1.0, &mut work, &mut out);
        for b in 0..n {
            bounds[b].push(out.log_lik[b] - out.kl[b]);
            let rows = s![b..;n, ..];
            let (w, mean, std) = (work.noise(), work.noise_mean(), work.noise_std());
            let prior = w.slice(rows).iter().map(|w| -0.5 * w * w).sum::<f64>();
            let posterior = ndarray::Zip::from(w.slice(rows))
                .and(mean.slice(rows))
                .and(std.slice(rows))
                .fold(0.0, |sum, w, m, s| sum - 0.5 * ((w - m) / s).powi(2) - s.ln());
            ratios[b].push((out.log_lik[b] + prior - posterior - exact[b]).exp());
        }
    }
    Estimate {
        bound: bounds.iter().map(|v| moments(v)).collect(),
        ratio: ratios.iter().map(|v| moments(v)).collect(),
    }
}

/// `W`.
fn work_width(model: &Model) -> usize {
    model.transition().dims().noise
}

/// Largest number of standard errors by which an average may be off: seven are exceeded once in
/// 10¹¹ by chance.
const ERRORS: f64 = 7.0;

#[test]
fn bound_lies_below_the_exact_likelihood() {
    for (case, &sizes) in
        [(2, 2, 1, 2), (3, 2, 2, 2), (2, 1, 0, 3), (1, 1, 1, 1), (4, 3, 1, 2)].iter().enumerate()
    {
        for frames in [1, 2] {
            let noise = Noise::new(100 + case as u64, frames);
            let system = Generative::random(sizes, noise.part(0));
            let frames = usize::try_from(frames).unwrap();
            let model = system.with_random_recognition(8, frames, noise.part(1));
            let data = system.record(6, 7, noise.part(2)).lose(noise.part(3));
            let kalman = Exact::of(&model);
            let exact: Vec<f64> = (0..6).map(|b| kalman.filter(&data, b).0).collect();
            let found = estimate(&model, &data, 400, &exact);
            for ((mean, error), exact) in found.bound.iter().zip(&exact) {
                assert!(
                    mean - ERRORS * error < *exact,
                    "{sizes:?}: {mean} ± {error} is not below {exact}"
                );
            }
        }
    }
}

#[test]
fn posterior_of_one_step_gives_its_bound_and_the_exact_likelihood() {
    let system = Generative::near_tight();
    let model = system.with_exact_recognition();
    let data = system.record(12, 10, Noise::new(3, 0));
    let kalman = Exact::of(&model);
    let (exact, filtered): (Vec<_>, Vec<_>) = (0..12).map(|b| kalman.filter(&data, b)).unzip();
    let found = estimate(&model, &data, 2000, &exact);
    let mut gap = 0.0;
    for (b, exact) in exact.iter().enumerate() {
        let expected = kalman.filtering_bound(&data, b);
        let (mean, error) = found.bound[b];
        assert!((mean - expected).abs() < ERRORS * error, "{mean} ± {error} against {expected}");
        assert!(error < 0.1, "± {error} is too coarse");
        // Two-sided: averaged weights are the likelihood itself.
        let (mean, error) = found.ratio[b];
        assert!((mean - 1.0).abs() < ERRORS * error, "weights {mean} ± {error}");
        assert!(error < 0.02, "weights ± {error} are too coarse");
        gap += exact - expected;
    }
    let share = gap / exact.iter().sum::<f64>().abs();
    assert!((0.0..0.005).contains(&share), "a gap of {share}");

    let off = distance(&model, &data, &filtered);
    assert!(off < 0.02, "filtered means are off by {off} standard deviations");
}

/// Root mean square difference between the mean path of the model's filter and the Kalman filter's
/// means, in standard deviations of the latter.
fn distance(model: &Model, data: &Data, filtered: &[Vec<Belief>]) -> f64 {
    let n = data.sequences;
    let mut work = Workspace::new(model, n, data.x.nrows());
    work.prepare(model);
    let still = Array2::zeros((data.x.nrows(), work_width(model)));
    model.infer(&data.batch(&still), &mut work);
    let (mut sum, mut count) = (0.0, 0.0);
    for (b, beliefs) in filtered.iter().enumerate() {
        for (t, belief) in beliefs.iter().enumerate() {
            let state = work.state().row(t * n + b).to_vec();
            sum += belief.squared_distance(&state).unwrap();
            count += state.len() as f64;
        }
    }
    (sum / count).sqrt()
}

/// One where the flat vector of parameters holds those of the recognition networks.
fn recognition_only(model: &Model) -> Vec<f64> {
    let mut flags = Vec::new();
    model.visit(Path::ROOT, &mut |path, array| {
        let flag = f64::from(u8::from(path.to_string().contains("recognition")));
        flags.extend(std::iter::repeat_n(flag, array.len()));
    });
    flags
}

/// The learning rate at the first iteration.
const RATE: f64 = 0.03;
const ITERATIONS: u32 = 2000;

/// First the recognition networks alone, then everything, with a rate that falls to zero.
fn train(model: &mut Model, training: &Data, iterations: u32) {
    let n = training.sequences;
    let mut work = Workspace::new(model, n, training.x.nrows());
    let (mut bound, mut grads) = (Bound::zeros(n), model.zeros_like());
    let mut adam = Adam::new(model.count());
    let free = recognition_only(model);
    let options = GradientOptions {
        objective: Objective::BOUND,
        scale: 1.0 / n as f64,
        state_limit: f64::INFINITY,
    };
    for iteration in 0..iterations {
        let noise = training.noise(2, 8, u64::from(iteration));
        work.prepare(model);
        grads.set_zero();
        model.gradient(&training.batch(&noise), options, &mut work, &mut bound, &mut grads);
        let mut gradient = grads.to_flat();
        if 2 * iteration < iterations {
            gradient.iter_mut().zip(&free).for_each(|(g, free)| *g *= free);
        }
        let rate = RATE * (1.0 - f64::from(iteration) / f64::from(iterations));
        adam.update(model, &gradient, 1.0, rate);
        if iteration % 100 == 0 {}
    }
}

/// From recognition networks that know nothing and a generative part that is off in `A`, `C` and
/// `σ`; judged on other recordings. The bound may lose one percent: 0.2 % are due to what the
/// recognition network does not see, the rest to a standard deviation of the posterior of a tenth,
/// against which the network's means have to be precise.
#[test]
fn training_closes_the_gap() {
    let system = Generative::near_tight();
    let mut near = Generative::near_tight();
    near.std *= 1.3;
    near.a *= 0.95;
    near.c *= 1.1;
    let mut model = near.with_untrained_recognition(16, Noise::new(5, 0));
    let training = system.record(128, 8, Noise::new(6, 0));
    train(&mut model, &training, ITERATIONS);

    let held_out = system.record(48, 8, Noise::new(7, 0));
    let filter = |kalman: Exact| -> (Vec<f64>, Vec<_>) {
        (0..48).map(|b| kalman.filter(&held_out, b)).unzip()
    };
    let (exact, filtered) = filter(Exact::of(&model));
    let best: f64 = filter(Exact::of(&system.with_exact_recognition())).0.iter().sum();
    let found = estimate(&model, &held_out, 400, &exact);
    let total: f64 = exact.iter().sum();
    let mean: f64 = found.bound.iter().map(|(mean, _)| mean).sum();
    let error = found.bound.iter().map(|(_, error)| error.powi(2)).sum::<f64>().sqrt();
    let off = distance(&model, &held_out, &filtered);
    assert!(mean - ERRORS * error < total, "{mean} ± {error} is not below {total}");
    assert!(mean > total - 0.01 * total.abs(), "{mean} ± {error} against {total}");
    assert!(total > best - 0.01 * best.abs(), "the model's {total} against the truth's {best}");
    assert!(off < 0.1, "filtered means are off by {off} standard deviations");
}

/// Per-step figures of the online filter over a data set, after the first step.
struct Online {
    /// Means and standard deviations against the closed form, in standard deviations.
    off: f64,
    /// `ln p(x_{t+1} | x₁ … x_t)`, summed, and the number of steps.
    log_likelihood: (f64, usize),
    /// Average of NIS over degrees of freedom.
    nis: f64,
}

fn online(model: &Model, data: &Data, samples: usize) -> Online {
    let kalman = Exact::of(model);
    let options = FilterOptions { samples, seed: 1, ..FilterOptions::default() };
    // Two hidden units for each dimension of the noise, which has two.
    let filter = Filter::new(Arc::new(single(model, 4)), 0.1, options).unwrap();
    let n = data.sequences;
    let narrow = |row: ndarray::ArrayView1<'_, f64>| -> Vec<f32> {
        row.iter().map(|&v| dvbf_core::Scalar::of(v)).collect()
    };
    let mut out = Online { off: 0.0, log_likelihood: (0.0, 0), nis: 0.0 };
    for b in 0..n {
        // Every sequence has noise of its own.
        let seed = 100 + b as u64;
        let mut filter = filter.with_options(FilterOptions { seed, ..options }).unwrap();
        for (t, (predicted, state)) in kalman.variational(data, b).iter().enumerate() {
            let control = data.u.row(t.saturating_sub(1) * n + b);
            let observation = narrow(data.x.row(t * n + b));
            let belief = filter.step(Some(&observation), &narrow(control), 0.1).unwrap();
            let spread = belief.spread.as_ref().unwrap();
            let mut compare = |mean: &[f32], std: &[f32], exact: &Belief| {
                for (i, (&mean, &std)) in mean.iter().zip(std).enumerate() {
                    let scale = exact.covariance[(i, i)].sqrt();
                    let mean = (f64::from(mean) - exact.mean[i]).abs() / scale;
                    let std = (f64::from(std) / scale - 1.0).abs();
                    out.off = out.off.max(mean).max(std);
                }
            };
            compare(spread.mean.as_slice().unwrap(), spread.std.as_slice().unwrap(), state);
            let Some(score) = spread.score else { continue };
            let (mean, std) = (&spread.predicted_mean, &spread.predicted_std);
            compare(mean.as_slice().unwrap(), std.as_slice().unwrap(), predicted);
            out.log_likelihood.0 += score.log_likelihood;
            out.log_likelihood.1 += 1;
            out.nis += score.nis / score.freedom as f64;
        }
    }
    out.nis /= out.log_likelihood.1 as f64;
    out
}

/// With many paths the online filter is the closed form of the filter that the model defines, and
/// its predictions score what those of the Kalman filter score.
#[test]
fn sample_paths_have_the_moments_and_the_likelihood_of_the_closed_form() {
    let model = Generative::near_tight().with_exact_recognition();
    let data = Generative::near_tight().record(24, 12, Noise::new(13, 0));
    let kalman = Exact::of(&model);
    // ln p(x₂ … x_T | x₁): the first observation starts the state and is not predicted.
    let (mut exact, mut closed) = (0.0, 0.0);
    for b in 0..24 {
        let steps = kalman.variational(&data, b);
        let score = |t: usize| {
            let x = data.x.row(t * 24 + b).to_vec();
            steps[t].0.log_density(&x).unwrap()
        };
        exact += kalman.filter(&data, b).0 - score(0);
        closed += (1..steps.len()).map(score).sum::<f64>();
    }
    let many = online(&model, &data, 4096);
    let (sum, steps) = many.log_likelihood;
    assert_eq!(steps, 24 * 11);
    // 1/√4096 is 0.016 standard deviations; the largest of some two thousand figures.
    assert!(many.off < 0.075, "off by {} standard deviations", many.off);
    let average = |sum: f64| sum / steps as f64;
    assert!((average(sum) - average(closed)).abs() < 0.003, "{sum} against {closed}");
    assert!((average(sum) - average(exact)).abs() < 0.01, "{sum} against Kalman's {exact}");
    assert!((many.nis - 1.0).abs() < 0.15, "normalized innovations of {}", many.nis);

    // Few paths know their covariance less well, and say so in the documentation: 14 % more for
    // 32 paths and two channels, at a loss of a fraction of a nat.
    let few = online(&model, &data, 32);
    let excess = few.nis / many.nis;
    assert!((1.0..1.3).contains(&excess), "{excess} of the normalized innovation");
    let loss = average(sum - few.log_likelihood.0);
    assert!((0.0..0.2).contains(&loss), "{loss} nats a step");
}
