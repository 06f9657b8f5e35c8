//! A linear system with unknown coefficients.

use crate::component::Component;
use crate::constant::Constant;
use crate::dynamics::{Cotangents, Dynamics, Point};

/// `z' = A z + B u`: every coefficient is a signed constant, `a_1_2` or `b_1_1`, that starts at zero. No component
/// is a position, so semi-implicit Euler steps are explicit ones; take Runge–Kutta for oscillations.
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

    /// The basis of the state: `z → T z` with `A → T A T⁻¹` and `B → T B`. Along `T = I + ε E` they move by
    /// `E A − A E` and `E B`, for every matrix `E` of a single one.
    fn freedoms(&self, constants: &[f64]) -> Vec<Vec<f64>> {
        let (z, u) = (self.components.len(), self.controls);
        let (a, b) = constants.split_at(z * z);
        let places = (0..z).flat_map(|i| (0..z).map(move |j| (i, j)));
        let direction = |(i, j): (usize, usize)| {
            let mut moved = vec![0.0; constants.len()];
            for k in 0..z {
                moved[i * z + k] += a[j * z + k];
                moved[k * z + j] -= a[k * z + i];
            }
            moved[z * z + i * u..][..u].copy_from_slice(&b[j * u..][..u]);
            moved
        };
        places.map(direction).collect()
    }
}
