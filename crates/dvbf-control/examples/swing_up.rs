//! Policies that maximize empowerment swing the true pendulum up and keep it there.
//!
//! ```text
//! cargo run --release -p dvbf-control --example swing_up -- [PART]
//! ```
//!
//! `PART` is `references`, `greedy`, `planner`, `network`, `actor` or `variational`; all without it.

#[path = "../tests/common/mod.rs"]
mod common;

use common::pendulum::{Embedded, TORQUE};
use common::training::{
    actor_critic, beside_oracle, correlation, draw_starts, empowerment_net, held_channel,
    trained_variational, uniform_states,
};
use common::trial::{MinimumTime, Random, run, starts};
use dvbf_control::{
    ControlError, Empowerment, Greedy, HeldGaussian, Planner, PlannerSettings, Policy,
    SequenceGaussian, VariationalSettings,
};
use dvbf_tensor::Noise;
use std::time::Instant;

type Outcome = Result<(), ControlError>;

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn report(name: &str, policy: &mut dyn Policy<f32>) -> Outcome {
    let begun = Instant::now();
    let outcome = run(policy, &starts())?;
    println!("{} {:.1} s", outcome.row(name), begun.elapsed().as_secs_f64());
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

fn planner() -> Outcome {
    let (pendulum, channel) = (Embedded::default(), held_channel(10)?);
    let estimate = HeldGaussian::new(pendulum, &channel, 64)?;
    let settings = PlannerSettings::default();
    let rows = starts().len();
    let mut policy = Planner::new(pendulum, estimate, channel.limits(), settings, rows)?;
    report("cross-entropy planning, held K 10", &mut policy)
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn network() -> Outcome {
    let channel = held_channel(10)?;
    for seed in 0..3 {
        let mut net = empowerment_net(10, seed)?;
        let states = uniform_states::<f32>(4000, 9.0, Noise::new(99, seed));
        let (mut found, mut exact) = (vec![0.0; 4000], vec![0.0; 4000]);
        net.evaluate(states.view(), &mut found)?;
        HeldGaussian::new(Embedded::default(), &channel, 64)?
            .evaluate(states.view(), &mut exact)?;
        println!(
            "rmse {}",
            (found.iter().zip(&exact).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / 4000.0).sqrt()
        );
        let mut policy = Greedy::new(Embedded::default(), net, channel.limits(), 9)?;
        report(&format!("greedy on a network, seed {seed}"), &mut policy)?;
    }
    Ok(())
}

fn actor() -> Outcome {
    for seed in 0..3 {
        let net = empowerment_net(10, seed)?;
        let mut training = actor_critic(net, seed)?;
        for update in 1..=6000 {
            let starts = draw_starts(128, seed, update);
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
        ("variational", variational),
    ] {
        if part.as_deref().is_none_or(|part| part == name) {
            body()?;
        }
    }
    Ok(())
}
