//! The known part: one step of a differential equation with learned constants.
//!
//! Equations, integrators and their discrete adjoints are those of `dvbf-dynamics`, in double
//! precision and in the units of the components; a constant `c` is learned as an unconstrained number
//! `r`. Controls come in the units of the model and are brought back to their own.
//!
//! A learned [force](super::force) can act inside the equation; its parameters follow the constants.

use super::force::{Force, Forced};
use super::remainder::Remainder;
use crate::transition::TransitionInput;
use dvbf_dynamics::{Constant, Cotangents, Dynamics, Flow, Gauge, Integrator, Point};
use dvbf_ops::{Params, Path};
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use std::sync::Arc;

/// How long the steps are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepLength {
    /// All this many seconds.
    Even(f64),
    /// The seconds to the next step are the last control.
    LastControl,
}

/// A differential equation inside a transition, with its constants as they are now.
#[derive(Clone, Debug)]
pub struct KnownPart {
    /// The equation.
    pub dynamics: Arc<dyn Dynamics>,
    /// Its constants: names, units, ranges and start values as they were set.
    pub constants: Vec<Constant>,
    /// Their values.
    pub values: Vec<f64>,
    /// How it is integrated.
    pub integrator: Integrator,
    /// Sub-steps of a step.
    pub substeps: usize,
}

