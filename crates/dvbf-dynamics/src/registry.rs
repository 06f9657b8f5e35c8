//! Differential equations by name.

use crate::dynamics::Dynamics;
use crate::{CartPole, DampedPendulum, LinearSystem, MassSpringDamper, PointMass};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, RwLock};

/// Sizes of the model that a differential equation is to be part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `Z`, components of the state.
    pub state: usize,
    /// `U`, controls.
    pub controls: usize,
}

/// Makes a differential equation for a model of these sizes.
pub type Build = fn(Sizes) -> Arc<dyn Dynamics>;

/// The differential equations of this crate: a new one is a file and a line here.
const BUILT_IN: [(&str, Build); 5] = [
    ("cart-pole", |_| Arc::new(CartPole::default())),
    ("damped-pendulum", |_| Arc::new(DampedPendulum::default())),
    ("linear-system", |sizes| Arc::new(LinearSystem::new(sizes.state, sizes.controls))),
    ("mass-spring-damper", |_| Arc::new(MassSpringDamper::default())),
    ("point-mass", |_| Arc::new(PointMass::default())),
];

static REGISTERED: LazyLock<RwLock<BTreeMap<String, Build>>> = LazyLock::new(|| {
    RwLock::new(BUILT_IN.into_iter().map(|(name, build)| (name.to_owned(), build)).collect())
});

/// A name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Somebody registered the name before.
    #[error("there already are dynamics named {name}")]
    Taken {
        /// The name.
        name: String,
    },
    /// Nobody registered the name.
    #[error("unknown dynamics {name}; there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
}

/// Makes a differential equation of another crate known by name, by which [`dynamics`] finds it.
///
/// # Errors
/// If the name is taken.
pub fn register_dynamics(name: &str, build: Build) -> Result<(), RegistryError> {
    let mut registered = REGISTERED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if registered.contains_key(name) {
        return Err(RegistryError::Taken { name: name.into() });
    }
    registered.insert(name.into(), build);
    Ok(())
}

/// The differential equation `name` for a model of these sizes.
///
/// # Errors
/// If nobody registered the name.
pub fn dynamics(name: &str, sizes: Sizes) -> Result<Arc<dyn Dynamics>, RegistryError> {
    let registered = REGISTERED.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    match registered.get(name) {
        Some(build) => Ok(build(sizes)),
        None => Err(RegistryError::Unknown {
            name: name.into(),
            known: registered.keys().cloned().collect(),
        }),
    }
}

/// The names of all differential equations that are known, in alphabetical order.
pub fn dynamics_names() -> Vec<String> {
    let registered = REGISTERED.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    registered.keys().cloned().collect()
}
