//! The figures of a tactile skin: how well the calibrated filter tells the force, beside everything else.

use crate::data::{Set, Supply};
use crate::pool::Pool;
use crate::settings::Settings;
use dvbf_core::{Estimate, Filter, FilterOptions};
use dvbf_envs::{Skin, SkinSettings};
use dvbf_run::{
    FolderError, ForcePiece, ForceSeries, ForceTable, LABEL_SECONDS, RunFolder, Summary,
};
use dvbf_train::baseline::{PcaKalman, PcaKalmanSettings};
use dvbf_train::skin::{
    ForceMethod, GreyBox, Labels, Oracle, Trials, Unlabelled, beliefs, figures, inverse_play,
    kalman, lagged, learned, prefers_grey_box, principal, recurrent, sum,
};
use ndarray::{Array3, s};
use std::collections::BTreeMap;

/// Seconds of labels that the read-out in the model file has, and those that the page draws.
const SHOWN: u32 = 20;
/// Training sequences that the grey box, and the model by expectation maximization, are fitted to.
const SEQUENCES: usize = 3;
/// Steps of the random recording that the page draws, and steps between two frames of its map.
const DRAWN: usize = 2000;
const EVERY: usize = 10;

/// Calibrates the best model of a run of a skin and compares it; runs of other systems stay as they are.
///
/// # Errors
/// If a file cannot be read or written.
pub(crate) fn evaluate(
    folder: &RunFolder,
    settings: &Settings,
    summary: &mut Summary,
    (supply, pool): (&Supply, &Pool),
) -> Result<(), FolderError> {
    let about = settings.system.as_ref().and_then(dvbf_envs::System::get::<SkinSettings>);
    let Some(skin) = about.filter(|about| about.contact.indenters == 1) else { return Ok(()) };
    let Ok(skin) = Skin::new(skin) else { return Ok(()) };
    let filter = Filter::load(folder.best_path()?)?
        .with_options(FilterOptions::MEAN_PATH)
        .expect("the mean path has no options");
    // Other trajectories and another temperature than any of the training.
    let seed = settings.data.seed.wrapping_mul(2).wrapping_add(0x5_0000_0001);
    let longest = LABEL_SECONDS.iter().copied().max().unwrap_or(SHOWN);
    let case = Case {
        labels: Labels::record(&skin, f64::from(longest), seed),
        trials: Trials::record(&skin, seed.wrapping_add(1)),
        unlabelled: supply.sequences(Set::Train).first(SEQUENCES).observations.clone(),
        seed: settings.seed,
        skin,
        filter,
    };
    let grey = Unlabelled::fit(case.skin.settings(), case.unlabelled.clone(), pool);
    let mut table = ForceTable::new();
    case.compare((grey.as_ref(), pool), &mut |method, seconds, figures| {
        table.entry(method.into()).or_default().insert(seconds.to_string(), figures);
    });
    summary.add_forces(table);
    let labels = case.labels.first(f64::from(SHOWN));
    let own = learned(&case.filter, &labels);
    if let Some(own) = &own {
        let mut file = folder.best()?;
        file.reference = Some(own.fitted.reference.clone());
        folder.save_best(&file)?;
    }
    let known = grey
        .filter(|grey| prefers_grey_box(&case.filter, grey, &labels, pool))
        .and_then(|grey| grey.calibrate(&labels, pool));
    folder.save_grey_box(known.as_ref().map(GreyBox::stored).as_ref())?;
    let chosen: Option<Box<dyn ForceMethod>> =
        if known.is_some() { boxed(known) } else { boxed(own) };
    if let Some(chosen) = chosen {
        folder.save_forces(&case.series(&*chosen, &labels))?;
    }
    Ok(())
}

/// A skin with what there is of it.
struct Case {
    skin: Skin,
    filter: Filter,
    /// `(N, T, X)`.
    unlabelled: Array3<f32>,
    labels: Labels,
    trials: Trials,
    seed: u64,
}

