//! Latent states as networks see them: angles as sine and cosine.

use dvbf_core::{Dvbf, Feature, features_of};
use ndarray::{Array2, Array3};

/// Features `(N, T, F)` of latent states `(N, T, Z)` of `model`; the states themselves where no
/// component is an angle.
///
/// # Panics
/// If the states are those of another model.
pub fn shown(model: &Dvbf<f32>, state: &Array3<f32>) -> Array3<f32> {
    let features = features_of(&model.transition().components());
    if features.kinds().iter().all(|kind| matches!(kind, Feature::Linear { .. })) {
        return state.clone();
    }
    let (n, t, z) = state.dim();
    let rows = state.to_shape((n * t, z)).expect("whole rows");
    let mut out = Array2::zeros((n * t, features.outputs()));
    features.apply(rows.view(), out.view_mut());
    out.into_shape_with_order((n, t, features.outputs())).expect("as many rows as before")
}
