//! What all initial states share: gradients of dreams.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::fill;
use dvbf_dynamics::Component;
use dvbf_models::{Context, FirstSteps, INITIAL_STATES, InitialState, KindTable};
use dvbf_ops::Path;
use dvbf_tensor::Noise;
use ndarray::Array2;

const ROWS: usize = 3;

fn part(kind: &str) -> Box<dyn InitialState<f64>> {
    let components = vec![Component::angle("angle"), Component::velocity("speed", "1/s", 3.0)];
    let context = Context {
        observation: 4,
        control: 1,
        state: 2,
        noise: 2,
        hidden: 5,
        initial_frames: 3,
        dt: Some(0.1),
        uneven: false,
        control_units: None,
        components,
    };
    let mut part =
        INITIAL_STATES.init::<f64>(&KindTable::new(kind), &context, Noise::new(3, 0)).unwrap();
    let step = fill(1, part.count(), 4, 9);
    let moved: Vec<f64> = part.to_flat().iter().zip(&step).map(|(p, n)| p + 0.2 * n).collect();
    part.set_flat(&moved);
    part
}

/// The gradient of both passes with respect to the parameters, by name; the start has no cotangent.
fn gradient(part: &dyn InitialState<f64>, dream: bool) -> Vec<(String, Vec<f64>)> {
    let (x, u, w) = (fill(3 * ROWS, 4, 5, 1), fill(3 * ROWS, 1, 5, 2), fill(ROWS, 2, 5, 3));
    let cotangent = fill(ROWS, 4, 5, 4);
    let (mut raw, mut state) = (Array2::zeros((ROWS, 4)), Array2::zeros((ROWS, 2)));
    let mut cache = part.cache(ROWS);
    part.prepare(&mut cache);
    let first = FirstSteps { observed: x.view(), control: u.view() };
    part.recognize(0, first, raw.view_mut(), &mut cache);
    part.start(0, w.view(), state.view_mut(), &mut cache);
    let mut dnoise = Array2::zeros((ROWS, 2));
    part.backward_start(0, Array2::zeros((ROWS, 2)).view(), dnoise.view_mut(), &mut cache);
    if dream {
        part.backward_dream(0, cotangent.view(), &mut cache);
    } else {
        part.backward_recognize(0, cotangent.view(), &mut cache);
    }
    let mut grads = part.clone_box();
    grads.set_flat(&vec![0.0; part.count()]);
    part.accumulate(&mut cache, &mut *grads);
    let mut found = Vec::new();
    grads.visit(Path::ROOT, &mut |path, values| {
        found.push((path.to_string(), values.iter().copied().collect()));
    });
    found
}

#[test]
fn a_dream_moves_what_reads_and_nothing_that_draws() {
    for (kind, fixed) in
        [("first-frames", &[][..]), ("known-state", &["center", "log_spread", "raw_std"])]
    {
        let part = part(kind);
        let (awake, asleep) = (gradient(&*part, false), gradient(&*part, true));
        for ((name, awake), (_, asleep)) in awake.iter().zip(&asleep) {
            let drawn = fixed.contains(&name.as_str()) || name.starts_with("state");
            let moved = asleep.iter().any(|g| *g != 0.0);
            assert_eq!(moved, !drawn, "{kind}: {name}");
            assert!(drawn || awake == asleep, "{kind}: {name}");
        }
        assert!(
            awake.iter().filter(|(name, _)| fixed.contains(&name.as_str())).count() == fixed.len()
        );
    }
}
