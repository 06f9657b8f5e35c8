//! Smoothing of a filtered sequence (Rauch, Tung and Striebel 1965).
//!
//! From the last step to the first, with filtered `N(m, P)`, predicted `N(m⁻, P⁻)` and smoothed
//! `N(mˢ, Pˢ)`, and the transition `z' = m⁻ + A (z − m) + w`, `w ~ N(0, Q)`:
//!
//! ```text
//! G_t  = P_t Aᵀ (P⁻_{t+1})⁻¹
//! mˢ_t = m_t + G_t (mˢ_{t+1} − m⁻_{t+1})
//! Pˢ_t = P_t + G_t (Pˢ_{t+1} − P⁻_{t+1}) G_tᵀ
//! Cov(z_{t+1}, z_t | x₁ … x_T) = Pˢ_{t+1} G_tᵀ
//! ```
//!
//! On roots (Park and Kailath 1995), with `L Lᵀ = P`, `W Wᵀ = Q` and reflections `Θ`:
//!
//! ```text
//! [A L  W]     [L⁻     0]
//! [L    0] Θ = [G L⁻   Γ]        Lˢ_t = [G Lˢ_{t+1}  Γ] Θ'
//! ```
//!
//! `Γ Γᵀ` is the covariance of `z_t` given `z_{t+1}` and the observations up to `t`. On the
//! transitions of an extended or unscented filter this is the extended or unscented smoother
//! (Särkkä 2008).

use super::BayesError;
use super::belief::{Belief, RootBelief};
use super::root::{Root, beside};
use super::sequence::Filtered;
use super::triangle::{Triangle, triangle};
use nalgebra::DMatrix;

/// What is known of every step of a sequence, given all observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed {
    /// Beliefs `p(z_t | x₁ … x_T)`, `T` of them.
    pub beliefs: Vec<Belief>,
    /// `Cov(z_{t+1}, z_t | x₁ … x_T) (Z, Z)`, `T − 1` of them.
    pub lag_one: Vec<DMatrix<f64>>,
}

/// A smoothed sequence by roots.
#[derive(Clone, Debug)]
pub(super) struct SmoothedRoots {
    /// `T` of them.
    pub(super) beliefs: Vec<RootBelief>,
    /// `T − 1` of them.
    pub(super) backward: Vec<Backward>,
}

/// `z_t = m_t + G (z_{t+1} − m⁻_{t+1}) + Γ ξ`, `ξ ~ N(0, I)`.
#[derive(Clone, Debug)]
pub(super) struct Backward {
    /// `G (Z, Z)`.
    pub(super) gain: DMatrix<f64>,
    /// `Γ (Z, Z)`.
    pub(super) rest: DMatrix<f64>,
}

impl Filtered {
    /// Smooths the sequence.
    ///
    /// # Errors
    /// If a covariance is not positive semidefinite or a value overflows.
    ///
    /// # Panics
    /// If the parts differ in length, which those of a filter do not.
    pub fn smooth(&self) -> Result<Smoothed, BayesError> {
        let SmoothedRoots { beliefs: roots, backward } = self.smooth_roots()?;
        let lag_one = roots[1..]
            .iter()
            .zip(&backward)
            .map(|(next, Backward { gain, .. })| next.root() * (gain * next.root()).transpose())
            .collect();
        let beliefs = roots
            .iter()
            .enumerate()
            .map(|(t, belief)| belief.belief().map_err(|e| e.at_step(t)))
            .collect::<Result<_, _>>()?;
        Ok(Smoothed { beliefs, lag_one })
    }

    pub(super) fn smooth_roots(&self) -> Result<SmoothedRoots, BayesError> {
        let steps = self.roots.len();
        assert_eq!(self.filtered.len(), steps, "filtered beliefs against their roots");
        assert_eq!(self.transitions.len() + 1, steps, "transitions against filtered beliefs");
        let mut next = self.roots[steps - 1].clone();
        let mut beliefs = vec![next.clone()];
        let mut backward = Vec::with_capacity(steps - 1);
        for t in (0..steps - 1).rev() {
            let step = self.way_back(t).map_err(|e| e.at_step(t))?;
            let spread = step.spread(&next.root);
            let beyond = next.mean - &self.transitions[t].mean;
            next = RootBelief {
                mean: &self.roots[t].mean + &step.gain * beyond,
                root: Root::of_square("covariance", &spread).map_err(|e| e.at_step(t))?,
            };
            beliefs.push(next.clone());
            backward.push(step);
        }
        beliefs.reverse();
        backward.reverse();
        Ok(SmoothedRoots { beliefs, backward })
    }

    /// The way back from step `t + 1` to step `t`.
    fn way_back(&self, t: usize) -> Result<Backward, BayesError> {
        let transition = &self.transitions[t];
        let noise = Root::new("noise of the model", &transition.noise)?;
        Backward::new(&self.roots[t].root, &transition.matrix, &noise)
    }
}

impl Backward {
    /// The way back over a transition from a filtered belief with this root.
    pub(super) fn new(
        root: &Root,
        transition: &DMatrix<f64>,
        noise: &Root,
    ) -> Result<Self, BayesError> {
        let n = transition.nrows();
        let mut joint = DMatrix::zeros(2 * n, 2 * n);
        joint.view_mut((0, 0), (n, n)).copy_from(&(transition * root.factor()));
        joint.view_mut((0, n), (n, n)).copy_from(noise.factor());
        joint.view_mut((n, 0), (n, n)).copy_from(root.factor());
        let Triangle { lower, order, ranks } = triangle("covariance", &joint, &[n, n])?;
        let ahead = Root::part(&lower, &order, 0..n);
        // G L⁻, without the columns beyond the rank of L⁻, which the solution does not read.
        let mut mixed = DMatrix::zeros(n, n);
        mixed.columns_mut(0, ranks[0]).copy_from(&lower.view((n, 0), (n, ranks[0])));
        Ok(Self {
            gain: ahead.whiten_transposed(&mixed.transpose()).transpose(),
            rest: Root::part(&lower, &order, n..2 * n).factor().clone(),
        })
    }

    /// A root of `Cov(z_t | x₁ … x_T)`, from that of `z_{t+1}`.
    pub(super) fn spread(&self, next: &Root) -> DMatrix<f64> {
        beside(&(&self.gain * next.factor()), &self.rest)
    }
}
