//! Settings of a sum of parts.

use super::Sum;
use super::force::{self, Force};
use super::known::{Known, StepLength};
use super::remainder::{Remainder, RemainderAction, RemainderConfig};
use crate::kind::{Context, KindError, PartConfig, affine, features_of, unnamed};
use crate::transition::{Transition, TransitionRole};
use dvbf_dynamics::{
    Component, ComponentKind, Constant, Dynamics, Integrator, Range, Sizes, check_declaration,
    dynamics,
};
use dvbf_ops::{Feature, Features, Linear, Mlp};
use dvbf_tensor::{Noise, Scalar};
use ndarray::Array1;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings of a sum of parts; a part that is not named is not there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SumConfig {
    /// A differential equation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownConfig>,
    /// A linear part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear: Option<LinearConfig>,
    /// A network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remainder: Option<RemainderConfig>,
    /// Leading components that are angles in radians whose whole turns count, where there is no equation: the
    /// linear part sees them as they are, the remainder their sine and cosine alone, so that it is the same
    /// in every turn.
    #[serde(skip_serializing_if = "is_zero")]
    pub angles: usize,
    /// Components behind the angles whose value does not matter, such as a position on a long track: only the
    /// linear part sees them.
    #[serde(skip_serializing_if = "is_zero")]
    pub levels: usize,
    /// Noise.
    pub noise: NoiseConfig,
}

/// Settings of the known part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownConfig {
    /// The name under which the equation is registered.
    pub dynamics: String,
    /// How it is integrated.
    #[serde(default)]
    pub integrator: Integrator,
    /// Sub-steps of a step.
    #[serde(default = "one")]
    pub substeps: usize,
    /// Settings of constants that differ from what the equation says, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constants: BTreeMap<String, ConstantSettings>,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Settings of a constant; what is not said is as the equation says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConstantSettings {
    /// Where learning starts, or the value of a fixed constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Which values it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// The linear part has no settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearConfig {}

/// One number for all components, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerComponent {
    /// The same for all.
    Same(f64),
    /// One for each.
    Each(Vec<f64>),
}

impl PerComponent {
    fn values(&self, components: usize) -> Vec<f64> {
        match self {
            Self::Same(value) => vec![*value; components],
            Self::Each(values) => values.clone(),
        }
    }
}

/// Settings of the noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseConfig {
    /// Standard deviations of a step where training starts, in typical magnitudes of the components.
    pub std: PerComponent,
}

impl Default for NoiseConfig {
    fn default() -> Self {
        Self { std: PerComponent::Same(0.1) }
    }
}

/// Everything that the settings and the registry say about a known part.
struct Resolved {
    dynamics: Arc<dyn Dynamics>,
    constants: Vec<Constant>,
    step: StepLength,
}

impl SumConfig {
    fn resolve(&self, context: &Context) -> Result<Option<Resolved>, KindError> {
        let Some(known) = &self.known else { return Ok(None) };
        let error =
            |key: &str, problem: String| Err(KindError::new(format!("known.{key}"), problem));
        let controls = context.control - usize::from(context.uneven);
        let sizes = Sizes { state: context.state, controls };
        let found = match dynamics(&known.dynamics, sizes) {
            Ok(found) => found,
            Err(e) => return error("dynamics", e.to_string()),
        };
        if let Err(e) = check_declaration(&*found) {
            return error("dynamics", format!("{}: {e}", known.dynamics));
        }
        let components = found.components().len();
        if components != context.state {
            let problem = format!(
                "{} has {components} components; model.state is {}",
                known.dynamics, context.state
            );
            return error("dynamics", problem);
        }
        if found.controls() != controls {
            let problem = format!(
                "{} has {} controls; the recordings have {controls}",
                known.dynamics,
                found.controls()
            );
            return error("dynamics", problem);
        }
        if known.substeps == 0 || known.substeps > 1 << 16 {
            let problem = format!("is {}; between 1 and 65536 are supported", known.substeps);
            return error("substeps", problem);
        }
        let mut constants = found.constants().to_vec();
        for (name, own) in &known.constants {
            let Some(constant) = constants.iter_mut().find(|constant| constant.name == *name)
            else {
                let names: Vec<&str> = found.constants().iter().map(|c| c.name.as_str()).collect();
                let problem = format!("unknown constant; there are {}", names.join(", "));
                return error(&format!("constants.{name}"), problem);
            };
            constant.start = own.start.unwrap_or(constant.start);
            constant.range = own.range.unwrap_or(constant.range);
        }
        for constant in &constants {
            if let Err(e) = constant.validate() {
                return error(&format!("constants.{}", constant.name), e.problem);
            }
        }
        let step = if context.uneven {
            StepLength::LastControl
        } else if let Some(dt) = context.dt {
            StepLength::Even(dt)
        } else {
            return error("dynamics", "needs the length of a step, which is not known".into());
        };
        Ok(Some(Resolved { dynamics: found, constants, step }))
    }

    /// Places of the components that the remainder acts on.
    fn picked(
        remainder: &RemainderConfig,
        known: Option<&Resolved>,
        context: &Context,
    ) -> Result<Vec<usize>, KindError> {
        if remainder.components.is_empty() {
            return Ok((0..context.state).collect());
        }
        let names: Vec<String> = match known {
            Some(known) => known.dynamics.components().iter().map(|c| c.name.clone()).collect(),
            None => (0..context.state).map(|i| i.to_string()).collect(),
        };
        let place = |name: &String| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                let problem = format!("unknown component {name}; there are {}", names.join(", "));
                KindError::new("remainder.components", problem)
            })
        };
        remainder.components.iter().map(place).collect()
    }

    /// How the remainder sees a state with these components: neither the turns of the leading `angles` nor levels.
    fn remainder_features(&self, components: &[Component]) -> Features {
        let mut kinds = features_of(components).kinds().to_vec();
        kinds[..self.angles].fill(Feature::Angle);
        kinds[self.angles..self.angles + self.levels].fill(Feature::Hidden);
        Features::new(kinds)
    }

    fn components_of(&self, known: Option<&Resolved>, context: &Context) -> Vec<Component> {
        let Some(known) = known else {
            let mut components = unnamed(context.state);
            for angle in components.iter_mut().take(self.angles) {
                angle.kind = ComponentKind::CountedAngle;
            }
            return components;
        };
        known.dynamics.components().to_vec()
    }
}

