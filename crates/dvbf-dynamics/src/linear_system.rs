//! A linear system with unknown coefficients.

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Freedom, Point};

/// `z' = A z + B u`: every coefficient is a signed constant, `a_1_2` or `b_1_1`, that starts at zero.
#[derive(Clone, Debug)]
pub struct LinearSystem {
    components: Vec<Component>,
    constants: Vec<Constant>,
    controls: usize,
}

impl LinearSystem {
    /// A system with `state` components named `z_1`, `z_2`, … and `controls` controls.
    pub fn new(state: usize, controls: usize) -> Self {
        let components =
            (1..=state).map(|i| Component::velocity(&format!("z_{i}"), "1", 1.0)).collect();
        let mut constants = Vec::with_capacity(state * (state + controls));
        for (letter, columns) in [("a", state), ("b", controls)] {
            for i in 1..=state {
                for j in 1..=columns {
                    constants.push(Constant::signed(&format!("{letter}_{i}_{j}"), "1/s", 0.0));
                }
            }
        }
        Self { components, constants, controls }
    }
}

impl Dynamics for LinearSystem {
    fn components(&self) -> &[Component] {
        &self.components
    }

    fn controls(&self) -> usize {
        self.controls
    }

    fn constants(&self) -> &[Constant] {
        &self.constants
    }

    fn derivative(&self, at: Point<'_>, out: &mut [f64]) {
        let (z, u) = (self.components.len(), self.controls);
        let (a, b) = at.constants.split_at(z * z);
        for (i, out) in out.iter_mut().enumerate() {
            let own = a[i * z..][..z].iter().zip(at.state).map(|(a, z)| a * z).sum::<f64>();
            let driven = b[i * u..][..u].iter().zip(at.control).map(|(b, u)| b * u).sum::<f64>();
            *out = own + driven;
        }
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let (z, u) = (self.components.len(), self.controls);
        let (a, b) = at.constants.split_at(z * z);
        let (da, db) = out.constants.split_at_mut(z * z);
        for (i, &d) in cotangent.iter().enumerate() {
            for j in 0..z {
                out.state[j] += d * a[i * z + j];
                da[i * z + j] += d * at.state[j];
            }
            for j in 0..u {
                out.control[j] += d * b[i * u + j];
                db[i * u + j] += d * at.control[j];
            }
        }
    }

    /// The basis of the state: `z → T z` with `A → T A T⁻¹` and `B → T B`; only eigenvalues are told.
    fn freedoms(&self) -> Vec<Freedom> {
        let z = self.components.len();
        vec![Freedom { constants: (0..self.constants.len()).collect(), parameters: z * z }]
    }
}
