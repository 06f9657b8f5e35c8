//! Transitions by name.

use super::{LocallyLinearConfig, ResidualConfig, SumConfig, Transition};
use crate::kind::{Kind, Registry, Role};
use dvbf_tensor::Scalar;

/// The part that carries the state.
#[derive(Clone, Copy, Debug)]
pub struct TransitionRole;

impl Role for TransitionRole {
    type Part<S: Scalar> = dyn Transition<S>;
    const NAME: &'static str = "transition";
    const BUILT_IN: &'static [Kind<Self>] =
        &[Kind::of::<LocallyLinearConfig>(), Kind::of::<ResidualConfig>(), Kind::of::<SumConfig>()];
}

/// All transitions that are known by name.
pub static TRANSITIONS: Registry<TransitionRole> = Registry::built_in();
