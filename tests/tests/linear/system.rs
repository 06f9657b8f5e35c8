//! Linear systems as generative parts of models, and recordings of them.

use dvbf_core::{
    Batch, Dvbf, Feedforward, FeedforwardInputs, FeedforwardLayers, FirstFrames, GaussianEmission,
    LocallyLinear, Noise, NoiseScale, Params, Parts, Scalar, TransitionDims,
};
use dvbf_ops::{Features, Linear, Mixture, Mlp};
use ndarray::{Array1, Array2, Array3, Axis, array, concatenate, s};

pub(crate) type Model = Dvbf<f64>;

/// Recordings, time-major and flat.
pub(crate) struct Data {
    pub(crate) sequences: usize,
    pub(crate) x: Array2<f64>,
    pub(crate) u: Array2<f64>,
    mask: Array2<f64>,
    seen: Array1<f64>,
}

impl Data {
    pub(crate) fn batch<'a>(&'a self, noise: &'a Array2<f64>) -> Batch<'a, f64> {
        Batch {
            sequences: self.sequences,
            input: self.x.view(),
            start: None,
            target: self.x.view(),
            mask: Some(self.mask.view()),
            seen: self.seen.view(),
            control: self.u.view(),
            noise: noise.view(),
        }
    }

    /// Standard normal draws for a batch.
    pub(crate) fn noise(&self, width: usize, seed: u64, stream: u64) -> Array2<f64> {
        normal(self.x.nrows(), width, Noise::new(seed, stream))
    }

    /// Leaves out whole steps and single channels.
    pub(crate) fn lose(mut self, noise: Noise) -> Self {
        let mut draws = Array2::<f64>::zeros(self.mask.dim());
        noise.uniform(draws.as_slice_mut().unwrap());
        for ((mut mask, draws), seen) in
            self.mask.rows_mut().into_iter().zip(draws.rows()).zip(&mut self.seen)
        {
            if draws[0] < 0.2 {
                mask.fill(0.0);
                *seen = 0.0;
            } else if draws[0] < 0.4 {
                mask[0] = 0.0;
            }
        }
        for (x, &mask) in self.x.iter_mut().zip(&self.mask) {
            *x = if mask > 0.0 { *x } else { f64::NAN };
        }
        self
    }
}

pub(crate) fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f64> {
    let mut a = Array2::zeros((rows, columns));
    noise.normal(a.as_slice_mut().unwrap());
    a
}

/// The generative parts of a linear model: `A B C`, `E e σ`, `G g`.
pub(crate) struct Generative {
    pub(crate) a: Array2<f64>,
    b: Array2<f64>,
    pub(crate) c: Array2<f64>,
    emission: Linear<f64>,
    pub(crate) std: f64,
    start: Linear<f64>,
}

/// A model with `width` hidden units of recognition in single precision.
pub(crate) fn single(model: &Model, width: usize) -> Dvbf<f32> {
    let TransitionDims { state: z, control: u, noise: w } = model.transition().dims();
    let (x, k) = (model.observation(), model.initial_frames());
    let map = |columns: usize| Array3::zeros((1, z, columns));
    let layer = |inputs: usize, outputs: usize| Mlp::new(vec![Linear::zeros(inputs, outputs)]);
    let (hidden, output) = (Linear::zeros(x + z + u, width), Linear::zeros(width, 2 * w));
    let transition = LocallyLinear::new(layer(z + u, 1), Mixture::new(map(z), map(u), map(w)));
    let (seen, log_std) = (|| Features::identity(z), Array1::zeros(1));
    let start = layer(k * x + (k - 1) * u, 2 * w);
    let inputs = FeedforwardInputs { observation: x, control: u };
    let mut single = Dvbf::new(Parts {
        initial: Box::new(FirstFrames::new(start, layer(w, z), k)),
        recognition: Box::new(Feedforward::new(hidden, output, seen(), inputs)),
        transition: Box::new(transition),
        emission: Box::new(GaussianEmission::new(
            layer(z, x),
            seen(),
            z,
            log_std,
            NoiseScale::Learned,
        )),
    });
    let values: Vec<f32> = model.to_flat().iter().map(|&v| f32::of(v)).collect();
    single.set_flat(&values);
    single
}

