//! Many rollouts of a learned model side by side.

use crate::arrays::matrix;
use crate::errors::{exception, value_error};
use crate::model::{Model, taken};
use crate::online::Belief;
use crate::same::same_model;
use dvbf::apply::Trained;
use dvbf_core::{
    RangeBound, SimulatedModel, Simulator as Rollouts, SimulatorOptions, SimulatorSnapshot,
};
use ndarray::{Array2, Array3, ArrayView1, s};
use numpy::{PyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods};
use std::sync::Arc;

/// Rollouts of a learned model, each with noise of its own.
#[pyclass(module = "dvbf._dvbf")]
pub(crate) struct Simulator {
    trained: Arc<Trained>,
    rollouts: Rollouts,
}

/// Where all rollouts of a simulator were.
#[pyclass(frozen, module = "dvbf._dvbf")]
pub(crate) struct Snapshot {
    trained: Arc<Trained>,
    seed: u64,
    rollouts: SimulatorSnapshot,
}

/// Which rollouts are meant; all of them if `None`.
type Mask<'py> = Option<PyReadonlyArray1<'py, bool>>;

/// The same seconds for every rollout.
fn seconds(dt: Option<f64>, count: usize) -> Option<Vec<f64>> {
    dt.map(|dt| vec![dt; count])
}

impl Simulator {
    fn flags(&self, mask: &Mask<'_>) -> PyResult<Option<Vec<bool>>> {
        let Some(mask) = mask else { return Ok(None) };
        let flags: Vec<bool> = mask.as_array().iter().copied().collect();
        if flags.len() != self.rollouts.len() {
            let (got, needed) = (flags.len(), self.rollouts.len());
            return Err(value_error(format!("mask has shape ({got},); it must be ({needed},)")));
        }
        Ok(Some(flags))
    }

    /// Adds what was taken off observations to `(N, X)`.
    fn whole<'py>(&self, py: Python<'py>, seen: Array2<f32>) -> Bound<'py, PyAny> {
        let origins = &self.trained.origins().observation;
        if origins.is_empty() {
            return PyArray::from_owned_array(py, seen).into_any();
        }
        let whole = seen.mapv(f64::from) + ArrayView1::from(&origins[..]);
        PyArray::from_owned_array(py, whole).into_any()
    }
}

#[pymethods]
impl Simulator {
    /// `count` rollouts started from the prior; `bound` is a margin beyond the training range to which states are
    /// clipped.
    #[new]
    fn new(
        model: &Bound<'_, Model>,
        count: usize,
        seed: u64,
        process_noise: bool,
        bound: Option<f32>,
    ) -> PyResult<Self> {
        if count == 0 {
            return Err(value_error("n is 0; there must be a rollout"));
        }
        let trained = Arc::clone(&model.get().trained);
        let source = SimulatedModel::of(trained.filter());
        let bound = bound.map_or(RangeBound::Free, |margin| RangeBound::Clip { margin });
        let options = SimulatorOptions { seed, process_noise, bound };
        let rollouts = Rollouts::new(&source, 0..count as u64, options).map_err(exception)?;
        Ok(Self { trained, rollouts })
    }

    /// Rollouts, `N`.
    fn __len__(&self) -> usize {
        self.rollouts.len()
    }

    /// Takes another seed; a start after it gives the rollouts of a new simulator with this seed.
    fn reseed(&mut self, seed: u64) {
        self.rollouts.reseed(seed);
    }

    fn start_from_prior(&mut self, mask: Mask<'_>) -> PyResult<()> {
        let mask = self.flags(&mask)?;
        self.rollouts.start_from_prior(mask.as_deref());
        Ok(())
    }

    fn start_from_belief(&mut self, belief: &Bound<'_, Belief>, mask: Mask<'_>) -> PyResult<()> {
        let (belief, mask) = (belief.get(), self.flags(&mask)?);
        let base = belief.trained.filter();
        let mut filter = base.with_options(belief.options).map_err(exception)?;
        if belief.now.started {
            filter.resume(&belief.snapshot);
        }
        self.rollouts.start_from_belief(&filter, mask.as_deref()).map_err(exception)
    }

    fn start_from_states(
        &mut self,
        states: PyReadonlyArrayDyn<'_, f32>,
        mask: Mask<'_>,
    ) -> PyResult<()> {
        let mask = self.flags(&mask)?;
        let (n, z) = self.rollouts.states().dim();
        let states = matrix(&states, "states", (Some(n), z))?;
        self.rollouts.start_from_states(states, mask.as_deref()).map_err(exception)
    }

    /// One step under controls `(N, U)`.
    fn step(
        &mut self,
        py: Python<'_>,
        controls: PyReadonlyArrayDyn<'_, f64>,
        dt: Option<f64>,
    ) -> PyResult<()> {
        let n = self.rollouts.len();
        let model = self.trained.filter().model();
        let plain = model.transition().dims().control - usize::from(self.trained.is_timed());
        let controls = matrix(&controls, "controls", (Some(n), plain))?;
        let controls = taken(&self.trained, controls, seconds(dt, n))?;
        py.detach(|| self.rollouts.step(controls.view())).map_err(exception)
    }