impl KnownPart {
    /// The [gauge](Dynamics::gauge) of the author and the values in it; as they are if that changes a
    /// constant that is fixed, for its value is the user's.
    pub fn in_gauge(&self) -> (Gauge, Vec<f64>) {
        let canonical = self.dynamics.canonical(&self.values);
        let pairs = self.values.iter().zip(&canonical).zip(&self.constants);
        let mut changes = pairs.map(|((own, other), constant)| {
            !constant.is_learned() && (own - other).abs() > 1e-12 * own.abs().max(1.0)
        });
        if changes.any(|changes| changes) {
            return (Gauge::identity(self.dynamics.components().len()), self.values.clone());
        }
        (self.dynamics.gauge(&self.values), canonical)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Known<S: Scalar> {
    pub(super) dynamics: Arc<dyn Dynamics>,
    pub(super) constants: Vec<Constant>,
    /// Which constants are learned, and the numbers `r` behind them.
    pub(super) learned: Vec<usize>,
    pub(super) raw: Array1<S>,
    pub(super) integrator: Integrator,
    pub(super) substeps: usize,
    pub(super) step: StepLength,
    /// Mean and scale of every control.
    pub(super) units: Vec<(f64, f64)>,
    /// The force inside, whose parameters the remainder holds.
    pub(super) force: Option<Force>,
}

#[derive(Debug)]
pub(super) struct KnownCache<S> {
    state: Array2<S>,
    control: Array2<S>,
    flow: Flow,
    /// Constants, then parameters of the force.
    values: Vec<f64>,
    dvalues: Vec<f64>,
    /// Weight of a squared force in the loss.
    penalty: f64,
    /// One row in double precision.
    row: Row,
}

#[derive(Debug)]
struct Row {
    state: Vec<f64>,
    control: Vec<f64>,
    next: Vec<f64>,
    dstate: Vec<f64>,
    dcontrol: Vec<f64>,
}

impl<S: Scalar> Known<S> {
    pub(super) fn cache(&self, rows: usize) -> KnownCache<S> {
        let (z, u) = (self.dynamics.components().len(), self.units.len());
        KnownCache {
            state: Array2::zeros((rows, z)),
            control: Array2::zeros((rows, u)),
            flow: Flow::new(z, self.integrator, self.substeps),
            values: vec![0.0; self.numbers()],
            dvalues: vec![0.0; self.numbers()],
            penalty: 0.0,
            row: Row {
                state: vec![0.0; z],
                control: vec![0.0; u],
                next: vec![0.0; z],
                dstate: vec![0.0; z],
                dcontrol: vec![0.0; u],
            },
        }
    }

    /// Constants and parameters of the force.
    fn numbers(&self) -> usize {
        self.constants.len() + self.force.as_ref().map_or(0, Force::parameters)
    }

    /// Values of all constants.
    pub(super) fn values(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.constants.iter().map(|constant| constant.start).collect();
        for (&i, raw) in self.learned.iter().zip(&self.raw) {
            values[i] = self.constants[i].value(raw.to_double());
        }
        values
    }

    /// Sets the learned constants to the values of all constants.
    #[track_caller]
    pub(super) fn set_values(&mut self, values: &[f64]) {
        assert_eq!(values.len(), self.constants.len(), "values against constants");
        for (&i, raw) in self.learned.iter().zip(&mut self.raw) {
            *raw = S::of(self.constants[i].raw(values[i]));
        }
    }

    pub(super) fn describe(&self) -> KnownPart {
        KnownPart {
            dynamics: Arc::clone(&self.dynamics),
            constants: self.constants.clone(),
            values: self.values(),
            integrator: self.integrator,
            substeps: self.substeps,
        }
    }

    pub(super) fn prepare(&self, remainder: Option<&Remainder<S>>, cache: &mut KnownCache<S>) {
        if let (Some(_), Some(remainder)) = (&self.force, remainder) {
            Force::gather(remainder.net(), &mut cache.values[self.constants.len()..]);
        }
        for (i, constant) in self.constants.iter().enumerate() {
            cache.values[i] = constant.start;
        }
        for (&i, raw) in self.learned.iter().zip(&self.raw) {
            cache.values[i] = self.constants[i].value(raw.to_double());
        }
    }

    /// Reads row `r` of the cache into double precision; gives the seconds of the step.
    fn read(&self, r: usize, cache: &mut KnownCache<S>) -> f64 {
        let row = &mut cache.row;
        for (to, from) in row.state.iter_mut().zip(cache.state.row(r)) {
            *to = from.to_double();
        }
        let controls = row.control.iter_mut().zip(cache.control.row(r)).zip(&self.units);
        for ((to, from), (mean, scale)) in controls {
            *to = from.to_double() * scale + mean;
        }
        match self.step {
            StepLength::Even(dt) => dt,
            StepLength::LastControl => row.control[row.control.len() - 1],
        }
    }

    /// One step, with the force if there is one.
    pub(super) fn forward(
        &self,
        at: usize,
        input: &TransitionInput<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut KnownCache<S>,
    ) {
        match &self.force {
            Some(force) => {
                let forced = Forced { dynamics: &*self.dynamics, force };
                self.carry((&forced, self.numbers()), at, input, next, cache);
            }
            None => self.forward_alone(at, input, next, cache),
        }
    }

    /// One step of the equation without a force.
    pub(super) fn forward_alone(
        &self,
        at: usize,
        input: &TransitionInput<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut KnownCache<S>,
    ) {
        self.carry((&*self.dynamics, self.constants.len()), at, input, next, cache);
    }

    /// One step of an equation with so many of the numbers in the cache.
    fn carry(
        &self,
        (dynamics, numbers): (&dyn Dynamics, usize),
        at: usize,
        input: &TransitionInput<'_, S>,
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut KnownCache<S>,
    ) {
        let n = input.state.nrows();
        if at == 0 {
            cache.dvalues.fill(0.0);
        }
        cache.state.slice_mut(s![at..at + n, ..]).assign(&input.state);
        cache.control.slice_mut(s![at..at + n, ..]).assign(&input.control);
        let controls = self.dynamics.controls();
        for (r, mut next) in next.rows_mut().into_iter().enumerate() {
            let dt = self.read(at + r, cache);
            let KnownCache { flow, values, row, .. } = cache;
            let control = &row.control[..controls];
            let point = Point { state: &row.state, control, constants: &values[..numbers] };
            flow.step(dynamics, point, dt, &mut row.next);
            for (to, from) in next.iter_mut().zip(&row.next) {
                *to = S::of(*from);
            }
        }
    }

    pub(super) fn pull_back(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        dstate: &mut ArrayViewMut2<'_, S>,
        mut dcontrol: Option<&mut ArrayViewMut2<'_, S>>,
        cache: &mut KnownCache<S>,
    ) {
        let controls = self.dynamics.controls();
        let forced = self.force.as_ref().map(|force| Forced { dynamics: &*self.dynamics, force });
        let dynamics: &dyn Dynamics = match &forced {
            Some(forced) => forced,
            None => &*self.dynamics,
        };
        for (r, dnext) in dnext.rows().into_iter().enumerate() {
            let dt = self.read(at + r, cache);
            for (to, from) in cache.row.next.iter_mut().zip(dnext) {
                *to = from.to_double();
            }
            cache.row.dstate.fill(0.0);
            cache.row.dcontrol.fill(0.0);
            let mut ddt = self.pull_penalty(dt, cache);
            let KnownCache { flow, values, dvalues, row, .. } = cache;
            let control = &row.control[..controls];
            let point = Point { state: &row.state, control, constants: values };
            let mut out = Cotangents {
                state: &mut row.dstate,
                control: &mut row.dcontrol[..controls],
                constants: dvalues,
            };
            ddt += flow.pull_back(dynamics, point, dt, &row.next, &mut out);
            for (to, from) in dstate.row_mut(r).iter_mut().zip(&row.dstate) {
                *to += S::of(*from);
            }
            if let Some(dcontrol) = &mut dcontrol {
                if self.step == StepLength::LastControl {
                    row.dcontrol[controls] = ddt;
                }
                let units = row.dcontrol.iter().zip(&self.units);
                for (to, (from, (_, scale))) in dcontrol.row_mut(r).iter_mut().zip(units) {
                    *to += S::of(from * scale);
                }
            }
        }
    }

    /// Adds the gradient of the penalty `p dt² ‖r‖²` of the row that was read; gives that of `dt`.
    fn pull_penalty(&self, dt: f64, cache: &mut KnownCache<S>) -> f64 {
        let KnownCache { values, dvalues, penalty, row, .. } = cache;
        let Some(force) = self.force.as_ref().filter(|_| *penalty > 0.0) else { return 0.0 };
        let (cut, controls) = (self.constants.len(), self.dynamics.controls());
        let control = &row.control[..controls];
        let at = Point { state: &row.state, control, constants: &values[cut..] };
        let mut out = Cotangents {
            state: &mut row.dstate,
            control: &mut row.dcontrol[..controls],
            constants: &mut dvalues[cut..],
        };
        force.pull_back_square(at, *penalty * dt * dt, &mut out);
        2.0 * *penalty * dt * force.square(&row.state, control, &values[cut..])
    }

    /// Sets the weight of a squared force.
    pub(super) fn set_penalty(
        &self,
        remainder: Option<&Remainder<S>>,
        scale: S,
        cache: &mut KnownCache<S>,
    ) {
        let weight = remainder.map_or(0.0, Remainder::penalty_weight);
        cache.penalty = if self.force.is_some() { weight * scale.to_double() } else { 0.0 };
    }

    /// The penalty of the first `rows` rows.
    pub(super) fn penalty(&self, rows: usize, cache: &mut KnownCache<S>) -> S {
        let mut sum = 0.0;
        for r in 0..rows {
            let dt = self.read(r, cache);
            let KnownCache { values, row, .. } = &*cache;
            let Some(force) = &self.force else { return S::ZERO };
            let control = &row.control[..self.dynamics.controls()];
            let square = force.square(&row.state, control, &values[self.constants.len()..]);
            sum += cache.penalty * dt * dt * square;
        }
        S::of(sum)
    }

    pub(super) fn accumulate(&self, cache: &mut KnownCache<S>, grads: &mut Self) {
        for ((&i, raw), grad) in self.learned.iter().zip(&self.raw).zip(&mut grads.raw) {
            *grad += S::of(cache.dvalues[i] * self.constants[i].slope(raw.to_double()));
        }
        cache.dvalues[..self.constants.len()].fill(0.0);
    }

    /// Adds the gradient of the force's parameters.
    pub(super) fn accumulate_force(&self, cache: &mut KnownCache<S>, grads: &mut Remainder<S>) {
        if self.force.is_some() {
            let own = &mut cache.dvalues[self.constants.len()..];
            Force::scatter(own, grads.net_mut());
            own.fill(0.0);
        }
    }
}

impl<S: Scalar> Params<S> for Known<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        f(path.child("constants"), self.raw.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        f(path.child("constants"), self.raw.view_mut().into_dyn());
    }
}
