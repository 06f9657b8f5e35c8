//! Initial state from images: gradients, accumulation, several batches in one cache, short sequences.

mod common;
#[path = "common/images.rs"]
mod images;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{FirstSteps, INITIAL_STATES, InitialState, KindTable};
use dvbf_tensor::Noise;
use images::{context, image, shake};
use ndarray::{Array2, s};
use proptest::prelude::*;

type Net = Box<dyn InitialState<f64>>;

/// Two batches of the same number of sequences, which share one cache.
struct Case {
    net: Net,
    batch: usize,
    x: [Array2<f64>; 2],
    u: [Array2<f64>; 2],
    w: Array2<f64>,
    by_raw: Array2<f64>,
    by_state: Array2<f64>,
}

fn case(steps: usize, batch: usize, seed: u64) -> Case {
    let table = KindTable::new("first-images").with("image", image());
    let mut net: Net =
        INITIAL_STATES.init(&table, &context(), Noise::new(seed, 0)).expect("a known kind");
    shake(&mut *net, seed);
    let draw = |rows, columns, stream| fill(rows, columns, seed, stream);
    Case {
        net,
        batch,
        x: [draw(steps * batch, 40, 1), draw(steps * batch, 40, 2)],
        u: [draw(steps * batch, 1, 3), draw(steps * batch, 1, 4)],
        w: draw(2 * batch, 2, 5),
        by_raw: draw(2 * batch, 4, 6),
        by_state: draw(2 * batch, 3, 7),
    }
}

impl Case {
    fn first(&self, batch: usize) -> FirstSteps<'_, f64> {
        FirstSteps { observed: self.x[batch].view(), control: self.u[batch].view() }
    }

    fn outputs(&self, net: &dyn InitialState<f64>, w: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let mut cache = net.cache(w.nrows());
        net.prepare(&mut cache);
        for n in 0..2 {
            let (at, rows) = (n * self.batch, s![n * self.batch..(n + 1) * self.batch, ..]);
            net.recognize(at, self.first(n), raw.slice_mut(rows), &mut cache);
            net.start(at, w.slice(rows), z.slice_mut(rows), &mut cache);
        }
        (raw, z)
    }

    fn loss(&self, net: &dyn InitialState<f64>, w: &Array2<f64>) -> f64 {
        let (raw, z) = self.outputs(net, w);
        (raw * &self.by_raw).sum() + (z * &self.by_state).sum()
    }

    fn gradients(&self, times: usize) -> (Array2<f64>, Vec<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let (mut cache, mut grads) = (self.net.cache(self.w.nrows()), self.net.clone());
        grads.set_zero();
        self.net.prepare(&mut cache);
        let mut dw = Array2::zeros(self.w.dim());
        for _ in 0..times {
            for n in 0..2 {
                let (at, rows) = (n * self.batch, s![n * self.batch..(n + 1) * self.batch, ..]);
                self.net.recognize(at, self.first(n), raw.slice_mut(rows), &mut cache);
                self.net.start(at, self.w.slice(rows), z.slice_mut(rows), &mut cache);
                let (by_state, dw) = (self.by_state.slice(rows), dw.slice_mut(rows));
                self.net.backward_start(at, by_state, dw, &mut cache);
                self.net.backward_recognize(at, self.by_raw.slice(rows), &mut cache);
            }
            self.net.accumulate(&mut cache, &mut *grads);
        }
        (dw, grads.to_flat())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn gradients_match_differences(steps in 1..4_usize, batch in 1..3_usize, seed: u64) {
        let case = case(steps, batch, seed);
        let (dw, dtheta) = case.gradients(1);
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        let at = |v: &[f64]| {
            let w = Array2::from_shape_vec(case.w.dim(), v.to_vec()).unwrap();
            case.loss(&*case.net, &w)
        };
        check_coordinates(at, case.w.as_slice().unwrap(), dw.as_slice().unwrap(), tol)?;
        let mut moved = case.net.clone();
        let at = |v: &[f64]| { moved.set_flat(v); case.loss(&*moved, &case.w) };
        check_coordinates(at, &case.net.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates(steps in 1..4_usize, batch in 1..3_usize, seed: u64) {
        let case = case(steps, batch, seed);
        let (one, three) = (case.gradients(1), case.gradients(3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn only_the_first_images_count(batch in 1..3_usize, seed: u64) {
        let mut case = case(4, batch, seed);
        let before = case.outputs(&*case.net, &case.w).0;
        for x in &mut case.x {
            x.slice_mut(s![2 * batch.., ..]).fill(1e3);
        }
        prop_assert_eq!(before, case.outputs(&*case.net, &case.w).0);
    }
}

#[test]
#[should_panic(expected = "no 1 sequences were read at row 1")]
fn cotangents_of_sequences_that_were_not_read_panic() {
    let case = case(2, 1, 0);
    let mut cache = case.net.cache(2);
    case.net.prepare(&mut cache);
    let mut raw = Array2::zeros((1, 4));
    case.net.recognize(0, case.first(0), raw.view_mut(), &mut cache);
    case.net.backward_recognize(1, raw.view(), &mut cache);
}
