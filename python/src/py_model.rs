//! A state-space model whose functions are Python's.

use crate::errors::value_error;
use dvbf_core::bayes::{
    BayesError, DMatrix, DVector, Dims, Jacobians, NumericJacobians, StateSpace,
};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// `z' = f(z, u) + w`, `x = h(z) + v`, with functions of Python.
#[derive(Clone)]
pub(crate) struct PyModel {
    functions: Arc<Functions>,
    dims: Dims,
    process_noise: DMatrix<f64>,
    observation_noise: DMatrix<f64>,
}

/// Functions of Python, and what the last one raised.
struct Functions {
    transition: Py<PyAny>,
    emission: Py<PyAny>,
    jacobians: [Option<Py<PyAny>>; 2],
    raised: Mutex<Option<PyErr>>,
}

/// `f`, `h` and their derivatives, where they are known.
pub(crate) type Given = (Py<PyAny>, Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>);

impl PyModel {
    /// A model of functions and covariances.
    pub(crate) fn new(
        (transition, emission, dz, dx): Given,
        control: usize,
        (process_noise, observation_noise): (DMatrix<f64>, DMatrix<f64>),
    ) -> Self {
        let (state, observation) = (process_noise.nrows(), observation_noise.nrows());
        let raised = Mutex::new(None);
        let functions = Functions { transition, emission, jacobians: [dz, dx], raised };
        Self {
            functions: Arc::new(functions),
            dims: Dims { state, control, observation },
            process_noise,
            observation_noise,
        }
    }

    /// What a function raised, or else the error that came of it.
    pub(crate) fn explain(&self, error: BayesError) -> PyErr {
        let raised = self.functions.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        raised.unwrap_or_else(|| value_error(error))
    }

    /// Calls a function; what it raises is kept, and the values are then not numbers, which the filters refuse.
    fn call(
        &self,
        (what, function): (&str, &Py<PyAny>),
        (state, control): (&DVector<f64>, Option<&[f64]>),
        shape: &[usize],
    ) -> Vec<f64> {
        let outcome = Python::attach(|py| {
            let state = PyArray1::from_slice(py, state.as_slice());
            let value = match control {
                Some(control) => function.call1(py, (state, PyArray1::from_slice(py, control)))?,
                None => function.call1(py, (state,))?,
            };
            let convert = py.import("dvbf._convert")?.getattr("wide")?;
            let array = convert.call1((value, what))?;
            let array: PyReadonlyArrayDyn<'_, f64> =
                array.cast::<PyArrayDyn<f64>>()?.try_readonly()?;
            if array.shape() != shape {
                let got = crate::arrays::shown(array.shape());
                let needed = crate::arrays::shown(shape);
                return Err(value_error(format!(
                    "{what} returned shape {got}; it must be {needed}"
                )));
            }
            Ok(array.as_array().iter().copied().collect())
        });
        outcome.unwrap_or_else(|error| {
            let mut raised = self.functions.raised.lock().unwrap_or_else(PoisonError::into_inner);
            raised.get_or_insert(error);
            vec![f64::NAN; shape.iter().product()]
        })
    }
}

impl StateSpace for PyModel {
    fn dims(&self) -> Dims {
        self.dims
    }

    fn transition(&self, _: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        let function = ("transition", &self.functions.transition);
        let control = (self.dims.control > 0).then_some(control);
        DVector::from_vec(self.call(function, (state, control), &[self.dims.state]))
    }

    fn process_noise(&self, _: usize) -> DMatrix<f64> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &DVector<f64>) -> DVector<f64> {
        let function = ("emission", &self.functions.emission);
        DVector::from_vec(self.call(function, (state, None), &[self.dims.observation]))
    }

    fn observation_noise(&self, _: usize) -> DMatrix<f64> {
        self.observation_noise.clone()
    }
}

impl Jacobians for PyModel {
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64> {
        let z = self.dims.state;
        let Some(function) = &self.functions.jacobians[0] else {
            return NumericJacobians::new(self).transition_jacobian(step, state, control);
        };
        let control = (self.dims.control > 0).then_some(control);
        let values = self.call(("transition_jacobian", function), (state, control), &[z, z]);
        DMatrix::from_row_slice(z, z, &values)
    }

    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64> {
        let (x, z) = (self.dims.observation, self.dims.state);
        let Some(function) = &self.functions.jacobians[1] else {
            return NumericJacobians::new(self).emission_jacobian(step, state);
        };
        let values = self.call(("emission_jacobian", function), (state, None), &[x, z]);
        DMatrix::from_row_slice(x, z, &values)
    }
}
