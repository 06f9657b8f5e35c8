//! The grey box: the equations of the sensor are known, their [constants](super::constants) `θ` are not.
//!
//! A [filter of the contact](super::contact_filter) leaves residuals `r(θ)` of the voltages, and where a label gives
//! the force, of that too: it is a measurement more, so that every voltage of the labelled piece tells about `θ`.
//! The constants minimize
//!
//! `ω |r_u(θ)|² + ω |r_l(θ)|² + |θ − θ₀|²_P`
//!
//! over readings without labels `u` and the labelled piece `l`, with a prior; by Gauss–Newton steps on
//! differences, in which residuals of more than three standard deviations count linearly. First the readings alone
//! are fitted. They do not tell some directions of `θ`: a gradient of the factors is a shift of all positions,
//! their curvature a width, and a power of the force an exponent. Labels do.
//!
//! The inverse `Σ` of the curvature is the covariance of the constants (Laplace's approximation). The variance of a
//! force is `κ² (P_F + jᵀ Σ j) + 2 σ_g² F²`: that of the filter, that of the constants through `j = dF/dθ`, both
//! times what makes them cover the labels, and that of the gain, which another temperature changes between the labels
//! and the test by `σ_g` each.

use super::constants::{limited, prior, skin, start, steps};
use super::contact_filter::{ContactFilter, Known, Track};
use super::labels::Labels;
use super::method::ForceMethod;
use crate::pool::Pool;
use crate::reference::interval_of;
use dvbf_core::{Estimate, Interval};
use dvbf_envs::{EnvError, Skin, SkinSettings};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// Gauss–Newton steps without labels; with them, beside the curvature that the readings had; and with both.
const ALONE: usize = 6;
const LABELLED: usize = 3;
const TOGETHER: usize = 1;
/// Residuals beyond so many standard deviations count linearly.
const ROBUST: f64 = 3.0;
/// What a residual counts: the equations are not exact, and neighboring residuals are not independent.
const WEIGHT: f64 = 0.3;
/// Standard deviation of a label as a share of full scale.
const LABEL_STD: f64 = 0.002;
/// Labelled steps that constants are fitted to, at most; the gain takes all.
const MOST_LABELS: usize = 4000;
/// A channel whose standard deviation is so many times that of its noise lives.
const ALIVE: f64 = 3.0;
/// Standard deviation of the gain of a force from recording to recording: cheap sensors lose 0.2 to 1 % per K.
const GAIN_STD: f64 = 0.012;
/// Quantiles of a normal distribution that stand for it where widths of intervals are fitted.
const QUANTILES: usize = 19;

/// What readings without labels say of the constants.
#[derive(Clone, Debug)]
pub struct Unlabelled {
    settings: SkinSettings,
    live: Vec<usize>,
    readings: Array3<f32>,
    /// The best constants, and the curvature of the objective there.
    constants: DVector<f64>,
    curvature: DMatrix<f64>,
}

/// A grey box that was calibrated.
#[derive(Clone, Debug)]
pub struct GreyBox {
    skin: Skin,
    live: Vec<usize>,
    gain: f64,
    interval: Interval,
}

/// A residual, or whatever else of a skin, in a row for each step and channel.
type Outputs<'a> = dyn Fn(&Skin) -> Vec<f64> + Sync + 'a;

/// A grey box with its constants and the factor of their curvature.
type Found = (GreyBox, DVector<f64>, Cholesky<f64, Dyn>);

impl Unlabelled {
    /// Constants from readings `(N, T, X)`, each sequence from rest. Of `settings` only the grid, the read-out and
    /// the full scale count. `None` if they cannot be found.
    pub fn fit(settings: &SkinSettings, readings: Array3<f32>, pool: &Pool) -> Option<Self> {
        let live = live(settings, &readings);
        let start = start(settings.contact.taxels());
        let width = start.len();
        let mut own = Self {
            settings: settings.clone(),
            live,
            readings,
            constants: start,
            curvature: DMatrix::zeros(width, width),
        };
        for _ in 0..ALONE {
            let (curvature, slope) = own.readings_at(&own.constants, pool)?;
            let (step, _) = own.step(&own.constants, curvature, slope)?;
            own.constants = limited(&own.constants, &step);
        }
        own.curvature = own.readings_at(&own.constants, pool)?.0;
        Some(own)
    }

