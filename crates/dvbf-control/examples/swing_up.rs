//! Policies that maximize empowerment swing the true pendulum up and keep it there.
//!
//! ```text
//! cargo run --release -p dvbf-control --example swing_up -- [PART]
//! ```
//!
//! `PART` is `references`, `greedy`, `planner`, `network`, `actor`, `noise` or `variational`; all without
//! it.

#[path = "../tests/common/mod.rs"]
mod common;

use common::pendulum::{Embedded, Physics, TORQUE};
use common::training::{
    actor_critic, beside_oracle, correlation, draw_starts, empowerment_net, fit_settings,
    held_channel, trained_variational, uniform_states,
};
use common::trial::{Blurred, MinimumTime, Random, run, starts};
use dvbf_control::{
    ActorCriticSettings, ControlError, Empowerment, EmpowermentNet, FitSettings, Greedy,
    HeldGaussian, Planner, PlannerSettings, Policy, SequenceGaussian, VariationalSettings,
};
use dvbf_tensor::Noise;
use std::time::Instant;

type Outcome = Result<(), ControlError>;

fn report(name: &str, policy: &mut dyn Policy<f32>) -> Outcome {
    report_from(name, policy, &starts())
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn report_from(name: &str, policy: &mut dyn Policy<f32>, starts: &[[f64; 2]]) -> Outcome {
    println!("{}", run(policy, starts)?.row(name));
    Ok(())
}

fn references() -> Outcome {
    report("minimum time, dynamic programming", &mut MinimumTime::solve())?;
    report("random torques", &mut Random::new(TORQUE))?;
    report("no control", &mut Random::new(0.0))
}

fn greedy() -> Outcome {
    let pendulum = Embedded::default();
    for steps in [3, 5, 8, 10] {
        let channel = held_channel(steps)?;
        let estimate = SequenceGaussian::new(pendulum, &channel, 16)?;
        let mut policy = Greedy::new(pendulum, estimate, channel.limits(), 9)?;
        report(&format!("greedy, sequence K {steps}"), &mut policy)?;
    }
    for steps in [8, 10] {
        let channel = held_channel(steps)?;
        let estimate = HeldGaussian::new(pendulum, &channel, 16)?;
        let mut policy = Greedy::new(pendulum, estimate, channel.limits(), 9)?;
        report(&format!("greedy, held K {steps}"), &mut policy)?;
    }
    Ok(())
}

/// States that the policy is told wrongly, and dynamics that it believes in wrongly.
fn noise() -> Outcome {
    for std in [0.02, 0.05, 0.1] {
        let mut policy = Blurred::new(greedy_in(Physics::default())?, std);
        report(&format!("greedy, held K 10, errors of the state {std} rad"), &mut policy)?;
    }
    for (gravity, damping) in [(7.5, 0.1), (11.0, 0.1), (12.5, 0.1), (9.81, 0.5), (9.81, 1.0)] {
        let mut policy = greedy_in(Physics { gravity, damping })?;
        report(&format!("greedy, held K 10, g {gravity}, b {damping}"), &mut policy)?;
    }
    Ok(())
}

type Believer = Greedy<f32, Embedded, HeldGaussian<f32, Embedded>>;

fn greedy_in(physics: Physics) -> Result<Believer, ControlError> {
    let (pendulum, channel) = (Embedded(physics), held_channel(10)?);
    let estimate = HeldGaussian::new(pendulum, &channel, 16)?;
    Greedy::new(pendulum, estimate, channel.limits(), 9)
}

/// From hanging and the first twenty random starts: a plan takes thousands of estimates.
fn planner() -> Outcome {
    let (pendulum, channel) = (Embedded::default(), held_channel(10)?);
    for seed in 0..3 {
        let estimate = HeldGaussian::new(pendulum, &channel, 32)?;
        let settings = PlannerSettings {
            horizon: 12,
            samples: 32,
            elites: 6,
            iterations: 2,
            seed,
            ..PlannerSettings::default()
        };
        let starts = &starts()[..21];
        let limits = channel.limits();
        let mut policy = Planner::new(pendulum, estimate, limits, settings, starts.len())?;
        let name = format!("cross-entropy planning, held K 10, seed {seed}, of 20");
        report_from(&name, &mut policy, starts)?;
    }
    Ok(())
}

/// The root of the mean squared error of a network for held empowerment, at 4000 states.
fn error_of(net: &mut EmpowermentNet<f32>, seed: u64) -> Result<f32, ControlError> {
    let states = uniform_states::<f32>(4000, 9.0, Noise::new(99, seed));
    let (mut found, mut exact) = (vec![0.0; 4000], vec![0.0; 4000]);
    net.evaluate(states.view(), &mut found)?;
    let mut held = HeldGaussian::new(Embedded::default(), &held_channel(10)?, 64)?;
    held.evaluate(states.view(), &mut exact)?;
    let squares: f32 = found.iter().zip(&exact).map(|(a, b)| (a - b) * (a - b)).sum();
    Ok((squares / 4000.0).sqrt())
}

fn network() -> Outcome {
    let channel = held_channel(10)?;
    for (hidden, seed) in [(64, 0), (64, 1), (64, 2), (128, 0), (128, 1), (128, 2)] {
        let settings = FitSettings { hidden, ..fit_settings(seed) };
        let mut net = empowerment_net(10, settings)?;
        let error = error_of(&mut net, seed)?;
        let mut policy = Greedy::new(Embedded::default(), net, channel.limits(), 9)?;
        let name = format!("greedy on a network of 2×{hidden}, error {error:.3} nat, seed {seed}");
        report(&name, &mut policy)?;
    }
    Ok(())
}

fn actor() -> Outcome {
    for seed in 0..3 {
        let net = empowerment_net(10, fit_settings(seed))?;
        let settings = ActorCriticSettings { seed, ..ActorCriticSettings::default() };
        let mut training = actor_critic(net, settings)?;
        for update in 1..=6000 {
            let starts = draw_starts(settings.batch, seed, update);
            training.update(starts.view())?;
            if update % 1000 == 0 {
                let name = format!("actor-critic, seed {seed}, {update} updates");
                report(&name, &mut training.actor().clone())?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn variational() -> Outcome {
    for (steps, seed) in [(5, 0), (5, 1), (5, 2), (8, 0)] {
        let begun = Instant::now();
        let settings =
            VariationalSettings { seed, samples: 1024, ..VariationalSettings::default() };
        let mut estimate = trained_variational::<f32>(steps, settings)?;
        let seconds = begun.elapsed().as_secs_f64();
        let (found, exact) = beside_oracle(&mut estimate, steps)?;
        println!(
            "| variational, held K {steps}, seed {seed} | {} | correlation {:.3} | mean gap {:.2} | {seconds:.0} s |",
            (0..3)
                .map(|n| format!("{:.2} ({:.2})", found[n], exact[n]))
                .collect::<Vec<_>>()
                .join(", "),
            correlation(&found, &exact),
            exact.iter().zip(&found).map(|(e, f)| e - f).sum::<f64>() / found.len() as f64,
        );
    }
    Ok(())
}

fn main() -> Outcome {
    let part = std::env::args().nth(1);
    for (name, body) in [
        ("references", references as fn() -> Outcome),
        ("greedy", greedy),
        ("planner", planner),
        ("network", network),
        ("actor", actor),
        ("noise", noise),
        ("variational", variational),
    ] {
        if part.as_deref().is_none_or(|part| part == name) {
            body()?;
        }
    }
    Ok(())
}
