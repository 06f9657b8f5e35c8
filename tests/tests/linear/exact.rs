//! What the Kalman filter says of a linear model.

use super::system::{Data, Model};
use dvbf_core::bayes::{Belief, DMatrix, DVector, KalmanFilter, LinearGaussian, Sequence};
use dvbf_core::{Params, Path};
use ndarray::{Array2, ArrayD, s};
use std::collections::BTreeMap;

/// The generative part of a model as a linear Gaussian one.
pub(crate) struct Exact {
    model: LinearGaussian,
    initial: Belief,
    /// `e`.
    offset: DVector<f64>,
}

impl Exact {
    pub(crate) fn of(model: &Model) -> Self {
        let mut parts: BTreeMap<String, ArrayD<f64>> = BTreeMap::new();
        model.visit(Path::ROOT, &mut |path, array| {
            parts.insert(path.to_string(), array.to_owned());
        });
        let matrix = |name: &str| {
            let array = &parts[name];
            let columns = *array.shape().last().unwrap();
            let rows = array.shape()[array.ndim() - 2];
            DMatrix::from_row_iterator(rows, columns, array.iter().copied())
        };
        let vector =
            |name: &str| DVector::from_iterator(parts[name].len(), parts[name].iter().copied());
        let (start, process) = (matrix("initial.state.0.weight"), matrix("transition.c"));
        let emission = matrix("emission.0.weight");
        let variance = (2.0 * parts["emission.log_std"].first().unwrap()).exp();
        Self {
            initial: Belief::new(vector("initial.state.0.bias"), &start * start.transpose())
                .unwrap(),
            model: LinearGaussian {
                transition: matrix("transition.a"),
                control: matrix("transition.b"),
                process_noise: &process * process.transpose(),
                observation_noise: DMatrix::identity(emission.nrows(), emission.nrows()) * variance,
                emission,
            },
            offset: vector("emission.0.bias"),
        }
    }

    /// Sequence `b` of `data` without the offset, `(T, X)` and `(T, U)`.
    pub(crate) fn sequence(&self, data: &Data, b: usize) -> (Array2<f64>, Array2<f64>) {
        let rows = s![b..;data.sequences, ..];
        let mut x = data.x.slice(rows).to_owned();
        for mut row in x.rows_mut() {
            for (x, e) in row.iter_mut().zip(&self.offset) {
                *x -= e;
            }
        }
        (x, data.u.slice(rows).to_owned())
    }

    /// `ln p(x₁ … x_T)` of sequence `b`, and the filtered means `(T, Z)`.
    pub(crate) fn filter(&self, data: &Data, b: usize) -> (f64, Vec<Belief>) {
        let (x, u) = self.sequence(data, b);
        let sequence = Sequence { observations: x.view(), controls: u.view() };
        let mut filter = KalmanFilter::exact(self.model.clone(), self.initial.clone()).unwrap();
        let out = filter.filter(&sequence).unwrap();
        (out.log_likelihood, out.filtered)
    }

    /// `ln p(x₁) + Σ_t E_q[ln p(x_{t+1} | z_t, u_t)]` of sequence `b`, which was observed wholly.
    pub(crate) fn filtering_bound(&self, data: &Data, b: usize) -> f64 {
        let (x, u) = self.sequence(data, b);
        let LinearGaussian { transition: a, control, process_noise: q, emission: e, .. } =
            &self.model;
        let r = &self.model.observation_noise;
        // Mean and covariance of the state under q, and those given the one before.
        let (mut mean, mut spread) =
            (self.initial.mean.clone(), DMatrix::zeros(q.nrows(), q.nrows()));
        let mut noise = self.initial.covariance.clone();
        let mut bound = 0.0;
        for t in 0..x.nrows() {
            if t > 0 {
                let u = DVector::from_vec(u.row(t - 1).to_vec());
                mean = a * mean + control * u;
                spread = a * spread * a.transpose();
                noise.copy_from(q);
            }
            let observed = e * &noise * e.transpose() + r;
            let inverse = observed.clone().try_inverse().unwrap();
            let residual = DVector::from_vec(x.row(t).to_vec()) - e * &mean;
            let carried = (&inverse * e * &spread * e.transpose()).trace();
            let distance = residual.dot(&(&inverse * &residual)) + carried;
            bound -= 0.5 * (distance + (observed * std::f64::consts::TAU).determinant().ln());
            let gain = &noise * e.transpose() * inverse;
            let keep = DMatrix::identity(q.nrows(), q.nrows()) - &gain * e;
            mean += gain * residual;
            spread = &keep * spread * keep.transpose() + keep * &noise;
        }
        bound
    }

    /// For every step of sequence `b`, which was observed wholly: the observation as it is predicted
    /// from the filter of the model, `p(x_{t+1} | z_t)` under `q(z_t)`, and the state under
    /// `q(z_{t+1})` with `q(w_t | z_t, x_{t+1})` the exact posterior of one step.
    pub(crate) fn variational(&self, data: &Data, b: usize) -> Vec<(Belief, Belief)> {
        let (x, u) = self.sequence(data, b);
        let LinearGaussian { transition: a, control, process_noise: q, emission: e, .. } =
            &self.model;
        let r = &self.model.observation_noise;
        let mut mean = self.initial.mean.clone();
        let mut spread = DMatrix::zeros(q.nrows(), q.nrows());
        let mut noise = self.initial.covariance.clone();
        let mut steps = Vec::new();
        for t in 0..x.nrows() {
            if t > 0 {
                let u = DVector::from_vec(u.row(t - 1).to_vec());
                mean = a * mean + control * u;
                spread = a * spread * a.transpose();
                noise.copy_from(q);
            }
            let predicted = e * (&spread + &noise) * e.transpose() + r;
            let inverse = (e * &noise * e.transpose() + r).try_inverse().unwrap();
            let gain = &noise * e.transpose() * inverse;
            let seen = DVector::from_vec(x.row(t).to_vec());
            let middle = e * &mean;
            let keep = DMatrix::identity(q.nrows(), q.nrows()) - &gain * e;
            mean += gain * (seen - &middle);
            spread = &keep * spread * keep.transpose() + keep * &noise;
            let predicted = Belief::new(middle + &self.offset, predicted).unwrap();
            steps.push((predicted, Belief::new(mean.clone(), spread.clone()).unwrap()));
        }
        steps
    }
}
