//! Simulated systems by name, whose true states are known.

use crate::arrays::matrix;
use crate::errors::value_error;
use dvbf::envs::{Environment, Recordings, System as Named, record};
use ndarray::Array2;
use numpy::{PyArray, PyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods};

/// A simulated system.
#[pyclass(frozen, module = "dvbf._dvbf")]
pub(crate) struct System {
    // Invariant: its settings are possible.
    named: Named,
}

impl System {
    /// The system itself; threads cannot share one, and it is made in microseconds.
    fn environment(&self) -> PyResult<Box<dyn Environment>> {
        self.named.environment().map_err(value_error)
    }
}

#[pymethods]
impl System {
    /// The system `name` with settings as TOML; what is left out takes its default.
    #[new]
    fn new(name: &str, settings: &str) -> PyResult<Self> {
        let table = settings.parse().map_err(value_error)?;
        let named = Named::from_table(name, table).map_err(value_error)?;
        named.environment().map_err(value_error)?;
        Ok(Self { named })
    }

    /// Sizes and names.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let spec = self.environment()?.spec();
        let out = PyDict::new(py);
        let names: Vec<String> = spec.state.into_iter().map(|variable| variable.name).collect();
        out.set_item("state_names", names)?;
        out.set_item("control", spec.control_size)?;
        out.set_item("observation", spec.observation_size)?;
        out.set_item("image", spec.image)?;
        out.set_item("dt", spec.dt)?;
        out.set_item("noise_std", spec.noise_std)?;
        Ok(out)
    }

    /// Sequences with random starts and random controls: `x (N, T, X)`, `u (N, T, U)`, `state (N, T, S)`.
    fn record<'py>(
        &self,
        py: Python<'py>,
        size: (usize, usize),
        seed: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (count, steps) = size;
        let Recordings { observations, controls, states, .. } = py.detach(|| {
            self.environment().map(|environment| record(environment.as_ref(), count, steps, seed))
        })?;
        let out = PyDict::new(py);
        out.set_item("x", PyArray::from_owned_array(py, observations))?;
        out.set_item("u", PyArray::from_owned_array(py, controls))?;
        out.set_item("state", PyArray::from_owned_array(py, states))?;
        Ok(out)
    }

    /// The states `(N, S)` one step after `states (N, S)` under `controls (N, U)`.
    fn advance<'py>(
        &self,
        py: Python<'py>,
        states: PyReadonlyArrayDyn<'py, f64>,
        controls: PyReadonlyArrayDyn<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let environment = self.environment()?;
        let spec = environment.spec();
        let states = matrix(&states, "states", (None, spec.state.len()))?;
        let controls = matrix(&controls, "controls", (Some(states.nrows()), spec.control_size))?;
        let hidden = environment.hidden_size();
        let mut out = Array2::zeros(states.dim());
        for ((mut to, state), control) in
            out.rows_mut().into_iter().zip(states.rows()).zip(controls.rows())
        {
            let mut state = state.to_vec();
            state.resize(spec.state.len() + hidden, 0.0);
            environment.advance(&mut state, &control.to_vec());
            to.iter_mut().zip(&state).for_each(|(to, &value)| *to = value);
        }
        Ok(PyArray::from_owned_array(py, out))
    }

    /// What is seen of `states (N, S)`, without noise: `(N, X)`.
    fn observe<'py>(
        &self,
        py: Python<'py>,
        states: PyReadonlyArrayDyn<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let environment = self.environment()?;
        let spec = environment.spec();
        let states = matrix(&states, "states", (None, spec.state.len()))?;
        let mut out = Array2::zeros((states.nrows(), spec.observation_size));
        for (mut to, state) in out.rows_mut().into_iter().zip(states.rows()) {
            let mut state = state.to_vec();
            state.resize(spec.state.len() + environment.hidden_size(), 0.0);
            let row = to.as_slice_mut().expect("a fresh array is contiguous");
            environment.observe(&state, row);
        }
        Ok(PyArray::from_owned_array(py, out))
    }
}
