//! A trial step by step, with what the model draws of its belief.

use super::EmpowerError;
use super::subject::Subject;
use super::trial::{Arena, Eyes, Recorder, narrow};
use dvbf_control::{ControlLimits, Empowerment, LearnedDynamics, PathFilter, Policy};
use dvbf_core::{Filter, FilterOptions, Rollout};
use dvbf_report::{Curve, RecordedTrial};
use ndarray::{Array2, Axis, s};

/// Lets the policy act from the fixed start on frames, as the trials do.
pub(super) fn record<S: Subject>(
    arena: &Arena<'_, S>,
    (name, policy): (&str, &mut dyn Policy<f32>),
    (filter, dynamics): (&Filter, &LearnedDynamics),
    estimate: &mut dyn Empowerment<f32>,
) -> Result<RecordedTrial, EmpowerError> {
    let spec = arena.env.spec();
    let mut recorder = Recorder::default();
    let mut eyes = Eyes::Pixels(Box::new(PathFilter::new(filter)?));
    arena.run_fixed_start(policy, &mut eyes, Some(&mut recorder))?;
    let steps = recorder.frames.len();

    let model = filter.model();
    let mut rollout = Rollout::new(model, 1);
    let mut again = filter.with_options(FilterOptions::MEAN_PATH)?;
    let dt = again.dt();
    let mut beliefs = Array2::zeros((steps, dynamics.features().outputs()));
    let mut believed = Vec::new();
    let mut control = vec![0.0; spec.control_size];
    let mut started = Vec::new();
    for (t, frame) in recorder.frames.iter().enumerate() {
        let belief = again.step(Some(frame), &control, dt)?;
        started.push(belief.started);
        let state = belief.state.view().insert_axis(Axis(0));
        dynamics.features().apply(state, beliefs.slice_mut(s![t..=t, ..]));
        let mut drawn = Array2::zeros((1, spec.observation_size));
        if belief.started {
            rollout.observe(model, state, drawn.view_mut());
        }
        believed.push(drawn.into_raw_vec_and_offset().0);
        control = recorder.controls[t].iter().map(|&u| narrow(u)).collect();
    }
    let mut values = vec![0.0; steps];
    estimate.evaluate(beliefs.view(), &mut values)?;
    let known = values.iter().zip(&started);
    let mut curves = arena.subject.curves(&recorder.states, &recorder.controls);
    curves.push(Curve {
        id: "trial-empowerment".into(),
        caption: "Learned empowerment at the belief".into(),
        unit: "nats".into(),
        values: known.map(|(&v, &on)| if on { f64::from(v) } else { f64::NAN }).collect(),
    });
    let places: Vec<[f64; 2]> = recorder.states.iter().map(|z| arena.subject.place(z)).collect();
    Ok(RecordedTrial {
        policy: format!("{name}, from pixels"),
        dt: spec.dt,
        image: spec.image.unwrap_or((1, spec.observation_size)),
        path: [0, 1].map(|axis| places.iter().map(|place| place[axis]).collect()),
        controls: shares(&recorder.controls, &arena.subject.limits()?),
        curves,
        seen: recorder.frames,
        believed,
    })
}

/// Controls `(T, U)` as shares of half their interval.
fn shares(controls: &[Vec<f64>], limits: &ControlLimits<f32>) -> Array2<f64> {
    Array2::from_shape_fn((controls.len(), limits.size()), |(t, j)| {
        (controls[t][j] - f64::from(limits.center()[j])) / f64::from(limits.half()[j])
    })
}
