//! Learned dynamics: derivatives, angles, the unit of the latent space, and the filter in front.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_control::{
    Channel, ControlLimits, Cotangents, Empowerment, HeldGaussian, Inputs, LearnedDynamics,
    LearnedWorkspace, Linearization, MeanDynamics, PathFilter, StateFilter, StateScale,
};
use dvbf_core::{
    CloneTransition, Context, Dvbf, Filter, FilterOptions, KindTable, LocallyLinear, ModelConfig,
    Noise, TRANSITIONS, Transition, TransitionDims,
};
use dvbf_ops::{Linear, Mixture, Mlp};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, s};
use std::sync::Arc;

fn context(state: usize) -> Context {
    Context {
        observation: 1,
        control: 1,
        state,
        noise: state,
        hidden: 4,
        initial_frames: 2,
        dt: Some(0.1),
        uneven: false,
        control_units: None,
        components: Vec::new(),
    }
}

fn pendulum() -> LearnedDynamics {
    let known = serde_json::json!({ "dynamics": "damped-pendulum" });
    let table = KindTable::new("sum").with("known", known);
    let transition: Box<dyn Transition<f32>> =
        TRANSITIONS.init(&table, &context(2), Noise::new(0, 0)).unwrap();
    LearnedDynamics::new(Arc::from(transition))
}

fn network() -> LearnedDynamics {
    let table = KindTable::new("residual").with("hidden", 8);
    let transition: Box<dyn Transition<f32>> =
        TRANSITIONS.init(&table, &context(3), Noise::new(3, 0)).unwrap();
    LearnedDynamics::new(Arc::from(transition))
}

fn normal(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(5, stream).normal(a.as_slice_mut().unwrap());
    a
}

/// Jacobians are those of the step, and the pull-back is their transpose.
#[test]
fn derivatives_match_differences() {
    for dynamics in [pendulum(), network()] {
        let (n, f) = (5, dynamics.state_size());
        assert_eq!(f, 3, "an angle takes two columns");
        let (z, u, d) = (normal(n, f, 1), normal(n, 1, 2), normal(n, f, 3));
        let mut work = dynamics.workspace(8);
        let mut out = (Array2::zeros((n, f)), Array3::zeros((n, f, f)), Array3::zeros((n, f, 1)));
        let at = Inputs { states: z.view(), controls: u.view() };
        let to = Linearization {
            next: out.0.view_mut(),
            state: out.1.view_mut(),
            control: out.2.view_mut(),
        };
        dynamics.linearize(at, to, &mut work);
        let mut step = |z: &Array2<f32>, u: &Array2<f32>| {
            let mut next = Array2::zeros((n, f));
            let at = Inputs { states: z.view(), controls: u.view() };
            dynamics.step(at, next.view_mut(), &mut work);
            next
        };
        assert_eq!(step(&z, &u), out.0);
        let h = 1e-2_f32;
        for j in 0..=f {
            let moved = |sign: f32| {
                let (mut z, mut u) = (z.clone(), u.clone());
                let column = if j < f { z.column_mut(j) } else { u.column_mut(0) };
                for value in column {
                    *value += sign * h;
                }
                (z, u)
            };
            let ((za, ua), (zb, ub)) = (moved(1.0), moved(-1.0));
            let slope = (step(&za, &ua) - step(&zb, &ub)) / (2.0 * h);
            for ((row, i), slope) in slope.indexed_iter() {
                let found = if j < f { out.1[[row, i, j]] } else { out.2[[row, i, 0]] };
                assert!((found - slope).abs() < 4e-3 * (1.0 + slope.abs()), "{found} {slope}");
            }
        }
        let (mut dz, mut du) = (Array2::zeros((n, f)), Array2::zeros((n, 1)));
        let to = Cotangents { states: dz.view_mut(), controls: du.view_mut() };
        dynamics.pull_back(at, d.view(), to, &mut work);
        for row in 0..n {
            let expected = out.1.slice(s![row, .., ..]).t().dot(&d.row(row));
            for (found, expected) in dz.row(row).iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
            let pairs = out.2.slice(s![row, .., 0]).to_vec().into_iter().zip(d.row(row).to_vec());
            let expected: f32 = pairs.map(|(b, d)| b * d).sum();
            assert!((du[[row, 0]] - expected).abs() < 1e-5);
        }
    }
}

/// A linear system in a latent space that is `factor` times as large.
fn scaled(factor: f32) -> (LearnedDynamics, Array2<f32>) {
    let mut a = Array3::<f32>::zeros((1, 2, 2));
    (a[[0, 0, 0]], a[[0, 0, 1]], a[[0, 1, 0]], a[[0, 1, 1]]) = (1.0, 0.1, -0.3, 0.9);
    let b = Array3::from_shape_fn((1, 2, 1), |(_, i, _)| [0.0, 0.2][i] * factor);
    let maps = Mixture::new(a, b, Array3::zeros((1, 2, 2)));
    let dims = TransitionDims { state: 2, control: 1, noise: 2 };
    let mixing = Mlp::new(vec![Linear::zeros(dims.state + dims.control, 1)]);
    let transition = LocallyLinear::new(mixing, maps);
    (LearnedDynamics::new(Arc::from(transition.clone_box())), normal(400, 2, 9) * factor)
}

