//! What is seen of the rollouts, drawn only when somebody asks.

use super::frames::Frames;
use super::simulate::Simulator;
use super::streams::SENSORS;
use dvbf_tensor::Noise;
use ndarray::ArrayViewMut2;

impl Simulator {
    /// Writes the means `μ(z) (N, X)` of the observations of the present states, in the units of the
    /// recordings.
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn observation_means(&mut self, out: ArrayViewMut2<'_, f32>) {
        let x = self.model.observation();
        assert_eq!(out.dim(), (self.len(), x), "observations against (N, X)");
        let units = self.units.as_ref().map(|units| &units.observation);
        self.frames.means((&self.model, units), self.now.state.t(), out);
    }

    /// Writes the means `(K, X)` of the observations of `K` rollouts, given by their rows in
    /// [`states`](Self::states).
    ///
    /// # Panics
    /// If `out` has another shape, or there are fewer rollouts.
    #[track_caller]
    pub fn observation_means_of(&mut self, rows: &[usize], out: ArrayViewMut2<'_, f32>) {
        let x = self.model.observation();
        assert_eq!(out.dim(), (rows.len(), x), "observations against (K, X)");
        assert!(rows.len() <= self.len(), "{} of {} rollouts", rows.len(), self.len());
        let mut chosen = std::mem::take(&mut self.frames.chosen);
        for (mut to, &row) in chosen.columns_mut().into_iter().zip(rows) {
            to.assign(&self.now.state.column(row));
        }
        let units = self.units.as_ref().map(|units| &units.observation);
        let state = chosen.slice(ndarray::s![.., ..rows.len()]);
        self.frames.means((&self.model, units), state.reversed_axes(), out);
        self.frames.chosen = chosen;
    }

    /// Writes samples `(N, X)` of the observations of the present states: means with the noise of the
    /// sensor. Asking again gives the same sample.
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn observation_samples(&mut self, mut out: ArrayViewMut2<'_, f32>) {
        self.observation_means(out.view_mut());
        self.add_sensor_noise(out);
    }

    /// Adds the noise that [`observation_samples`](Self::observation_samples) has to means `(N, X)` of
    /// the present states.
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn add_sensor_noise(&mut self, mut out: ArrayViewMut2<'_, f32>) {
        let x = self.model.observation();
        assert_eq!(out.dim(), (self.len(), x), "observations against (N, X)");
        let Frames { std, noise, .. } = &mut self.frames;
        let blocks = x.div_ceil(64) as u64;
        let rollouts = self.first..;
        for ((row, rollout), event) in
            out.rows_mut().into_iter().zip(rollouts).zip(&self.now.events)
        {
            Noise::new(self.options.seed, SENSORS | rollout)
                .normal_from(event.wrapping_mul(blocks), noise);
            for ((value, noise), std) in row.into_iter().zip(&*noise).zip(&*std) {
                *value += std * noise;
            }
        }
    }
}
