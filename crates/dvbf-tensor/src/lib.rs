//! Vectorized kernels over ndarray views: matrix products, elementwise functions, reductions and counter-based noise.
