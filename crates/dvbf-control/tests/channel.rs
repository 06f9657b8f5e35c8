//! The closed forms of the channel: figures of the pendulum, invariance, linear systems by dense
//! algebra, and settings that nothing can be computed with.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, Pendulum, TORQUE, embed};
use dvbf_control::{
    Channel, ControlError, ControlLimits, Cotangents, Empowerment, HeldGaussian, Inputs,
    Linearization, MeanDynamics, SequenceGaussian, StateScale, water_filling,
};
use dvbf_tensor::Noise;
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, array};
use proptest::prelude::*;
use std::f64::consts::{FRAC_PI_2, PI};

/// Hanging, horizontal, upright.
const PLACES: [[f64; 2]; 3] = [[PI, 0.0], [FRAC_PI_2, 0.0], [0.0, 0.0]];

fn channel(steps: usize, resolution: f64, size: usize) -> Channel<f64> {
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    Channel::new(steps, resolution, limits, StateScale::identity(size)).unwrap()
}

fn estimates<E: Empowerment<f64>>(estimator: &mut E, states: ArrayView2<'_, f64>) -> Vec<f64> {
    let mut out = vec![f64::NAN; states.nrows()];
    estimator.evaluate(states, &mut out).unwrap();
    out
}

/// Figures of an independent implementation in NumPy, to the digits that it printed.
#[test]
fn the_closed_forms_of_the_pendulum_have_their_figures() {
    let places = array![[PI, 0.0], [FRAC_PI_2, 0.0], [0.0, 0.0]];
    let embedded = Array2::from_shape_fn((3, 3), |(n, i)| embed::<f64>(PLACES[n])[i]);
    for (steps, expected) in
        [(5, [1.36, 1.52, 2.14]), (8, [1.14, 1.30, 3.11]), (10, [0.92, 1.38, 3.73])]
    {
        let plain = channel(steps, 0.1, 2);
        let found = estimates(
            &mut HeldGaussian::new(Pendulum::default(), &plain, 2).unwrap(),
            places.view(),
        );
        let curled = channel(steps, 0.1, 3);
        let mut other = HeldGaussian::new(Embedded::default(), &curled, 3).unwrap();
        for ((found, expected), other) in
            found.iter().zip(expected).zip(estimates(&mut other, embedded.view()))
        {
            assert!((found - expected).abs() < 0.02, "held K {steps}: {found} {expected}");
            assert!((found - other).abs() < 1e-9, "held K {steps}: {found} {other}");
        }
    }
    for (steps, resolution, expected) in [
        (3, 0.1, [1.15, 1.24, 1.42]),
        (5, 0.1, [1.44, 1.54, 2.18]),
        (8, 0.1, [2.05, 2.15, 3.26]),
        (10, 0.1, [2.47, 2.57, 4.01]),
        (10, 0.05, [3.74, 3.87, 5.08]),
        (20, 0.1, [3.69, 4.04, 7.60]),
    ] {
        let plain = channel(steps, resolution, 2);
        let mut estimator = SequenceGaussian::new(Pendulum::default(), &plain, 2).unwrap();
        let curled = channel(steps, resolution, 3);
        let mut other = SequenceGaussian::new(Embedded::default(), &curled, 2).unwrap();
        let found = estimates(&mut estimator, places.view());
        for ((found, expected), other) in
            found.iter().zip(expected).zip(estimates(&mut other, embedded.view()))
        {
            assert!((found - expected).abs() < 0.02, "sequence K {steps}: {found} {expected}");
            assert!((found - other).abs() < 1e-9, "sequence K {steps}: {found} {other}");
        }
    }
}

/// `z' = A z + B u` with the same matrices everywhere.
#[derive(Clone, Debug)]
struct Linear {
    state: Array2<f64>,
    control: Array2<f64>,
}

impl MeanDynamics<f64> for Linear {
    type Workspace = ();
    fn state_size(&self) -> usize {
        self.state.nrows()
    }
    fn control_size(&self) -> usize {
        self.control.ncols()
    }
    fn workspace(&self, _: usize) {}
    fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, (): &mut ()) {
        next.assign(&(at.states.dot(&self.state.t()) + at.controls.dot(&self.control.t())));
    }
    fn linearize(&self, at: Inputs<'_, f64>, mut out: Linearization<'_, f64>, (): &mut ()) {
        self.step(at, out.next, &mut ());
        out.state.assign(&self.state);
        out.control.assign(&self.control);
    }
    fn pull_back(
        &self,
        _: Inputs<'_, f64>,
        dnext: ArrayView2<'_, f64>,
        mut out: Cotangents<'_, f64>,
        (): &mut (),
    ) {
        out.states += &dnext.dot(&self.state);
        out.controls += &dnext.dot(&self.control);
    }
}

