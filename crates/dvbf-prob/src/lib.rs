//! Densities, divergences and reparameterized samples with hand-written gradients.
