//! A pendulum seen through noisy sine and cosine of its angle, with missing frames, and how well a
//! trained filter follows it beside an extended Kalman filter that knows its equations.
//!
//! ```text
//! cargo run --release -p dvbf --example vector_pendulum -- make pendulum.npz
//! cargo xtask train --data pendulum.npz --out runs/vector
//! cargo run --release -p dvbf --example vector_pendulum -- score pendulum.npz runs/vector/best.dvbf
//! ```
//!
//! `make` also takes a number of sequences instead of 300, and `linear`: two coupled oscillators under a
//! force, of which noisy positions are seen, for which no model can be better than a linear one.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use dvbf::data::{Part, RawRecordings, RawSequence, read_npz, write_npz};
use dvbf_core::bayes::{Belief, ClosureModel, Dims, Extended, GaussianFilter, NumericJacobians};
use dvbf_core::{Filter, FilterOptions, Noise, Rollout};
use dvbf_envs::{Environment, Pendulum, PendulumSettings, record};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, Axis, s};
use std::error::Error;
use std::path::Path;

/// Standard deviation of the noise on every channel.
const NOISE: f64 = 0.1;
/// Probability that a frame is missing.
const MISSING: f32 = 0.2;
/// Sequences; two of three are for training.
const SEQUENCES: usize = 300;
const STEPS: usize = 100;
/// Steps before errors count: both filters begin without knowing the velocity.
const WARM: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["make", file] => write_npz(Path::new(file), &pendulum(SEQUENCES)?)?,
        ["make", file, count] if count != "linear" => {
            write_npz(Path::new(file), &pendulum(count.parse()?)?)?;
        }
        ["make", file, "linear"] => write_npz(Path::new(file), &oscillators())?,
        ["score", file, model] => score(Path::new(file), Path::new(model))?,
        _ => return Err("make FILE [NUMBER | linear], or score FILE MODEL".into()),
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "recordings are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Sensors, gaps and parts of the true states `(T, S)`.
fn sequence(
    n: usize,
    states: Array2<f32>,
    controls: Array2<f32>,
    clean: Array2<f32>,
) -> RawSequence {
    let (mut noise, mut gaps) = (vec![0.0_f32; clean.len()], vec![0.0_f32; clean.nrows()]);
    Noise::new(11, 2 * n as u64).normal(&mut noise);
    Noise::new(11, 2 * n as u64 + 1).uniform(&mut gaps);
    let mut observations = clean;
    for (x, noise) in observations.iter_mut().zip(noise) {
        *x += narrow(NOISE) * noise;
    }
    for (mut row, gap) in observations.rows_mut().into_iter().zip(gaps) {
        if gap < MISSING {
            row.fill(f32::NAN);
        }
    }
    let part = match n % 6 {
        0 => Part::Test,
        1 => Part::Validation,
        _ => Part::Train,
    };
    let name = format!("sequence {n}");
    RawSequence {
        name,
        observations,
        controls,
        intervals: None,
        states: Some(states),
        part: Some(part),
    }
}

fn pendulum(count: usize) -> Result<RawRecordings, Box<dyn Error>> {
    let env = Pendulum::new(PendulumSettings::default())?;
    let all = record(&env, count, STEPS, 7);
    let sequences = (0..count).map(|n| {
        let states = all.states.index_axis(Axis(0), n).to_owned();
        let clean = Array2::from_shape_fn((STEPS, 2), |(t, i)| {
            if i == 0 { states[[t, 0]].sin() } else { states[[t, 0]].cos() }
        });
        sequence(n, states, all.controls.index_axis(Axis(0), n).to_owned(), clean)
    });
    Ok(RawRecordings {
        sequences: sequences.collect(),
        observation_names: vec!["sine".into(), "cosine".into()],
        control_names: vec!["torque".into()],
        state_names: vec!["angle".into(), "velocity".into()],
        dt: Some(env.spec().dt),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf::data::Origins::default(),
    })
}

fn oscillators() -> RawRecordings {
    let step = |z: &[f64; 4], u: f64| {
        let [a, va, b, vb] = *z;
        let (fa, fb) =
            (-3.0 * a + 1.5 * (b - a) - 0.2 * va + u, -5.0 * b + 1.5 * (a - b) - 0.3 * vb);
        [a + 0.1 * va, va + 0.1 * fa, b + 0.1 * vb, vb + 0.1 * fb]
    };
    let sequences = (0..SEQUENCES).map(|n| {
        let mut draws = vec![0.0_f64; 4 + 5 * STEPS];
        Noise::new(5, n as u64).normal(&mut draws);
        let mut z = [draws[0], draws[1], draws[2], draws[3]];
        let mut states = Array2::zeros((STEPS, 4));
        let mut controls = Array2::zeros((STEPS, 1));
        for t in 0..STEPS {
            let e = &draws[4 + 5 * t..];
            states.row_mut(t).iter_mut().zip(z).for_each(|(to, from)| *to = narrow(from));
            controls[[t, 0]] = narrow(e[0]);
            z = step(&z, e[0]);
            z.iter_mut().zip(&e[1..]).for_each(|(z, e)| *z += 0.02 * e);
        }
        let clean = states.select(Axis(1), &[0, 2]);
        sequence(n, states, controls, clean)
    });
    RawRecordings {
        sequences: sequences.collect(),
        observation_names: vec!["left".into(), "right".into()],
        control_names: vec!["force".into()],
        state_names: ["left", "left_speed", "right", "right_speed"].map(String::from).into(),
        dt: Some(0.1),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf::data::Origins::default(),
    }
}

