//! The online filter and its beliefs.

use crate::arrays::{Slot, narrow, read};
use crate::errors::{exception, value_error};
use crate::same::same_model;
use dvbf::apply::{FilterOptions, Trained};
use dvbf_core::{Filter, ObservationStatus, Score, Snapshot, Spread};
use ndarray::Array1;
use numpy::{PyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// A filter that takes one observation at a time, made by `Model.online`. It belongs to one thread at a time.
#[pyclass(module = "dvbf._dvbf")]
pub(crate) struct OnlineFilter {
    trained: Arc<Trained>,
    filter: Filter,
    observation: Vec<f32>,
    control: Vec<f32>,
    image: Option<(usize, usize)>,
}

impl OnlineFilter {
    pub(crate) fn new(trained: &Arc<Trained>, options: FilterOptions) -> PyResult<Self> {
        let base = trained.filter();
        let model = base.model();
        let (x, u) = (model.observation(), model.transition().dims().control);
        Ok(Self {
            trained: Arc::clone(trained),
            filter: base.with_options(options).map_err(exception)?,
            observation: vec![0.0; x],
            control: vec![0.0; u],
            image: base.layout().and_then(|layout| layout.image),
        })
    }

    /// Reads the control, with the seconds of the step where the model takes them.
    fn read_control(&mut self, u: Option<&Bound<'_, PyAny>>, dt: Option<f64>) -> PyResult<f64> {
        let origins = &self.trained.origins().control;
        let own = self.filter.dt();
        let plain = self.control.len() - usize::from(self.trained.is_timed());
        let (control, seconds) = self.control.split_at_mut(plain);
        match u {
            Some(u) => {
                let origins = origins.get(..plain).unwrap_or_default();
                let slot =
                    Slot { what: "u", whose: "a control", image: None, bytes: false, origins };
                read(u, slot, control)?;
            }
            None if plain > 0 && self.filter.belief().steps > 0 => {
                return Err(value_error(format!(
                    "u is missing; it has shape ({plain},), what acted since the step before"
                )));
            }
            // No control leads to the first step.
            None => control.fill(0.0),
        }
        let Some(last) = seconds.first_mut() else { return Ok(dt.unwrap_or(own)) };
        let Some(dt) = dt.or((self.filter.belief().steps == 0).then_some(own)) else {
            return Err(value_error("dt is missing; this model takes the seconds of every step"));
        };
        *last = narrow(dt - origins.get(plain).copied().unwrap_or(0.0));
        Ok(own)
    }
}

#[pymethods]
impl OnlineFilter {
    /// Takes an observation and gives the belief after it.
    ///
    /// Args:
    ///     x: `(X,)` or an image `(height, width)`, in the units of the recordings; NaN is a missing channel,
    ///         `None` a missing observation. Bytes are scaled to `[0, 1]`.
    ///     u: Control `(U,)` that acted since the step before; not read at the first step.
    ///     dt: Seconds since the step before; the model's if `None`.
    ///
    /// Raises:
    ///     `ValueError`: If a shape or a value is not one that the model takes; the filter is then unchanged.
    #[pyo3(signature = (x, u = None, dt = None))]
    fn step(
        &mut self,
        x: Option<&Bound<'_, PyAny>>,
        u: Option<&Bound<'_, PyAny>>,
        dt: Option<f64>,
    ) -> PyResult<Belief> {
        let dt = self.read_control(u, dt)?;
        let seen = match x {
            Some(x) => {
                let origins = &self.trained.origins().observation;
                let image = self.image;
                let slot = Slot { what: "x", whose: "an observation", image, bytes: true, origins };
                read(x, slot, &mut self.observation)?;
                Some(&self.observation[..])
            }
            None => None,
        };
        self.filter.step(seen, &self.control, dt).map_err(exception)?;
        Ok(self.belief())
    }

    /// The belief after the last step.
    #[getter]
    fn belief(&self) -> Belief {
        Belief {
            now: self.filter.belief().clone(),
            snapshot: self.filter.snapshot(),
            options: self.filter.options(),
            observation: self.observation.len(),
            trained: Arc::clone(&self.trained),
        }
    }

    /// Forgets everything: the next observation is the first of a sequence.
    fn reset(&mut self) {
        self.filter.reset();
    }

    /// The least seconds of a step with the last observation and control, over `count` of them, as Rust takes
    /// them: what the interpreter adds is the difference.
    fn _least_seconds(&mut self, count: usize) -> PyResult<f64> {
        let dt = self.filter.dt();
        let mut least = f64::INFINITY;
        for _ in 0..count {
            let begun = Instant::now();
            self.filter.step(Some(&self.observation), &self.control, dt).map_err(exception)?;
            least = least.min(begun.elapsed().as_secs_f64());
        }
        Ok(least)
    }

    /// Goes on from a belief of a filter of the same model with the same options.
    ///
    /// Raises:
    ///     `ValueError`: If the belief is that of another model or of other options, or from before the start.
    fn resume(&mut self, belief: &Bound<'_, Belief>) -> PyResult<()> {
        let belief = belief.get();
        let (own, given) = (self.filter.options(), belief.options);
        let other = !same_model(&self.trained, &belief.trained) || own != given;
        if other {
            return Err(value_error("the belief is that of another model or of other options"));
        }
        if !belief.now.started {
            return Err(value_error("the belief was taken before the filter had started"));
        }
        self.filter.resume(&belief.snapshot);
        Ok(())
    }
}

/// What a filter believes after a step.
#[pyclass(frozen, module = "dvbf._dvbf")]
pub(crate) struct Belief {
    pub(crate) now: dvbf_core::Belief,
    pub(crate) snapshot: Snapshot,
    pub(crate) options: FilterOptions,
    pub(crate) observation: usize,
    pub(crate) trained: Arc<Trained>,
}

impl Belief {
    fn spread(&self) -> PyResult<&Spread> {
        let none = || value_error("a filter with samples=0 knows no spread");
        self.now.spread.as_ref().ok_or_else(none)
    }

    fn score(&self) -> Option<&Score> {
        self.now.spread.as_ref().and_then(|spread| spread.score.as_ref())
    }
}

fn array<'py>(py: Python<'py>, values: &Array1<f32>) -> Bound<'py, PyArray1<f32>> {
    PyArray::from_array(py, values)
}

