//! A transition from outside the workspace runs in the model as if it were at home.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Cache, Context, Dvbf, Filter, FilterOptions, KindError, KindTable, ModelConfig, ModelFile,
    Noise, Objective, Params, PartConfig, Parts, Path, Rollout, RolloutCotangents, RolloutInput,
    Scalar, TRANSITIONS, Transition, TransitionCotangents, TransitionDims, TransitionInput,
    TransitionRole, gradient_of,
};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_tests::{Data, loss, normal, part, pass};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// A damped oscillator with one learned constant a dimension: `z'ᵢ = aᵢ zᵢ + sin(zⱼ) + wᵢ` with
/// `j = i + 1`, cyclically; no control.
#[derive(Clone, Debug, PartialEq)]
struct Ring<S> {
    decay: Array1<S>,
}

#[derive(Debug)]
struct RingCache<S> {
    state: Array2<S>,
    dnext: Array2<S>,
    rows: usize,
}

impl<S: Scalar> Params<S> for Ring<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        f(path.child("decay"), self.decay.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        f(path.child("decay"), self.decay.view_mut().into_dyn());
    }
}

impl<S: Scalar> Transition<S> for Ring<S> {
    fn dims(&self) -> TransitionDims {
        TransitionDims { state: self.decay.len(), control: 0, noise: self.decay.len() }
    }

    fn cache(&self, rows: usize) -> Cache {
        let zeros = || Array2::<S>::zeros((rows, self.decay.len()));
        Cache::new(RingCache { state: zeros(), dnext: zeros(), rows: 0 })
    }

    fn prepare(&self, _: &mut Cache) {}

    fn forward(
        &self,
        at: usize,
        input: TransitionInput<'_, S>,
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let TransitionInput { state, noise, .. } = input;
        let (z, cache) = (self.decay.len(), cache.get::<RingCache<S>>());
        cache.rows = at + state.nrows();
        cache.state.slice_mut(s![at..cache.rows, ..]).assign(&state);
        for ((r, i), next) in next.indexed_iter_mut() {
            *next = self.decay[i] * state[[r, i]] + state[[r, (i + 1) % z]].sin() + noise[[r, i]];
        }
    }

    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        cotangents: TransitionCotangents<'_, S>,
        cache: &mut Cache,
    ) {
        let TransitionCotangents { state: mut dstate, noise: mut dnoise, .. } = cotangents;
        let (z, cache) = (self.decay.len(), cache.get::<RingCache<S>>());
        cache.dnext.slice_mut(s![at..at + dnext.nrows(), ..]).assign(&dnext);
        dnoise += &dnext;
        for ((r, i), &d) in dnext.indexed_iter() {
            let j = (i + 1) % z;
            dstate[[r, i]] += self.decay[i] * d;
            dstate[[r, j]] += cache.state[[at + r, j]].cos() * d;
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn Transition<S>) {
        let (cache, grads) = (cache.get::<RingCache<S>>(), gradient_of::<Self>(grads));
        let rows = s![..cache.rows, ..];
        let sums = (&cache.dnext.slice(rows) * &cache.state.slice(rows)).sum_axis(ndarray::Axis(0));
        grads.decay += &sums;
    }
}

/// The settings of a [`Ring`].
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RingConfig {
    start: f64,
}

impl PartConfig<TransitionRole> for RingConfig {
    const KIND: &'static str = "ring";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        match context.control {
            0 if context.noise == context.state => Ok(()),
            _ => Err(KindError::new("kind", "a ring has no control, and noise everywhere")),
        }
    }

    fn parameters(&self, context: &Context) -> usize {
        context.state
    }

    fn init<S: Scalar>(&self, context: &Context, _: Noise) -> Box<dyn Transition<S>> {
        Box::new(Ring { decay: Array1::from_elem(context.state, S::of(self.start)) })
    }
}

fn config(log_std: f64) -> ModelConfig {
    ModelConfig {
        hidden: 5,
        initial_frames: 2,
        dt: Some(0.1),
        emission: KindTable::new("gaussian").with("std_kind", "learned").with("std", log_std.exp()),
        ..ModelConfig::new(3, 0, 2)
    }
}

/// A model with a ring that nobody registered.
fn model(log_std: f64) -> Dvbf<f64> {
    let other = Dvbf::<f64>::random(&config(log_std), Noise::new(4, 0)).unwrap();
    Dvbf::new(Parts {
        initial: dvbf_core::CloneInitialState::clone_box(other.initial()),
        recognition: dvbf_core::CloneRecognition::clone_box(other.recognition()),
        transition: Box::new(Ring { decay: Array1::from_vec(vec![0.9, -0.4]) }),
        emission: dvbf_core::CloneEmission::clone_box(other.emission()),
    })
}

