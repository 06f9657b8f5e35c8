//! Covariances of filtered and smoothed beliefs under a linear Gaussian model that is the same at
//! all steps. They depend on which channels were observed, not on their values.

use super::BayesError;
use super::belief::Belief;
use super::form::Form;
use super::linear::LinearGaussian;
use super::linearization::Linearization;
use super::root::Root;
use super::root_form::{Gain, RootForm};
use super::smoother::Backward;
use nalgebra::{DVector, Dyn};

/// Covariances and gains of `T` steps.
#[derive(Debug)]
pub(super) struct Spread {
    /// How an observation moves the mean; `None` where nothing was observed. `T` of them.
    pub(super) gains: Vec<Option<Gain>>,
    /// `z_t` given `z_{t+1}` and the observations up to `t`; `T − 1` of them.
    pub(super) backward: Vec<Backward>,
    /// Roots of `Cov(z_t | x₁ … x_T)`, `T` of them.
    pub(super) smoothed: Vec<Root>,
}

impl Spread {
    /// `observed` holds the observed channels of every step, ascending.
    ///
    /// # Errors
    /// With its number, the first step whose observation would have no variance in some direction
    /// or whose covariance overflows.
    pub(super) fn new(
        model: &LinearGaussian,
        initial: &Belief,
        observed: &[Vec<usize>],
    ) -> Result<Self, BayesError> {
        let dims = model.dims();
        let (z, x) = (dims.state, dims.observation);
        let process = Root::new("process noise", &model.process_noise)?;
        let start = Belief { mean: DVector::zeros(z), covariance: initial.covariance.clone() };
        let mut form = RootForm::start(start, Dyn(x))?;
        let transition = Linearization {
            mean: DVector::zeros(z),
            matrix: model.transition.clone(),
            noise: model.process_noise.clone(),
        };
        let residual = DVector::zeros(x);
        let (mut gains, mut backward) = (Vec::new(), Vec::new());
        for (t, channels) in observed.iter().enumerate() {
            if t > 0 {
                let root = form.near().root;
                let way = Backward::new(&root, &model.transition, &process);
                backward.push(way.map_err(|e| e.at_step(t - 1))?);
                form.predict(&transition).map_err(|e| e.at_step(t - 1))?;
            }
            if channels.is_empty() {
                gains.push(None);
                continue;
            }
            let mut emission = Linearization {
                mean: DVector::zeros(x),
                matrix: model.emission.clone(),
                noise: model.observation_noise.clone(),
            };
            (0..x).filter(|i| !channels.contains(i)).for_each(|i| emission.silence(i));
            form.condition(&emission, &residual, None).map_err(|e| e.at_step(t))?;
            gains.push(Some(form.gain()));
        }
        let mut next = form.near().root;
        let mut smoothed = vec![next.clone()];
        for (t, way) in backward.iter().enumerate().rev() {
            let root = Root::of_square("covariance", &way.spread(&next));
            next = root.map_err(|e| e.at_step(t))?;
            smoothed.push(next.clone());
        }
        smoothed.reverse();
        Ok(Self { gains, backward, smoothed })
    }
}
