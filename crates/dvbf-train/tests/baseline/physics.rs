//! The filter that knows the equations.

use crate::small::{pendulum, pool, settings};
use dvbf_envs::{ImageSettings, PendulumSettings, Style};
use dvbf_train::baseline::PhysicsFilter;
use dvbf_train::settings::Span;
use ndarray::s;

const SPAN: Span = Span { filtered: 6, horizon: 30 };

fn filter(size: usize) -> PhysicsFilter {
    PhysicsFilter::new(&settings(size)).unwrap().unwrap()
}

#[test]
fn the_center_of_gravity_is_where_the_blob_is() {
    let data = pendulum(16, 40, 10, 1);
    let filter = filter(16);
    for (frame, state) in data.observations.rows().into_iter().zip(data.states.rows()) {
        let [right, down] = filter.center(frame);
        let (sine, cosine) = f64::from(state[0]).sin_cos();
        assert!((right - 5.0 * sine).abs() < 0.03 && (down - 5.0 * cosine).abs() < 0.03);
    }
}

#[test]
fn angle_and_velocity_are_known_after_a_few_frames() {
    let data = pendulum(16, 60, 12, 2);
    let states = filter(16).infer(&data, 0, &pool()).unwrap();
    let mut worst = [0.0_f32; 3];
    for n in 0..60 {
        for t in 4..12 {
            let (angle, velocity) = (data.states[[n, t, 0]], data.states[[n, t, 1]]);
            let truth = [angle.sin(), angle.cos(), velocity];
            for (i, truth) in truth.into_iter().enumerate() {
                worst[i] = worst[i].max((states[[n, t, i]] - truth).abs());
            }
        }
    }
    assert!(worst[0] < 0.03 && worst[1] < 0.03 && worst[2] < 0.15, "{worst:?}");
}

#[test]
fn predictions_follow_the_recordings_and_do_not_look() {
    let mut data = pendulum(16, 30, 40, 3);
    let filter = filter(16);
    let before = filter.predict(&data, SPAN, &pool()).unwrap();
    let truth = data.observations.slice(s![.., 6..36, ..]).to_owned();
    let error = (&before - &truth).mapv(|d| d * d).mean().unwrap();
    assert!(error < 1e-3, "{error}");
    data.observations.slice_mut(s![.., 6.., ..]).fill(f32::NAN);
    assert_eq!(filter.predict(&data, SPAN, &pool()).unwrap(), before);
}

#[test]
fn a_rod_has_no_such_filter() {
    let image = ImageSettings { style: Style::Rod, ..ImageSettings::default() };
    let rod = PendulumSettings { image, ..PendulumSettings::default() };
    assert!(PhysicsFilter::new(&rod).unwrap().is_none());
}
