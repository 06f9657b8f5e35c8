//! Nothing allocates after set-up: neither an estimate, nor a control, nor an update of a training.
//!
//! The allocator of this binary counts. It holds one test, so that no other one is counted with it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::Embedded;
use common::training::{
    actor_critic, draw_starts, empowerment_net, fit_settings, held_channel, network_scale,
    uniform_states,
};
use dvbf_control::{
    ActorCriticSettings, Channel, ChannelNoise, ControlLimits, Controller, Empowerment,
    FitSettings, Greedy, HeldGaussian, LearnedDynamics, PathFilter, Planner, PlannerSettings,
    Policy, SequenceGaussian, StateFilter, StateScale, Variational, VariationalSettings,
};
use dvbf_core::{Dvbf, Filter, FilterOptions, KindTable, ModelConfig};
use dvbf_tensor::Noise;
use ndarray::Array2;
use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hands everything to the system's allocator and counts what is asked for.
struct Counting;

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe; this one only counts")]
// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(old, layout) }
    }
}

/// Allocations of the second of two calls; the first may fill buffers of its thread.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let before = ASKED.load(Ordering::Relaxed);
    work();
    ASKED.load(Ordering::Relaxed) - before
}

/// Sees the state itself.
struct Seeing;

impl StateFilter<f64> for Seeing {
    type Error = Infallible;
    fn state_size(&self) -> usize {
        3
    }
    fn update(
        &mut self,
        observation: Option<&[f64]>,
        _: &[f64],
        state: &mut [f64],
    ) -> Result<bool, Infallible> {
        if let Some(x) = observation {
            state.copy_from_slice(x);
        }
        Ok(true)
    }
    fn reset(&mut self) {}
}

#[test]
fn nothing_allocates_after_set_up() {
    let (pendulum, channel) = (Embedded::default(), held_channel::<f64>(10).unwrap());
    let states = uniform_states::<f64>(50, 8.0, Noise::new(0, 3));
    let (mut out, mut controls) = (vec![0.0; 50], Array2::zeros((50, 1)));
    // Batches of whole and of part blocks.
    let mut held = HeldGaussian::new(pendulum, &channel, 16).unwrap();
    assert_eq!(allocations(|| held.evaluate(states.view(), &mut out).unwrap()), 0);
    let mut sequence = SequenceGaussian::new(pendulum, &channel, 16).unwrap();
    assert_eq!(allocations(|| sequence.evaluate(states.view(), &mut out).unwrap()), 0);

    let fit = FitSettings { updates: 5, batch: 16, ..fit_settings(0) };
    let mut net = empowerment_net::<f64>(10, fit).unwrap();
    assert_eq!(allocations(|| net.evaluate(states.view(), &mut out).unwrap()), 0);
    let settings = ActorCriticSettings { batch: 8, ..ActorCriticSettings::default() };
    let mut training = actor_critic(net, settings).unwrap();
    let starts = draw_starts::<f64>(8, 0, 0);
    assert_eq!(allocations(|| assert!(training.update(starts.view()).is_ok())), 0);
    let mut actor = training.actor().clone();
    assert_eq!(allocations(|| actor.act(states.view(), controls.view_mut()).unwrap()), 0);

    let settings = VariationalSettings { batch: 16, samples: 3, ..VariationalSettings::default() };
    let mut bound = Variational::new(pendulum, &channel, &network_scale(), settings).unwrap();
    assert_eq!(allocations(|| bound.evaluate(states.view(), &mut out).unwrap()), 0);
    let (epsilon, xi) = (Array2::zeros((8, 1)), Array2::zeros((8, 3)));
    let noise = ChannelNoise { source: epsilon.view(), end: xi.view() };
    assert_eq!(allocations(|| assert!(bound.update(starts.view(), noise, 1e-3).is_ok())), 0);

    let settings = PlannerSettings { horizon: 3, ..PlannerSettings::default() };
    let estimate = HeldGaussian::new(pendulum, &channel, 64).unwrap();
    let mut planner = Planner::new(pendulum, estimate, channel.limits(), settings, 50).unwrap();
    assert_eq!(allocations(|| planner.act(states.view(), controls.view_mut()).unwrap()), 0);
    let greedy = Greedy::new(pendulum, held, channel.limits(), 9).unwrap();
    let mut controller = Controller::new(Seeing, greedy, channel.limits().clone(), 3);
    let seen = [1.0, 0.0, 0.5];
    let frames = || {
        controller.frame(Some(&seen)).unwrap();
        controller.frame(None).unwrap();
    };
    assert_eq!(allocations(frames), 0);
    assert_eq!(allocations(learned_loop()), 0);
}

/// Frames, seen and missing, through the online filter and a policy in its learned dynamics.
fn learned_loop() -> impl FnMut() {
    let transition = KindTable::new("locally-linear").with("matrices", 4).with("hidden", 8);
    let config = ModelConfig {
        hidden: 8,
        initial_frames: 2,
        dt: Some(0.1),
        transition,
        ..ModelConfig::new(16, 1, 3)
    };
    let model = Arc::new(Dvbf::random(&config, Noise::new(1, 0)).unwrap());
    let filter = Filter::new(Arc::clone(&model), 0.1, FilterOptions::MEAN_PATH).unwrap();
    let dynamics = LearnedDynamics::new(Arc::from(model.transition().clone_box()));
    let limits = ControlLimits::symmetric(&[2.0]).unwrap();
    let channel = Channel::new(10, 0.05, limits.clone(), StateScale::identity(3)).unwrap();
    let estimate = HeldGaussian::new(dynamics.clone(), &channel, 9).unwrap();
    let greedy = Greedy::new(dynamics, estimate, &limits, 9).unwrap();
    let mut controller = Controller::new(PathFilter::new(&filter).unwrap(), greedy, limits, 5);
    let mut frame = [0.0_f32; 16];
    Noise::new(1, 1).uniform(&mut frame);
    move || {
        for frame in [Some(&frame[..]), Some(&frame), Some(&frame), None, Some(&frame)] {
            controller.frame(frame).unwrap();
        }
        assert!(controller.started() && controller.state().iter().any(|&z| z != 0.0));
    }
}
