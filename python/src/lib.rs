//! The extension module behind the Python package `dvbf`.
//!
//! Arrays come in as the package's Python half prepares them: native byte order, single or double precision.
//! What takes long is done without the interpreter, on copies that were made before.

mod arrays;
mod beliefs;
mod errors;
mod gaussian;
mod model;
mod online;
mod particle;
mod py_model;
mod recordings;
mod same;
mod simulator;
mod system;
mod training;
mod watcher;

use pyo3::prelude::*;

#[pymodule]
mod _dvbf {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::gaussian::Gaussian;
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::online::{Belief, OnlineFilter};
    #[pymodule_export]
    use crate::particle::Particle;
    #[pymodule_export]
    use crate::recordings::Recordings;
    #[pymodule_export]
    use crate::simulator::{Simulator, Snapshot};
    #[pymodule_export]
    use crate::system::System;
    #[pymodule_export]
    use crate::training::{report, resume, run_facts, train};

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
