//! Whatever tells the force from readings.

use super::labels::Labels;
use crate::reference::{Candidate, Fitted, Labelled, MapKind, Search, fit};
use dvbf_core::{Estimate, Memory, ReadoutInput};
use ndarray::{Array2, ArrayView2};

/// Whatever tells the force from readings, step by step, of what has been seen.
pub trait ForceMethod: Sync {
    /// Estimates of the force for readings `(T, X)` from the start of a sequence.
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate>;
}

type Feature = dyn Fn(ArrayView2<'_, f32>) -> Array2<f64> + Send + Sync;

/// A read-out from causal features of the readings.
pub struct Regressed {
    feature: Box<Feature>,
    /// The read-out.
    pub fitted: Fitted,
    dt: f64,
}

impl std::fmt::Debug for Regressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Regressed").field("fitted", &self.fitted).finish_non_exhaustive()
    }
}

/// A kind of features with the forms of read-out that are tried on it.
pub(super) struct Feed {
    pub(super) feature: Box<Feature>,
    pub(super) input: ReadoutInput,
    pub(super) maps: Vec<MapKind>,
}

/// Forms of the static part for so many sensors of one kind.
pub(super) fn maps(sensors: usize) -> Vec<MapKind> {
    if sensors == 1 {
        return (1..=5).map(MapKind::Additive).collect();
    }
    (1..=3).map(MapKind::Additive).chain((2..=5).map(MapKind::Shared)).collect()
}

impl Regressed {
    /// The best read-out of any of the `feeds`; `None` if none can be fitted.
    pub(super) fn best(
        labels: &Labels,
        mut feeds: Vec<Feed>,
        memories: Vec<Memory>,
    ) -> Option<Self> {
        let inputs: Vec<_> =
            feeds.iter().map(|feed| (feed.feature)(labels.readings.view())).collect();
        let candidates = feeds.iter().zip(&inputs).map(|(feed, inputs)| Candidate {
            labelled: Labelled { inputs: inputs.view(), target: &labels.force, dt: labels.dt },
            input: feed.input,
            maps: feed.maps.clone(),
        });
        let search = Search { name: "force", candidates: candidates.collect(), memories };
        let fitted = fit(&search)?;
        let feature = feeds.swap_remove(fitted.candidate).feature;
        Some(Self { feature, fitted, dt: labels.dt })
    }
}

impl ForceMethod for Regressed {
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
        self.fitted.estimate((self.feature)(readings).view(), self.dt)
    }
}
