//! A trained model.

use crate::arrays::{matrix, narrow};
use crate::beliefs;
use crate::errors::{exception, value_error};
use crate::online::{Belief, OnlineFilter};
use crate::recordings::Recordings;
use crate::same::same_model;
use dvbf::apply::{FilterOptions, Trained};
use dvbf::pool::Pool;
use dvbf::run::RunFolder;
use dvbf::settings::Settings;
use dvbf_core::{Filter, Layout, ModelFile};
use ndarray::{Array2, ArrayView2, s};
use numpy::{PyArray, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyDictMethods};
use std::path::PathBuf;
use std::sync::Arc;

/// What a model is pickled as: its file, the settings of its run as TOML, its summary as JSON, and its path.
type Parts = (Py<PyBytes>, Option<String>, Option<String>, PathBuf);

/// A trained model, and what its run knows of it.
#[pyclass(frozen, module = "dvbf._dvbf")]
pub(crate) struct Model {
    pub(crate) trained: Arc<Trained>,
    file: Vec<u8>,
    settings: Option<String>,
    summary: Option<String>,
    path: PathBuf,
}

impl Model {
    fn assemble(
        file: Vec<u8>,
        settings: Option<String>,
        summary: Option<String>,
        path: PathBuf,
    ) -> PyResult<Self> {
        let model = ModelFile::parse(&file, &path).map_err(exception)?;
        let filter = Filter::from_file(model, &path).map_err(exception)?;
        let of_run = settings.as_deref().map(Settings::from_toml).transpose().map_err(exception)?;
        let trained = Arc::new(Trained::new(filter, of_run));
        Ok(Self { trained, file, settings, summary, path })
    }
}