    /// A step under the prior, and the factor of its normal matrix.
    fn step(
        &self,
        at: &DVector<f64>,
        curvature: DMatrix<f64>,
        slope: DVector<f64>,
    ) -> Option<(DVector<f64>, Cholesky<f64, Dyn>)> {
        let taxels = self.settings.contact.taxels();
        let prior = prior(taxels);
        let side = slope + &prior * (start(taxels) - at);
        let factor = Cholesky::new(curvature + prior)?;
        Some((factor.solve(&side), factor))
    }

    /// Curvature and slope of the objective without labels.
    fn readings_at(&self, at: &DVector<f64>, pool: &Pool) -> Option<(DMatrix<f64>, DVector<f64>)> {
        self.sums_at(at, pool, &|skin| {
            let all = self.readings.outer_iter();
            all.flat_map(|one| ContactFilter::new(skin, &self.live).run(one).residuals).collect()
        })
    }

    /// The same of the labelled piece.
    fn labels_at(
        &self,
        at: &DVector<f64>,
        labels: &Labels,
        pool: &Pool,
    ) -> Option<(DMatrix<f64>, DVector<f64>)> {
        let known = Known { force: &labels.force, std: LABEL_STD * labels.full_scale };
        self.sums_at(at, pool, &|skin| {
            let filter = ContactFilter::new(skin, &self.live);
            filter.run_with(labels.readings.view(), Some(known)).residuals
        })
    }

    /// `ω Jᵀ H J` and `−ω Jᵀ H r` of residuals, whose weights `H` are Huber's.
    fn sums_at(
        &self,
        at: &DVector<f64>,
        pool: &Pool,
        of: &Outputs<'_>,
    ) -> Option<(DMatrix<f64>, DVector<f64>)> {
        let (residuals, mut jacobian) = self.differences(at, pool, of)?;
        let weights = residuals.map(|r| ROBUST / r.abs().max(ROBUST));
        let slope = -jacobian.tr_mul(&residuals.component_mul(&weights)) * WEIGHT;
        for mut column in jacobian.column_iter_mut() {
            column.component_mul_assign(&weights.map(f64::sqrt));
        }
        let curvature = jacobian.tr_mul(&jacobian) * WEIGHT;
        curvature.iter().chain(&slope).all(|v| v.is_finite()).then_some((curvature, slope))
    }

    /// Outputs and their derivatives by the constants.
    fn differences(
        &self,
        at: &DVector<f64>,
        pool: &Pool,
        of: &Outputs<'_>,
    ) -> Option<(DVector<f64>, DMatrix<f64>)> {
        let steps = steps(self.settings.contact.taxels());
        let skins: Option<Vec<Skin>> = (0..=at.len())
            .map(|i| {
                let mut moved = at.clone();
                if i > 0 {
                    moved[i - 1] += steps[i - 1];
                }
                skin(&self.settings, &self.live, &moved)
            })
            .collect();
        let skins = skins?;
        let mut outputs: Vec<DVector<f64>> =
            pool.install(|| skins.par_iter().map(|skin| DVector::from_vec(of(skin))).collect());
        let base = outputs.remove(0);
        for (moved, step) in outputs.iter_mut().zip(&steps) {
            *moved -= &base;
            *moved /= *step;
        }
        Some((base, DMatrix::from_columns(&outputs)))
    }

    /// The grey box that the labelled piece calibrates; `None` if it cannot be.
    pub fn calibrate(&self, labels: &Labels, pool: &Pool) -> Option<GreyBox> {
        let found = self.calibrated(labels, TOGETHER, pool)?;
        let interval = self.interval(&found, labels, pool)?;
        Some(GreyBox { interval, ..found.0 })
    }

