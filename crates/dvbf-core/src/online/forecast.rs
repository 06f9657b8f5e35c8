//! Beyond the present: predictions with their spread, sampled futures, decoded states.

use super::error::FilterError;
use super::filter::Filter;
use super::input::check;
use super::moments::moments_of;
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

/// Streams of noise by what they are for; steps of a filter have those below.
const FORECAST: u64 = 1 << 62;
const SAMPLED_STATES: u64 = 2 << 62;
const SAMPLED_OBSERVATIONS: u64 = 3 << 62;

/// What will be, step by step, if nothing is seen: row `h` is what the controls `0 … h` lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Mean path of the latent state, `(T, Z)`.
    pub path: Array2<f32>,
    /// Mean of the latent state, `(T, Z)`.
    pub state_mean: Array2<f32>,
    /// Standard deviation of the latent state, `(T, Z)`.
    pub state_std: Array2<f32>,
    /// Mean of the observation, `(T, X)`.
    pub observation_mean: Array2<f32>,
    /// Standard deviation of the observation, noise of the sensor and scale included, `(T, X)`.
    pub observation_std: Array2<f32>,
}

/// One of the futures that a filter thinks possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// The latent state after every control, `(T, Z)`.
    pub state: Array2<f32>,
    /// What is seen of it, noise of the sensor included, `(T, X)`.
    pub observation: Array2<f32>,
}

impl Forecast {
    /// Room for `steps` steps of what `filter` predicts, to be filled by [`Filter::predict_into`].
    pub fn of(filter: &Filter, steps: usize) -> Self {
        let (z, x) = (filter.paths.state().ncols(), filter.model().observation());
        Self {
            path: Array2::zeros((steps, z)),
            state_mean: Array2::zeros((steps, z)),
            state_std: Array2::zeros((steps, z)),
            observation_mean: Array2::zeros((steps, x)),
            observation_std: Array2::zeros((steps, x)),
        }
    }
}

impl Filter {
    /// What will be under controls `(T, U)`, the first of which acts from now on.
    ///
    /// All paths go on with fresh noise; for the mean of an observation and its standard deviation
    /// see the prediction in the module's table. A pure function of belief, seed and controls.
    ///
    /// # Errors
    /// If the filter has no sample paths or has not started, the controls have the wrong width or
    /// are not finite, or a state would not be finite.
    pub fn predict(&mut self, controls: ArrayView2<'_, f32>) -> Result<Forecast, FilterError> {
        let mut forecast = Forecast::of(self, controls.nrows());
        self.predict_into(controls, &mut forecast)?;
        Ok(forecast)
    }

    /// [`predict`](Self::predict) into a forecast that was made before; nothing allocates.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    ///
    /// # Panics
    /// If `out` has not as many rows as there are controls.
    #[track_caller]
    pub fn predict_into(
        &mut self,
        controls: ArrayView2<'_, f32>,
        out: &mut Forecast,
    ) -> Result<(), FilterError> {
        assert_eq!(out.path.nrows(), controls.nrows(), "rows of the forecast against controls");
        if self.predictive.is_none() {
            return Err(FilterError::NoPaths);
        }
        let first = self.started()?;
        self.paths.look_ahead();
        for (h, control) in controls.rows().into_iter().enumerate() {
            self.read_row(control)?;
            let stream = FORECAST | (first.wrapping_add(h as u64) & (FORECAST - 1));
            let mut finite = self.paths.carry_on(stream, self.input.control());
            let state = self.paths.predicted();
            out.path.row_mut(h).assign(&state.row(0));
            for (j, values) in state.columns().into_iter().enumerate() {
                (out.state_mean[[h, j]], out.state_std[[h, j]]) = moments_of(values.slice(s![1..]));
            }
            let Some(predictive) = &mut self.predictive else { return Err(FilterError::NoPaths) };
            finite &= predictive.update(self.paths.model(), state.slice(s![1.., ..]));
            if !finite {
                return Err(FilterError::Overflow { steps: first });
            }
            let contiguous = "a fresh array is contiguous";
            let (mut mean, mut std) =
                (out.observation_mean.row_mut(h), out.observation_std.row_mut(h));
            let mean = mean.as_slice_mut().expect(contiguous);
            predictive.marginals(
                self.input.channels(),
                mean,
                std.as_slice_mut().expect(contiguous),
            );
        }
        Ok(())
    }

