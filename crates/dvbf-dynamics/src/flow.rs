//! One step of an integrator and its discrete adjoint.
//!
//! Classical Runge–Kutta, of fourth order, with the step `h = dt / substeps`:
//!
//! | | equation |
//! |-|----------|
//! | stages | `k₁ = g(z)`, `k₂ = g(z + h/2 k₁)`, `k₃ = g(z + h/2 k₂)`, `k₄ = g(z + h k₃)` |
//! | value | `z' = z + h/6 (k₁ + 2k₂ + 2k₃ + k₄)` |
//! | adjoint | `dk₄ = h/6 λ`, `d₄ = G₄ᵀ dk₄`; `dk₃ = h/3 λ + h d₄`, `d₃ = G₃ᵀ dk₃`; `dk₂ = h/3 λ + h/2 d₃`, `d₂ = G₂ᵀ dk₂`; `dk₁ = h/6 λ + h/2 d₂` |
//! | `dz` | `λ + G₁ᵀ dk₁ + d₂ + d₃ + d₄` |
//! | `dh` | `λ · (k₁ + 2k₂ + 2k₃ + k₄)/6 + d₄ · k₃ + d₃ · k₂ / 2 + d₂ · k₁ / 2` |
//!
//! with `λ = dz'` and the Jacobians `Gᵢ` of `g` at the stages.
//!
//! Semi-implicit Euler, of first order, with positions `q` and velocities `v` ([`Component::velocity`]). It keeps
//! the energy of an oscillator bounded; without positions it is the explicit method, which does not:
//!
//! | | equation |
//! |-|----------|
//! | value | `v' = v + h g_v(q, v)`, `q' = q + h g_q(q, v')` |
//! | adjoint | `(a, b) = G(q, v')ᵀ (h λ_q, 0)`, `dv' = λ_v + b`; `dq = λ_q + a`, `dv = dv'`, plus `G(q, v)ᵀ (0, h dv')` |
//! | `dh` | `λ_q · g_q(q, v') + dv' · g_v(q, v)` |
//!
//! The adjoint is that of the discrete step, so gradients are exact for the step that was taken.
//!
//! [`Component::velocity`]: crate::Component::velocity

use crate::dynamics::{Cotangents, Dynamics, Point};
use serde::{Deserialize, Serialize};

/// How a differential equation is integrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrator {
    /// Classical Runge–Kutta of fourth order.
    #[default]
    Rk4,
    /// Semi-implicit Euler of first order.
    SemiImplicitEuler,
}

/// Buffers of one step and its adjoint, made once and reused.
#[derive(Clone, Debug)]
pub struct Flow {
    integrator: Integrator,
    substeps: usize,
    /// States at the beginning of every sub-step.
    states: Vec<f64>,
    /// `k₁ … k₄`, or the two derivatives of semi-implicit Euler.
    slopes: [Vec<f64>; 4],
    /// `z₂ … z₄`.
    stages: [Vec<f64>; 3],
    /// `d₂ … d₄`.
    pulled: [Vec<f64>; 3],
    cotangent: Vec<f64>,
    adjoint: Vec<f64>,
}

impl Flow {
    /// Buffers for states of `size` components, whose step is divided into `substeps`.
    ///
    /// # Panics
    /// If there is no sub-step.
    #[track_caller]
    pub fn new(size: usize, integrator: Integrator, substeps: usize) -> Self {
        assert!(substeps > 0, "at least one sub-step");
        let zeros = || vec![0.0; size];
        Self {
            integrator,
            substeps,
            states: vec![0.0; size * substeps],
            slopes: [zeros(), zeros(), zeros(), zeros()],
            stages: [zeros(), zeros(), zeros()],
            pulled: [zeros(), zeros(), zeros()],
            cotangent: zeros(),
            adjoint: zeros(),
        }
    }

