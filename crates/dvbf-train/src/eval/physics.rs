//! What a model with a differential equation inside says of the system: constants, states read
//! without any regression, and how much of the motion is left to the learned part.

use super::FitTest;
use super::infer::{Draw, infer, time_major};
use super::information::{Information, information};
use crate::pool::Pool;
use dvbf_core::dynamics::{ComponentKind, open_constants};
use dvbf_core::{Dvbf, KnownPart, TransitionInput};
use dvbf_data::{Dataset, regression_targets};
use dvbf_envs::StateKind;
use ndarray::{Array2, Array3, s};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A constant of the differential equation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConstantFigure {
    /// Its value, in the gauge of the author; nothing where the data do not tell it.
    pub estimate: Option<f64>,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end of its interval.
    pub high: Option<f64>,
    /// Its true value, where that is known.
    #[serde(rename = "true")]
    pub truth: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// Where learning started.
    #[serde(default)]
    pub start: f64,
    /// Whether it was set and not learned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
    /// Whether no recordings without labels tell it, whatever they show: it changes with the unit in which
    /// the emission draws the state. Nothing is estimated then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// What a model with a differential equation inside says of the system.
#[derive(Clone, Debug, PartialEq)]
pub struct Physics {
    /// Constants by name.
    pub constants: BTreeMap<String, ConstantFigure>,
    /// R² of the states of the equation against the true ones, without any regression, by column.
    pub direct: BTreeMap<String, f64>,
    /// Mean difference between each state of the equation and the true one of the same name, in its
    /// unit.
    pub offset: BTreeMap<String, f64>,
    /// Mean square of the learned remainder over that of the whole motion, each component in its
    /// typical magnitude; nothing without a remainder.
    pub remainder_share: Option<f64>,
    /// The same for each component.
    pub remainder_shares: BTreeMap<String, f64>,
    /// Whether the model learned the mirror image, which was undone here.
    pub mirrored: bool,
}

impl Physics {
    /// What `model` says of the first `steps` steps of the sequences of `sets.test`, with intervals
    /// from those of `sets.fit`; `truth` are the true constants by name. Nothing if the model has no
    /// differential equation inside.
    pub fn of(
        model: &Dvbf<f32>,
        sets: FitTest<&Dataset>,
        steps: usize,
        truth: &[(&str, f64)],
        pool: &Pool,
    ) -> Option<Self> {
        let FitTest { fit: train, test: data } = sets;
        let known = model.transition().known()?;
        let (gauge, values) = known.in_gauge();
        let inferred = infer(model, data, steps, Draw::Mean, pool).state;
        let mut states = inferred.clone();
        for (i, component) in known.dynamics.components().iter().enumerate() {
            let (sign, shift) = (gauge.sign[i], gauge.shift[i]);
            let turn =
                if component.kind == ComponentKind::Angle { std::f64::consts::TAU } else { 0.0 };
            states.slice_mut(s![.., .., i]).mapv_inplace(|z| {
                let z = sign * (f64::from(z) - shift);
                // The nearest of the values that mean the same.
                let z = if turn > 0.0 { z - turn * (z / turn).round() } else { z };
                dvbf_data::narrow(z)
            });
        }
        let halves = half_widths(&known, information(model, train, steps, pool));
        let open = open_constants(&known.dynamics.freedoms(&known.values), &known.constants);
        let told: Vec<Option<f64>> =
            halves.into_iter().zip(&open).map(|(half, open)| half.filter(|_| !open)).collect();
        let constants = known.constants.iter().zip(&values).enumerate();
        let constants = constants.map(|(i, (constant, &value))| {
            let truth = truth.iter().find(|(name, _)| *name == constant.name).map(|(_, t)| *t);
            let figure = ConstantFigure {
                estimate: (!open[i]).then_some(value),
                low: told[i].map(|half| value - half),
                high: told[i].map(|half| value + half),
                truth,
                unit: constant.unit.clone(),
                start: constant.start,
                fixed: !constant.is_learned(),
                open: open[i],
            };
            (constant.name.clone(), figure)
        });
        let names: Vec<String> =
            known.dynamics.components().iter().map(|component| component.name.clone()).collect();
        let (direct, offset) = compared(data, &states, &names);
        let shares = remainder(model, data, &inferred);
        Some(Self {
            constants: constants.collect(),
            direct,
            offset,
            remainder_share: shares.as_ref().map(|(all, _)| *all),
            remainder_shares: shares
                .map(|(_, each)| names.into_iter().zip(each).collect())
                .unwrap_or_default(),
            mirrored: gauge.is_mirrored(),
        })
    }
}

/// Half the widths of the intervals of all constants, from what the data tell of the learned numbers behind
/// them: of the deviation of an estimate, and how far the data would still carry it. Zero where a constant
/// is known, nothing where the data do not tell.
fn half_widths(known: &KnownPart, told: Option<Information>) -> Vec<Option<f64>> {
    let mut told = told.map(|told| told.half_widths().into_iter());
    let constants = known.constants.iter().zip(&known.values);
    constants
        .map(|(constant, &value)| {
            if !constant.is_learned() {
                return Some(0.0);
            }
            let told_half = told.as_mut()?.next()?;
            let half = told_half * constant.slope(constant.raw(value)).abs();
            half.is_finite().then_some(half)
        })
        .collect()
}

/// Values of the constants of the differential equation inside, in the gauge of the author; none if
/// there is no equation.
pub fn constants_of(model: &Dvbf<f32>) -> BTreeMap<String, f64> {
    let Some(known) = model.transition().known() else { return BTreeMap::new() };
    let (_, values) = known.in_gauge();
    known.constants.iter().map(|constant| constant.name.clone()).zip(values).collect()
}

impl ConstantFigure {
    /// Takes the estimate back, of a constant that is learned.
    pub fn withhold(&mut self) {
        if !self.fixed {
            (self.estimate, self.low, self.high) = (None, None, None);
        }
    }

    /// Widens the interval by how far the estimate still moved during the last part of training, and
    /// withdraws an estimate that its 95 % interval leaves open: it reaches further than twice the estimate,
    /// or than twice where learning started if that is larger. The data do not tell the constant then.
    pub fn widen(&mut self, drift: f64) {
        let (Some(estimate), Some(low), Some(high)) = (self.estimate, self.low, self.high) else {
            if !self.fixed {
                self.estimate = None;
            }
            return;
        };
        if self.fixed {
            return;
        }
        let half = ((high - low) / 2.0).hypot(drift);
        (self.low, self.high) = (Some(estimate - half), Some(estimate + half));
        // A constant that starts at zero is measured in its unit, as its learning is.
        let size = if self.start.abs() > 0.0 { self.start.abs() } else { 1.0 };
        if half > 2.0 * estimate.abs().max(size) {
            self.estimate = None;
        }
    }
}

/// R² and mean difference of states `(N, T, Z)` named `names` against the true ones of the same names.
fn compared(
    data: &Dataset,
    states: &Array3<f32>,
    names: &[String],
) -> (BTreeMap<String, f64>, BTreeMap<String, f64>) {
    let (n, t, _) = states.dim();
    let chosen: Vec<(usize, usize)> = data
        .state_names
        .iter()
        .enumerate()
        .filter_map(|(i, name)| Some((i, names.iter().position(|own| own == name)?)))
        .collect();
    if chosen.is_empty() {
        return (BTreeMap::new(), BTreeMap::new());
    }
    let part = |values: &Array3<f32>, columns: Vec<usize>| {
        Array3::from_shape_fn((n, t, columns.len()), |(n, t, i)| values[[n, t, columns[i]]])
    };
    let truth = part(&data.states, chosen.iter().map(|(i, _)| *i).collect());
    let found = part(states, chosen.iter().map(|(_, i)| *i).collect());
    let named = |states: Array3<f32>| Dataset {
        states,
        state_names: chosen.iter().map(|(i, _)| data.state_names[*i].clone()).collect(),
        state_kinds: chosen.iter().map(|(i, _)| data.state_kinds[*i]).collect(),
        ..Dataset::observed(Array3::zeros((n, t, 0)), Array3::zeros((n, t, 0)))
    };
    let offset = chosen.iter().enumerate().map(|(column, (i, _))| {
        let pairs = found.slice(s![.., .., column]);
        let pairs = pairs.iter().zip(truth.slice(s![.., .., column]));
        let differences = pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)).filter(|d| !d.is_nan());
        let mean = if data.state_kinds[*i] == StateKind::Angle {
            let (sin, cos) = differences.fold((0.0, 0.0), |(s, c), d| (s + d.sin(), c + d.cos()));
            sin.atan2(cos)
        } else {
            let (sum, count) = differences.fold((0.0, 0.0), |(s, c), d| (s + d, c + 1.0));
            sum / count
        };
        (data.state_names[*i].clone(), mean)
    });
    let offset = offset.collect();
    let ((columns, truth), (_, found)) =
        (regression_targets(&named(truth)), regression_targets(&named(found)));
    let direct = columns.into_iter().enumerate().map(|(i, name)| {
        let pairs: Vec<(f64, f64)> = truth
            .column(i)
            .iter()
            .copied()
            .zip(found.column(i).iter().copied())
            .filter(|(truth, _)| !truth.is_nan())
            .collect();
        let mean = pairs.iter().map(|(truth, _)| truth).sum::<f64>() / pairs.len() as f64;
        let residual: f64 = pairs.iter().map(|(truth, found)| (truth - found).powi(2)).sum();
        let total: f64 = pairs.iter().map(|(truth, _)| (truth - mean).powi(2)).sum();
        (name, 1.0 - residual / total)
    });
    (direct.collect(), offset)
}

