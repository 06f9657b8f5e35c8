//! `Variational`: the gradient of the bound over the whole path, what it is a bound of, and
//! impossible settings.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, TORQUE};
use common::training::{network_scale, uniform_states};
use dvbf_control::{
    Channel, ChannelNoise, ControlError, ControlLimits, Cotangents, Empowerment, Inputs,
    Linearization, MeanDynamics, StateScale, Variational, VariationalSettings,
};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, array};

fn random(rows: usize, columns: usize, stream: u64) -> Array2<f64> {
    let mut draws = Array2::zeros((rows, columns));
    Noise::new(11, stream).normal(draws.as_slice_mut().unwrap());
    draws
}

fn settings(batch: usize, hidden: usize) -> VariationalSettings {
    VariationalSettings { batch, hidden, ..VariationalSettings::default() }
}

/// Two states and two controls, bent so that no derivative is constant: `z' = A z + B tanh(u + z)`.
#[derive(Clone, Debug)]
struct Bent;

const A: [[f64; 2]; 2] = [[0.9, 0.3], [-0.4, 0.8]];
const B: [[f64; 2]; 2] = [[0.5, -0.2], [0.3, 0.7]];

impl Bent {
    fn bend(at: Inputs<'_, f64>) -> Array2<f64> {
        (&at.controls + &at.states).mapv(f64::tanh)
    }
}

impl MeanDynamics<f64> for Bent {
    type Workspace = ();
    fn state_size(&self) -> usize {
        2
    }
    fn control_size(&self) -> usize {
        2
    }
    fn workspace(&self, _: usize) {}
    fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, (): &mut ()) {
        let (a, b) = (ndarray::arr2(&A), ndarray::arr2(&B));
        next.assign(&(at.states.dot(&a.t()) + Self::bend(at).dot(&b.t())));
    }
    fn linearize(&self, at: Inputs<'_, f64>, out: Linearization<'_, f64>, (): &mut ()) {
        let Linearization { next, mut state, mut control } = out;
        self.step(at, next, &mut ());
        for ((n, j), t) in Self::bend(at).indexed_iter() {
            for i in 0..2 {
                control[[n, i, j]] = B[i][j] * (1.0 - t * t);
                state[[n, i, j]] = A[i][j] + control[[n, i, j]];
            }
        }
    }
    fn pull_back(
        &self,
        at: Inputs<'_, f64>,
        dnext: ArrayView2<'_, f64>,
        mut out: Cotangents<'_, f64>,
        (): &mut (),
    ) {
        let dbend = dnext.dot(&ndarray::arr2(&B)) * Self::bend(at).mapv(|t| 1.0 - t * t);
        out.states += &(dnext.dot(&ndarray::arr2(&A)) + &dbend);
        out.controls += &dbend;
    }
}

#[test]
fn the_gradient_of_the_bound_matches_differences() {
    let limits = ControlLimits::between(&[-1.0, 0.0], &[1.0, 3.0]).unwrap();
    let visited = random(40, 2, 1).dot(&array![[2.0, 0.5], [0.0, 0.3]]);
    let scale = StateScale::of_states(visited.view()).unwrap();
    let channel = Channel::new(3, 0.4, limits, scale.clone()).unwrap();
    let mut estimate = Variational::new(Bent, &channel, &scale, settings(7, 5)).unwrap();
    let mut point = vec![0.0; estimate.parameters().len()];
    Noise::new(4, 0).normal(&mut point);
    for p in &mut point {
        *p *= 0.4;
    }
    // Five rows of a batch of seven.
    let (states, epsilon, xi) = (random(5, 2, 2), random(5, 2, 3), random(5, 2, 4));
    let noise = ChannelNoise { source: epsilon.view(), end: xi.view() };
    estimate.set_parameters(&point);
    let (mut values, mut again) = (vec![0.0; 5], vec![0.0; 5]);
    let (source, planner) = estimate.gradient(states.view(), noise, &mut values);
    let gradient = [source, planner].concat();
    estimate.draw(states.view(), noise, &mut again);
    assert_eq!(values, again);
    assert!(gradient.iter().filter(|g| g.abs() > 1e-6).count() > gradient.len() / 2);
    let mean_of = |estimate: &mut Variational<f64, Bent>, theta: &[f64]| {
        let mut values = vec![0.0; 5];
        estimate.set_parameters(theta);
        estimate.draw(states.view(), noise, &mut values);
        values.iter().sum::<f64>() / 5.0
    };
    check_coordinates(|theta| mean_of(&mut estimate, theta), &point, &gradient, Tol::SEQUENCE)
        .unwrap();
}

/// `z' = z + 0.7 u`, one state and one control.
#[derive(Clone, Debug)]
struct Line;

impl MeanDynamics<f64> for Line {
    type Workspace = ();
    fn state_size(&self) -> usize {
        1
    }
    fn control_size(&self) -> usize {
        1
    }
    fn workspace(&self, _: usize) {}
    fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, (): &mut ()) {
        next.assign(&(&at.states + &(&at.controls * 0.7)));
    }
    fn linearize(&self, at: Inputs<'_, f64>, mut out: Linearization<'_, f64>, (): &mut ()) {
        self.step(at, out.next, &mut ());
        out.state.fill(1.0);
        out.control.fill(0.7);
    }
    fn pull_back(
        &self,
        _: Inputs<'_, f64>,
        dnext: ArrayView2<'_, f64>,
        mut out: Cotangents<'_, f64>,
        (): &mut (),
    ) {
        out.states += &dnext;
        out.controls += &(&dnext * 0.7);
    }
}

