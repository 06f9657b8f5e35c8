//! What a read-out remembers: chains of creep and play operators.

use serde::{Deserialize, Serialize};

/// Creep of the whole and play of its parts, with their weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Times `τ_j` of the chains in s.
    pub times: Vec<f64>,
    /// Thresholds `r_j` of the operators, in the unit of the reference.
    pub thresholds: Vec<f64>,
}

impl Memory {
    /// Numbers that it gives a step.
    pub fn len(&self) -> usize {
        self.times.len() + self.thresholds.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_valid(&self) -> bool {
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        self.times.iter().all(positive) && self.thresholds.iter().all(positive)
    }
}

/// Where chains and operators stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryState {
    begun: bool,
    /// What is left of a deviation after a step, one factor a chain.
    decays: Vec<f64>,
    creep: Vec<f64>,
    /// `(parts · operators)`.
    play: Vec<f64>,
}

impl MemoryState {
    /// At the start of a sequence with steps of `dt` seconds.
    pub fn new(memory: &Memory, parts: usize, dt: f64) -> Self {
        Self {
            begun: false,
            decays: memory.times.iter().map(|time| (-dt / time).exp()).collect(),
            creep: vec![0.0; memory.times.len()],
            play: vec![0.0; parts * memory.thresholds.len()],
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.begun = false;
    }

    /// Takes the static value and its parts of a step, and writes the creep of the value and the sums of the
    /// operators over the parts to `out`.
    ///
    /// # Panics
    /// If `out` or the parts have another size than the memory.
    #[track_caller]
    pub fn follow(&mut self, memory: &Memory, value: f64, parts: &[f64], out: &mut [f64]) {
        assert_eq!(out.len(), memory.len(), "numbers of a memory");
        assert_eq!(self.play.len(), parts.len() * memory.thresholds.len(), "parts of a memory");
        if !self.begun {
            self.creep.fill(value);
            for (operators, &part) in
                self.play.chunks_exact_mut(memory.thresholds.len().max(1)).zip(parts)
            {
                operators.fill(part);
            }
            self.begun = true;
        }
        let (creep, play) = out.split_at_mut(memory.times.len());
        for ((element, decay), out) in self.creep.iter_mut().zip(&self.decays).zip(creep) {
            *element = value + (*element - value) * decay;
            *out = *element;
        }
        play.fill(0.0);
        let operators = self.play.chunks_exact_mut(memory.thresholds.len().max(1));
        for (operators, &part) in operators.zip(parts) {
            for ((operator, &r), out) in
                operators.iter_mut().zip(&memory.thresholds).zip(&mut *play)
            {
                *operator = (part - r).max(operator.min(part + r));
                *out += *operator;
            }
        }
    }
}