/// Root mean square errors of the angle on the test sequences.
fn score(file: &Path, model: &Path) -> Result<(), Box<dyn Error>> {
    let recordings = read_npz(file)?;
    let env = Pendulum::new(PendulumSettings::default())?;
    let mut filter = Filter::load(model)?.with_options(FilterOptions::MEAN_PATH)?;
    let (mut learned, mut known, mut count) = (0.0, 0.0, 0.0);
    let test = recordings.sequences.iter().filter(|s| s.part == Some(Part::Test));
    for sequence in test {
        let states = sequence.states.as_ref().ok_or("the file has no true states")?;
        let (a, b) = (follow(&mut filter, sequence)?, extended(&env, sequence)?);
        for t in WARM..STEPS {
            let truth = f64::from(states[[t, 0]]);
            let error = |angle: f64| {
                let off = angle - truth;
                off.sin().atan2(off.cos()).powi(2)
            };
            learned += error(a[t]);
            known += error(b[t]);
            count += 1.0;
        }
    }
    let (learned, known) = (f64::sqrt(learned / count), f64::sqrt(known / count));
    println!("filtered angle, root mean square error in rad, from step {WARM} on");
    println!("  trained filter           {learned:.4}");
    println!("  extended Kalman filter   {known:.4}");
    println!("  ratio                    {:.2}", learned / known);
    Ok(())
}

/// The angle that the trained filter believes at every step.
fn follow(filter: &mut Filter, sequence: &RawSequence) -> Result<Vec<f64>, Box<dyn Error>> {
    filter.reset();
    let model = filter.model().clone();
    let units = filter.units().cloned().ok_or("the model has no units")?;
    let dt = filter.dt();
    let mut observe = Rollout::new(&model, 1);
    let mut out = vec![0.0; sequence.observations.nrows()];
    for (t, angle) in out.iter_mut().enumerate() {
        let row = sequence.observations.row(t).to_vec();
        let seen = (!row.iter().any(|x| x.is_nan())).then_some(&row[..]);
        let control = sequence.controls.row(t.saturating_sub(1)).to_vec();
        let belief = filter.step(seen, &control, dt)?;
        if belief.started {
            let state = belief.state.view().insert_axis(Axis(0)).to_owned();
            let mut mean = Array2::zeros((1, 2));
            observe.observe(&model, state.view(), mean.view_mut());
            let mut frame = mean.row(0).to_vec();
            units.observation.restore(&mut frame);
            *angle = f64::from(frame[0]).atan2(f64::from(frame[1]));
        }
    }
    Ok(out)
}

/// The angle that an extended Kalman filter with the true equations believes at every step.
fn extended(env: &Pendulum, sequence: &RawSequence) -> Result<Vec<f64>, Box<dyn Error>> {
    let model = ClosureModel {
        dims: Dims { state: 2, control: 1, observation: 2 },
        transition: |z: &DVector<f64>, u: &[f64]| {
            DVector::from_row_slice(&env.step([z[0], z[1]], u[0]))
        },
        emission: |z: &DVector<f64>| DVector::from_row_slice(&[z[0].sin(), z[0].cos()]),
        // The true system has none; a little keeps the filter from trusting its linearization.
        process_noise: DMatrix::from_diagonal(&DVector::from_row_slice(&[1e-6, 1e-5])),
        observation_noise: DMatrix::from_diagonal_element(2, 2, NOISE * NOISE),
    };
    let observations = sequence.observations.mapv(f64::from);
    let first = observations.rows().into_iter().position(|row| !row[0].is_nan()).unwrap_or(0);
    // The uniform angle of the start is no Gaussian: the first frame says where to begin.
    let row = observations.row(first);
    let start = Belief::independent(&[row[0].atan2(row[1]), 0.0], &[0.02, 4.0])?;
    let mut filter = GaussianFilter::new(Extended(NumericJacobians::new(model)), start)?;
    let mut out = vec![0.0; observations.nrows()];
    for (t, angle) in out.iter_mut().enumerate().skip(first) {
        if t > first {
            let control = sequence.controls.slice(s![t - 1, ..]).mapv(f64::from).to_vec();
            filter.predict(&control)?;
            filter.update(Some(&observations.row(t).to_vec()))?;
        }
        *angle = filter.belief().mean[0];
    }
    Ok(out)
}
