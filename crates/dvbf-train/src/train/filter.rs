//! The Deep Variational Bayes Filter as something that is trained.

use super::{Learner, TrainError, Trainer, TrainerState, statistics};
use crate::settings::{ModelSettings, TrainingPlan, TrainingSettings};
use dvbf_core::{
    Batch, Bound, DreamInput, Dvbf, GradientOptions, Layout, LinearStart, ModelConfig, ModelFile,
    Noise, Params, Scalar, Steps, Units, Workspace,
};
use dvbf_data::Dataset;
use dvbf_data::settings::ValueError;
use ndarray::ArrayView2;

/// What a model file holds beside the parameters.
#[derive(Clone, Debug)]
pub struct FilterFacts {
    /// Sizes and kinds of the parts.
    pub config: ModelConfig,
    /// The units of the recordings, where the model sees others.
    pub units: Option<Units>,
    /// What the numbers are.
    pub layout: Option<Layout>,
}

impl<S: Scalar> Learner<S> for Dvbf<S> {
    type Work = Workspace<S>;
    type Facts = FilterFacts;

    const NORM_PIECE: usize = 1 << 14;

    fn check(_: &TrainingSettings) -> Result<(), ValueError> {
        Ok(())
    }

    fn noise(&self) -> usize {
        self.transition().dims().noise
    }

    fn start_frames(&self) -> usize {
        self.initial_frames()
    }

    fn work(&self, sequences: usize, rows: usize) -> Self::Work {
        Workspace::new(self, sequences, rows)
    }

    fn holding(&self, sequences: usize, rows: usize, held: usize) -> Self::Work {
        Workspace::holding(self, sequences, rows, held)
    }

    fn prepare(&self, work: &mut Self::Work) {
        work.prepare(self);
    }

    fn recognize(&self, batch: &Batch<'_, S>, work: &mut Self::Work) {
        self.infer(batch, work);
    }

    fn bound(&self, batch: &Batch<'_, S>, work: &mut Self::Work, out: &mut Bound<S>) {
        Dvbf::bound(self, batch, S::ONE, work, out);
    }

    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Self::Work,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        self.held_gradient(batch, options, work, out, grads);
    }

    fn dream(&self, input: DreamInput<'_, S>, scale: S, work: &mut Self::Work) {
        self.held_dream(input, scale, work);
    }

    fn finish(&self, work: &mut Self::Work, grads: &mut Self) {
        self.add_held(work, grads);
    }

    fn state(work: &Self::Work) -> ArrayView2<'_, S> {
        work.state()
    }

    fn decay(&mut self, factor: S) {
        self.scale_recognition(factor);
    }
}

/// The configuration of a model for these data.
fn config_for(model: &ModelSettings, data: &Dataset) -> ModelConfig {
    let uneven = data.layout.as_ref().is_some_and(|layout| layout.steps == Steps::Control);
    let control_units = data.units.as_ref().map(|units| {
        let pairs = units.control.mean().iter().zip(units.control.scale());
        pairs.map(|(&mean, &scale)| (mean, f64::from(scale))).collect()
    });
    let (observation, control) = (data.observations.dim().2, data.controls.dim().2);
    ModelConfig { dt: Some(data.dt), uneven, control_units, ..model.config(observation, control) }
}

/// What a model for these data has in its file.
fn facts(config: ModelConfig, data: &Dataset) -> FilterFacts {
    let (units, layout) = (data.units.clone(), data.layout.clone());
    FilterFacts { config, units, layout }
}

impl Trainer {
    /// A training from freshly drawn parameters: the `start`-th initialization of the seed.
    ///
    /// All other random numbers of the training are the same for every initialization.
    ///
    /// # Errors
    /// If a setting of the model is impossible for these data.
    pub fn new<'a>(
        plan: impl Into<TrainingPlan<'a>>,
        data: &Dataset,
        start: u8,
    ) -> Result<Self, TrainError> {
        Self::from_linear(plan, data, start, None)
    }

    /// [`new`](Self::new), but for a model that begins as this linear one, if one is given.
    ///
    /// # Errors
    /// If a setting of the model is impossible for these data, or a part cannot be linear.
    ///
    /// # Panics
    /// If the linear model is for other channels or another number of components.
    pub fn from_linear<'a>(
        plan: impl Into<TrainingPlan<'a>>,
        data: &Dataset,
        start: u8,
        linear: Option<&LinearStart>,
    ) -> Result<Self, TrainError> {
        let plan = plan.into();
        let config = config_for(plan.model, data);
        config.validate()?;
        let mut model = Dvbf::random(&config, Noise::new(plan.seed, u64::from(start)))?;
        if let Some(noise) = &data.noise {
            let noise: Vec<f64> = noise.iter().map(|&std| f64::from(std)).collect();
            model.emission_mut().set_known_noise(&noise);
        }
        let features = model.features();
        let (count, channels) = (features.iter().sum::<usize>(), data.observations.dim().2);
        if count > channels {
            let problem = format!(
                "\"{}\" reads {count} features of every observation, which has {channels} channels",
                plan.model.initial.kind
            );
            return Err(TrainError::Setting(ValueError::new("model.initial.kind", problem)));
        }
        if !features.is_empty() {
            let found = statistics::of(data, &features);
            model.adapt(&statistics::mirrored(found, &features, start));
        }
        if let Some(linear) = linear {
            let begun = model.start_linear(linear);
            begun.map_err(|part| TrainError::NotLinear { part })?;
        }
        let state = TrainerState::new(plan.training, plan.seed, &model.to_flat());
        Self::assemble(plan, facts(config, data), model, state, data)
    }

    /// A training that goes on from a checkpoint's state.
    ///
    /// # Errors
    /// If a group of parameters has none.
    pub fn resume<'a>(
        plan: impl Into<TrainingPlan<'a>>,
        file: ModelFile,
        state: TrainerState,
        data: &Dataset,
    ) -> Result<Self, TrainError> {
        let facts = facts(file.config.clone(), data);
        Self::assemble(plan.into(), facts, file.into_model(), state, data)
    }

    fn assemble(
        plan: TrainingPlan<'_>,
        facts: FilterFacts,
        model: Dvbf<f32>,
        state: TrainerState,
        data: &Dataset,
    ) -> Result<Self, TrainError> {
        Self::put_together((plan.seed, plan.training), facts, model, state, data)
    }

    /// The configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.facts.config
    }

    /// Everything that is needed to go on later.
    pub fn checkpoint(&self) -> ModelFile {
        let good = (self.good.step != self.state.step).then(|| self.good.clone());
        let state = TrainerState { good, ..self.state.clone() };
        ModelFile { trainer: state.encode(), ..self.file(&self.model) }
    }

    /// The training without its working memory; [`resume`](Self::resume) goes on from it.
    pub fn suspend(self) -> (ModelFile, TrainerState) {
        let file = self.file(&self.model);
        let good = (self.good.step != self.state.step).then_some(self.good);
        (file, TrainerState { good, ..self.state })
    }

    /// A model of this training as a file for use.
    pub fn file(&self, model: &Dvbf<f32>) -> ModelFile {
        ModelFile {
            units: self.facts.units.clone(),
            layout: self.facts.layout.clone(),
            ..ModelFile::new(&self.facts.config, model)
        }
    }
}