#[pymethods]
impl Belief {
    /// Mean of the latent state `(Z,)`; of the sample paths where there are some.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        array(py, self.now.spread.as_ref().map_or(&self.now.state, |spread| &spread.mean))
    }

    /// Standard deviation of the latent state `(Z,)`.
    #[getter]
    fn std<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        Ok(array(py, &self.spread()?.std))
    }

    /// Mean path of the latent state `(Z,)`.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        array(py, &self.now.state)
    }

    /// Mean of the observation before it was seen `(X,)`.
    #[getter]
    fn predicted_mean<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mean = &self.spread()?.predicted_mean;
        let origins = &self.trained.origins().observation;
        if origins.is_empty() {
            return Ok(array(py, mean).into_any());
        }
        let whole: Array1<f64> =
            mean.iter().zip(origins).map(|(&value, origin)| f64::from(value) + origin).collect();
        Ok(PyArray::from_owned_array(py, whole).into_any())
    }

    /// Standard deviation of the observation before it was seen `(X,)`.
    #[getter]
    fn predicted_std<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        Ok(array(py, &self.spread()?.predicted_std))
    }

    /// Log-likelihood of the observation, in nats; `None` where nothing was predicted.
    #[getter]
    fn log_likelihood(&self) -> Option<f64> {
        self.score().map(|score| score.log_likelihood)
    }

    /// Normalized innovation squared; `None` where nothing was predicted.
    #[getter]
    fn nis(&self) -> Option<f64> {
        self.score().map(|score| score.nis)
    }

    /// Degrees of freedom of `nis`.
    #[getter]
    fn freedom(&self) -> usize {
        self.score().map_or(0, |score| score.freedom)
    }

    /// What became of the observation: `seen`, `partly`, `missing`, `gated` or `restarted`.
    #[getter]
    fn status(&self) -> &'static str {
        match self.now.status {
            ObservationStatus::Seen => "seen",
            ObservationStatus::Partly(_) => "partly",
            ObservationStatus::Missing => "missing",
            ObservationStatus::Gated => "gated",
            ObservationStatus::Restarted => "restarted",
        }
    }

    /// Steps since the start of the sequence.
    #[getter]
    fn steps(&self) -> u64 {
        self.now.steps
    }

    /// Whether the first frames have come; until then the belief is the prior.
    #[getter]
    fn started(&self) -> bool {
        self.now.started
    }

    fn __repr__(&self) -> String {
        let mean = self.now.spread.as_ref().map_or(&self.now.state, |spread| &spread.mean);
        let status = self.status();
        match &self.now.spread {
            Some(spread) => {
                format!("Belief(step {}, {status}, {mean} ± {})", self.now.steps, spread.std)
            }
            None => format!("Belief(step {}, {status}, {mean})", self.now.steps),
        }
    }
}