/// Registered by name, it is drawn, written to a file, read again and filtered with.
#[test]
fn by_name_it_goes_through_file_and_filter() {
    TRANSITIONS.register::<RingConfig>().unwrap();
    let transition = KindTable::new("ring").with("start", 0.7);
    let config = ModelConfig { transition, ..config(0.0) };
    let model = Dvbf::<f32>::random(&config, Noise::new(1, 0)).unwrap();
    assert!(
        part(&model, &model.to_flat(), "transition.decay").iter().all(|a| (a - 0.7).abs() < 1e-6)
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.dvbf");
    ModelFile::new(&config, &model).write(&path).unwrap();
    assert_eq!(ModelFile::read(&path).unwrap().into_model(), model);
    let mut filter = Filter::load(&path).unwrap().with_options(FilterOptions::MEAN_PATH).unwrap();
    for t in 0..5 {
        filter.step(Some(&[0.1, -0.2, 0.1 * t as f32]), &[], 0.1).unwrap();
    }
    let before = filter.belief().state.clone();
    let state = filter.step(None, &[], 0.1).unwrap().state.clone();
    for i in 0..2 {
        let expected = 0.7 * before[i] + before[1 - i].sin();
        assert!((state[i] - expected).abs() < 1e-6);
    }
    let wrong = ModelConfig { control: 1, ..config };
    let error = wrong.validate().unwrap_err().to_string();
    assert_eq!(error, "model.transition.kind: a ring has no control, and noise everywhere");
}

fn data() -> Data<f64> {
    let mut data = Data::observed(3, normal(18, 3, 4, 1), Array2::zeros((18, 0)), 2);
    data.noise = normal(18, 2, 4, 2);
    data.seen[9] = 0.0;
    data
}

#[test]
fn the_whole_gradient_matches_differences() {
    let (model, data) = (model(-0.3), data());
    let objective = Objective { likelihood: 0.7, prior: 0.5, kl: 1.5 };
    let found = pass(&model, &data, objective);
    assert!(part(&model, &found.dparams, "transition.decay").iter().all(|g| g.abs() > 1e-3));
    let tol = Tol { abs: 1e-6, rel: 1e-5 };
    let mut moved = model.clone();
    let at = |theta: &[f64]| {
        moved.set_flat(theta);
        loss(&moved, &data, objective)
    };
    check_coordinates(at, &model.to_flat(), &found.dparams, tol).unwrap();
    let noise: Vec<f64> = data.noise.iter().copied().collect();
    let dnoise: Vec<f64> = found.dnoise.iter().copied().collect();
    let mut other = data.clone();
    let at = |eps: &[f64]| {
        other.noise = Array2::from_shape_vec((18, 2), eps.to_vec()).unwrap();
        loss(&model, &other, objective)
    };
    check_coordinates(at, &noise, &dnoise, tol).unwrap();
}

#[test]
fn it_simulates() {
    let model = model(0.0);
    let start = normal(2, 2, 1, 1);
    let (u, w) = (Array2::zeros((6, 0)), Array2::zeros((6, 2)));
    let input = RolloutInput { start: start.view(), control: u.view(), noise: w.view() };
    let states = Rollout::new(&model, 2).states(&model, input);
    let mut z = [start[[0, 0]], start[[0, 1]]];
    for t in 0..3 {
        z = [0.9 * z[0] + z[1].sin(), -0.4 * z[1] + z[0].sin()];
        for i in 0..2 {
            assert!((states[[2 * t, i]] - z[i]).abs() < 1e-12);
        }
    }
}

/// Cotangents of states come back over the whole horizon to start, controls and noise.
#[test]
fn rollouts_are_pulled_back() {
    let residual = ModelConfig {
        transition: KindTable::new("residual").with("hidden", 4),
        ..ModelConfig { control: 1, ..config(0.0) }
    };
    let model = Dvbf::<f64>::random(&residual, Noise::new(3, 0)).unwrap();
    let (n, steps) = (2, 5);
    let inputs = [normal(n, 2, 1, 1), normal(n * steps, 1, 1, 2), normal(n * steps, 2, 1, 3)];
    let weight = normal(n * steps, 2, 1, 4);
    let view = |inputs: &[Array2<f64>; 3]| -> f64 {
        let [start, control, noise] = inputs;
        let input =
            RolloutInput { start: start.view(), control: control.view(), noise: noise.view() };
        (Rollout::new(&model, n).states(&model, input) * &weight).sum()
    };
    let mut found = inputs.clone().map(|input| Array2::zeros(input.dim()));
    let mut rollout = Rollout::keeping(&model, n, steps);
    let [start, control, noise] = &inputs;
    let input = RolloutInput { start: start.view(), control: control.view(), noise: noise.view() };
    rollout.states(&model, input);
    let [start, control, noise] = &mut found;
    let out = RolloutCotangents {
        start: start.view_mut(),
        control: control.view_mut(),
        noise: noise.view_mut(),
    };
    rollout.pull_back(&model, weight.view(), out);
    for which in 0..3 {
        let at = |values: &[f64]| {
            let mut moved = inputs.clone();
            let dim = moved[which].dim();
            moved[which] = Array2::from_shape_vec(dim, values.to_vec()).unwrap();
            view(&moved)
        };
        let (point, gradient) =
            (inputs[which].as_slice().unwrap(), found[which].as_slice().unwrap());
        check_coordinates(at, point, gradient, Tol { abs: 1e-6, rel: 1e-5 }).unwrap();
    }
}

#[test]
#[should_panic(expected = "recognition outputs against 2W")]
fn parts_that_do_not_fit_panic() {
    let (fits, wide) = (model(0.0), ModelConfig { noise: 3, ..config(0.0) });
    let other = Dvbf::<f64>::random(&wide, Noise::new(0, 0)).unwrap();
    let _ = Dvbf::new(Parts {
        initial: dvbf_core::CloneInitialState::clone_box(fits.initial()),
        recognition: dvbf_core::CloneRecognition::clone_box(other.recognition()),
        transition: dvbf_core::CloneTransition::clone_box(fits.transition()),
        emission: dvbf_core::CloneEmission::clone_box(fits.emission()),
    });
}
