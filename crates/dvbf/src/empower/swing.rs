//! A swing-up step by step, with what the model draws of its belief.

use super::trial::{Arena, Eyes, Recorder, from_upright, narrow};
use super::{EmpowerError, World};
use dvbf_control::{PathFilter, Policy};
use dvbf_core::{Filter, FilterOptions, Rollout};
use dvbf_report::Swing;
use ndarray::{Array2, Axis};

/// Lets `policy` act from hanging at rest on frames, as the trials do.
pub(super) fn swing(
    arena: &Arena<'_>,
    (name, policy): (&str, &mut dyn Policy<f32>),
    (filter, learned): (&Filter, &World),
    torque_max: f64,
) -> Result<Swing, EmpowerError> {
    let spec = arena.env.spec();
    let mut recorder = Recorder::default();
    let mut eyes = Eyes::Pixels(Box::new(PathFilter::new(filter)?));
    arena.hanging(policy, &mut eyes, &mut recorder)?;
    let steps = recorder.frames.len();

    let model = filter.model();
    let mut rollout = Rollout::new(model, 1);
    let mut again = filter.with_options(FilterOptions::MEAN_PATH)?;
    let dt = again.dt();
    let shown = learned.dynamics.features().outputs();
    let mut beliefs = Array2::zeros((steps, shown));
    let mut believed = Vec::new();
    let mut control = vec![0.0; spec.control_size];
    let mut started = Vec::new();
    for (t, frame) in recorder.frames.iter().enumerate() {
        let belief = again.step(Some(frame), &control, dt)?;
        started.push(belief.started);
        let state = belief.state.view().insert_axis(Axis(0));
        learned.dynamics.features().apply(state, beliefs.slice_mut(ndarray::s![t..=t, ..]));
        let mut drawn = Array2::zeros((1, spec.observation_size));
        rollout.observe(model, state, drawn.view_mut());
        believed.push(drawn.into_raw_vec_and_offset().0);
        control = vec![narrow(recorder.torques[t])];
    }
    let values = learned.evaluate(&beliefs)?;
    let known = values.iter().zip(&started);
    let empowerment = known.map(|(&v, &on)| if on { f64::from(v) } else { f64::NAN }).collect();
    Ok(Swing {
        policy: format!("{name}, from pixels"),
        dt: spec.dt,
        image: spec.image.unwrap_or((1, spec.observation_size)),
        angles: recorder.states.iter().map(|s| from_upright(s[0])).collect(),
        velocities: recorder.states.iter().map(|s| s[1]).collect(),
        torques: recorder.torques,
        torque_max,
        empowerment,
        seen: recorder.frames,
        believed,
    })
}
