//! Deep Variational Bayes Filter: the bound and its gradient, the online filter, the simulator and the model file.
