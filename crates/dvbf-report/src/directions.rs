//! Directions of the latent space along which the components of the true state lie.
//!
//! Latent states are first whitened, that is turned and scaled to unit covariance, so that it does not
//! matter how long and how askew the latent coordinates are. Then they are regressed on the true
//! state, angles as sine and cosine:
//!
//! `z ≈ a + Σ_c b_c y_c`
//!
//! and projected at right angles on the span of a few `b_c`. For components that are not correlated,
//! the coordinate along `b_c` is what ordinary least squares reads of `y_c`, in another unit.

use super::true_column::TrueColumn;
use dvbf_envs::StateKind;
use dvbf_train::principal::principal_axes;
use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::Array2;

/// A direction with the name of what lies along it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Direction {
    pub(super) name: String,
    /// Number of its component of the true state.
    pub(super) column: usize,
    pub(super) vector: DVector<f64>,
}

/// Points in other coordinates in which they have unit covariance; dimensions without extent stay at
/// zero.
pub(super) fn whitened(centered: &Array2<f64>) -> Array2<f64> {
    let (axes, variances) = principal_axes(centered, centered.ncols());
    let least = 1e-12 * variances.first().copied().unwrap_or(0.0);
    let mut points = centered.dot(&axes);
    for (mut values, variance) in points.columns_mut().into_iter().zip(variances) {
        values *= if variance > least { variance.sqrt().recip() } else { 0.0 };
    }
    points
}

/// The direction `b_c` of every regressor, in their order; none if they cannot be told apart.
pub(super) fn directions(centered: &Array2<f64>, columns: &[TrueColumn]) -> Vec<Direction> {
    let mut regressors: Vec<(String, usize, Vec<f64>)> = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let name = &column.name;
        if column.kind == StateKind::Angle {
            let sines = column.values.iter().map(|v| v.sin()).collect();
            let cosines = column.values.iter().map(|v| v.cos()).collect();
            regressors.push((format!("sin {name}"), i, sines));
            regressors.push((format!("cos {name}"), i, cosines));
        } else {
            regressors.push((name.clone(), i, column.values.clone()));
        }
    }
    let (rows, count) = (centered.nrows(), regressors.len());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / rows.max(1) as f64;
    let means: Vec<f64> = regressors.iter().map(|(_, _, values)| mean(values)).collect();
    let design = DMatrix::from_fn(rows, count, |r, c| regressors[c].2[r] - means[c]);
    let points = DMatrix::from_fn(rows, centered.ncols(), |r, c| centered[[r, c]]);
    let Some(factor) = Cholesky::new(design.tr_mul(&design)) else { return Vec::new() };
    let solution = factor.solve(&design.tr_mul(&points));
    let direction = |(c, (name, column, _)): (usize, (String, usize, Vec<f64>))| Direction {
        name,
        column,
        vector: solution.row(c).transpose(),
    };
    regressors.into_iter().enumerate().map(direction).collect()
}

/// An orthonormal basis `(D, count)` of the span, the first vector along the first direction; none
/// if the directions do not span as many dimensions.
pub(super) fn basis(directions: &[&Direction]) -> Option<Array2<f64>> {
    let mut vectors: Vec<DVector<f64>> = Vec::new();
    for direction in directions {
        let mut rest = direction.vector.clone();
        for vector in &vectors {
            rest -= vector * vector.dot(&direction.vector);
        }
        let least = 1e-6 * direction.vector.norm();
        vectors.push(rest.try_normalize(least.max(f64::MIN_POSITIVE))?);
    }
    let dims = vectors.first()?.len();
    Some(Array2::from_shape_fn((dims, vectors.len()), |(r, c)| vectors[c][r]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: StateKind, values: Vec<f64>) -> TrueColumn {
        TrueColumn { name: name.into(), kind, values }
    }

    /// A square of positions that lies askew in four dimensions, with something else across it.
    fn square() -> (Array2<f64>, Vec<TrueColumn>) {
        let at = |i: usize| ((i % 5) as f64 - 2.0, (i / 5) as f64 - 2.0);
        let points = Array2::from_shape_fn((25, 4), |(i, axis)| {
            let (x, y) = at(i);
            [0.5 * x, 2.0 * x, -3.0 * y, x * x - 2.0][axis]
        });
        let columns = vec![
            column("x", StateKind::Linear, (0..25).map(|i| at(i).0 + 7.0).collect()),
            column("y", StateKind::Linear, (0..25).map(|i| at(i).1).collect()),
        ];
        (points, columns)
    }

    #[test]
    fn directions_are_those_that_made_the_points() {
        let (points, columns) = square();
        let found = directions(&points, &columns);
        for (direction, expected) in found.iter().zip([[0.5, 2.0, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]])
        {
            for (value, expected) in direction.vector.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-9, "{direction:?}");
            }
        }
        assert_eq!((found[0].name.as_str(), found[1].column), ("x", 1));
        let basis = basis(&found.iter().collect::<Vec<_>>()).unwrap();
        let gram = basis.t().dot(&basis);
        assert!((gram - Array2::<f64>::eye(2)).iter().all(|v| v.abs() < 1e-12));
        assert!((basis[[1, 0]] / basis[[0, 0]] - 4.0).abs() < 1e-9);
    }

    #[test]
    fn white_points_have_unit_covariance() {
        let (mut points, _) = square();
        points.column_mut(3).fill(0.0);
        let white = whitened(&points);
        let covariance = white.t().dot(&white) / 25.0;
        // x is spread over two coordinates in proportion, so there are two dimensions only.
        let expected = Array2::from_diag(&ndarray::arr1(&[1.0, 1.0, 0.0, 0.0]));
        assert!((covariance - expected).iter().all(|v| v.abs() < 1e-9));
    }

    #[test]
    fn angles_have_two_directions_and_constants_none() {
        let (points, mut columns) = square();
        columns[0].kind = StateKind::Angle;
        let names: Vec<String> =
            directions(&points, &columns).into_iter().map(|d| d.name).collect();
        assert_eq!(names, ["sin x", "cos x", "y"]);
        columns[1].values.fill(1.0);
        assert!(directions(&points, &columns).is_empty());
        let (points, columns) = square();
        let found = directions(&points, &columns);
        assert!(basis(&[&found[0], &found[0]]).is_none(), "a plane has two directions");
    }
}
