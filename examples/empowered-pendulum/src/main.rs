//! A controller without a reward, behind the online filter of a trained model: frames in, torque out.
//!
//! `cargo run --release -- MODEL`, with the model file of a finished run of the pendulum.

use dvbf_control::{
    Channel, ControlLimits, Controller, FrameError, Greedy, HeldGaussian, LearnedDynamics,
    PathFilter, StateFilter, StateScale,
};
use dvbf_core::Filter;
use dvbf_core::ndarray::Array2;
use dvbf_envs::{Environment, Pendulum, PendulumSettings};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::error::Error;
use std::f64::consts::PI;
use std::sync::Arc;
use std::time::Instant;

/// Steps of a channel, its resolution in standard deviations of the states, and torques to choose from.
const STEPS: usize = 10;
const RESOLUTION: f64 = 0.05;
const LEVELS: usize = 9;
/// Frames that may be missing in a row before the controller rests, and those of the trial.
const PATIENCE: usize = 10;
const FRAMES: usize = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the model file of a run of the pendulum")?;
    let filter = Filter::load(&path)?;
    let settings = PendulumSettings::default();
    let limits = ControlLimits::symmetric(&[settings.torque_max as f32])?;
    let pendulum = Pendulum::new(settings)?;
    let pixels = pendulum.spec().observation_size;
    if (filter.model().observation(), filter.model().transition().dims().control) != (pixels, 1) {
        return Err(
            format!("{path} is no model of frames of {pixels} pixels and one torque").into()
        );
    }

    // What the states vary by, from a minute of random torques.
    let mut eyes = PathFilter::new(&filter)?;
    let visited = visited(&pendulum, &mut eyes, pixels)?;
    let dynamics = LearnedDynamics::new(Arc::from(filter.model().transition().clone_box()));
    let channel =
        Channel::new(STEPS, RESOLUTION, limits.clone(), StateScale::of_states(visited.view())?)?;
    let empowerment = HeldGaussian::new(dynamics.clone(), &channel, 16)?;
    let policy = Greedy::new(dynamics, empowerment, &limits, LEVELS)?;
    eyes.reset();
    let mut controller = Controller::new(eyes, policy, limits, PATIENCE);

    let (mut state, mut frame) = ([0.0, 0.0], vec![0.0; pixels]);
    let (mut upright_from, mut spent) = (0, 0.0_f64);
    for t in 0..FRAMES {
        pendulum.observe(&state, &mut frame);
        // Every twentieth frame is dropped on the way.
        let seen = (t % 20 != 19).then_some(&frame[..]);
        let clock = Instant::now();
        let torque = match controller.frame(seen).map(|control| control[0]) {
            // A frame that the filter refuses passes as a missing one.
            Err(FrameError::Filter(_)) => controller.frame(None)?[0],
            torque => torque?,
        };
        let torque = f64::from(torque);
        spent += clock.elapsed().as_secs_f64();
        pendulum.advance(&mut state, &[torque]);
        let angle = state[0].rem_euclid(2.0 * PI) - PI;
        if angle.abs() >= 0.3 {
            upright_from = t + 1;
        }
        if t % 30 == 29 {
            println!("frame {:3}: {angle:+.2} rad from upright, torque {torque:+.2} N m", t + 1);
        }
    }
    match upright_from {
        from if from + 100 <= FRAMES => println!("upright from frame {from} on"),
        _ => println!("not upright at the end"),
    }
    println!("{:.0} µs a frame", 1e6 * spent / FRAMES as f64);
    Ok(())
}

/// States that the filter believes in while random torques act on the pendulum.
fn visited(
    pendulum: &Pendulum,
    eyes: &mut PathFilter,
    pixels: usize,
) -> Result<Array2<f32>, Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut state, mut torque, mut frame) = ([0.0; 2], [0.0], vec![0.0; pixels]);
    let mut belief = vec![0.0; eyes.state_size()];
    let mut rows = Vec::new();
    for _ in 0..40 {
        eyes.reset();
        pendulum.reset(&mut rng, &mut state);
        for _ in 0..15 {
            pendulum.observe(&state, &mut frame);
            if eyes.update(Some(&frame), &[torque[0] as f32], &mut belief)? {
                rows.extend_from_slice(&belief);
            }
            pendulum.sample_control(&mut rng, &mut torque);
            pendulum.advance(&mut state, &torque);
        }
    }
    Ok(Array2::from_shape_vec((rows.len() / belief.len(), belief.len()), rows)?)
}