    /// `T` steps under controls `(N, T, U)`; the last one is not read. States `(N, T, Z)` from the present one on,
    /// observations `(N, T, X)` if they are wanted, and departures `(N, T)` if the training range is known.
    fn run<'py>(
        &mut self,
        py: Python<'py>,
        controls: Vec<PyReadonlyArrayDyn<'py, f64>>,
        dt: Option<f64>,
        observe: bool,
        sensor_noise: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let n = self.rollouts.len();
        let model = Arc::clone(self.trained.filter().model());
        let plain = model.transition().dims().control - usize::from(self.trained.is_timed());
        let mut given = Vec::with_capacity(controls.len());
        for step in &controls {
            let step = matrix(step, "controls", (Some(n), plain))?;
            given.push(taken(&self.trained, step, seconds(dt, n))?);
        }
        let (steps, x) = (given.len() + 1, if observe { model.observation() } else { 0 });
        let mut states = Array3::zeros((n, steps, model.transition().dims().state));
        let mut seen = Array3::zeros((n, steps, x));
        let mut departures = Array2::zeros((n, steps));
        py.detach(|| {
            let mut now = Array2::zeros((n, x));
            for t in 0..steps {
                if t > 0 {
                    self.rollouts.step(given[t - 1].view()).map_err(exception)?;
                }
                states.slice_mut(s![.., t, ..]).assign(&self.rollouts.states());
                if let Some(out) = self.rollouts.departures() {
                    departures.slice_mut(s![.., t]).assign(&ArrayView1::from(out));
                }
                if observe {
                    if sensor_noise {
                        self.rollouts.observation_samples(now.view_mut());
                    } else {
                        self.rollouts.observation_means(now.view_mut());
                    }
                    seen.slice_mut(s![.., t, ..]).assign(&now);
                }
            }
            Ok::<(), PyErr>(())
        })?;
        let out = PyDict::new(py);
        out.set_item("state", PyArray::from_owned_array(py, states))?;
        let origins = &self.trained.origins().observation;
        if observe && !origins.is_empty() {
            let whole = seen.mapv(f64::from) + ArrayView1::from(&origins[..]);
            out.set_item("observation", PyArray::from_owned_array(py, whole))?;
        } else if observe {
            out.set_item("observation", PyArray::from_owned_array(py, seen))?;
        }
        if self.rollouts.departures().is_some() {
            out.set_item("departure", PyArray::from_owned_array(py, departures))?;
        }
        Ok(out)
    }

    /// Latent states `(N, Z)`.
    #[getter]
    fn states<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f32>> {
        let states = self.rollouts.states().as_standard_layout().into_owned();
        PyArray::from_owned_array(py, states)
    }

    /// Means of what is seen of the states `(N, X)`.
    fn observe<'py>(&mut self, py: Python<'py>, sensor_noise: bool) -> Bound<'py, PyAny> {
        let (n, x) = (self.rollouts.len(), self.rollouts.model().observation());
        let mut seen = Array2::zeros((n, x));
        py.detach(|| {
            if sensor_noise {
                self.rollouts.observation_samples(seen.view_mut());
            } else {
                self.rollouts.observation_means(seen.view_mut());
            }
        });
        self.whole(py, seen)
    }

    /// How far outside of the training range every rollout is `(N,)`, in half-widths of the range; `None` if the
    /// range is not known.
    #[getter]
    fn departures<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f32>>> {
        self.rollouts.departures().map(|out| PyArray1::from_slice(py, out))
    }

    /// Steps of every rollout since its start `(N,)`.
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        PyArray1::from_slice(py, self.rollouts.steps())
    }

    /// Where all rollouts are, noise included.
    fn snapshot(&self) -> Snapshot {
        let seed = self.rollouts.options().seed;
        Snapshot { trained: Arc::clone(&self.trained), seed, rollouts: self.rollouts.snapshot() }
    }

    /// Goes back to where a snapshot was taken.
    fn restore(&mut self, snapshot: &Bound<'_, Snapshot>) -> PyResult<()> {
        let Snapshot { trained, seed, rollouts: snapshot } = snapshot.get();
        if !same_model(&self.trained, trained) {
            return Err(value_error("the snapshot is that of a simulator of another model"));
        }
        let (own, given) = (self.rollouts.states().dim(), snapshot.states().dim());
        if own != given {
            return Err(value_error(format!(
                "the snapshot has (rollouts, dimensions) = {given:?}, the simulator {own:?}"
            )));
        }
        self.rollouts.reseed(*seed);
        self.rollouts.restore(snapshot);
        Ok(())
    }
}
