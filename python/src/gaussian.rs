//! Kalman, extended and unscented filters.

use crate::arrays::matrix;
use crate::errors::value_error;
use crate::py_model::{Given, PyModel};
use dvbf_core::bayes::{
    self, BayesError, Correction, DMatrix, DVector, EmOptions, Extended, Filtered, Forecast,
    GaussianFilter, LinearGaussian, Parameter, Sequence, SigmaPoints, Unscented,
    expectation_maximization,
};
use ndarray::{Array2, Array3, ArrayView2};
use numpy::{PyArray, PyArray1, PyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods};

/// An array in double precision.
pub(crate) type Array<'py> = PyReadonlyArrayDyn<'py, f64>;

/// A filter whose belief is Gaussian.
#[pyclass(module = "dvbf._dvbf")]
pub(crate) struct Gaussian {
    filter: Kind,
    initial: bayes::Belief,
    gate: Option<f64>,
}

#[derive(Clone)]
enum Kind {
    Kalman(GaussianFilter<LinearGaussian>),
    Extended(GaussianFilter<Extended<PyModel>>),
    Unscented(GaussianFilter<Unscented<PyModel>>),
}

/// The same on a filter of every kind.
macro_rules! each {
    ($kind:expr, $filter:ident => $body:expr) => {
        match $kind {
            Kind::Kalman($filter) => $body,
            Kind::Extended($filter) => $body,
            Kind::Unscented($filter) => $body,
        }
    };
}

impl Kind {
    /// An error as an exception: what a function of the model raised, if one did.
    fn explain(&self, error: BayesError) -> PyErr {
        match self {
            Self::Kalman(_) => value_error(error),
            Self::Extended(filter) => filter.model().0.explain(error),
            Self::Unscented(filter) => filter.model().model().explain(error),
        }
    }

    fn control(&self) -> usize {
        each!(self, f => bayes::GaussianModel::dims(f.model()).control)
    }

    fn observation(&self) -> usize {
        each!(self, f => bayes::GaussianModel::dims(f.model()).observation)
    }
}

/// Noise of the process and of the sensors, and mean and covariance of the first state.
type Gaussians<'py> = (Array<'py>, Array<'py>, Array<'py>, Array<'py>);

/// A matrix of whatever size.
fn dense(array: &Array<'_>, what: &str) -> PyResult<DMatrix<f64>> {
    let view: ArrayView2<'_, f64> = array.as_array().into_dimensionality().map_err(|_| {
        let shape = crate::arrays::shown(array.as_array().shape());
        value_error(format!("{what} has shape {shape}; it must be a matrix"))
    })?;
    Ok(DMatrix::from_row_iterator(view.nrows(), view.ncols(), view.iter().copied()))
}

/// A belief from its mean and covariance.
pub(crate) fn belief(mean: &Array<'_>, covariance: &Array<'_>) -> PyResult<bayes::Belief> {
    let mean = DVector::from_iterator(mean.as_array().len(), mean.as_array().iter().copied());
    let covariance = dense(covariance, "initial_covariance")?;
    bayes::Belief::new(mean, covariance)
        .map_err(|error| value_error(format!("initial state: {error}")))
}

/// Covariances of a model.
pub(crate) fn noises(
    process: &Array<'_>,
    observation: &Array<'_>,
) -> PyResult<(DMatrix<f64>, DMatrix<f64>)> {
    let (process, observation) =
        (dense(process, "process_noise")?, dense(observation, "observation_noise")?);
    for (what, noise) in [("process_noise", &process), ("observation_noise", &observation)] {
        if noise.nrows() != noise.ncols() || noise.nrows() == 0 {
            let (rows, columns) = noise.shape();
            return Err(value_error(format!(
                "{what} has shape ({rows}, {columns}); it must be square and not empty"
            )));
        }
    }
    Ok((process, observation))
}

/// A matrix as an array.
pub(crate) fn to_array(matrix: &DMatrix<f64>) -> Array2<f64> {
    Array2::from_shape_fn(matrix.shape(), |(i, j)| matrix[(i, j)])
}

/// Means `(T, Z)` and covariances `(T, Z, Z)` of beliefs.
fn moments<'a>(
    beliefs: impl ExactSizeIterator<Item = &'a bayes::Belief>,
) -> (Array2<f64>, Array3<f64>) {
    let all: Vec<_> = beliefs.collect();
    let z = all.first().map_or(0, |belief| belief.len());
    let mean = Array2::from_shape_fn((all.len(), z), |(t, i)| all[t].mean[i]);
    let covariance =
        Array3::from_shape_fn((all.len(), z, z), |(t, i, j)| all[t].covariance[(i, j)]);
    (mean, covariance)
}

fn put<'a>(
    out: &Bound<'_, PyDict>,
    prefix: &str,
    beliefs: impl ExactSizeIterator<Item = &'a bayes::Belief>,
) -> PyResult<()> {
    let (mean, covariance) = moments(beliefs);
    let py = out.py();
    out.set_item(format!("{prefix}mean"), PyArray::from_owned_array(py, mean))?;
    out.set_item(format!("{prefix}covariance"), PyArray::from_owned_array(py, covariance))
}

