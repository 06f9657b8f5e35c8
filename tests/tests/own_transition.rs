//! A transition from outside the workspace runs in the model as if it were at home.

use dvbf_core::{Dvbf, Objective, Params, Path, Rollout, Scalar, Transition, TransitionDims};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{GaussianEmission, InitialState, Innovation, NoiseScale};
use dvbf_tensor::Noise;
use dvbf_tests::{Data, loss, normal, part, pass};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

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
    type Cache = RingCache<S>;

    fn dims(&self) -> TransitionDims {
        TransitionDims { state: self.decay.len(), control: 0, noise: self.decay.len() }
    }

    fn cache(&self, rows: usize) -> RingCache<S> {
        let shape = (rows, self.decay.len());
        RingCache { state: Array2::zeros(shape), dnext: Array2::zeros(shape), rows: 0 }
    }

    fn prepare(&self, _: &mut RingCache<S>) {}

    fn forward(
        &self,
        at: usize,
        state: ArrayView2<'_, S>,
        _: ArrayView2<'_, S>,
        noise: ArrayView2<'_, S>,
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut RingCache<S>,
    ) {
        let z = self.decay.len();
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
        mut dstate: ArrayViewMut2<'_, S>,
        mut dnoise: ArrayViewMut2<'_, S>,
        cache: &mut RingCache<S>,
    ) {
        let z = self.decay.len();
        cache.dnext.slice_mut(s![at..at + dnext.nrows(), ..]).assign(&dnext);
        dnoise += &dnext;
        for ((r, i), &d) in dnext.indexed_iter() {
            let j = (i + 1) % z;
            dstate[[r, i]] += self.decay[i] * d;
            dstate[[r, j]] += cache.state[[at + r, j]].cos() * d;
        }
    }

    fn accumulate(&self, cache: &mut RingCache<S>, grads: &mut Self) {
        let rows = s![..cache.rows, ..];
        let sums = (&cache.dnext.slice(rows) * &cache.state.slice(rows)).sum_axis(ndarray::Axis(0));
        grads.decay += &sums;
    }
}

fn model(log_std: f64) -> Dvbf<f64, Ring<f64>> {
    let (x, z, width, noise) = (3, 2, 5, Noise::new(4, 0));
    Dvbf::new(
        InitialState::random(2, (x, 0, z, z), width, noise.part(0)),
        Innovation::random((x, z, 0), width, 2 * z, noise.part(1)),
        Ring { decay: Array1::from_vec(vec![0.9, -0.4]) },
        GaussianEmission::random(
            (z, z, width, x),
            Array1::from_elem(1, log_std),
            NoiseScale::Learned,
            noise.part(2),
        ),
    )
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
    let states = Rollout::new(&model, 2).states(&model, start.view(), u.view(), w.view());
    let mut z = [start[[0, 0]], start[[0, 1]]];
    for t in 0..3 {
        z = [0.9 * z[0] + z[1].sin(), -0.4 * z[1] + z[0].sin()];
        for i in 0..2 {
            assert!((states[[2 * t, i]] - z[i]).abs() < 1e-12);
        }
    }
}

#[test]
#[should_panic(expected = "recognition outputs against 2W")]
fn parts_that_do_not_fit_panic() {
    let parts = model(0.0);
    let noise = Noise::new(0, 0);
    let _ = Dvbf::new(
        InitialState::<f64>::random(2, (3, 0, 2, 2), 5, noise),
        Innovation::random((3, 2, 0), 5, 6, noise),
        parts.transition().clone(),
        parts.emission().clone(),
    );
}