const CHECKED: &str = "the settings were checked";

impl PartConfig<TransitionRole> for SumConfig {
    const KIND: &'static str = "sum";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        if context.noise != context.state {
            let problem = format!(
                "\"sum\" has noise on every component; model.noise is {} and model.state is {}",
                context.noise, context.state
            );
            return Err(KindError::new("kind", problem));
        }
        let known = self.resolve(context)?;
        for (key, own, all) in [
            ("angles", self.angles, self.angles),
            ("levels", self.levels, self.angles.saturating_add(self.levels)),
        ] {
            if all > context.state || (own > 0 && known.is_some()) {
                let problem = format!(
                    "is {own}; it counts components of the state, of which there are {}, where there is no equation",
                    context.state
                );
                return Err(KindError::new(key, problem));
            }
        }
        if let Some(remainder) = &self.remainder {
            KindError::check_limit("remainder.hidden", remainder.hidden, 1 << 16)?;
            if !(remainder.penalty.is_finite() && remainder.penalty >= 0.0) {
                let problem = format!("is {}; it must not be negative", remainder.penalty);
                return Err(KindError::new("remainder.penalty", problem));
            }
            let picked = Self::picked(remainder, known.as_ref(), context)?;
            if remainder.action == RemainderAction::Force {
                if known.is_none() {
                    let problem = "\"force\" acts inside a differential equation; there is none";
                    return Err(KindError::new("remainder.action", problem.to_owned()));
                }
                let components = self.components_of(known.as_ref(), context);
                let features = self.remainder_features(&components);
                let inputs = remainder.shown(&features, context).outputs();
                let (hidden, outputs) = (remainder.hidden, picked.len());
                force::check(force::Sizes { inputs, hidden, outputs })?;
            }
        }
        let std = self.noise.std.values(context.state);
        if std.len() != context.state {
            let problem = format!("{} values for {} components", std.len(), context.state);
            return Err(KindError::new("noise.std", problem));
        }
        std.iter().try_for_each(|&std| KindError::check_positive("noise.std", std))
    }

    fn parameters(&self, context: &Context) -> usize {
        let known = self.resolve(context).expect(CHECKED);
        let learned = known.as_ref().map_or(0, |known| {
            known.constants.iter().filter(|constant| constant.is_learned()).count()
        });
        let (z, u) = (context.state, context.control);
        let linear = if self.linear.is_some() { affine(z + u, z) } else { 0 };
        let remainder = self.remainder.as_ref().map_or(0, |remainder| {
            let components = self.components_of(known.as_ref(), context);
            let features = self.remainder_features(&components);
            let inputs = remainder.shown(&features, context).outputs();
            let outputs = Self::picked(remainder, known.as_ref(), context).expect(CHECKED).len();
            match remainder.hidden {
                0 => affine(inputs, outputs),
                hidden => affine(inputs, hidden).saturating_add(affine(hidden, outputs)),
            }
        });
        learned.saturating_add(linear).saturating_add(remainder).saturating_add(z)
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Transition<S>> {
        let resolved = self.resolve(context).expect(CHECKED);
        let (z, u) = (context.state, context.control);
        let components = self.components_of(resolved.as_ref(), context);
        let features = self.remainder_features(&components);
        let scale: Vec<f64> = components.iter().map(|component| component.scale).collect();
        let remainder = self.remainder.as_ref().map(|remainder| {
            let picked = Self::picked(remainder, resolved.as_ref(), context).expect(CHECKED);
            let scale = picked.iter().map(|&i| scale[i]).collect();
            let library = remainder.shown(&features, context);
            Remainder::new(
                library,
                remainder.hidden,
                picked,
                scale,
                remainder.penalty,
                noise.part(0),
            )
        });
        let std = self.noise.std.values(z).into_iter().zip(&scale);
        let log_std: Array1<S> = std.map(|(std, scale)| S::of((std * scale).ln())).collect();
        let known = resolved.zip(self.known.as_ref()).map(|(resolved, settings)| {
            let Resolved { dynamics, constants, step } = resolved;
            let units = context.control_units.clone().unwrap_or_else(|| vec![(0.0, 1.0); u]);
            let inside =
                self.remainder.as_ref().is_some_and(|r| r.action == RemainderAction::Force);
            let force = remainder.as_ref().filter(|_| inside);
            let own = &units[..dynamics.controls()];
            let learned: Vec<usize> =
                (0..constants.len()).filter(|&i| constants[i].is_learned()).collect();
            Known {
                raw: Array1::zeros(learned.len()),
                dynamics,
                constants,
                learned,
                integrator: settings.integrator,
                substeps: settings.substeps,
                step,
                force: force.map(|remainder| Force::new(remainder, &features, own)),
                units,
            }
        });
        let linear = self.linear.is_some().then(|| Mlp::new(vec![Linear::zeros(z + u, z)]));
        Box::new(Sum { known, linear, remainder, log_std, components, features, controls: u })
    }

    fn components(&self, context: &Context) -> Vec<Component> {
        self.components_of(self.resolve(context).expect(CHECKED).as_ref(), context)
    }
}