    /// The same without intervals, and with the readings in the curvature that they had without labels.
    pub(super) fn calibrate_roughly(&self, labels: &Labels, pool: &Pool) -> Option<GreyBox> {
        self.calibrated(labels, 0, pool).map(|found| found.0)
    }

    /// The grey box after so many steps with readings and labels, its constants, and the factor of the last normal
    /// matrix.
    fn calibrated(&self, labels: &Labels, together: usize, pool: &Pool) -> Option<Found> {
        let few = labels.first(MOST_LABELS as f64 * labels.dt);
        let mut at = self.constants.clone();
        let mut factor = None;
        for _ in 0..LABELLED {
            let (curvature, slope) = self.labels_at(&at, &few, pool)?;
            let back = &self.curvature * (&self.constants - &at);
            let (step, own) = self.step(&at, curvature + &self.curvature, slope + back)?;
            at = limited(&at, &step);
            factor = Some(own);
        }
        for _ in 0..together {
            let (labelled, toward) = self.labels_at(&at, &few, pool)?;
            let (curvature, slope) = self.readings_at(&at, pool)?;
            let (step, own) = self.step(&at, labelled + curvature, toward + slope)?;
            at = limited(&at, &step);
            factor = Some(own);
        }
        let mut own = GreyBox {
            skin: skin(&self.settings, &self.live, &at)?,
            live: self.live.clone(),
            gain: 1.0,
            interval: Interval { constant: 0.0, relative: 0.0 },
        };
        own.gain = gain(&own.track(labels.readings.view()), &labels.force);
        Some((own, at, factor?))
    }

    /// The interval that covers forces with the variances of this module's equation.
    fn interval(
        &self,
        (own, at, factor): &Found,
        labels: &Labels,
        pool: &Pool,
    ) -> Option<Interval> {
        let readings = self.readings.index_axis(Axis(0), 0);
        let run = |skin: &Skin| ContactFilter::new(skin, &self.live).run(readings);
        let force = |skin: &Skin| run(skin).loads.column(0).to_vec();
        let (forces, jacobian) = self.differences(at, pool, &force)?;
        let variances: Vec<f64> = run(&own.skin)
            .spreads
            .iter()
            .enumerate()
            .map(|(t, spread)| {
                let row = jacobian.row(t).transpose();
                spread * spread + factor.solve(&row).dot(&row)
            })
            .collect();
        let plain = covering(&forces, |t| variances[t].sqrt())?;
        // The equations are not exact. What the labels show of that counts everywhere.
        let told = own.loads(labels.readings.view());
        let pairs = told.column(0).into_iter().zip(&labels.force);
        let mut ratios: Vec<f64> = pairs
            .filter(|(_, label)| label.is_finite())
            .map(|(force, label)| (force - label).abs() / plain.around(*force).half_width)
            .collect();
        ratios.sort_by(f64::total_cmp);
        let inflation = ratios.get(ratios.len() * 9 / 10).map_or(1.0, |ratio| ratio.max(1.0));
        let gain = |t: usize| 2.0 * (GAIN_STD * forces[t]).powi(2);
        covering(&forces, |t| (inflation * inflation * variances[t] + gain(t)).sqrt())
    }
}

/// The interval that covers nine of ten normal errors with these standard deviations, around these forces.
fn covering(forces: &DVector<f64>, std: impl Fn(usize) -> f64) -> Option<Interval> {
    let normal = Normal::new(0.0, 1.0).ok()?;
    let quantiles: Vec<f64> =
        (0..QUANTILES).map(|i| normal.inverse_cdf((i as f64 + 0.5) / QUANTILES as f64)).collect();
    let (mut residuals, mut values) = (Vec::new(), Vec::new());
    for (t, &force) in forces.iter().enumerate() {
        residuals.extend(quantiles.iter().map(|z| std(t) * z));
        values.extend(std::iter::repeat_n(force, QUANTILES));
    }
    Some(interval_of(&residuals, &values))
}