#[test]
fn the_unit_of_the_latent_space_does_not_matter() {
    let empowerment = |factor: f32| {
        let (dynamics, states) = scaled(factor);
        let scale = StateScale::of_states(states.view()).unwrap();
        let limits = ControlLimits::symmetric(&[2.0]).unwrap();
        let channel = Channel::new(5, 0.05, limits, scale).unwrap();
        let mut held = HeldGaussian::new(dynamics, &channel, 16).unwrap();
        let mut out = vec![0.0; 20];
        held.evaluate(states.slice(s![..20, ..]), &mut out).unwrap();
        out
    };
    for (one, seven) in empowerment(1.0).into_iter().zip(empowerment(7.0)) {
        assert!((one - seven).abs() < 1e-4 && one > 0.5, "{one} {seven}");
    }
}

/// Dynamics that are only linearized.
#[derive(Clone, Debug)]
struct Linearized(LearnedDynamics);

impl MeanDynamics<f32> for Linearized {
    type Workspace = LearnedWorkspace;
    fn state_size(&self) -> usize {
        self.0.state_size()
    }
    fn control_size(&self) -> usize {
        self.0.control_size()
    }
    fn workspace(&self, rows: usize) -> LearnedWorkspace {
        self.0.workspace(rows)
    }
    fn step(&self, at: Inputs<'_, f32>, next: ArrayViewMut2<'_, f32>, w: &mut LearnedWorkspace) {
        self.0.step(at, next, w);
    }
    fn linearize(
        &self,
        at: Inputs<'_, f32>,
        out: Linearization<'_, f32>,
        w: &mut LearnedWorkspace,
    ) {
        self.0.linearize(at, out, w);
    }
    fn pull_back(
        &self,
        at: Inputs<'_, f32>,
        dnext: ArrayView2<'_, f32>,
        out: Cotangents<'_, f32>,
        w: &mut LearnedWorkspace,
    ) {
        self.0.pull_back(at, dnext, out, w);
    }
}

/// What follows the derivatives of the controls alone finds what both Jacobians give, with several
/// controls.
#[test]
fn following_is_linearizing() {
    let table = KindTable::new("locally-linear").with("matrices", 5).with("hidden", 12);
    let context = Context { control: 2, ..context(3) };
    let transition: Box<dyn Transition<f32>> =
        TRANSITIONS.init(&table, &context, Noise::new(8, 0)).unwrap();
    let dynamics = LearnedDynamics::new(Arc::from(transition));
    let states = normal(100, 3, 4);
    let limits = ControlLimits::symmetric(&[2.0, 0.5]).unwrap();
    let scale = StateScale::of_states(states.view()).unwrap();
    let channel = Channel::new(6, 0.05, limits, scale).unwrap();
    let (mut followed, mut linearized) = (vec![0.0; 100], vec![0.0; 100]);
    HeldGaussian::new(dynamics.clone(), &channel, 40)
        .unwrap()
        .evaluate(states.view(), &mut followed)
        .unwrap();
    HeldGaussian::new(Linearized(dynamics), &channel, 40)
        .unwrap()
        .evaluate(states.view(), &mut linearized)
        .unwrap();
    for (a, b) in followed.iter().zip(&linearized) {
        assert!((a - b).abs() < 2e-4 && *a > 0.1, "{a} {b}");
    }
    assert!(followed.iter().any(|e| (e - followed[0]).abs() > 0.05), "they differ");
}

#[test]
fn the_filter_shows_what_the_dynamics_move() {
    let known = serde_json::json!({ "dynamics": "damped-pendulum" });
    let config = ModelConfig {
        hidden: 8,
        initial_frames: 2,
        dt: Some(0.1),
        initial: KindTable::new("known-state"),
        transition: KindTable::new("sum").with("known", known),
        ..ModelConfig::new(4, 1, 2)
    };
    let model = Arc::new(Dvbf::random(&config, Noise::new(1, 0)).unwrap());
    let filter = Filter::new(Arc::clone(&model), 0.1, FilterOptions::MEAN_PATH).unwrap();
    let mut path = PathFilter::new(&filter).unwrap();
    let mut state = [0.0; 3];
    let frame = [0.1, 0.7, 0.2, 0.4];
    assert!(!path.update(Some(&frame), &[0.0], &mut state).unwrap());
    assert!(path.update(Some(&frame), &[0.5], &mut state).unwrap());
    let before = Array2::from_shape_vec((1, 3), state.to_vec()).unwrap();
    assert!((before[[0, 0]].hypot(before[[0, 1]]) - 1.0).abs() < 1e-6);
    // A missing frame is a step of the dynamics.
    path.update(None, &[0.5], &mut state).unwrap();
    let dynamics = LearnedDynamics::new(Arc::from(model.transition().clone_box()));
    let mut next = Array2::zeros((1, 3));
    let control = Array2::from_elem((1, 1), 0.5);
    let at = Inputs { states: before.view(), controls: control.view() };
    dynamics.step(at, next.view_mut(), &mut dynamics.workspace(1));
    for (found, expected) in state.iter().zip(&next) {
        assert!((found - expected).abs() < 1e-5);
    }
    path.reset();
    assert!(!path.update(Some(&frame), &[0.0], &mut state).unwrap());
}
