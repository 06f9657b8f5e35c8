//! The online filter in front of a policy: its mean path, as networks see it.

use crate::controller::StateFilter;
use dvbf_core::{Features, Filter, FilterError, FilterOptions, features_of};
use ndarray::{Array2, ArrayView1, Axis};

/// The mean path of a [`Filter`], shown as the features `φ(z)` that [`LearnedDynamics`] moves.
///
/// [`LearnedDynamics`]: crate::LearnedDynamics
#[derive(Clone, Debug)]
pub struct PathFilter {
    filter: Filter,
    features: Features,
    shown: Array2<f32>,
    dt: f64,
}

impl PathFilter {
    /// A filter at the start of a sequence that follows the mean path of `filter`.
    ///
    /// # Errors
    /// If the filter refuses its own settings.
    pub fn new(filter: &Filter) -> Result<Self, FilterError> {
        let filter = filter.with_options(FilterOptions::MEAN_PATH)?;
        let features = features_of(&filter.model().transition().components());
        let shown = Array2::zeros((1, features.outputs()));
        let dt = filter.dt();
        Ok(Self { filter, features, shown, dt })
    }
}

impl StateFilter<f32> for PathFilter {
    type Error = FilterError;

    fn state_size(&self) -> usize {
        self.features.outputs()
    }

    fn update(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
        state: &mut [f32],
    ) -> Result<bool, FilterError> {
        let belief = self.filter.step(observation, control, self.dt)?;
        let started = belief.started;
        let latent: ArrayView1<'_, f32> = belief.state.view();
        self.features.apply(latent.insert_axis(Axis(0)), self.shown.view_mut());
        for (to, from) in state.iter_mut().zip(&self.shown) {
            *to = *from;
        }
        Ok(started)
    }

    fn reset(&mut self) {
        self.filter.reset();
    }
}
