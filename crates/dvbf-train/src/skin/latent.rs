//! Latent states of linear models with the same read-out: principal components, and a Kalman filter of them.

use super::labels::Labels;
use super::method::{Feed, Regressed};
use crate::baseline::{Pca, PcaKalman};
use crate::reference::MapKind;
use dvbf_core::ReadoutInput;
use ndarray::{Array2, ArrayView2};

/// Numbers of components that are tried.
const COMPONENTS: [usize; 4] = [3, 6, 10, 16];

fn maps() -> Vec<MapKind> {
    vec![MapKind::Additive(1), MapKind::Products(2)]
}

/// Principal components of `unlabelled (T, X)` readings; `None` if no read-out can be fitted.
///
/// # Panics
/// Never: there is one row of components a step.
pub fn principal(unlabelled: ArrayView2<'_, f64>, labels: &Labels) -> Option<Regressed> {
    let most = unlabelled.ncols();
    let feed = |count: usize| {
        let pca = Pca::fit(unlabelled, count);
        let feature = move |readings: ArrayView2<'_, f32>| {
            let rows = readings.rows().into_iter();
            let found: Vec<f64> = rows
                .flat_map(|row| {
                    pca.project(row.iter().copied().map(f64::from)).0.as_slice().to_vec()
                })
                .collect();
            Array2::from_shape_vec((readings.nrows(), count), found).expect("one row a step")
        };
        Feed { feature: Box::new(feature), input: ReadoutInput::State, maps: maps() }
    };
    let feeds = COMPONENTS.iter().map(|&count| count.min(most)).map(feed).collect();
    Regressed::best(labels, feeds, labels.memories())
}

/// Filtered states of a linear Gaussian model that expectation maximization has fitted without labels; `None` if
/// no read-out can be fitted.
pub fn kalman(model: &PcaKalman, labels: &Labels) -> Option<Regressed> {
    let filter = model.filter().ok()?;
    let model = model.clone();
    let feature = move |readings: ArrayView2<'_, f32>| {
        let mut filter = filter.clone();
        let width = filter.belief().len();
        let mut states = Array2::zeros((readings.nrows(), width));
        for (t, row) in readings.rows().into_iter().enumerate() {
            let seen = model.observe(row.iter().copied().map(f64::from));
            let done = if t > 0 { filter.predict(&[]) } else { Ok(()) };
            // A step that fails leaves the belief as it was.
            let _ = done.and_then(|()| filter.update(Some(&seen)));
            states.row_mut(t).iter_mut().zip(&filter.belief().mean).for_each(|(to, &z)| *to = z);
        }
        states
    };
    let feed = Feed { feature: Box::new(feature), input: ReadoutInput::State, maps: maps() };
    Regressed::best(labels, vec![feed], labels.memories())
}