/// The share of the remainder in the motion along latent states `(N, T, Z)`, of all components and of
/// each.
fn remainder(model: &Dvbf<f32>, data: &Dataset, states: &Array3<f32>) -> Option<(f64, Vec<f64>)> {
    let (n, t, z) = states.dim();
    let state = time_major(states, 0..n, t);
    let control = time_major(&data.controls, 0..n, t);
    let noise = Array2::zeros((n * t, model.transition().dims().noise));
    let mut cache = model.transition().cache(n * t);
    model.transition().prepare(&mut cache);
    let input =
        TransitionInput { state: state.view(), control: control.view(), noise: noise.view() };
    let motion = model.transition().motion(input, &mut cache)?;
    if motion.remainder.iter().all(|r| *r == 0.0) {
        return None;
    }
    let (mut parts, mut wholes) = (vec![0.0; z], vec![0.0; z]);
    for (row, remainder) in motion.remainder.rows().into_iter().enumerate() {
        if row / n >= data.lengths[row % n] {
            continue;
        }
        for i in 0..z {
            let of = |value: f32| (f64::from(value) / motion.scale[i]).powi(2);
            parts[i] += of(remainder[i]);
            wholes[i] += of(motion.known[[row, i]] + motion.linear[[row, i]] + remainder[i]);
        }
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let each = parts.iter().zip(&wholes).map(|(part, whole)| share(*part, *whole)).collect();
    Some((share(parts.iter().sum(), wholes.iter().sum()), each))
}