impl GreyBox {
    /// The skin with the constants that were found.
    pub fn skin(&self) -> &Skin {
        &self.skin
    }

    /// How wide its intervals are.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Force in N and position in pitches, `(T, 3)`.
    pub fn loads(&self, readings: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut loads = self.track(readings).loads;
        loads.column_mut(0).mapv_inplace(|force| self.gain * force);
        loads
    }

    /// A filter at the start of a sequence.
    pub fn online(&self) -> GreyBoxFilter<'_> {
        GreyBoxFilter { filter: ContactFilter::new(&self.skin, &self.live), grey_box: self }
    }

    /// What a file holds of it.
    pub fn stored(&self) -> StoredGreyBox {
        StoredGreyBox {
            skin: self.skin.settings().clone(),
            factors: self.skin.factors().to_vec(),
            dead: self.skin.dead().to_vec(),
            gain: self.gain,
            interval: self.interval,
        }
    }

    /// What [`stored`](Self::stored) gave.
    ///
    /// # Errors
    /// If its numbers are no skin's, or a gain or an interval is negative.
    pub fn restore(file: StoredGreyBox) -> Result<Self, EnvError> {
        let StoredGreyBox { skin, factors, dead, gain, interval } = file;
        for (key, value) in [
            ("gain", gain),
            ("interval.constant", interval.constant),
            ("interval.relative", interval.relative),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(EnvError::Setting { key, value, rule: "not negative" });
            }
        }
        let live = (0..skin.contact.taxels()).filter(|i| !dead.contains(i)).collect();
        Ok(Self { skin: Skin::with_sensor(skin, factors, dead)?, live, gain, interval })
    }

    fn track(&self, readings: ArrayView2<'_, f32>) -> Track {
        ContactFilter::new(&self.skin, &self.live).run(readings)
    }
}

/// A calibrated grey box that runs, one reading of all taxels at a time.
#[derive(Debug)]
pub struct GreyBoxFilter<'a> {
    filter: ContactFilter<'a>,
    grey_box: &'a GreyBox,
}

impl GreyBoxFilter<'_> {
    /// The force after the next `readings (X)`.
    ///
    /// # Panics
    /// If there is not a reading for every taxel.
    #[track_caller]
    pub fn step(&mut self, readings: &[f32]) -> Estimate {
        let taxels = self.grey_box.skin.settings().contact.taxels();
        assert_eq!(readings.len(), taxels, "readings against taxels");
        let force = self.filter.follow(readings);
        self.grey_box.interval.around(self.grey_box.gain * force)
    }
}

/// A grey box as a file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredGreyBox {
    /// The equations with the constants that were found.
    pub skin: SkinSettings,
    /// Factors of the taxels.
    pub factors: Vec<f64>,
    /// Taxels that show nothing, in increasing order.
    pub dead: Vec<usize>,
    /// Factor of the filtered force.
    pub gain: f64,
    /// How wide intervals are.
    pub interval: Interval,
}

impl ForceMethod for GreyBox {
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
        let loads = self.loads(readings);
        loads.column(0).iter().map(|&force| self.interval.around(force)).collect()
    }
}

/// The factor of the filtered force that is best for the labels.
fn gain(track: &Track, labels: &[f64]) -> f64 {
    let pairs = || {
        let known = track.loads.column(0).into_iter().zip(labels);
        known.filter(|(_, label)| label.is_finite())
    };
    let own: f64 = pairs().map(|(force, _)| force * force).sum();
    let both: f64 = pairs().map(|(force, label)| force * label).sum();
    if own > 0.0 && both > 0.0 { both / own } else { 1.0 }
}

/// The taxels that show more than noise.
fn live(settings: &SkinSettings, readings: &Array3<f32>) -> Vec<usize> {
    let noise = settings.readout.noise_full * settings.readout.full_scale;
    let channel = |&i: &usize| {
        let values = readings.index_axis(Axis(2), i).mapv(f64::from);
        values.std(0.0) > ALIVE * noise.max(1e-9)
    };
    (0..readings.dim().2).filter(channel).collect()
}