    /// One future under controls `(T, U)`, number `draw`: path `draw mod N` goes on with noise of
    /// its own, or the mean path where there are no others. The sensor's noise is that of the model,
    /// without the scale of predictions.
    ///
    /// # Errors
    /// If the filter has not started, the controls have the wrong width or are not finite, or a
    /// state would not be finite.
    ///
    /// # Panics
    /// Never: fresh arrays are contiguous.
    pub fn sample(
        &mut self,
        controls: ArrayView2<'_, f32>,
        draw: u64,
    ) -> Result<Trajectory, FilterError> {
        let first = self.started()?;
        let steps = controls.nrows();
        let (dims, x) = (self.model().transition.dims(), self.model().observation());
        let normal = |columns: usize, purpose: u64| {
            let mut a = Array2::<f32>::zeros((steps, columns));
            let values = a.as_slice_mut().expect("a fresh array is contiguous");
            Noise::new(self.options.seed, purpose | (draw & (FORECAST - 1))).normal(values);
            a
        };
        let (noise, mut seen) =
            (normal(dims.noise, SAMPLED_STATES), normal(x, SAMPLED_OBSERVATIONS));
        let chosen = match self.options.samples as u64 {
            0 => 0,
            #[expect(clippy::cast_possible_truncation, reason = "less than the number of paths")]
            paths => 1 + (draw % paths) as usize,
        };
        let mut now = self.paths.state().slice(s![chosen..=chosen, ..]).to_owned();
        let mut state = Array2::zeros((steps, dims.state));
        for (h, control) in controls.rows().into_iter().enumerate() {
            self.read_row(control)?;
            let next = state.slice_mut(s![h..=h, ..]);
            let noise = noise.slice(s![h..=h, ..]);
            self.paths.carry_one(now.view(), self.input.control(), noise, next);
            now.assign(&state.slice(s![h..=h, ..]));
        }
        let (mean, std) = self.decode(state.view());
        let finite = mean.iter().chain(&state).all(|v| v.is_finite());
        if !finite {
            return Err(FilterError::Overflow { steps: first });
        }
        for (mut seen, mean) in seen.rows_mut().into_iter().zip(mean.rows()) {
            seen *= &std;
            seen += &mean;
        }
        Ok(Trajectory { state, observation: seen })
    }

    /// What is seen of a latent state of `Z` values: mean and standard deviation of the
    /// observation `(X)`, that of the sensor's noise alone.
    ///
    /// # Errors
    /// If the state has the wrong length or is not finite.
    pub fn observe(&self, state: &[f32]) -> Result<(Array1<f32>, Array1<f32>), FilterError> {
        check("state", state, self.paths.state().ncols())?;
        let (mean, std) = self.decode(super::input::row(state));
        Ok((mean.row(0).to_owned(), std))
    }

    /// What the emission shows of a latent state of `Z` values, `(X)` in the units of the model: the channels that
    /// a [read-out](crate::readout) sees.
    ///
    /// # Errors
    /// If the state has the wrong length or is not finite.
    ///
    /// # Panics
    /// Never: a fresh array is contiguous.
    pub fn shown(&self, state: &[f32]) -> Result<Array1<f32>, FilterError> {
        let (mut mean, _) = self.observe(state)?;
        if let Some(units) = self.input.channels() {
            units.normalize(mean.as_slice_mut().expect("a fresh array is contiguous"));
        }
        Ok(mean)
    }

    /// Means `(R, X)` and standard deviations `(X)` for states `(R, Z)`, in the units of the
    /// recordings.
    fn decode(&self, state: ArrayView2<'_, f32>) -> (Array2<f32>, Array1<f32>) {
        let model = self.model();
        let mut scratch = model.emission.scratch();
        model.emission.prepare(&mut scratch);
        let mut mean = Array2::zeros((state.nrows(), model.observation()));
        model.emission.mean(state, mean.view_mut(), &mut scratch);
        let log_std = model.emission.log_std();
        let mut std: Array1<f32> =
            (0..mean.ncols()).map(|j| log_std[j.min(log_std.len() - 1)].exp()).collect();
        if let Some(units) = self.input.channels() {
            for mut row in mean.rows_mut() {
                units.restore(row.as_slice_mut().expect("a fresh array is contiguous"));
            }
            std.iter_mut().zip(units.scale()).for_each(|(std, scale)| *std *= scale);
        }
        (mean, std)
    }

    /// Takes one row of controls, whatever its layout.
    fn read_row(&mut self, control: ArrayView1<'_, f32>) -> Result<(), FilterError> {
        match control.to_slice() {
            Some(control) => self.input.read_control(control),
            None => self.input.read_control(&control.to_vec()),
        }
    }

    /// The number of steps, if there is a belief to go on from.
    fn started(&self) -> Result<u64, FilterError> {
        let belief = self.belief();
        if belief.started {
            Ok(belief.steps)
        } else {
            let needed = self.model().initial_frames();
            Err(FilterError::NotStarted { seen: belief.steps, needed })
        }
    }
}
