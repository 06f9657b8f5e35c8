//! Learns the constants of an equation that the library does not know from a noisy position alone, saves
//! the model, loads it, and filters a new recording step by step.

mod physics;

use dvbf_core::dynamics::{Flow, Integrator, Point, register_dynamics};
use dvbf_core::ndarray::{Array1, Array2, array};
use dvbf_core::{
    Adam, Batch, Bound, Dvbf, Filter, FilterOptions, GradientOptions, KindTable, ModelConfig,
    ModelFile, Noise, Objective, Params, Statistics, Workspace,
};
use physics::VanDerPol;
use serde_json::json;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

const DT: f64 = 0.1;
/// True damping, stiffness and gain.
const TRUTH: [f64; 3] = [1.0, 1.5, 1.0];
const SENSOR: f32 = 0.05;
const SEQUENCES: usize = 60;
const STEPS: usize = 25;
const UPDATES: u64 = 3000;

/// Recordings of the true system, time-major: row `t · n + b` is step `t` of sequence `b`.
struct Recordings {
    observed: Array2<f32>,
    control: Array2<f32>,
    state: Array2<f64>,
}

fn record(n: usize, steps: usize, seed: u64) -> Recordings {
    let mut normal = vec![0.0_f64; n * steps * 2 + 2 * n];
    Noise::new(seed, 0).normal(&mut normal);
    let (system, mut flow) = (VanDerPol::default(), Flow::new(2, Integrator::Rk4, 4));
    let mut out = Recordings {
        observed: Array2::zeros((n * steps, 1)),
        control: Array2::zeros((n * steps, 1)),
        state: Array2::zeros((n * steps, 2)),
    };
    for b in 0..n {
        let mut z = [1.5 * normal[2 * b], 1.5 * normal[2 * b + 1]];
        for t in 0..steps {
            let (row, draw) = (t * n + b, 2 * n + 2 * (t * n + b));
            out.state.row_mut(row).assign(&array![z[0], z[1]]);
            out.observed[[row, 0]] = (z[0] + f64::from(SENSOR) * normal[draw]) as f32;
            out.control[[row, 0]] = (2.0 * normal[draw + 1]) as f32;
            let control = [f64::from(out.control[[row, 0]])];
            let mut next = [0.0; 2];
            let here = Point { state: &z, control: &control, constants: &TRUTH };
            flow.step(&system, here, DT, &mut next);
            z = next;
        }
    }
    out
}

fn train(config: &ModelConfig, data: &Recordings) -> Result<Dvbf<f32>, Box<dyn Error>> {
    let mut model = Dvbf::<f32>::random(config, Noise::new(0, 1))?;
    let mean = f64::from(data.observed.sum()) / data.observed.len() as f64;
    let squares = data.observed.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
    let std = (squares / data.observed.len() as f64).sqrt();
    model.adapt(&Statistics { mean: array![mean], axes: array![[1.0 / std]] });

    let rows = data.observed.nrows();
    let (mut work, mut bound) = (Workspace::new(&model, SEQUENCES, rows), Bound::zeros(SEQUENCES));
    let (mut grads, mut adam) = (model.zeros_like(), Adam::new(model.count()));
    let mut noise = Array2::<f32>::zeros((rows, 2));
    for update in 0..UPDATES {
        Noise::new(1, update).normal(noise.as_slice_mut().ok_or("noise is contiguous")?);
        // Three steps of four follow the equation alone, so that it has to predict.
        let mut draws = vec![0.0_f32; rows];
        Noise::new(2, update).uniform(&mut draws);
        let seen: Array1<f32> = draws.iter().map(|d| f32::from(u8::from(*d < 0.25))).collect();
        let batch = Batch {
            sequences: SEQUENCES,
            input: data.observed.view(),
            start: None,
            target: data.observed.view(),
            mask: None,
            seen: seen.view(),
            control: data.control.view(),
            noise: noise.view(),
        };
        work.prepare(&model);
        grads.set_zero();
        let scale = 1.0 / rows as f32;
        let options =
            GradientOptions { objective: Objective::BOUND, scale, state_limit: f32::INFINITY };
        model.gradient(&batch, options, &mut work, &mut bound, &mut grads);
        let rate = 1e-2 * (1.0 - update as f64 / UPDATES as f64);
        adam.update(&mut model, &grads.to_flat(), 1.0, rate);
        if update % 1000 == 0 {
            println!("update {update}: loss {:.2} a sequence", bound.loss(Objective::BOUND));
        }
    }
    Ok(model)
}

fn main() -> Result<(), Box<dyn Error>> {
    register_dynamics("van-der-pol", |_| Arc::new(VanDerPol::default()))?;
    let config = ModelConfig {
        hidden: 32,
        dt: Some(DT),
        initial: KindTable::new("known-state"),
        transition: KindTable::new("sum")
            .with("known", json!({ "dynamics": "van-der-pol", "substeps": 2 }))
            .with("noise", json!({ "std": 0.003 })),
        emission: KindTable::new("gaussian").with("state", 1).with("std", SENSOR),
        ..ModelConfig::new(1, 1, 2)
    };
    let model = train(&config, &record(SEQUENCES, STEPS, 7))?;
    let known = model.transition().known().ok_or("the equation is inside")?;
    let values = known.dynamics.canonical(&known.values);
    for (i, constant) in known.constants.iter().enumerate() {
        let (name, unit) = (&constant.name, &constant.unit);
        println!("{name}: learned {:.3}, true {:.3} {unit}", values[i], TRUTH[i]);
    }

    let path = std::env::args().nth(1).map_or_else(|| "own-physics.dvbf".into(), PathBuf::from);
    ModelFile::new(&config, &model).write(&path)?;
    let mut filter = Filter::load(&path)?.with_options(FilterOptions::MEAN_PATH)?;
    let (steps, fresh) = (60, record(1, 60, 8));
    // What no recording without labels can tell, and is undone: the sign of the state.
    let gauge = known.dynamics.gauge(&known.values);
    let mut squares = 0.0;
    for t in 0..steps {
        let control = if t > 0 { fresh.control[[t - 1, 0]] } else { 0.0 };
        // Every third reading is lost.
        let reading = [fresh.observed[[t, 0]]];
        let belief = filter.step((t % 3 != 2).then_some(&reading), &[control], DT)?;
        if t >= 10 {
            let velocity = gauge.sign[1] * f64::from(belief.state[1]);
            squares += (velocity - fresh.state[[t, 1]]).powi(2);
        }
    }
    println!("velocity, never measured: error {:.3} m/s", (squares / 50.0).sqrt());
    Ok(())
}
