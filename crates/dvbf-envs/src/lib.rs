//! Simulators, integrators and renderers that make synthetic recordings of dynamical systems.
