//! The bound and every gradient against values from JAX, an oracle that shares no code.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Batch, Bound, Dvbf, Feedforward, FeedforwardInputs, FirstFrames, GaussianEmission,
    GradientOptions, LocallyLinear, NoiseScale, Objective, Params, Parts, Path, Workspace,
};
use dvbf_ops::{Features, Linear, Mixture, MixtureDims, Mlp};
use ndarray::{Array, Array1, Array2, Array3, ArrayD, Axis, Dimension, IxDyn};
use ndarray_npy::NpzReader;
use std::collections::BTreeMap;
use std::fs::File;

struct Golden(BTreeMap<String, ArrayD<f64>>);

impl Golden {
    fn read(name: &str) -> Self {
        let path = format!("{}/golden/dvbf_ll_{name}.npz", env!("CARGO_MANIFEST_DIR"));
        let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
        let names = npz.names().unwrap();
        Self(names.into_iter().map(|n| (n.clone(), npz.by_name(&n).unwrap())).collect())
    }

    fn get<D: Dimension>(&self, name: &str) -> Array<f64, D> {
        let array = self.0.get(name).unwrap_or_else(|| panic!("{name} is in the file"));
        array.clone().into_dimensionality().unwrap()
    }

    fn scalar(&self, name: &str) -> f64 {
        *self.0[name].first().unwrap()
    }

    fn linear(&self, name: &str) -> Linear<f64> {
        let part = |p: &str| format!("param/{name}.{p}");
        Linear::new(self.get(&part("weight")), self.get(&part("bias")))
    }

    fn mlp(&self, name: &str) -> Mlp<f64> {
        let layer = |i: usize| format!("{name}.{i}");
        let count =
            (0..2).take_while(|&i| self.0.contains_key(&format!("param/{}.weight", layer(i))));
        Mlp::new(count.map(|i| self.linear(&layer(i))).collect())
    }

    /// `(B, T, …)` as `(T·B, …)`.
    fn time_major(&self, name: &str) -> Array2<f64> {
        flat(self.get::<ndarray::Ix3>(name).permuted_axes([1, 0, 2]))
    }

    fn model(&self) -> Dvbf<f64> {
        let base = |name: &str| self.get::<ndarray::Ix3>(&format!("param/transition.{name}"));
        let maps = Mixture::new(base("a"), base("b"), base("c"));
        let MixtureDims { state: z, control: u, .. } = maps.dims();
        let x = self.get::<ndarray::Ix3>("x").dim().2;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let frames = self.scalar("initial_frames") as usize;
        let log_std = Array1::from_elem(1, self.scalar("param/emission.log_std"));
        let seen = || Features::identity(z);
        let start = (self.mlp("initial.recognition"), self.mlp("initial.state"));
        let layers = (self.linear("recognition.0"), self.linear("recognition.1"));
        let inputs = FeedforwardInputs { observation: x, control: u };
        let (mean, learned) = (self.mlp("emission"), NoiseScale::Learned);
        Dvbf::new(Parts {
            initial: Box::new(FirstFrames::new(start.0, start.1, frames)),
            recognition: Box::new(Feedforward::new(layers.0, layers.1, seen(), inputs)),
            transition: Box::new(LocallyLinear::new(self.mlp("transition.mixing"), maps)),
            emission: Box::new(GaussianEmission::new(mean, seen(), z, log_std, learned)),
        })
    }
}

fn flat(a: Array3<f64>) -> Array2<f64> {
    let (t, b, x) = a.dim();
    a.as_standard_layout().into_owned().into_shape_with_order((t * b, x)).unwrap()
}

fn close(what: &str, got: impl IntoIterator<Item = f64>, expected: impl IntoIterator<Item = f64>) {
    let (got, expected): (Vec<_>, Vec<_>) =
        (got.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(got.len(), expected.len(), "{what}: number of values");
    let scale = expected.iter().fold(1e-300_f64, |s, v| s.max(v.abs()));
    for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
        // Relative to the value itself, or to the array's scale where terms cancel.
        let error = (g - e).abs() / e.abs().max(1e-3 * scale);
        assert!(error < 1e-9, "{what}[{i}]: {g:e} against {e:e}");
    }
}

fn check(name: &str) {
    let golden = Golden::read(name);
    let model = golden.model();
    let (x, u) = (golden.time_major("x"), golden.time_major("u"));
    let eps = flat(golden.get("eps"));
    let mask: Array2<f64> = golden.get("mask");
    let sequences = mask.nrows();
    let seen: Array1<f64> = mask.t().iter().copied().collect();
    let channels = seen.view().insert_axis(Axis(1)).broadcast(x.dim()).unwrap().to_owned();
    let c = golden.scalar("temper");
    let objective = Objective { likelihood: c, prior: c, kl: 1.0 };
    let batch = Batch {
        sequences,
        input: x.view(),
        start: None,
        target: x.view(),
        mask: Some(channels.view()),
        seen: seen.view(),
        control: u.view(),
        noise: eps.view(),
    };

    let mut work = Workspace::new(&model, sequences, x.nrows());
    work.prepare(&model);
    let (mut bound, mut grads) = (Bound::zeros(sequences), model.zeros_like());
    let options =
        GradientOptions { objective, scale: 1.0 / sequences as f64, state_limit: f64::INFINITY };
    model.gradient(&batch, options, &mut work, &mut bound, &mut grads);

    close("loss", [bound.loss(objective)], [golden.scalar("loss")]);
    close("log_lik", bound.log_lik.clone(), golden.get::<ndarray::Ix1>("log_lik"));
    close("kl", bound.kl.clone(), golden.get::<ndarray::Ix1>("kl"));
    close("z", work.state().iter().copied(), golden.time_major("z"));
    close("w_mean", work.noise_mean().iter().copied(), golden.time_major("w_mean"));
    close("w_std", work.noise_std().iter().copied(), golden.time_major("w_std"));
    let mut mean = Array2::zeros(x.dim());
    let mut scratch = model.emission().scratch();
    model.emission().prepare(&mut scratch);
    model.emission().mean(work.state(), mean.view_mut(), &mut scratch);
    close("x_mean", mean, golden.time_major("x_mean"));

    let mut left: Vec<String> =
        golden.0.keys().filter(|k| k.starts_with("grad/")).cloned().collect();
    grads.visit(Path::ROOT, &mut |path, grad| {
        let key = format!("grad/{path}");
        let expected = golden.get::<IxDyn>(&key);
        close(&key, grad.iter().copied(), expected.iter().copied());
        left.retain(|k| *k != key);
    });
    assert!(left.is_empty(), "not compared: {left:?}");

    // The value alone takes the same path.
    let mut again = Bound::zeros(sequences);
    model.bound(&batch, c, &mut work, &mut again);
    close("bound without gradient", again.log_lik, bound.log_lik);
}

#[test]
fn affine_mixing_network() {
    check("affine");
}

#[test]
fn tempered_with_hidden_mixing_network() {
    check("tempered");
}

#[test]
fn masked_steps() {
    check("masked");
}
