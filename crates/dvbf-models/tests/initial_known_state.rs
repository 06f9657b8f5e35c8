//! Initial state of known quantities: gradients, blocks of sequences, what it reads off a turning pointer.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::fill;
use dvbf_dynamics::Component;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{
    Context, FirstSteps, INITIAL_STATES, InitialState, KindTable, KnownState, Statistics,
};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::{Array2, array, s};
use proptest::prelude::*;
use std::any::Any;

fn components(which: u64) -> Vec<Component> {
    let (angle, position) = (Component::angle("angle"), Component::position("position", "m", 2.0));
    let speed = |name| Component::velocity(name, "1/s", 3.0);
    match which % 4 {
        0 => vec![angle, speed("spin")],
        1 => vec![position, angle, speed("speed"), speed("spin")],
        2 => vec![position],
        _ => vec![speed("alone")],
    }
}

fn context(which: u64, frames: usize, uneven: bool) -> Context {
    let components = components(which);
    Context {
        observation: 3,
        control: 2,
        state: components.len(),
        noise: components.len(),
        hidden: 4,
        initial_frames: frames,
        dt: Some(0.1),
        uneven,
        control_units: uneven.then(|| vec![(0.0, 1.0), (0.2, 0.01)]),
        components,
    }
}

fn known_state(context: &Context, seed: u64) -> KnownState<f64> {
    let table = KindTable::new("known-state").with("gain", 0.8);
    let part = INITIAL_STATES.init::<f64>(&table, context, Noise::new(seed, 0)).unwrap();
    let part: Box<dyn Any> = part;
    let mut part = *part.downcast::<KnownState<f64>>().unwrap();
    let step = fill(1, part.count(), seed, 9);
    let moved: Vec<f64> = part.to_flat().iter().zip(&step).map(|(p, n)| p + 0.2 * n).collect();
    part.set_flat(&moved);
    part
}

struct Case {
    net: KnownState<f64>,
    x: Array2<f64>,
    u: Array2<f64>,
    w: Array2<f64>,
    by_raw: Array2<f64>,
    by_state: Array2<f64>,
}

type Drawn = (u64, usize, usize, usize, bool, u64);

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..4_u64, 2..5_usize, 1..6_usize, 1..4_usize, any::<bool>(), any::<u64>())
}

fn case((which, frames, steps, batch, uneven, seed): Drawn) -> Case {
    let context = context(which, frames, uneven);
    let z = context.state;
    Case {
        net: known_state(&context, seed),
        x: fill(steps * batch, 3, seed, 1),
        u: fill(steps * batch, 2, seed, 2),
        w: fill(batch, z, seed, 3),
        by_raw: fill(batch, 2 * z, seed, 4),
        by_state: fill(batch, z, seed, 5),
    }
}