/// Where everything but the bounded action is linear and Gaussian, the trained bound is below the
/// capacity of the bounded channel by enumeration, and not by much.
#[test]
fn the_bound_of_a_line_is_nearly_its_capacity() {
    let limits = ControlLimits::symmetric(&[1.0]).unwrap();
    let scale = StateScale::identity(1);
    let channel = Channel::new(2, 0.3, limits.clone(), scale.clone()).unwrap();
    let settings = VariationalSettings {
        batch: 128,
        hidden: 24,
        updates: 800,
        rate: 5e-3,
        samples: 4096,
        ..VariationalSettings::default()
    };
    let mut estimate = Variational::new(Line, &channel, &scale, settings).unwrap();
    let states = random(200, 1, 7);
    let mut values = vec![0.0; 200];
    estimate.evaluate(states.view(), &mut values).unwrap();
    let before = values.iter().sum::<f64>() / 200.0;
    estimate.fit(states.view()).unwrap();
    estimate.evaluate(states.view(), &mut values).unwrap();
    let found = values.iter().sum::<f64>() / 200.0;
    let actions = dvbf_control::ActionSequences::held(&limits, 2, 201).unwrap();
    let oracle = dvbf_control::Oracle { cell: 0.05, ..Default::default() };
    let capacity = oracle.capacity(&Line, &channel, Array1::zeros(1).view(), &actions).unwrap();
    assert!(found < capacity.upper + 0.02, "{found} {capacity:?}");
    // A Gaussian behind a tanh is not the best source, and its planner is not the posterior.
    assert!(found > capacity.lower - 0.22, "{before} {found} {}", capacity.lower);
    // The planner begins as the posterior of the linear channel.
    assert!(before < found && before > 0.4 * capacity.lower, "{before} {found}");
}

/// Seven times the latent, in units of visited states, is the same latent.
#[test]
fn the_unit_of_the_latent_changes_nothing() {
    #[derive(Clone, Debug)]
    struct Sevenfold(Embedded);
    impl MeanDynamics<f64> for Sevenfold {
        type Workspace = ();
        fn state_size(&self) -> usize {
            3
        }
        fn control_size(&self) -> usize {
            1
        }
        fn workspace(&self, _: usize) {}
        fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, (): &mut ()) {
            let states = &at.states / 7.0;
            self.0.step(Inputs { states: states.view(), ..at }, next.view_mut(), &mut ());
            next *= 7.0;
        }
        fn linearize(&self, at: Inputs<'_, f64>, mut out: Linearization<'_, f64>, (): &mut ()) {
            let states = &at.states / 7.0;
            let (state, control) = (out.state.view_mut(), out.control.view_mut());
            let inner = Linearization { next: out.next.view_mut(), state, control };
            self.0.linearize(Inputs { states: states.view(), ..at }, inner, &mut ());
            out.next *= 7.0;
            out.control *= 7.0;
        }
        fn pull_back(
            &self,
            at: Inputs<'_, f64>,
            dnext: ArrayView2<'_, f64>,
            out: Cotangents<'_, f64>,
            (): &mut (),
        ) {
            let (states, dnext) = (&at.states / 7.0, &dnext * 7.0);
            let mut inner = Array2::zeros(states.dim());
            let cotangents = Cotangents { states: inner.view_mut(), controls: out.controls };
            let at = Inputs { states: states.view(), ..at };
            self.0.pull_back(at, dnext.view(), cotangents, &mut ());
            let mut dstates = out.states;
            dstates += &(inner / 7.0);
        }
    }
    let states = uniform_states::<f64>(30, 8.0, Noise::new(1, 5));
    let larger = &states * 7.0;
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    let scales = [&states, &larger].map(|s| StateScale::of_states(s.view()).unwrap());
    let settings = VariationalSettings { updates: 20, samples: 4, ..settings(16, 12) };
    let channel = scales.clone().map(|s| Channel::new(5, 0.1, limits.clone(), s).unwrap());
    let mut one = Variational::new(Embedded::default(), &channel[0], &scales[0], settings).unwrap();
    let mut two =
        Variational::new(Sevenfold(Embedded::default()), &channel[1], &scales[1], settings)
            .unwrap();
    one.fit(states.view()).unwrap();
    two.fit(larger.view()).unwrap();
    let (mut first, mut second) = (vec![0.0; 30], vec![0.0; 30]);
    one.evaluate(states.view(), &mut first).unwrap();
    two.evaluate(larger.view(), &mut second).unwrap();
    for (a, b) in first.iter().zip(&second) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
}

#[test]
fn impossible_settings_are_errors() {
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    let channel = Channel::new(5, 0.1, limits, StateScale::identity(3)).unwrap();
    let default = settings(8, 4);
    for (key, settings) in [
        ("hidden", VariationalSettings { hidden: 0, ..default }),
        ("batch", VariationalSettings { batch: 0, ..default }),
        ("updates", VariationalSettings { updates: 0, ..default }),
        ("samples", VariationalSettings { samples: 0, ..default }),
        ("rate", VariationalSettings { rate: -1.0, ..default }),
        ("gradient_clip", VariationalSettings { gradient_clip: 0.0, ..default }),
    ] {
        let made = Variational::new(Embedded::default(), &channel, &network_scale(), settings);
        let error = made.unwrap_err();
        assert!(
            matches!(error, ControlError::Setting { key: k, .. } if k == key),
            "{key}: {error}"
        );
    }
    let mut estimate =
        Variational::new(Embedded::default(), &channel, &network_scale(), default).unwrap();
    assert!(estimate.fit(Array2::zeros((0, 3)).view()).is_err());
    let broken = array![[1.0, 0.0, 0.0], [1.0, f64::NAN, 0.0]];
    let error = ControlError::NotFinite { what: "the state", row: 1 };
    assert_eq!(estimate.evaluate(broken.view(), &mut [0.0; 2]).unwrap_err(), error);
}
