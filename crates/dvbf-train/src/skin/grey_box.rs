//! The grey box: the equations of the sensor are known, their constants are not.
//!
//! Constants `θ` are the logarithms of the taxels' factors, the width of a contact, the exponent and the offset of
//! the conductance, the cross-talk, the compliances of creep and the weights of play; the times of creep and the
//! thresholds of play stand on a grid that is not that of the sensor. Without labels they minimize what a
//! [filter of the contact](super::contact_filter) leaves of the voltages, `Σ ω r²`, by Gauss–Newton steps on
//! differences, with a prior that is wide and not centered at the truth.
//!
//! Readings alone do not tell some directions of `θ`: a gradient of the factors is a shift of all positions, their
//! curvature a width, and a power of the force an exponent. So the labelled piece moves the constants once more,
//! in those directions in which the curvature of the objective without labels lets it.

use super::contact_filter::{ContactFilter, Track};
use super::labels::Labels;
use super::method::ForceMethod;
use crate::pool::Pool;
use crate::reference::{Candidate, Fitted, Labelled, MapKind, Search, fit};
use dvbf_core::{Estimate, Memory, ReadoutInput};
use dvbf_envs::{Skin, SkinSettings};
use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Times of creep in s, and thresholds of play as shares of full scale.
const TIMES: [f64; 3] = [0.4, 4.0, 40.0];
const THRESHOLDS: [f64; 3] = [0.002, 0.007, 0.025];
/// Constants beside the factors: where they start, the standard deviation of the prior, and the step of a
/// difference.
const OTHERS: [(f64, f64, f64); 10] = [
    (1.0, 0.3, 0.02),
    (0.95, 0.2, 0.02),
    (0.001, 0.003, 2e-4),
    (0.01, 0.1, 0.01),
    (0.02, 0.05, 0.01),
    (0.02, 0.05, 0.01),
    (0.02, 0.05, 0.01),
    (0.03, 0.06, 0.01),
    (0.03, 0.06, 0.01),
    (0.03, 0.06, 0.01),
];
/// The same of a factor's logarithm.
const FACTOR: (f64, f64, f64) = (-0.1, 0.2, 0.02);
/// Gauss–Newton steps without labels, with them, and with both.
const ALONE: usize = 5;
const LABELLED: usize = 3;
const TOGETHER: usize = 1;
/// Residuals beyond so many standard deviations count linearly.
const ROBUST: f64 = 3.0;
/// Neighboring residuals are not independent: what one of the readings and one of the labels counts.
const READING: f64 = 0.03;
const LABEL: f64 = 0.2;
/// Standard deviation of a labelled force as a share of full scale.
const LABEL_STD: f64 = 0.005;
/// Labelled steps that constants are fitted to, at most; the read-out takes all.
const MOST_LABELS: usize = 2000;
/// A channel whose standard deviation is so many times that of its noise lives.
const ALIVE: f64 = 3.0;

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
    /// The read-out from the filtered force.
    pub fitted: Fitted,
}

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
            let prior = prior(own.constants.len());
            let off = own.prior_slope(&own.constants);
            let step = Cholesky::new(&curvature + &prior)?.solve(&(slope + off));
            own.constants = limited(&own.constants, &step);
            own.curvature = curvature;
        }
        own.curvature = own.readings_at(&own.constants, pool)?.0;
        Some(own)
    }

    fn prior_slope(&self, at: &DVector<f64>) -> DVector<f64> {
        prior(at.len()) * (start(self.settings.contact.taxels()) - at)
    }

    /// Curvature and slope of the objective without labels.
    fn readings_at(&self, at: &DVector<f64>, pool: &Pool) -> Option<(DMatrix<f64>, DVector<f64>)> {
        let of = |skin: &Skin| {
            let all = self.readings.outer_iter();
            all.flat_map(|one| ContactFilter::new(skin, &self.live).run(one).residuals).collect()
        };
        let (mut curvature, mut slope) = self.differences(at, &of, &|_, r| -r, pool)?;
        curvature *= READING;
        slope *= READING;
        Some((curvature, slope))
    }

    /// The same of the labels.
    fn labels_at(
        &self,
        at: &DVector<f64>,
        labels: &Labels,
        pool: &Pool,
    ) -> Option<(DMatrix<f64>, DVector<f64>)> {
        let std = LABEL_STD * labels.full_scale;
        let of = |skin: &Skin| {
            let track = ContactFilter::new(skin, &self.live).run(labels.readings.view());
            track.loads.column(0).iter().map(|force| force / std).collect()
        };
        let off = |t: usize, force: f64| labels.force[t] / std - force;
        let (mut curvature, mut slope) = self.differences(at, &of, &off, pool)?;
        curvature *= LABEL;
        slope *= LABEL;
        Some((curvature, slope))
    }

    /// `Jᵀ Ω J` and `Jᵀ Ω e` of outputs with the residuals `e`, which `off` gives of an output.
    fn differences(
        &self,
        at: &DVector<f64>,
        of: &(dyn Fn(&Skin) -> Vec<f64> + Sync),
        off: &(dyn Fn(usize, f64) -> f64 + Sync),
        pool: &Pool,
    ) -> Option<(DMatrix<f64>, DVector<f64>)> {
        let steps = steps(at.len());
        let skins: Option<Vec<Skin>> = (0..=at.len())
            .map(|i| {
                let mut moved = at.clone();
                if i > 0 {
                    moved[i - 1] += steps[i - 1];
                }
                self.skin(&moved)
            })
            .collect();
        let skins = skins?;
        let outputs: Vec<Vec<f64>> = pool.install(|| skins.par_iter().map(of).collect());
        let (base, moved) = outputs.split_first()?;
        let errors: Vec<f64> = base.iter().enumerate().map(|(t, &out)| off(t, out)).collect();
        let weights: Vec<f64> =
            errors.iter().map(|e| (ROBUST / e.abs().max(ROBUST)).sqrt()).collect();
        let mut jacobian = DMatrix::zeros(base.len(), at.len());
        for (i, (out, step)) in moved.iter().zip(&steps).enumerate() {
            for (t, ((o, b), w)) in out.iter().zip(base).zip(&weights).enumerate() {
                jacobian[(t, i)] = (o - b) / step * w;
            }
        }
        let error =
            DVector::from_iterator(errors.len(), errors.iter().zip(&weights).map(|(e, w)| e * w));
        let found = (jacobian.tr_mul(&jacobian), jacobian.tr_mul(&error));
        found.0.iter().all(|v| v.is_finite()).then_some(found)
    }

    /// The skin with these constants.
    fn skin(&self, at: &DVector<f64>) -> Option<Skin> {
        let taxels = self.settings.contact.taxels();
        let (factors, others) = at.as_slice().split_at(taxels);
        let mut settings = self.settings.clone();
        let full = settings.trajectory.force_max;
        settings.contact.width = others[0].max(0.1);
        settings.conductance.exponent = others[1].clamp(0.3, 1.8);
        settings.conductance.offset = others[2].max(0.0);
        settings.crosstalk.share = others[3].clamp(0.0, 0.4);
        settings.creep.times = TIMES.to_vec();
        settings.creep.compliances = others[4..7].iter().map(|j| j.max(0.0)).collect();
        settings.play.thresholds = THRESHOLDS.iter().map(|share| share * full).collect();
        settings.play.weights = others[7..].iter().map(|w| w.clamp(0.0, 0.3)).collect();
        let dead = (0..taxels).filter(|i| !self.live.contains(i)).collect();
        Skin::with_sensor(settings, factors.iter().map(|f| f.exp()).collect(), dead).ok()
    }

    /// The grey box that the labelled piece calibrates; `None` if it cannot be.
    pub fn calibrate(&self, labels: &Labels, pool: &Pool) -> Option<GreyBox> {
        let few = labels.first(MOST_LABELS as f64 * labels.dt);
        let prior = prior(self.constants.len());
        let mut at = self.constants.clone();
        for _ in 0..LABELLED {
            let (curvature, slope) = self.labels_at(&at, &few, pool)?;
            let normal = curvature + &self.curvature + &prior;
            let back = (&self.curvature + &prior) * (&self.constants - &at);
            at = limited(&at, &Cholesky::new(normal)?.solve(&(slope + back)));
        }
        for _ in 0..TOGETHER {
            let (labelled, toward) = self.labels_at(&at, &few, pool)?;
            let (curvature, slope) = self.readings_at(&at, pool)?;
            let side = toward + slope + self.prior_slope(&at);
            at = limited(&at, &Cholesky::new(labelled + curvature + &prior)?.solve(&side));
        }
        let skin = self.skin(&at)?;
        let track = ContactFilter::new(&skin, &self.live).run(labels.readings.view());
        let inputs = force(&track);
        let search = Search {
            name: "force",
            candidates: vec![Candidate {
                labelled: Labelled { inputs: inputs.view(), target: &labels.force, dt: labels.dt },
                input: ReadoutInput::State,
                maps: (1..=3).map(MapKind::Additive).collect(),
            }],
            memories: Vec::<Memory>::new(),
        };
        Some(GreyBox { fitted: fit(&search)?, skin, live: self.live.clone() })
    }
}

