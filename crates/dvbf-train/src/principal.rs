//! Principal axes of a cloud of points.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::Array2;

/// The `count` directions of largest variance as columns `(D, count)`, and all variances in
/// falling order.
///
/// The sign of a direction is such that its largest component is positive. Without points, the
/// directions are those of the coordinates.
///
/// # Panics
/// If the points have fewer than `count` dimensions.
pub fn principal_axes(centered: &Array2<f64>, count: usize) -> (Array2<f64>, Vec<f64>) {
    let dims = centered.ncols();
    assert!(count <= dims, "{count} directions in {dims} dimensions");
    if centered.nrows() == 0 {
        return (Array2::eye(dims).slice_move(ndarray::s![.., ..count]), vec![0.0; dims]);
    }
    axes_of(&(centered.t().dot(centered) / centered.nrows() as f64), count)
}

/// [`principal_axes`] of points with this covariance `(D, D)`.
///
/// # Panics
/// If there are fewer than `count` dimensions.
pub fn axes_of(covariance: &Array2<f64>, count: usize) -> (Array2<f64>, Vec<f64>) {
    let dims = covariance.ncols();
    assert!(count <= dims, "{count} directions in {dims} dimensions");
    let eigen = SymmetricEigen::new(DMatrix::from_fn(dims, dims, |i, j| covariance[[i, j]]));
    let mut order: Vec<usize> = (0..dims).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut basis = Array2::zeros((dims, count));
    for (column, &from) in order.iter().take(count).enumerate() {
        let vector = eigen.eigenvectors.column(from);
        let sign = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        let sign = sign.unwrap_or(1.0).signum();
        for (row, value) in vector.iter().enumerate() {
            basis[[row, column]] = sign * value;
        }
    }
    (basis, order.iter().map(|&i| eigen.eigenvalues[i].max(0.0)).collect())
}

/// The share of the first `count` variances in all; one if there is no variance.
pub fn share(variances: &[f64], count: usize) -> f64 {
    let total: f64 = variances.iter().sum();
    if total > 0.0 { variances.iter().take(count).sum::<f64>() / total } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretched_cloud_gives_its_own_axes() {
        // Along (3, 4)/5 with deviation 5, across with deviation 1.
        let points = Array2::from_shape_fn((4, 2), |(row, column)| {
            let (along, across) = [(5.0, 1.0), (5.0, -1.0), (-5.0, 1.0), (-5.0, -1.0)][row];
            [0.6 * along - 0.8 * across, 0.8 * along + 0.6 * across][column]
        });
        let (basis, variances) = principal_axes(&points, 1);
        assert!((basis[[0, 0]] - 0.6).abs() < 1e-12 && (basis[[1, 0]] - 0.8).abs() < 1e-12);
        assert!((variances[0] - 25.0).abs() < 1e-9 && (variances[1] - 1.0).abs() < 1e-9);
        assert!((share(&variances, 1) - 25.0 / 26.0).abs() < 1e-12);
    }

    #[test]
    fn no_points_and_no_variance_are_no_trouble() {
        let (basis, variances) = principal_axes(&Array2::zeros((0, 4)), 3);
        assert_eq!(basis, Array2::<f64>::eye(4).slice_move(ndarray::s![.., ..3]));
        assert!((share(&variances, 3) - 1.0).abs() < 1e-12);
        let (basis, _) = principal_axes(&Array2::zeros((5, 4)), 3);
        assert!(basis.iter().all(|v| v.is_finite()));
    }
}
