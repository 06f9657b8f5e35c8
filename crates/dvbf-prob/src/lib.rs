#![doc = include_str!("../README.md")]

mod gaussian_head;
mod gaussian_kl;
mod gaussian_likelihood;
mod tempered_kl;

pub use gaussian_head::{GaussianHead, HeadCotangents, STD_FLOOR};
pub use gaussian_kl::{Diagonal, gaussian_kl_backward, gaussian_kl_terms};
pub use gaussian_likelihood::{GaussianLikelihood, LikelihoodGradient, gaussian_log_density};
pub use tempered_kl::{
    kl_to_standard_normal, tempered_kl, tempered_kl_backward, tempered_kl_terms,
};
