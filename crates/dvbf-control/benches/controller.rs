//! A step of the controller at the sizes of the pendulum, frames of 16×16: the mean path of the online
//! filter, then a policy.

use criterion::{Criterion, Throughput};
use dvbf_control::{
    ActorCritic, ActorCriticSettings, Channel, ControlError, ControlLimits, Controller,
    EmpowermentNet, FitSettings, Foresight, Greedy, HeldGaussian, LearnedDynamics, Outcomes,
    PathFilter, Policy, StateScale, ValueNet, ValueSettings,
};
use dvbf_core::{Dvbf, Filter, FilterOptions, KindTable, ModelConfig, Noise};
use ndarray::{Array2, Array3};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const PIXELS: usize = 256;
const LEVELS: usize = 9;
/// Frames of a sequence.
const FRAMES: usize = 40;

/// A random model of the sizes of the preset `pendulum`.
fn filter() -> Result<Filter, Box<dyn Error>> {
    let transition = KindTable::new("locally-linear").with("matrices", 16).with("hidden", 64);
    let config = ModelConfig { dt: Some(0.1), transition, ..ModelConfig::new(PIXELS, 1, 3) };
    let model = Arc::new(Dvbf::random(&config, Noise::new(0, 0))?);
    Ok(Filter::new(model, 0.1, FilterOptions::MEAN_PATH)?)
}

fn states() -> Array2<f32> {
    let mut states = Array2::zeros((64, 3));
    Noise::new(0, 1).normal(states.as_slice_mut().expect("a fresh array is contiguous"));
    states
}

fn actor(
    dynamics: &LearnedDynamics,
    channel: &Channel<f32>,
) -> Result<impl Policy<f32> + use<>, ControlError> {
    let (states, scale) = (states(), channel.scale());
    let fit = FitSettings { updates: 1, batch: 64, ..FitSettings::default() };
    let net = EmpowermentNet::fit(states.view(), &vec![0.0; states.nrows()], scale, &fit)?;
    let settings = ActorCriticSettings { batch: 1, ..ActorCriticSettings::default() };
    let training = ActorCritic::new(dynamics.clone(), net, channel.limits(), scale, settings)?;
    Ok(training.actor().clone())
}

/// A value of the usual size.
fn value(channel: &Channel<f32>) -> Result<ValueNet<f32>, ControlError> {
    let states = states();
    let (next, rewards) = (Array3::zeros((64, LEVELS, 3)), Array2::zeros((64, LEVELS)));
    let outcomes = Outcomes { states: states.view(), next: next.view(), rewards: rewards.view() };
    let settings = ValueSettings { updates: 1, batch: 16, ..ValueSettings::default() };
    ValueNet::fit(outcomes, channel.scale(), &settings)
}

/// Sequences of frames, all seen or every fourth missing. They are short, for a random model may be
/// unstable.
fn bench(
    criterion: &mut Criterion,
    name: &str,
    filter: &Filter,
    policy: impl Policy<f32>,
) -> Result<(), Box<dyn Error>> {
    let limits = ControlLimits::symmetric(&[2.0])?;
    let mut controller = Controller::new(PathFilter::new(filter)?, policy, limits, FRAMES);
    let mut frame = vec![0.0_f32; PIXELS];
    Noise::new(0, 2).uniform(&mut frame);
    let mut group = criterion.benchmark_group("controller");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (missing, kind) in [(FRAMES, "every frame"), (4, "every fourth frame missing")] {
        group.bench_function(format!("{name}, {kind}"), |bencher| {
            bencher.iter(|| {
                controller.reset();
                for t in 0..FRAMES {
                    let seen = (t % missing != missing - 1).then_some(&frame[..]);
                    controller.frame(black_box(seen)).expect("a finite control");
                }
                assert!(controller.started(), "the filter has started");
            });
        });
    }
    group.finish();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(15)
        .configure_from_args();
    let filter = filter()?;
    let dynamics = LearnedDynamics::new(Arc::from(filter.model().transition().clone_box()));
    let scale = StateScale::of_states(states().view())?;
    let channel = Channel::new(10, 0.05, ControlLimits::symmetric(&[2.0])?, scale)?;
    bench(&mut criterion, "actor", &filter, actor(&dynamics, &channel)?)?;
    let estimate = HeldGaussian::new(dynamics.clone(), &channel, LEVELS)?;
    let foresight = Foresight::new(estimate, value(&channel)?);
    let greedy = Greedy::new(dynamics, foresight, channel.limits(), LEVELS)?;
    bench(&mut criterion, "greedy", &filter, greedy)?;
    criterion.final_summary();
    Ok(())
}