fn random(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f64> {
    let mut draws = Array2::zeros((rows, columns));
    Noise::new(seed, stream).normal(draws.as_slice_mut().unwrap());
    draws
}

fn dense(a: &Array2<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// The best division of a power among at most three channels, by refining a grid of divisions.
fn searched(gains: &[f64], power: f64) -> f64 {
    let value = |p: &[f64]| gains.iter().zip(p).map(|(g, p)| 0.5 * (g * p).ln_1p()).sum::<f64>();
    match gains {
        [_] => value(&[power]),
        [first, rest @ ..] => {
            let at = |p: f64| 0.5 * (first * p).ln_1p() + searched(rest, power - p);
            let (mut low, mut high) = (0.0, power);
            for _ in 0..60 {
                let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
                if at(a) < at(b) { low = a } else { high = b }
            }
            at(0.5 * (low + high))
        }
        [] => 0.0,
    }
}

#[test]
fn water_is_filled_as_a_search_divides_it() {
    for (gains, power) in [
        (vec![4.0, 1.0], 0.5),
        (vec![4.0, 1.0], 0.75),
        (vec![4.0, 1.0], 3.0),
        (vec![0.3, 9.0, 0.0], 2.0),
        (vec![2.0, 2.0], 1.0),
        (vec![5.0], 2.0),
    ] {
        let expected = searched(&gains, power);
        let mut sorted = gains.clone();
        let found = water_filling(&mut sorted, power);
        assert!((found.capacity - expected).abs() < 1e-9, "{gains:?}: {found:?} {expected}");
        let used: f64 = gains
            .iter()
            .map(|&g| if g > 0.0 { (found.level - 1.0 / g).max(0.0) } else { 0.0 })
            .sum();
        assert!((used - power).abs() < 1e-12, "{gains:?}: {used}");
    }
    assert!(water_filling(&mut [0.0, -1e-18], 1.0).capacity.abs() < 1e-300);
    assert!(water_filling(&mut [f64::NAN, 1.0], 1.0).capacity.is_nan());
    assert!(water_filling(&mut [2.0], 0.0).capacity.abs() < 1e-300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Jacobians of the whole path as dense matrices, determinants and singular values by the
    /// library, and water-filling by search.
    #[test]
    fn linear_systems_agree_with_dense_algebra(seed in 0..1000_u64, z in 1..4_usize, u in 1..4_usize, steps in 2..5_usize) {
        let linear = Linear { state: random(z, z, seed, 0) * 0.6, control: random(z, u, seed, 1) };
        let states = random(5, z, seed, 2);
        let visited = random(30, z, seed, 3).dot(&(random(z, z, seed, 4) + Array2::<f64>::eye(z) * 2.0));
        let scale = StateScale::of_states(visited.view()).unwrap();
        let half: Vec<f64> = (0..u).map(|j| 0.5 + j as f64).collect();
        let channel = Channel::new(steps, 0.3, ControlLimits::symmetric(&half).unwrap(), scale.clone()).unwrap();
        let (a, b) = (dense(&linear.state), dense(&linear.control) * DMatrix::from_diagonal(&half.clone().into()));
        let whiten = dense(scale.inverse()) / 0.3;
        let blocks: Vec<_> = (0..steps).map(|k| &whiten * a.pow(u32::try_from(k).unwrap()) * &b).collect();

        let held = blocks.iter().sum::<DMatrix<f64>>();
        let matrix = DMatrix::identity(z, z) + &held * held.transpose() / 3.0;
        let expected = 0.5 * matrix.determinant().ln();
        let mut estimator = HeldGaussian::new(&linear, &channel, 2).unwrap();
        for found in estimates(&mut estimator, states.view()) {
            prop_assert!((found - expected).abs() < 1e-9, "held {found} {expected}");
        }

        let mut whole = DMatrix::zeros(z, steps * u);
        for (k, block) in blocks.iter().enumerate() {
            whole.columns_mut(k * u, u).copy_from(block);
        }
        let gains: Vec<f64> = whole.singular_values().iter().map(|s| s * s).collect();
        let expected = searched(&gains, (steps * u) as f64 / 3.0);
        let mut estimator = SequenceGaussian::new(&linear, &channel, 2).unwrap();
        for found in estimates(&mut estimator, states.view()) {
            prop_assert!((found - expected).abs() < 1e-7, "sequence {found} {expected}");
        }
    }

    /// With the covariance of visited states as the unit, no linear coordinate system is special.
    #[test]
    fn linear_coordinates_change_nothing(seed in 0..1000_u64, seven in any::<bool>()) {
        let map = if seven { Array2::eye(3) * 7.0 } else { random(3, 3, seed, 9) + Array2::<f64>::eye(3) * 2.5 };
        prop_assume!(dense(&map).determinant().abs() > 0.5);
        let visited = Array2::from_shape_fn((50, 3), |(n, i)| embed::<f64>([n as f64, (n * n % 17) as f64 - 8.0])[i]);
        let mapped = visited.dot(&map.t());
        let other = Mapped::new(Embedded::default(), &map);
        let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
        let one = Channel::new(10, 0.1, limits.clone(), StateScale::of_states(visited.view()).unwrap()).unwrap();
        let two = Channel::new(10, 0.1, limits, StateScale::of_states(mapped.view()).unwrap()).unwrap();
        let held = estimates(&mut HeldGaussian::new(Embedded::default(), &one, 8).unwrap(), visited.view());
        let sequence = estimates(&mut SequenceGaussian::new(Embedded::default(), &one, 8).unwrap(), visited.view());
        let held_too = estimates(&mut HeldGaussian::new(&other, &two, 8).unwrap(), mapped.view());
        let sequence_too = estimates(&mut SequenceGaussian::new(&other, &two, 8).unwrap(), mapped.view());
        for (found, expected) in held_too.iter().chain(&sequence_too).zip(held.iter().chain(&sequence)) {
            prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}

/// Other dynamics in the coordinates `M z`.
#[derive(Clone, Debug)]
struct Mapped<D> {
    inner: D,
    map: Array2<f64>,
    back: Array2<f64>,
}

impl<D> Mapped<D> {
    fn new(inner: D, map: &Array2<f64>) -> Self {
        let inverse = dense(map).try_inverse().unwrap();
        let back = Array2::from_shape_fn(map.dim(), |(i, j)| inverse[(i, j)]);
        Self { inner, map: map.clone(), back }
    }
}

impl<D: MeanDynamics<f64>> MeanDynamics<f64> for Mapped<D> {
    type Workspace = D::Workspace;
    fn state_size(&self) -> usize {
        self.inner.state_size()
    }
    fn control_size(&self) -> usize {
        self.inner.control_size()
    }
    fn workspace(&self, rows: usize) -> D::Workspace {
        self.inner.workspace(rows)
    }
    fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, w: &mut D::Workspace) {
        let states = at.states.dot(&self.back.t());
        let mut inner = Array2::zeros(states.dim());
        self.inner.step(Inputs { states: states.view(), ..at }, inner.view_mut(), w);
        next.assign(&inner.dot(&self.map.t()));
    }
    fn linearize(
        &self,
        at: Inputs<'_, f64>,
        mut out: Linearization<'_, f64>,
        w: &mut D::Workspace,
    ) {
        let states = at.states.dot(&self.back.t());
        let at = Inputs { states: states.view(), ..at };
        let inner = Linearization {
            next: out.next.view_mut(),
            state: out.state.view_mut(),
            control: out.control.view_mut(),
        };
        self.inner.linearize(at, inner, w);
        let next = out.next.dot(&self.map.t());
        out.next.assign(&next);
        for (mut a, mut b) in out.state.outer_iter_mut().zip(out.control.outer_iter_mut()) {
            let (by_state, by_control) = (self.map.dot(&a).dot(&self.back), self.map.dot(&b));
            a.assign(&by_state);
            b.assign(&by_control);
        }
    }
    fn pull_back(
        &self,
        at: Inputs<'_, f64>,
        dnext: ArrayView2<'_, f64>,
        mut out: Cotangents<'_, f64>,
        w: &mut D::Workspace,
    ) {
        let states = at.states.dot(&self.back.t());
        let mut inner = Array2::zeros(states.dim());
        let cotangents = Cotangents { states: inner.view_mut(), controls: out.controls };
        self.inner.pull_back(
            Inputs { states: states.view(), ..at },
            dnext.dot(&self.map).view(),
            cotangents,
            w,
        );
        out.states += &inner.dot(&self.back);
    }
}

#[test]
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is tested")]
fn single_precision_agrees() {
    let limits = ControlLimits::symmetric(&[2.0_f32]).unwrap();
    let channel32 = Channel::new(10, 0.1, limits, StateScale::identity(2)).unwrap();
    let states =
        Array2::from_shape_fn((100, 2), |(n, i)| [n as f64 * 0.7, (n % 9) as f64 - 4.0][i]);
    let mut estimator = HeldGaussian::new(Pendulum::default(), &channel(10, 0.1, 2), 64).unwrap();
    let mut single = HeldGaussian::new(Pendulum::default(), &channel32, 32).unwrap();
    let (wide, mut narrow) = (estimates(&mut estimator, states.view()), vec![0.0_f32; 100]);
    single.evaluate(states.mapv(|v| v as f32).view(), &mut narrow).unwrap();
    for (wide, narrow) in wide.iter().zip(narrow) {
        assert!((wide - f64::from(narrow)).abs() < 1e-3, "{wide} {narrow}");
    }
}

#[test]
fn impossible_settings_are_errors_that_name_them() {
    let limits = ControlLimits::symmetric(&[2.0]).unwrap();
    let with = |steps, resolution| {
        Channel::new(steps, resolution, limits.clone(), StateScale::<f64>::identity(2))
    };
    for (steps, text) in
        [(0, "steps is 0; it must be at least 2"), (1, "steps is 1; it must be at least 2")]
    {
        assert_eq!(with(steps, 0.1).unwrap_err().to_string(), text);
    }
    for resolution in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        let error = with(10, resolution).unwrap_err();
        assert!(matches!(error, ControlError::Setting { key: "resolution", .. }), "{error}");
    }
    assert_eq!(ControlLimits::<f64>::symmetric(&[]).unwrap_err(), ControlError::NoControls);
    for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = ControlLimits::symmetric(&[1.0, limit]).unwrap_err();
        assert!(matches!(error, ControlError::Setting { key: "control limit", .. }), "{error}");
    }
    assert!(ControlLimits::between(&[0.0], &[1.0, 2.0]).is_err());
    let still = Linear { state: Array2::eye(2), control: Array2::zeros((2, 0)) };
    let channel = with(2, 0.1).unwrap();
    assert_eq!(HeldGaussian::new(&still, &channel, 4).unwrap_err(), ControlError::NoControls);
    assert_eq!(SequenceGaussian::new(&still, &channel, 4).unwrap_err(), ControlError::NoControls);
    let error = HeldGaussian::new(Pendulum::default(), &channel, 0).unwrap_err();
    assert_eq!(error.to_string(), "rows is 0; it must be at least 1");
}

#[test]
fn values_that_are_not_finite_are_errors_that_name_the_row() {
    let channel = channel(10, 0.1, 2);
    let mut held = HeldGaussian::new(Pendulum::default(), &channel, 2).unwrap();
    let mut sequence = SequenceGaussian::new(Pendulum::default(), &channel, 2).unwrap();
    let broken = array![[0.0, 0.0], [0.0, 1.0], [f64::NAN, 0.0]];
    let error = ControlError::NotFinite { what: "the state", row: 2 };
    assert_eq!(held.evaluate(broken.view(), &mut [0.0; 3]).unwrap_err(), error);
    assert_eq!(sequence.evaluate(broken.view(), &mut [0.0; 3]).unwrap_err(), error);
    let explosive = Linear { state: Array2::eye(1) * 1e200, control: Array2::ones((1, 1)) };
    let limits = ControlLimits::symmetric(&[2.0]).unwrap();
    let channel = Channel::new(3, 0.1, limits, StateScale::identity(1)).unwrap();
    let states = array![[1.0], [1.0], [1.0]];
    let error = ControlError::NotFinite { what: "the empowerment", row: 0 };
    let mut held = HeldGaussian::new(&explosive, &channel, 2).unwrap();
    assert_eq!(held.evaluate(states.view(), &mut [0.0; 3]).unwrap_err(), error);
    let mut sequence = SequenceGaussian::new(&explosive, &channel, 2).unwrap();
    assert_eq!(sequence.evaluate(states.view(), &mut [0.0; 3]).unwrap_err(), error);
}