#[pymethods]
impl Model {
    /// The best model of the run in a folder, or the model of a file, whose folder may be that of a run.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| {
            let (file, folder) = if path.is_dir() {
                let folder = RunFolder::open(&path).map_err(exception)?;
                (folder.best_path().map_err(exception)?, Some(folder))
            } else {
                (path.clone(), path.parent().and_then(|folder| RunFolder::open(folder).ok()))
            };
            let bytes = std::fs::read(&file)
                .map_err(|source| dvbf::run::FolderError::Io { path: file.clone(), source })
                .map_err(exception)?;
            let of_run = match folder.as_ref().map(RunFolder::settings) {
                Some(Err(error)) if path.is_dir() => return Err(exception(error)),
                Some(Ok(settings)) => Some(settings.to_toml()),
                _ => None,
            };
            let summary =
                folder.and_then(|folder| std::fs::read_to_string(folder.file("summary.json")).ok());
            Self::assemble(bytes, of_run, summary, file)
        })
    }

    /// The model that was taken apart by pickle.
    #[staticmethod]
    fn restore(py: Python<'_>, parts: Parts) -> PyResult<Self> {
        let (file, settings, summary, path) = parts;
        Self::assemble(file.as_bytes(py).to_vec(), settings, summary, path)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Parts,))> {
        let restore = py.get_type::<Self>().getattr("restore")?;
        let file = PyBytes::new(py, &self.file).unbind();
        let parts = (file, self.settings.clone(), self.summary.clone(), self.path.clone());
        Ok((restore, (parts,)))
    }

    /// Sizes, names and units.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let filter = self.trained.filter();
        let dims = filter.model().transition().dims();
        let layout = filter.layout();
        let out = PyDict::new(py);
        out.set_item("dt", filter.dt())?;
        out.set_item("state", dims.state)?;
        out.set_item("noise", dims.noise)?;
        out.set_item("control", dims.control - usize::from(self.trained.is_timed()))?;
        out.set_item("observation", filter.model().observation())?;
        out.set_item("image", layout.and_then(|layout| layout.image))?;
        out.set_item("timed", self.trained.is_timed())?;
        out.set_item("initial_frames", filter.model().initial_frames())?;
        out.set_item("std_scale", filter.std_scale())?;
        let names = |of: fn(&Layout) -> &Vec<String>| layout.map(of).cloned().unwrap_or_default();
        out.set_item("observation_names", names(|layout| &layout.observation))?;
        out.set_item("control_names", names(|layout| &layout.control))?;
        Ok(out)
    }

    /// Settings of the run as TOML, and its summary as JSON.
    #[getter]
    fn run(&self) -> (Option<String>, Option<String>) {
        (self.settings.clone(), self.summary.clone())
    }

    /// Where the file was read from.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Beliefs after every step of recordings.
    fn filter<'py>(
        &self,
        py: Python<'py>,
        recordings: &Bound<'py, Recordings>,
        options: (usize, u64, Option<f64>),
        threads: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (samples, seed, gate) = options;
        let recordings = &recordings.get().inner;
        let options = FilterOptions { samples, seed, gate, ..FilterOptions::default() };
        let found = py.detach(|| {
            let pool = Pool::new(threads).map_err(exception)?;
            dvbf::apply::filter(&self.trained, recordings, options, &pool).map_err(exception)
        })?;
        beliefs::arrays(py, &found)
    }

    /// A filter at the start of a sequence.
    fn online(&self, samples: usize, seed: u64, gate: Option<f64>) -> PyResult<OnlineFilter> {
        OnlineFilter::new(
            &self.trained,
            FilterOptions { samples, seed, gate, ..FilterOptions::default() },
        )
    }

    /// What follows a belief under controls `(T, U)`; `dt (T)` are the seconds of the steps, where they differ.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        controls: PyReadonlyArrayDyn<'py, f64>,
        start: &Bound<'py, Belief>,
        dt: Option<Vec<f64>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let start = start.get();
        let base = self.trained.filter();
        let (own, given) = (base.belief().state.len(), start.now.state.len());
        if own != given || base.model().observation() != start.observation {
            return Err(value_error(format!(
                "start is the belief of another model: it has {given} latent dimensions and {} observed \
                 channels, this one {own} and {}",
                start.observation,
                base.model().observation()
            )));
        }
        if !same_model(&self.trained, &start.trained) {
            return Err(value_error(
                "start is the belief of another model, whose sizes are those of this one",
            ));
        }
        let facts = base.model().transition().dims().control - usize::from(self.trained.is_timed());
        let controls = matrix(&controls, "controls", (None, facts))?;
        let controls = taken(&self.trained, controls, dt)?;
        let forecast = py.detach(|| {
            let mut filter = base.with_options(start.options).map_err(exception)?;
            filter.resume(&start.snapshot);
            filter.predict(controls.view()).map_err(exception)
        })?;
        let out = PyDict::new(py);
        out.set_item("mean", PyArray::from_owned_array(py, forecast.state_mean))?;
        out.set_item("std", PyArray::from_owned_array(py, forecast.state_std))?;
        out.set_item("path", PyArray::from_owned_array(py, forecast.path))?;
        let origins = &self.trained.origins().observation;
        if origins.is_empty() {
            let mean = PyArray::from_owned_array(py, forecast.observation_mean);
            out.set_item("observation_mean", mean)?;
        } else {
            let mut whole = forecast.observation_mean.mapv(f64::from);
            whole.indexed_iter_mut().for_each(|((_, i), value)| *value += origins[i]);
            out.set_item("observation_mean", PyArray::from_owned_array(py, whole))?;
        }
        let std = PyArray::from_owned_array(py, forecast.observation_std);
        out.set_item("observation_std", std)?;
        Ok(out)
    }
}

/// Controls `(T, U)` as the filter takes them: less their origins, with the seconds of the steps where the
/// model takes them.
pub(crate) fn taken(
    trained: &Trained,
    controls: ArrayView2<'_, f64>,
    dt: Option<Vec<f64>>,
) -> PyResult<Array2<f32>> {
    let origins = &trained.origins().control;
    let (steps, width) = controls.dim();
    let timed = usize::from(trained.is_timed());
    let mut out = Array2::zeros((steps, width + timed));
    for ((t, i), value) in controls.indexed_iter() {
        out[[t, i]] = narrow(value - origins.get(i).copied().unwrap_or(0.0));
    }
    match dt {
        Some(dt) if timed == 1 => {
            if dt.len() != steps {
                let got = dt.len();
                return Err(value_error(format!(
                    "dt has {got} values; controls have {steps} steps"
                )));
            }
            let origin = origins.get(width).copied().unwrap_or(0.0);
            let seconds = dt.into_iter().map(|dt| narrow(dt - origin));
            out.slice_mut(s![.., width]).iter_mut().zip(seconds).for_each(|(to, dt)| *to = dt);
        }
        None if timed == 1 => {
            return Err(value_error("dt is missing; this model takes the seconds of every step"));
        }
        Some(dt) => {
            let own = trained.filter().dt();
            if let Some(other) = dt.iter().find(|&&dt| (dt - own).abs() > 1e-3 * own) {
                return Err(value_error(format!(
                    "dt is {other} s; the model was trained at steps of {own} s"
                )));
            }
        }
        None => {}
    }
    Ok(out)
}