    /// Writes the state `dt` after `at.state`.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub fn step(&mut self, dynamics: &dyn Dynamics, at: Point<'_>, dt: f64, next: &mut [f64]) {
        let size = self.cotangent.len();
        assert_eq!((at.state.len(), next.len()), (size, size), "states against the buffers");
        let h = dt / self.substeps as f64;
        next.copy_from_slice(at.state);
        let mut start = std::mem::take(&mut self.adjoint);
        for _ in 0..self.substeps {
            start.copy_from_slice(next);
            self.substep(dynamics, Point { state: &start, ..at }, h, next);
        }
        self.adjoint = start;
    }

    /// Adds the cotangents of `at` for `dnext`, that of the next state, and gives that of `dt`.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub fn pull_back(
        &mut self,
        dynamics: &dyn Dynamics,
        at: Point<'_>,
        dt: f64,
        dnext: &[f64],
        out: &mut Cotangents<'_>,
    ) -> f64 {
        let size = self.cotangent.len();
        assert_eq!((at.state.len(), dnext.len()), (size, size), "states against the buffers");
        assert_eq!(out.state.len(), size, "cotangent against the state");
        let h = dt / self.substeps as f64;
        let mut states = std::mem::take(&mut self.states);
        states[..size].copy_from_slice(at.state);
        for i in 1..self.substeps {
            let (before, after) = states.split_at_mut(i * size);
            let start = &before[(i - 1) * size..];
            self.substep(dynamics, Point { state: start, ..at }, h, &mut after[..size]);
        }
        let mut adjoint = std::mem::take(&mut self.adjoint);
        adjoint.copy_from_slice(dnext);
        let mut dh = 0.0;
        for i in (0..self.substeps).rev() {
            let here = Point { state: &states[i * size..(i + 1) * size], ..at };
            let mut pulled =
                Cotangents { state: &mut adjoint, control: out.control, constants: out.constants };
            dh += match self.integrator {
                Integrator::Rk4 => self.pull_back_rk4(dynamics, here, h, &mut pulled),
                Integrator::SemiImplicitEuler => {
                    self.pull_back_euler(dynamics, here, h, &mut pulled)
                }
            };
        }
        for (to, from) in out.state.iter_mut().zip(&adjoint) {
            *to += from;
        }
        (self.states, self.adjoint) = (states, adjoint);
        dh / self.substeps as f64
    }

    fn substep(&mut self, dynamics: &dyn Dynamics, at: Point<'_>, h: f64, next: &mut [f64]) {
        match self.integrator {
            Integrator::Rk4 => {
                self.runge_kutta(dynamics, at, h);
                let [k1, k2, k3, k4] = &self.slopes;
                for (i, next) in next.iter_mut().enumerate() {
                    *next = at.state[i] + h / 6.0 * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i]);
                }
            }
            Integrator::SemiImplicitEuler => {
                self.euler(dynamics, at, h);
                for (i, component) in dynamics.components().iter().enumerate() {
                    next[i] = if component.velocity {
                        self.stages[1][i]
                    } else {
                        at.state[i] + h * self.slopes[1][i]
                    };
                }
            }
        }
    }

    /// Fills stages and slopes of Runge–Kutta.
    fn runge_kutta(&mut self, dynamics: &dyn Dynamics, at: Point<'_>, h: f64) {
        dynamics.derivative(at, &mut self.slopes[0]);
        for (i, part) in [(0, 0.5 * h), (1, 0.5 * h), (2, h)] {
            for (j, stage) in self.stages[i].iter_mut().enumerate() {
                *stage = at.state[j] + part * self.slopes[i][j];
            }
            let state = &self.stages[i];
            dynamics.derivative(Point { state, ..at }, &mut self.slopes[i + 1]);
        }
    }

    /// Fills `g(q, v)`, `(q, v')` and `g(q, v')` of semi-implicit Euler.
    fn euler(&mut self, dynamics: &dyn Dynamics, at: Point<'_>, h: f64) {
        dynamics.derivative(at, &mut self.slopes[0]);
        for (i, component) in dynamics.components().iter().enumerate() {
            let moved = if component.velocity { h * self.slopes[0][i] } else { 0.0 };
            self.stages[1][i] = at.state[i] + moved;
        }
        dynamics.derivative(Point { state: &self.stages[1], ..at }, &mut self.slopes[1]);
    }

    /// Replaces `out.state`, which holds `λ`, by `dz`; gives `dh`.
    fn pull_back_rk4(
        &mut self,
        dynamics: &dyn Dynamics,
        at: Point<'_>,
        h: f64,
        out: &mut Cotangents<'_>,
    ) -> f64 {
        self.runge_kutta(dynamics, at, h);
        let Self { slopes, stages, pulled, cotangent, .. } = self;
        let mut dh: f64 = (0..cotangent.len())
            .map(|i| {
                let slope = slopes[0][i] + 2.0 * (slopes[1][i] + slopes[2][i]) + slopes[3][i];
                out.state[i] * slope / 6.0
            })
            .sum();
        // Weights of λ in dkᵢ, and shares of the step of the stages after the first.
        let weights = [h / 6.0, h / 3.0, h / 3.0, h / 6.0];
        let shares = [0.5, 0.5, 1.0];
        for stage in (1..4).rev() {
            for (i, dk) in cotangent.iter_mut().enumerate() {
                let later = if stage < 3 { h * shares[stage] * pulled[stage][i] } else { 0.0 };
                *dk = weights[stage] * out.state[i] + later;
            }
            let here = Point { state: &stages[stage - 1], ..at };
            let d = &mut pulled[stage - 1];
            d.fill(0.0);
            let (control, constants) = (&mut *out.control, &mut *out.constants);
            dynamics.pull_back(here, cotangent, &mut Cotangents { state: d, control, constants });
            let share = shares[stage - 1];
            dh += share * d.iter().zip(&slopes[stage - 1]).map(|(d, k)| d * k).sum::<f64>();
        }
        for (i, dk) in cotangent.iter_mut().enumerate() {
            *dk = weights[0] * out.state[i] + h * shares[0] * pulled[0][i];
        }
        for (i, d) in out.state.iter_mut().enumerate() {
            *d += pulled[0][i] + pulled[1][i] + pulled[2][i];
        }
        dynamics.pull_back(at, cotangent, out);
        dh
    }

    /// Replaces `out.state`, which holds `λ`, by `dz`; gives `dh`.
    fn pull_back_euler(
        &mut self,
        dynamics: &dyn Dynamics,
        at: Point<'_>,
        h: f64,
        out: &mut Cotangents<'_>,
    ) -> f64 {
        self.euler(dynamics, at, h);
        let Self { slopes, stages, pulled, cotangent, .. } = self;
        let components = dynamics.components();
        let mut dh = 0.0;
        for (i, component) in components.iter().enumerate() {
            let position = if component.velocity { 0.0 } else { out.state[i] };
            cotangent[i] = h * position;
            dh += position * slopes[1][i];
        }
        let d = &mut pulled[0];
        d.fill(0.0);
        let (control, constants) = (&mut *out.control, &mut *out.constants);
        let mut inner = Cotangents { state: d, control, constants };
        dynamics.pull_back(Point { state: &stages[1], ..at }, cotangent, &mut inner);
        for (i, component) in components.iter().enumerate() {
            out.state[i] += pulled[0][i];
            let velocity = if component.velocity { out.state[i] } else { 0.0 };
            cotangent[i] = h * velocity;
            dh += velocity * slopes[0][i];
        }
        dynamics.pull_back(at, cotangent, out);
        dh
    }
}
