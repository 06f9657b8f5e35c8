//! Which models are the same.

use dvbf::apply::Trained;
use std::sync::Arc;

/// Whether two models are one, or have the same parameters.
pub(crate) fn same_model(one: &Trained, other: &Trained) -> bool {
    let (one, other) = (one.filter().model(), other.filter().model());
    Arc::ptr_eq(one, other) || one == other
}
