//! The bootstrap particle filter.

use crate::gaussian::{Array, belief, noises, to_array};
use crate::py_model::{Given, PyModel};
use dvbf_core::Noise;
use dvbf_core::bayes::{BayesError, ParticleFilter};
use numpy::{PyArray, PyArray1, PyArray2};
use pyo3::prelude::*;

/// Stream of the uniform draws of resampling; those of the particles are below.
const UNIFORM: u64 = 1 << 63;

/// A particle filter; draw `t` of its noise is stream `t` of its seed.
#[pyclass(module = "dvbf._dvbf")]
#[derive(Clone)]
pub(crate) struct Particle {
    filter: ParticleFilter<PyModel>,
    initial: dvbf_core::bayes::Belief,
    threshold: f64,
    seed: u64,
}

/// Noise of the process and of the sensors, and mean and covariance of the first state.
type Gaussians<'py> = (Array<'py>, Array<'py>, Array<'py>, Array<'py>);

#[pymethods]
impl Particle {
    #[new]
    fn new(
        model: (Given, usize),
        gaussians: Gaussians<'_>,
        options: (usize, f64, u64),
    ) -> PyResult<Self> {
        let ((functions, control), (particles, threshold, seed)) = (model, options);
        let (process, observation, mean, covariance) = gaussians;
        let model = PyModel::new(functions, control, noises(&process, &observation)?);
        let initial = belief(&mean, &covariance)?;
        let normals = normals(seed, 0, particles * initial.len());
        let filter = ParticleFilter::new(model, &initial, threshold, &normals)
            .map_err(crate::errors::value_error)?;
        Ok(Self { filter, initial, threshold, seed })
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.filter.belief().mean.as_slice())
    }

    #[getter]
    fn covariance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        PyArray::from_owned_array(py, to_array(&self.filter.belief().covariance))
    }

    /// `(particles, Z)`.
    #[getter]
    fn particles<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        PyArray::from_owned_array(py, to_array(self.filter.particles()).reversed_axes())
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.filter.weights())
    }

    #[getter]
    fn log_likelihood(&self) -> f64 {
        self.filter.log_likelihood()
    }

    #[getter]
    fn effective_sample_size(&self) -> f64 {
        self.filter.effective_sample_size()
    }

    /// Back to the first state.
    fn reset(&mut self) -> PyResult<()> {
        let normals = normals(self.seed, 0, self.filter.weights().len() * self.initial.len());
        let model = self.filter.model().clone();
        self.filter = ParticleFilter::new(model, &self.initial, self.threshold, &normals)
            .map_err(|error| self.explain(error))?;
        Ok(())
    }

    /// The filter as it is now, to which it can [go back](Self::restore).
    fn save(&self) -> Self {
        self.clone()
    }

    /// Goes back to what was [saved](Self::save).
    fn restore(&mut self, saved: &Bound<'_, Self>) {
        self.filter = saved.borrow().filter.clone();
    }

    fn predict(&mut self, control: Array<'_>) -> PyResult<()> {
        let control: Vec<f64> = control.as_array().iter().copied().collect();
        let step = self.filter.step() as u64 + 1;
        let count = self.filter.weights().len() * self.initial.len();
        let mut uniform = [0.0];
        Noise::new(self.seed, UNIFORM | step).uniform(&mut uniform);
        let normals = normals(self.seed, step, count);
        let outcome = self.filter.predict(&control, &normals, uniform[0]);
        outcome.map_err(|error| self.explain(error))
    }

    fn update(&mut self, observation: Option<Array<'_>>) -> PyResult<()> {
        let values: Option<Vec<f64>> = observation.map(|x| x.as_array().iter().copied().collect());
        let outcome = self.filter.update(values.as_deref());
        outcome.map_err(|error| self.explain(error))
    }
}

impl Particle {
    fn explain(&self, error: BayesError) -> PyErr {
        self.filter.model().explain(error)
    }
}

fn normals(seed: u64, stream: u64, count: usize) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Noise::new(seed, stream).normal(&mut values);
    values
}
