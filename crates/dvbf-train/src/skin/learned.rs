//! The read-out behind a filter that was trained without labels.

use super::beliefs::beliefs;
use super::labels::Labels;
use super::method::{Feed, Regressed};
use crate::reference::MapKind;
use dvbf_core::{Filter, ReadoutInput};
use ndarray::{Array2, ArrayView2};

/// Latent dimensions of which products of three are tried, at most.
const CUBES: usize = 8;

/// The best read-out from the latent state or from the channels that the filter believes in; `None` if none can
/// be fitted.
pub fn learned(filter: &Filter, labels: &Labels) -> Option<Regressed> {
    let feed = |input, maps| {
        let filter = filter.clone();
        let feature = move |readings: ArrayView2<'_, f32>| match beliefs(&filter, readings) {
            Ok((states, _)) if input == ReadoutInput::State => states,
            Ok((_, channels)) => channels,
            // A state that is not finite tells no force.
            Err(_) => Array2::from_elem(readings.dim(), f64::NAN),
        };
        Feed { feature: Box::new(feature), input, maps }
    };
    let mut products = vec![MapKind::Additive(1), MapKind::Products(2)];
    // Beyond, there are more products than a short piece can tell.
    if filter.belief().state.len() <= CUBES {
        products.push(MapKind::Products(3));
    }
    let maps = || super::method::maps(filter.model().observation());
    let feeds = vec![feed(ReadoutInput::Channels, maps()), feed(ReadoutInput::State, products)];
    Regressed::best(labels, feeds, labels.memories())
}