impl Case {
    /// Hands out the figures of every method at every number of label seconds.
    fn compare(
        &self,
        (grey, pool): (Option<&Unlabelled>, &Pool),
        each: &mut dyn FnMut(&str, u32, dvbf_train::skin::ForceFigures),
    ) {
        let rows = self.unlabelled.mapv(f64::from);
        let (count, steps, channels) = rows.dim();
        let rows = rows.into_shape_with_order((count * steps, channels)).expect("a standard array");
        let linear = self.linear();
        // Labels tell the oracle how wide its intervals are, and nothing else.
        let oracle = figures(&Oracle::new(&self.skin, &self.labels), &self.trials);
        for seconds in LABEL_SECONDS {
            each("oracle", seconds, oracle);
            let labels = self.labels.first(f64::from(seconds));
            let mut add = |name, method: Option<Box<dyn ForceMethod>>| {
                if let Some(method) = method {
                    each(name, seconds, figures(&*method, &self.trials));
                }
            };
            add("raw_sum", boxed(sum(&labels)));
            add("lagged_ridge", boxed(lagged(&labels)));
            add("inverse_play", boxed(inverse_play(&labels)));
            add("gru", boxed(recurrent(&labels, self.seed)));
            add("kalman", boxed(linear.as_ref().and_then(|model| kalman(model, &labels))));
            add("pca", boxed(principal(rows.view(), &labels)));
            // What the labels prefer is one of these two.
            let prefers = |grey| prefers_grey_box(&self.filter, grey, &labels, pool);
            let preferred = grey.is_some_and(prefers);
            let mut both = |name, chosen, method: Option<Box<dyn ForceMethod>>| {
                let Some(method) = method else { return };
                let figures = figures(&*method, &self.trials);
                each(name, seconds, figures);
                if chosen {
                    each("dvbf", seconds, figures);
                }
            };
            let known = grey.and_then(|grey| grey.calibrate(&labels, pool));
            both("learned", !preferred, boxed(learned(&self.filter, &labels)));
            both("grey_box", preferred, boxed(known));
        }
    }

    /// A linear Gaussian model of the readings.
    fn linear(&self) -> Option<PcaKalman> {
        let (count, steps, _) = self.unlabelled.dim();
        let controls = Array3::zeros((count, steps, 0));
        let data = crate::data::Dataset::observed(self.unlabelled.clone(), controls);
        let components = data.observations.dim().2.min(10);
        let state = (3 * components).min(16);
        let settings = PcaKalmanSettings { components, state, iterations: 12, floor: 1e-3 };
        PcaKalman::fit(&data, settings).ok()
    }

    /// What the page draws.
    fn series(&self, own: &dyn ForceMethod, labels: &Labels) -> ForceSeries {
        let settings = self.skin.settings();
        let plain = sum(labels);
        let oracle = Oracle::new(&self.skin, labels);
        let piece = |trial: &dvbf_train::skin::Trial, steps: usize| {
            let readings = trial.readings.slice(s![..steps.min(trial.readings.nrows()), ..]);
            let estimates = own.estimate(readings);
            let mut all = BTreeMap::from([
                ("dvbf".to_owned(), values(&estimates)),
                ("oracle".to_owned(), values(&oracle.estimate(readings))),
            ]);
            if let Some(plain) = &plain {
                all.insert("raw_sum".into(), values(&plain.estimate(readings)));
            }
            ForcePiece {
                truth: trial.loads.column(0).iter().take(steps).map(|f| narrow(*f)).collect(),
                estimates: all,
                half_width: estimates.iter().map(|e| narrow(e.half_width)).collect(),
            }
        };
        let first = &self.trials.random[0];
        let drawn = first.readings.slice(s![..DRAWN.min(first.readings.nrows()), ..]);
        let shown = beliefs(&self.filter, drawn).map(|(_, channels)| channels);
        let frames = |of: ndarray::ArrayView2<'_, f32>| -> Vec<Vec<f32>> {
            of.rows().into_iter().step_by(EVERY).map(|row| row.to_vec()).collect()
        };
        ForceSeries {
            dt: settings.dt,
            full_scale: settings.trajectory.force_max,
            label_seconds: SHOWN,
            random: piece(first, DRAWN),
            triangles: piece(&self.trials.triangles.0[0], usize::MAX),
            grid: (settings.contact.rows, settings.contact.cols),
            every: EVERY,
            raw: frames(drawn),
            believed: shown.map_or_else(|_| Vec::new(), |shown| frames(shown.mapv(narrow).view())),
        }
    }
}

fn boxed<M: ForceMethod + 'static>(method: Option<M>) -> Option<Box<dyn ForceMethod>> {
    method.map(|method| Box::new(method) as Box<dyn ForceMethod>)
}

fn values(estimates: &[Estimate]) -> Vec<f32> {
    estimates.iter().map(|e| narrow(e.value)).collect()
}

fn narrow(value: f64) -> f32 {
    crate::data::narrow(value)
}