fn rotation(angle: f64) -> Array2<f64> {
    let (s, c) = angle.sin_cos();
    array![[c, -s], [s, c]]
}

fn stacked(a: &Array2<f64>) -> Array3<f64> {
    a.clone().insert_axis(Axis(0))
}

impl Generative {
    /// `(Z, U, W)`.
    fn sizes(&self) -> (usize, usize, usize) {
        (self.a.nrows(), self.b.ncols(), self.c.ncols())
    }

    /// The system of which [`filtering_bound`](Exact::filtering_bound) is nearly the likelihood.
    pub(crate) fn near_tight() -> Self {
        let scaled = |angle: f64, a: f64, b: f64| rotation(angle).dot(&array![[a, 0.0], [0.0, b]]);
        Self {
            a: array![[0.8, 0.3], [-0.25, 0.75]],
            b: array![[0.5], [-0.3]],
            c: scaled(0.4, 1.0, 0.8),
            emission: Linear::new(rotation(-0.7) * 1.3, array![0.3, -0.2]),
            std: 0.12,
            start: Linear::new(scaled(1.1, 1.5, 0.9), array![0.5, -0.4]),
        }
    }

    /// Anything.
    pub(crate) fn random((z, w, u, x): (usize, usize, usize, usize), noise: Noise) -> Self {
        let linear = |inputs: usize, outputs: usize, part: u8| {
            let bias = normal(1, outputs, noise.part(part + 1)).row(0).to_owned();
            Linear::new(normal(outputs, inputs, noise.part(part)), bias)
        };
        Self {
            a: normal(z, z, noise.part(0)) * 0.5,
            b: normal(z, u, noise.part(1)),
            c: normal(z, w, noise.part(2)) * 0.7,
            emission: linear(z, x, 3),
            std: 0.8,
            start: linear(w, z, 5),
        }
    }

    fn with(&self, initial: Mlp<f64>, frames: usize, recognition: Feedforward<f64>) -> Model {
        let (z, u, _) = self.sizes();
        let maps = Mixture::new(stacked(&self.a), stacked(&self.b), stacked(&self.c));
        let mixing = Mlp::new(vec![Linear::zeros(z + u, 1)]);
        let log_std = Array1::from_elem(1, self.std.ln());
        let emission = Mlp::new(vec![self.emission.clone()]);
        let seen = Features::identity(z);
        let emission = GaussianEmission::new(emission, seen, z, log_std, NoiseScale::Learned);
        let start = Mlp::new(vec![self.start.clone()]);
        Dvbf::new(Parts {
            initial: Box::new(FirstFrames::new(initial, start, frames)),
            recognition: Box::new(recognition),
            transition: Box::new(LocallyLinear::new(mixing, maps)),
            emission: Box::new(emission),
        })
    }

    /// A model with recognition networks of `width` random units.
    pub(crate) fn with_random_recognition(
        &self,
        width: usize,
        frames: usize,
        noise: Noise,
    ) -> Model {
        let (z, u, w) = self.sizes();
        let x = self.emission.dim().0;
        let features = frames * x + (frames - 1) * u;
        let initial = Mlp::random(&[features, 2 * w], &[0.3], noise.part(0));
        let inputs = FeedforwardInputs { observation: x, control: u };
        let layers = FeedforwardLayers { hidden: width, outputs: 2 * w };
        let recognition = Feedforward::random(inputs, Features::identity(z), layers, noise.part(1));
        self.with(initial, frames, recognition)
    }

    /// A model that knows nothing of the posterior: `2 · pairs` random units `max(0, ±r · [x', z,
    /// u])`, differences of which are linear, whose outputs count for nothing yet.
    pub(crate) fn with_untrained_recognition(&self, pairs: usize, noise: Noise) -> Model {
        let (z, u, w) = self.sizes();
        let x = self.emission.dim().0;
        let rows = normal(pairs, x + z + u, noise) * 0.5;
        let hidden = concatenate![Axis(0), rows, -rows.clone()];
        let hidden = Linear::new(hidden, Array1::zeros(2 * pairs));
        let output = Linear::zeros(2 * pairs, 2 * w);
        let inputs = FeedforwardInputs { observation: x, control: u };
        let recognition = Feedforward::new(hidden, output, Features::identity(z), inputs);
        self.with(Mlp::new(vec![Linear::zeros(x, 2 * w)]), 1, recognition)
    }

