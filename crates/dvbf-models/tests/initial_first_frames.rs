//! Initial state: gradients of both networks, accumulation, short sequences.

mod common;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{FirstFrames, FirstFramesSizes, FirstSteps, InitialState};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::Array2;
use proptest::prelude::*;

struct Case {
    net: FirstFrames<f64>,
    x: Array2<f64>,
    u: Array2<f64>,
    w: Array2<f64>,
    by_raw: Array2<f64>,
    by_state: Array2<f64>,
}

type Drawn = ((usize, usize, usize, usize), usize, usize, usize, u64);

fn drawn() -> impl Strategy<Value = Drawn> {
    let sizes = (1..4_usize, 0..3_usize, 1..3_usize, 1..4_usize);
    (sizes, 1..4_usize, 1..6_usize, 1..4_usize, any::<u64>())
}

fn case((sizes, frames, steps, batch, seed): Drawn) -> Case {
    let (x, u, w, z) = sizes;
    let sizes =
        FirstFramesSizes { frames, observation: x, control: u, hidden: 4, noise: w, state: z };
    let mut net = FirstFrames::random(sizes, Noise::new(seed, 0));
    let moved: Vec<f64> = net
        .to_flat()
        .iter()
        .zip(fill(1, net.count(), seed, 9).iter())
        .map(|(p, n)| p + 0.3 * n)
        .collect();
    net.set_flat(&moved);
    Case {
        net,
        x: fill(steps * batch, x, seed, 1),
        u: fill(steps * batch, u, seed, 2),
        w: fill(batch, w, seed, 3),
        by_raw: fill(batch, 2 * w, seed, 4),
        by_state: fill(batch, z, seed, 5),
    }
}

impl Case {
    fn first(&self) -> FirstSteps<'_, f64> {
        FirstSteps { observed: self.x.view(), control: self.u.view() }
    }

    fn outputs(&self, net: &FirstFrames<f64>, w: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let mut cache = net.cache(w.nrows());
        net.prepare(&mut cache);
        net.recognize(0, self.first(), raw.view_mut(), &mut cache);
        net.start(0, w.view(), z.view_mut(), &mut cache);
        (raw, z)
    }

    fn loss(&self, net: &FirstFrames<f64>, w: &Array2<f64>) -> f64 {
        let (raw, z) = self.outputs(net, w);
        (raw * &self.by_raw).sum() + (z * &self.by_state).sum()
    }

    fn gradients(&self, times: usize) -> (Array2<f64>, Vec<f64>) {
        let (mut raw, mut z) =
            (Array2::zeros(self.by_raw.dim()), Array2::zeros(self.by_state.dim()));
        let (mut cache, mut grads) = (self.net.cache(self.w.nrows()), self.net.zeros_like());
        self.net.prepare(&mut cache);
        let mut dw = Array2::zeros(self.w.dim());
        for _ in 0..times {
            self.net.recognize(0, self.first(), raw.view_mut(), &mut cache);
            self.net.start(0, self.w.view(), z.view_mut(), &mut cache);
            self.net.backward_start(0, self.by_state.view(), dw.view_mut(), &mut cache);
            self.net.backward_recognize(0, self.by_raw.view(), &mut cache);
            self.net.accumulate(&mut cache, &mut grads);
        }
        (dw, grads.to_flat())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn gradients_match_differences(drawn in drawn()) {
        let case = case(drawn);
        let (dw, dtheta) = case.gradients(1);
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        let at = |v: &[f64]| case.loss(&case.net, &Array2::from_shape_vec(case.w.dim(), v.to_vec()).unwrap());
        check_coordinates(at, case.w.as_slice().unwrap(), dw.as_slice().unwrap(), tol)?;
        let mut moved = case.net.clone();
        let at = |v: &[f64]| { moved.set_flat(v); case.loss(&moved, &case.w) };
        check_coordinates(at, &case.net.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates(drawn in drawn()) {
        let case = case(drawn);
        let (one, three) = (case.gradients(1), case.gradients(3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn only_the_first_frames_and_the_controls_between_them_count(drawn in drawn()) {
        let (_, frames, steps, batch, _) = drawn;
        let mut case = case(drawn);
        let before = case.outputs(&case.net, &case.w).0;
        let k = frames.min(steps);
        case.x.slice_mut(ndarray::s![k * batch.., ..]).fill(1e3);
        case.u.slice_mut(ndarray::s![(k - 1) * batch.., ..]).fill(1e3);
        prop_assert_eq!(&before, &case.outputs(&case.net, &case.w).0);
    }
}

#[test]
fn missing_frames_count_as_zeros() {
    let long = case(((2, 1, 1, 2), 3, 3, 2, 4));
    let mut short = case(((2, 1, 1, 2), 3, 1, 2, 4));
    let mut padded = long;
    padded.x.slice_mut(ndarray::s![2.., ..]).fill(0.0);
    padded.u.fill(0.0);
    short.x = padded.x.slice(ndarray::s![..2, ..]).to_owned();
    assert_eq!(padded.outputs(&padded.net, &padded.w).0, short.outputs(&padded.net, &padded.w).0);
}