/// What became of an observation.
fn correction<'py>(py: Python<'py>, correction: &Correction) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("nis", correction.nis)?;
    out.set_item("log_likelihood", correction.log_likelihood)?;
    out.set_item("accepted", correction.accepted)?;
    out.set_item("residual", PyArray1::from_slice(py, correction.residual.as_slice()))?;
    let covariance = to_array(&correction.covariance);
    out.set_item("covariance", PyArray::from_owned_array(py, covariance))?;
    out.set_item("channels", &correction.channels)?;
    Ok(out)
}

/// `(T, Z)` and so on of a filtered sequence.
fn filtered<'py>(py: Python<'py>, run: &Filtered) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    put(&out, "", run.filtered.iter())?;
    put(&out, "predicted_", run.predicted.iter())?;
    let nis = |c: &Option<Correction>| c.as_ref().map_or(f64::NAN, |c| c.nis);
    out.set_item("nis", PyArray1::from_iter(py, run.corrections.iter().map(nis)))?;
    out.set_item("log_likelihood", run.log_likelihood)?;
    Ok(out)
}

#[pymethods]
impl Gaussian {
    /// The Kalman filter of matrices `A`, `B`, `C`.
    #[staticmethod]
    fn kalman(
        matrices: (Array<'_>, Array<'_>, Array<'_>),
        gaussians: Gaussians<'_>,
        gate: Option<f64>,
    ) -> PyResult<Self> {
        let (transition, control, emission) = matrices;
        let (process, observation, mean, covariance) = gaussians;
        let (process_noise, observation_noise) = noises(&process, &observation)?;
        let model = LinearGaussian {
            transition: dense(&transition, "transition")?,
            control: dense(&control, "control")?,
            process_noise,
            emission: dense(&emission, "emission")?,
            observation_noise,
        };
        let initial = belief(&mean, &covariance)?;
        let filter = GaussianFilter::exact(model, initial.clone())
            .and_then(|filter| filter.with_gate(gate))
            .map_err(value_error)?;
        Ok(Self { filter: Kind::Kalman(filter), initial, gate })
    }

    /// The extended Kalman filter of functions.
    #[staticmethod]
    fn extended(
        functions: Given,
        control: usize,
        gaussians: Gaussians<'_>,
        gate: Option<f64>,
    ) -> PyResult<Self> {
        let (process, observation, mean, covariance) = gaussians;
        let model = PyModel::new(functions, control, noises(&process, &observation)?);
        let initial = belief(&mean, &covariance)?;
        let filter = GaussianFilter::new(Extended(model), initial.clone())
            .and_then(|filter| filter.with_gate(gate))
            .map_err(value_error)?;
        Ok(Self { filter: Kind::Extended(filter), initial, gate })
    }

    /// The unscented Kalman filter of functions.
    #[staticmethod]
    fn unscented(
        model: (Given, usize),
        gaussians: Gaussians<'_>,
        gate: Option<f64>,
        points: (f64, f64, f64),
    ) -> PyResult<Self> {
        let ((functions, control), (alpha, beta, kappa)) = (model, points);
        let (process, observation, mean, covariance) = gaussians;
        let model = PyModel::new(functions, control, noises(&process, &observation)?);
        let initial = belief(&mean, &covariance)?;
        let filter = Unscented::new(model, SigmaPoints { alpha, beta, kappa })
            .and_then(|model| GaussianFilter::new(model, initial.clone()))
            .and_then(|filter| filter.with_gate(gate))
            .map_err(value_error)?;
        Ok(Self { filter: Kind::Unscented(filter), initial, gate })
    }

    /// Numbers in a control and in an observation.
    #[getter]
    fn sizes(&self) -> (usize, usize) {
        (self.filter.control(), self.filter.observation())
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, each!(&self.filter, f => f.belief().mean.as_slice()))
    }

