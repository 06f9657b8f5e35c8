//! Classical filters over many series at once, on the threads of a pool.

use crate::pool::Pool;
use dvbf_core::bayes::{BayesError, GaussianFilter, Memory, Sequence};
use nalgebra::{DefaultAllocator, Dim};
use rayon::prelude::*;

/// Hands every sequence, with a copy of `filter`, to `work` on the threads of `pool`, and gives what
/// it makes of them, in their order. The number of threads changes no bit.
///
/// `work` may filter and smooth, or follow a sequence and keep little:
///
/// ```
/// use dvbf_core::bayes::{Belief, Const, GaussianFilter, LinearGaussian, Sequence};
/// use dvbf_train::{filter_many, pool::Pool};
/// use nalgebra::{Matrix1, SMatrix, Vector1};
/// use ndarray::{Array2, array};
///
/// let walk: LinearGaussian<Const<1>, Const<1>, Const<0>> = LinearGaussian {
///     transition: Matrix1::new(1.0),
///     control: SMatrix::zeros(),
///     process_noise: Matrix1::new(0.1),
///     emission: Matrix1::new(1.0),
///     observation_noise: Matrix1::new(1.0),
/// };
/// let start = Belief::new(Vector1::zeros(), Matrix1::new(1.0))?;
/// let filter = GaussianFilter::joseph(walk, start)?;
/// let (levels, controls) = (array![[0.9], [1.3], [f64::NAN], [1.1]], Array2::zeros((4, 0)));
/// let level = Sequence { observations: levels.view(), controls: controls.view() };
///
/// let last = filter_many(&Pool::new(2)?, &filter, &[level, level], |filter, sequence| {
///     let log_likelihood = filter.follow(sequence, |_, _, _| ())?;
///     Ok((filter.belief().mean[0], log_likelihood))
/// })?;
/// assert_eq!(last[0], last[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The error of `work` on the first sequence that it fails on, with its number.
pub fn filter_many<M, Z: Dim, X: Dim, F, T: Send>(
    pool: &Pool,
    filter: &GaussianFilter<M, Z, X, F>,
    sequences: &[Sequence<'_>],
    work: impl Fn(&mut GaussianFilter<M, Z, X, F>, &Sequence<'_>) -> Result<T, BayesError> + Sync,
) -> Result<Vec<T>, BayesError>
where
    DefaultAllocator: Memory<Z, X>,
    GaussianFilter<M, Z, X, F>: Clone + Sync,
{
    let made: Vec<Result<T, BayesError>> = pool.install(|| {
        sequences.par_iter().map(|sequence| work(&mut filter.clone(), sequence)).collect()
    });
    let numbered = |(sequence, result): (usize, Result<T, BayesError>)| {
        result.map_err(|error| BayesError::Sequence { sequence, source: Box::new(error) })
    };
    made.into_iter().enumerate().map(numbered).collect()
}
