//! Smoothing of a filtered sequence (Rauch, Tung and Striebel 1965).
//!
//! From the last step to the first, with filtered `N(m, P)`, predicted `N(m⁻, P⁻)` and smoothed
//! `N(mˢ, Pˢ)`, and the transition `z' = m⁻ + A (z − m) + w`, `w ~ N(0, Q)`:
//!
//! ```text
//! G_t  = P_t Aᵀ (P⁻_{t+1})⁻¹                 from P⁻ Gᵀ = A P by Cholesky's factor of P⁻
//! mˢ_t = m_t + G_t (mˢ_{t+1} − m⁻_{t+1})
//! Pˢ_t = (I − G A) P_t (I − G A)ᵀ + G (Q + Pˢ_{t+1}) Gᵀ
//! Cov(z_{t+1}, z_t | x₁ … x_T) = Pˢ_{t+1} G_tᵀ
//! ```
//!
//! The covariance equals the usual `P + G (Pˢ − P⁻) Gᵀ`, as a sum of squares. On the transitions
//! of an extended or unscented filter this is the extended or unscented smoother (Särkkä 2008).

use super::BayesError;
use super::belief::Belief;
use super::root::Root;
use super::sequence::Filtered;
use nalgebra::DMatrix;

/// What is known of every step of a sequence, given all observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed {
    /// Beliefs `p(z_t | x₁ … x_T)`, `T` of them.
    pub beliefs: Vec<Belief>,
    /// `Cov(z_{t+1}, z_t | x₁ … x_T) (Z, Z)`, `T − 1` of them.
    pub lag_one: Vec<DMatrix<f64>>,
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
        let steps = self.filtered.len();
        assert_eq!(self.predicted.len(), steps, "predicted against filtered beliefs");
        assert_eq!(self.transitions.len() + 1, steps, "transitions against filtered beliefs");
        let mut next = self.filtered[steps - 1].clone();
        let mut beliefs = vec![next.clone()];
        let mut lag_one = Vec::with_capacity(steps - 1);
        for t in (0..steps - 1).rev() {
            let at = |error: BayesError| error.at_step(t);
            let (belief, ahead) = (&self.filtered[t], &self.predicted[t + 1]);
            let transition = &self.transitions[t];
            let root = |covariance| Root::new("covariance", covariance).map_err(at);
            let gain = root(&ahead.covariance)?
                .solve(&(&transition.matrix * &belief.covariance))
                .transpose();
            let keep = DMatrix::identity(belief.len(), belief.len()) - &gain * &transition.matrix;
            lag_one.push(&next.covariance * gain.transpose());
            next = Belief {
                mean: &belief.mean + &gain * (next.mean - &ahead.mean),
                covariance: root(&belief.covariance)?.sandwich(&keep)
                    + root(&transition.noise)?.sandwich(&gain)
                    + root(&next.covariance)?.sandwich(&gain),
            }
            .settled()
            .map_err(at)?;
            beliefs.push(next.clone());
        }
        beliefs.reverse();
        lag_one.reverse();
        Ok(Smoothed { beliefs, lag_one })
    }
}