    /// A model whose recognition is `p(w₁ | x₁)` and `p(w_t | z_t, u_t, x_{t+1})`.
    pub(crate) fn with_exact_recognition(&self) -> Model {
        let (z, u, w) = self.sizes();
        let e = self.emission.weight();
        // Mean L (x − E m − e) and precision 1 + (E C)ᵀ (E C) / σ², which is diagonal.
        let gain = |map: Array2<f64>| {
            let precision = map.t().dot(&map) / self.std.powi(2) + Array2::<f64>::eye(w);
            let variance = precision.diag().mapv(f64::recip);
            let gain = Array2::from_diag(&variance).dot(&map.t()) / self.std.powi(2);
            // softplus⁻¹ of the standard deviation beyond the head's floor.
            let raw = variance.mapv(|v| (v.sqrt() - 1e-4).exp_m1().ln());
            (gain, raw)
        };
        let (first, raw) = gain(e.dot(&self.start.weight()));
        let mut initial = Linear::zeros(e.nrows(), 2 * w);
        initial.weight_mut().slice_mut(s![..w, ..]).assign(&first);
        let middle = e.dot(self.start.bias()) + self.emission.bias();
        initial.bias_mut().slice_mut(s![..w]).assign(&(-first.dot(&middle)));
        initial.bias_mut().slice_mut(s![w..]).assign(&raw);

        let (gain, raw) = gain(e.dot(&self.c));
        let x = e.nrows();
        let (mut hidden, mut output) =
            (Linear::zeros(x + z + u, 2 * w), Linear::zeros(2 * w, 2 * w));
        // A linear value is the difference of a rectified pair.
        for (pair, sign) in [(0, 1.0), (1, -1.0)] {
            let rows = pair * w..(pair + 1) * w;
            let mut weight = hidden.weight_mut();
            let mut weight = weight.slice_mut(s![rows.clone(), ..]);
            weight.slice_mut(s![.., ..x]).assign(&(&gain * sign));
            weight.slice_mut(s![.., x..x + z]).assign(&(gain.dot(&e.dot(&self.a)) * -sign));
            weight.slice_mut(s![.., x + z..]).assign(&(gain.dot(&e.dot(&self.b)) * -sign));
            let shift = gain.dot(self.emission.bias()) * -sign;
            hidden.bias_mut().slice_mut(s![rows.clone()]).assign(&shift);
            for j in 0..w {
                output.weight_mut()[[j, rows.start + j]] = sign;
            }
        }
        output.bias_mut().slice_mut(s![w..]).assign(&raw);
        let inputs = FeedforwardInputs { observation: x, control: u };
        let recognition = Feedforward::new(hidden, output, Features::identity(z), inputs);
        self.with(Mlp::new(vec![initial]), 1, recognition)
    }

    /// Recordings of the system, all channels observed.
    pub(crate) fn record(&self, sequences: usize, steps: usize, noise: Noise) -> Data {
        let (_, u, w) = self.sizes();
        let rows = sequences * steps;
        let (control, process) = (normal(rows, u, noise.part(0)), normal(rows, w, noise.part(1)));
        let mut x = normal(rows, self.emission.dim().0, noise.part(2)) * self.std;
        let mut state = Array2::<f64>::zeros((0, 0));
        for t in 0..steps {
            let rows = s![t * sequences..(t + 1) * sequences, ..];
            let w = process.slice(rows);
            state = if t == 0 {
                w.dot(&self.start.weight().t()) + self.start.bias()
            } else {
                let u = control.slice(s![(t - 1) * sequences..t * sequences, ..]);
                state.dot(&self.a.t()) + u.dot(&self.b.t()) + w.dot(&self.c.t())
            };
            let mut x = x.slice_mut(rows);
            x += &(state.dot(&self.emission.weight().t()) + self.emission.bias());
        }
        Data { sequences, mask: Array2::ones(x.dim()), seen: Array1::ones(rows), x, u: control }
    }
}