    #[getter]
    fn covariance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        PyArray::from_owned_array(py, each!(&self.filter, f => to_array(&f.belief().covariance)))
    }

    #[getter]
    fn log_likelihood(&self) -> f64 {
        each!(&self.filter, f => f.log_likelihood())
    }

    /// Back to the first state.
    fn reset(&mut self) -> PyResult<()> {
        macro_rules! anew {
            ($filter:expr) => {
                GaussianFilter::new($filter.model().clone(), self.initial.clone())
                    .and_then(|filter| filter.with_gate(self.gate))
            };
        }
        self.filter = match &self.filter {
            Kind::Kalman(filter) => anew!(filter).map(Kind::Kalman),
            Kind::Extended(filter) => anew!(filter).map(Kind::Extended),
            Kind::Unscented(filter) => anew!(filter).map(Kind::Unscented),
        }
        .map_err(value_error)?;
        Ok(())
    }

    fn predict(&mut self, control: Array<'_>) -> PyResult<()> {
        let control: Vec<f64> = control.as_array().iter().copied().collect();
        let outcome = each!(&mut self.filter, f => f.predict(&control));
        outcome.map_err(|error| self.filter.explain(error))
    }

    fn update<'py>(
        &mut self,
        py: Python<'py>,
        observation: Option<Array<'py>>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let values: Option<Vec<f64>> = observation.map(|x| x.as_array().iter().copied().collect());
        let outcome = each!(&mut self.filter, f => f.update(values.as_deref()));
        let outcome = outcome.map_err(|error| self.filter.explain(error))?;
        outcome.as_ref().map(|c| correction(py, c)).transpose()
    }

    /// Filters a sequence from where the filter is.
    fn filter<'py>(
        &mut self,
        py: Python<'py>,
        observations: Array<'py>,
        controls: Array<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let run = self.run(&observations, &controls)?;
        filtered(py, &run)
    }

    /// Filters a sequence, then smooths it.
    fn smooth<'py>(
        &mut self,
        py: Python<'py>,
        observations: Array<'py>,
        controls: Array<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let run = self.run(&observations, &controls)?;
        let smoothed = run.smooth().map_err(|error| self.filter.explain(error))?;
        let out = PyDict::new(py);
        put(&out, "", smoothed.beliefs.iter())?;
        out.set_item("log_likelihood", run.log_likelihood)?;
        Ok(out)
    }

    /// What follows under controls, if nothing is seen.
    fn forecast<'py>(&self, py: Python<'py>, controls: Array<'py>) -> PyResult<Bound<'py, PyDict>> {
        let controls = matrix(&controls, "controls", (None, self.filter.control()))?;
        let all: Vec<Forecast> = each!(&self.filter, f => f.forecast(controls))
            .map_err(|error| self.filter.explain(error))?;
        let out = PyDict::new(py);
        put(&out, "", all.iter().map(|forecast| &forecast.state))?;
        put(&out, "observation_", all.iter().map(|forecast| &forecast.observation))?;
        Ok(out)
    }

    /// The model that expectation maximization makes of this one.
    fn em<'py>(
        &self,
        py: Python<'py>,
        sequences: Vec<(Array<'py>, Array<'py>)>,
        options: (usize, f64, Vec<String>),
    ) -> PyResult<Bound<'py, PyDict>> {
        let (iterations, tolerance, fixed) = options;
        let Kind::Kalman(filter) = &self.filter else {
            return Err(value_error("em needs a KalmanFilter"));
        };
        let fixed = fixed.iter().map(|name| parameter(name)).collect::<PyResult<Vec<_>>>()?;
        let dims = filter.model().dims();
        let owned = sequences
            .iter()
            .map(|(x, u)| {
                let x = matrix(x, "x", (None, dims.observation))?.to_owned();
                let u = matrix(u, "u", (Some(x.nrows()), dims.control))?.to_owned();
                Ok((x, u))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let options = EmOptions { iterations, tolerance, fixed: &fixed };
        let fit = py
            .detach(|| {
                let all: Vec<_> = owned
                    .iter()
                    .map(|(x, u)| Sequence { observations: x.view(), controls: u.view() })
                    .collect();
                expectation_maximization(filter.model(), &self.initial, &all, options)
            })
            .map_err(value_error)?;
        let out = PyDict::new(py);
        for (name, value) in [
            ("transition", &fit.model.transition),
            ("control", &fit.model.control),
            ("process_noise", &fit.model.process_noise),
            ("emission", &fit.model.emission),
            ("observation_noise", &fit.model.observation_noise),
            ("initial_covariance", &fit.initial.covariance),
        ] {
            out.set_item(name, PyArray::from_owned_array(py, to_array(value)))?;
        }
        out.set_item("initial_mean", PyArray1::from_slice(py, fit.initial.mean.as_slice()))?;
        out.set_item("log_likelihood", PyArray1::from_slice(py, &fit.log_likelihood))?;
        out.set_item("best", fit.best)?;
        out.set_item("converged", fit.converged)?;
        Ok(out)
    }
}

impl Gaussian {
    fn run(&mut self, observations: &Array<'_>, controls: &Array<'_>) -> PyResult<Filtered> {
        let x = matrix(observations, "x", (None, self.filter.observation()))?;
        let u = matrix(controls, "u", (Some(x.nrows()), self.filter.control()))?;
        let sequence = Sequence { observations: x, controls: u };
        let outcome = each!(&mut self.filter, f => f.filter(&sequence));
        outcome.map_err(|error| self.filter.explain(error))
    }
}

/// The parameter of this name.
fn parameter(name: &str) -> PyResult<Parameter> {
    Ok(match name {
        "transition" => Parameter::Transition,
        "control" => Parameter::Control,
        "process_noise" => Parameter::ProcessNoise,
        "emission" => Parameter::Emission,
        "observation_noise" => Parameter::ObservationNoise,
        "initial_mean" => Parameter::InitialMean,
        "initial_covariance" => Parameter::InitialCovariance,
        _ => {
            return Err(value_error(format!(
                "fixed: there is no parameter {name}; there are transition, control, process_noise, \
                 emission, observation_noise, initial_mean, initial_covariance"
            )));
        }
    })
}