impl Case {
    fn first(&self) -> FirstSteps<'_, f64> {
        FirstSteps { observed: self.x.view(), control: self.u.view() }
    }

    fn outputs(&self, net: &KnownState<f64>, w: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let mut cache = net.cache(w.nrows());
        net.prepare(&mut cache);
        net.recognize(0, self.first(), raw.view_mut(), &mut cache);
        net.start(0, w.view(), z.view_mut(), &mut cache);
        (raw, z)
    }

    fn loss(&self, net: &KnownState<f64>, w: &Array2<f64>) -> f64 {
        let (raw, z) = self.outputs(net, w);
        (raw * &self.by_raw).sum() + (z * &self.by_state).sum()
    }

    fn gradients(&self, times: usize) -> (Array2<f64>, Vec<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let n = self.w.nrows();
        let (mut cache, mut grads) = (self.net.cache(n * times), self.net.zeros_like());
        self.net.prepare(&mut cache);
        let mut dw = Array2::zeros(self.w.dim());
        // The rows of many batches are held, and accumulated at once.
        for at in (0..times).map(|time| time * n) {
            self.net.recognize(at, self.first(), raw.view_mut(), &mut cache);
            self.net.start(at, self.w.view(), z.view_mut(), &mut cache);
            self.net.backward_start(at, self.by_state.view(), dw.view_mut(), &mut cache);
            self.net.backward_recognize(at, self.by_raw.view(), &mut cache);
        }
        self.net.accumulate(&mut cache, &mut grads);
        (dw, grads.to_flat())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn gradients_match_differences(drawn in drawn()) {
        let case = case(drawn);
        let (dw, dtheta) = case.gradients(1);
        let tol = Tol { abs: 1e-5, rel: 1e-4 };
        let shaped = |v: &[f64]| Array2::from_shape_vec(case.w.dim(), v.to_vec()).unwrap();
        let at = |v: &[f64]| case.loss(&case.net, &shaped(v));
        check_coordinates(at, case.w.as_slice().unwrap(), dw.as_slice().unwrap(), tol)?;
        let mut moved = case.net.clone();
        let at = |v: &[f64]| {
            moved.set_flat(v);
            case.loss(&moved, &case.w)
        };
        check_coordinates(at, &case.net.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn batches_accumulate(drawn in drawn()) {
        let case = case(drawn);
        let (one, three) = (case.gradients(1), case.gradients(3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-9 * (1.0 + three.abs()));
        }
    }
}

/// A pointer that turns evenly, seen as two coordinates of its tip: adapted to such data, angle and
/// velocity are right up to where the angle is zero and which way it turns.
#[test]
fn a_turning_pointer_is_read_right_from_the_start() {
    let context = Context { observation: 2, control: 0, ..context(0, 4, false) };
    let table = KindTable::new("known-state").with("gain", 1e-9);
    let mut part = INITIAL_STATES.init::<f64>(&table, &context, Noise::new(1, 0)).unwrap();
    let turn = 0.5_f64.sqrt();
    part.adapt(&Statistics {
        mean: array![3.0, -1.0],
        // Unit variance of a circle of radius 2.
        axes: array![[turn, -turn], [turn, turn]] / (2.0 * turn),
    });
    let mut cache = part.cache(2);
    part.prepare(&mut cache);
    let (first, speed) = ([2.9, -0.4], [1.5, -3.0]);
    let tip = |b: usize, t: usize| first[b] + 0.1 * speed[b] * t as f64;
    let observed = Array2::from_shape_fn((8, 2), |(row, j)| {
        let angle = tip(row % 2, row / 2);
        [3.0 + 2.0 * angle.cos(), -1.0 + 2.0 * angle.sin()][j]
    });
    let control = Array2::zeros((8, 0));
    let mut raw = Array2::zeros((2, 4));
    let steps = FirstSteps { observed: observed.view(), control: control.view() };
    part.recognize(0, steps, raw.view_mut(), &mut cache);
    let mut state = Array2::zeros((2, 2));
    part.start(0, raw.slice(s![.., ..2]), state.view_mut(), &mut cache);
    let sign = (state[[0, 1]] / speed[0]).signum();
    let offset = state[[0, 0]] - sign * first[0];
    for b in 0..2 {
        assert!((sign * state[[b, 1]] - speed[b]).abs() < 1e-6, "{state}");
        let off = state[[b, 0]] - sign * first[b] - offset;
        assert!((off.sin()).abs() < 1e-6 && off.cos() > 0.0, "{state}");
    }
}

#[test]
fn what_it_cannot_read_is_refused() {
    let refused = |context: &Context| {
        INITIAL_STATES.check(&KindTable::new("known-state"), context).unwrap_err().to_string()
    };
    let one = Context { initial_frames: 1, ..context(0, 2, false) };
    assert!(refused(&one).contains("two frames at least"));
    let timeless = Context { dt: None, ..context(0, 2, false) };
    assert!(refused(&timeless).contains("length of a step"));
    let noisy = Context { noise: 3, ..context(0, 2, false) };
    assert!(refused(&noisy).contains("model.noise is 3"));
    // Positions alone need neither.
    let still = Context { initial_frames: 1, dt: None, ..context(2, 2, false) };
    INITIAL_STATES.check(&KindTable::new("known-state"), &still).unwrap();
}
