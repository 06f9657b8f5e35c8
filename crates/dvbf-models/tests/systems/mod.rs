//! Linear Gaussian systems and recordings of them, drawn for the tests of the classical filters.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_models::bayes::{Belief, DMatrix, DVector, Dims, LinearGaussian, Sequence};
use dvbf_tensor::Noise;
use ndarray::Array2;

/// A system, and a recording of it with its true states.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) model: LinearGaussian,
    pub(crate) initial: Belief,
    /// `(T, Z)`.
    pub(crate) states: Array2<f64>,
    /// `(T, X)`.
    pub(crate) observations: Array2<f64>,
    /// `(T, U)`.
    pub(crate) controls: Array2<f64>,
}

impl System {
    pub(crate) fn sequence(&self) -> Sequence<'_> {
        Sequence { observations: self.observations.view(), controls: self.controls.view() }
    }

    /// Stable dynamics and full covariances, a function of `seed`; the recording has `missing` of
    /// its channels replaced by NaN.
    pub(crate) fn draw(seed: u64, dims: Dims, steps: usize, missing: f64) -> Self {
        let (z, u, x) = (dims.state, dims.control, dims.observation);
        let normal = |rows: usize, columns: usize, part: u8| {
            let mut values = vec![0.0; rows * columns];
            Noise::new(seed, 0).part(part).normal(&mut values);
            DMatrix::from_vec(rows, columns, values)
        };
        let covariance = |size: usize, scale: f64, part: u8| {
            let root = normal(size, size, part) * scale;
            &root * root.transpose() + DMatrix::identity(size, size) * (0.1 * scale * scale)
        };
        let transition = normal(z, z, 0);
        let norm = transition.clone().svd(false, false).singular_values.max();
        let model = LinearGaussian {
            transition: transition * (0.95 / norm),
            control: normal(z, u, 1),
            process_noise: covariance(z, 0.4, 2),
            emission: normal(x, z, 3),
            observation_noise: covariance(x, 0.5, 4),
        };
        let mean = normal(z, 1, 5).column(0).into_owned();
        let initial = Belief::new(mean, covariance(z, 1.0, 6)).unwrap();
        Self::record(model, initial, steps, missing, Noise::new(seed, 1))
    }

    /// A recording of `model` with standard normal controls.
    pub(crate) fn record(
        model: LinearGaussian,
        initial: Belief,
        steps: usize,
        missing: f64,
        noise: Noise,
    ) -> Self {
        let Dims { state: z, control: u, observation: x } = model.dims();
        let draw = |columns: usize, part: u8| {
            let mut values = Array2::zeros((steps, columns));
            noise.part(part).normal(values.as_slice_mut().unwrap());
            values
        };
        let (process, measurement) = (draw(z, 0), draw(x, 1));
        let mut gone = Array2::<f64>::zeros((steps, x));
        noise.part(3).uniform(gone.as_slice_mut().unwrap());
        let mut system = Self {
            states: Array2::zeros((steps, z)),
            observations: Array2::zeros((steps, x)),
            controls: draw(u, 2),
            initial,
            model,
        };
        let of = |covariance: &DMatrix<f64>, noise: &[f64]| {
            let size = covariance.nrows();
            Belief::new(DVector::zeros(size), covariance.clone()).unwrap().sample(noise).unwrap()
        };
        let mut state = system.initial.sample(&process.row(0).to_vec()).unwrap();
        for t in 0..steps {
            if t > 0 {
                let control = DVector::from_vec(system.controls.row(t - 1).to_vec());
                let shift = of(&system.model.process_noise, &process.row(t).to_vec());
                state = &system.model.transition * state + &system.model.control * control + shift;
            }
            let error = of(&system.model.observation_noise, &measurement.row(t).to_vec());
            let observation = &system.model.emission * &state + error;
            for i in 0..z {
                system.states[[t, i]] = state[i];
            }
            for i in 0..x {
                let seen = gone[[t, i]] >= missing;
                system.observations[[t, i]] = if seen { observation[i] } else { f64::NAN };
            }
        }
        system
    }
}