impl GreyBox {
    /// The skin with the constants that were found; the force is in about newtons.
    pub fn skin(&self) -> &Skin {
        &self.skin
    }

    /// Force before the read-out, and position in pitches, `(T, 3)`.
    pub fn loads(&self, readings: ArrayView2<'_, f32>) -> Array2<f64> {
        ContactFilter::new(&self.skin, &self.live).run(readings).loads
    }
}

impl ForceMethod for GreyBox {
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
        let track = ContactFilter::new(&self.skin, &self.live).run(readings);
        self.fitted.estimate(force(&track).view(), self.skin.settings().dt)
    }
}

fn force(track: &Track) -> Array2<f64> {
    track.loads.slice(s![.., ..1]).to_owned()
}

fn start(taxels: usize) -> DVector<f64> {
    let factors = std::iter::repeat_n(FACTOR.0, taxels);
    DVector::from_iterator(taxels + OTHERS.len(), factors.chain(OTHERS.map(|other| other.0)))
}

fn prior(width: usize) -> DMatrix<f64> {
    let factors = std::iter::repeat_n(FACTOR.1, width - OTHERS.len());
    let stds = factors.chain(OTHERS.map(|other| other.1));
    DMatrix::from_diagonal(&DVector::from_iterator(width, stds.map(|std| std.powi(-2))))
}

fn steps(width: usize) -> Vec<f64> {
    let factors = std::iter::repeat_n(FACTOR.2, width - OTHERS.len());
    factors.chain(OTHERS.map(|other| other.2)).collect()
}

/// A step that no constant takes further than two standard deviations of its prior, and into its range.
fn limited(at: &DVector<f64>, step: &DVector<f64>) -> DVector<f64> {
    let first = at.len() - OTHERS.len();
    DVector::from_fn(at.len(), |i, _| {
        let std = if i < first { FACTOR.1 } else { OTHERS[i - first].1 };
        let next = at[i] + step[i].clamp(-2.0 * std, 2.0 * std);
        if i >= first + 2 { next.max(0.0) } else { next }
    })
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
