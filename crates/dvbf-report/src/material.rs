//! Everything that a report shows, computed from a run's files and its recordings.

use super::cloud::Cloud;
use super::figure::Figure;
use super::planes::Plane;
use super::portrait;
use super::sequences::{Example, examples};
use dvbf_core::Dvbf;
use dvbf_data::{Dataset, Set, Supply};
use dvbf_run::settings::{Settings, Span};
use dvbf_run::{FolderError, ForceSeries, LogRecord, RunFolder, Summary};
use dvbf_train::eval::{Baselines, Draw, OpenLoop, infer, rollout_errors};
use dvbf_train::pool::Pool;

/// Points of the figures that can be turned.
const POINTS: usize = 4000;
/// Points of the still picture, which is to stay a small file.
const PICTURE_POINTS: usize = 1300;
/// Predicted frames of the film strips, if the settings predict as many.
const STRIP: usize = 45;

/// What a report is made of.
#[derive(Debug)]
pub(super) struct Material {
    /// Name of the run's folder.
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) summary: Summary,
    pub(super) history: Vec<LogRecord>,
    /// What is drawn of the force on a skin.
    pub(super) forces: Option<ForceSeries>,
    pub(super) cloud: Cloud,
    pub(super) picture: Cloud,
    /// What the picture shows instead, where the system has no angle.
    pub(super) planes: Vec<Plane>,
    /// The phase portrait of the equation inside, if there is one that can be drawn.
    pub(super) portrait: Vec<(String, Figure)>,
    pub(super) errors: OpenLoop,
    pub(super) baselines: Baselines,
    pub(super) examples: Vec<Example>,
    /// The sequences that the examples are of, in the order of the examples.
    pub(super) long: Dataset,
}

impl Material {
    /// Reads the run's files and follows its best model through the test sets.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the model does not fit the settings.
    pub(super) fn gather(
        folder: &RunFolder,
        settings: &Settings,
        supply: &Supply,
        pool: &Pool,
    ) -> Result<Self, super::ReportError> {
        let summary = folder.summary()?;
        let history = folder.history()?;
        let model = folder.best()?.into_model();
        let test = supply.sequences(Set::Test).all();
        check(&model, settings, &test, folder)?;
        // The same draw that the figures of the summary come from.
        let draw = Draw::Sample(settings.seed.wrapping_add(1));
        let latent = infer(&model, &test, settings.data.steps, draw, pool).state;

        let all = supply.sequences(Set::TestLong);
        let span = settings.evaluation.longest_span();
        let shown = Span { horizon: span.horizon.min(STRIP), ..span };
        let (examples, long) = examples(&model, all, shown, pool);
        let picture = Cloud::new(&latent, &test, PICTURE_POINTS);
        Ok(Self {
            name: folder.name(),
            forces: folder.forces()?,
            cloud: Cloud::new(&latent, &test, POINTS),
            planes: Plane::all(&picture),
            portrait: portrait::figures(&model, &latent),
            picture,
            errors: rollout_errors(&model, all, span, pool),
            baselines: Baselines::of(&settings.evaluation, supply, pool),
            examples,
            long,
            settings: settings.clone(),
            summary,
            history,
        })
    }
}

/// Checks that the sizes of `model` are those of the settings and the recordings; the model file of
/// another run would only be noticed by a panic.
///
/// # Errors
/// Names `best.dvbf` and the first size that differs.
pub fn check(
    model: &Dvbf<f32>,
    settings: &Settings,
    test: &Dataset,
    folder: &RunFolder,
) -> Result<(), FolderError> {
    let dims = model.transition().dims();
    let (observed, controls) = (test.observations.dim().2, test.controls.dim().2);
    let sizes = [
        ("observed channels", model.observation(), observed),
        ("controls", dims.control, controls),
        ("latent dimensions", dims.state, settings.model.state),
        ("initial frames", model.initial_frames(), settings.model.initial_frames),
    ];
    for (what, has, needed) in sizes {
        if has != needed {
            let problem = format!("the model has {has} {what}, but config.toml says {needed}");
            return Err(FolderError::Damaged { path: folder.file("best.dvbf"), problem });
        }
    }
    Ok(())
}
