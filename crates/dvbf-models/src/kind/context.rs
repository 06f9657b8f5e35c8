//! What a part is told of the model that it is made for.

use dvbf_dynamics::{Component, ComponentKind};
use dvbf_ops::{Feature, Features};

/// What a part is told of the model that it is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// `X`, observed channels.
    pub observation: usize,
    /// `U`, controls.
    pub control: usize,
    /// `Z`, dimensions of the latent state.
    pub state: usize,
    /// `W`, dimensions of the process noise.
    pub noise: usize,
    /// `H`, hidden units of networks whose table does not say otherwise.
    pub hidden: usize,
    /// `k`, observations that start the state.
    pub initial_frames: usize,
    /// Seconds between two steps, where somebody said so.
    pub dt: Option<f64>,
    /// Whether steps are uneven: the seconds to the next step are then the last control.
    pub uneven: bool,
    /// Mean and scale of every control as the model sees it, `(value − mean) / scale`; none if the
    /// model sees controls in their own units.
    pub control_units: Option<Vec<(f64, f64)>>,
    /// The components of the state, `Z` of them: the transition decides.
    pub components: Vec<Component>,
}

/// `size` components without a meaning of their own.
pub(crate) fn unnamed(size: usize) -> Vec<Component> {
    (1..=size).map(|i| Component::position(&format!("z{i}"), "", 1.0)).collect()
}

/// How networks see a state with these components: an angle as its sine and cosine, beside itself where whole
/// turns count, any other component divided by its typical magnitude.
pub fn features_of(components: &[Component]) -> Features {
    let feature = |component: &Component| match component.kind {
        ComponentKind::Angle => Feature::Angle,
        ComponentKind::CountedAngle => Feature::CountedAngle,
        ComponentKind::Linear => Feature::Linear { scale: component.scale },
    };
    Features::new(components.iter().map(feature).collect())
}

impl Context {
    /// How networks see the state.
    pub fn features(&self) -> Features {
        features_of(&self.components)
    }
}
