#![doc = include_str!("../README.md")]

mod elementwise;
mod gemm;
mod level;
mod map;
mod math;
mod noise;
mod reduce;
mod scalar;

pub use elementwise::{exp, ln, logistic, softplus, tanh};
pub use gemm::{
    Accum, Fused, PackedMatrix, ProductPrecision, gemm, gemm_fused, gemm_packed, gemm_views,
};
pub use level::{Kernel, Level, level, vectorize};
pub use map::softmax_rows;
pub use noise::{Noise, philox};
pub use reduce::{add_column_sums, axpy, blend, dot, sum_squares};
pub use scalar::Scalar;
