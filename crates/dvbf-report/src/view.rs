//! From where a cloud of points is looked at, so that what the true state does to it can be seen.
//!
//! Every coordinate is first scaled to the cube `[−1, 1]³`, as plots do. In the cube, the points
//! are regressed on the true state, angles as sine and cosine:
//!
//! `z ≈ a + Σ_c b_c y_c`
//!
//! The direction `b` of the first number on the line, such as a velocity, points up; the directions
//! of an angle's sine and cosine then lie level, and the angle runs round the vertical axis.

use super::true_column::TrueColumn;
use dvbf_envs::StateKind;
use nalgebra::{Cholesky, DMatrix, Vector3};
use ndarray::Array2;
use std::f64::consts::TAU;

/// How far above the level the eye is.
const ELEVATION: f64 = 0.5;

/// An orthonormal frame in the cube of scaled coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    center: Vector3<f64>,
    half_range: Vector3<f64>,
    /// To the right of who looks.
    right: Vector3<f64>,
    /// The vertical axis of the cloud.
    pub(super) up: Vector3<f64>,
    /// Towards who looks, along the level.
    forward: Vector3<f64>,
    /// What the regression says of the angle at the lowest, middle and highest number.
    rings: Vec<Ring>,
}

/// Where the latent state lies, by regression, while an angle goes round: points `(Z = 3)`.
pub(super) type Ring = Vec<[f64; 3]>;

impl View {
    /// The frame for `points (P, 3)`; other dimensions are treated as if missing ones were zero.
    pub(super) fn new(points: &Array2<f64>, columns: &[TrueColumn]) -> Self {
        let (center, half_range) = extent(points);
        let scaled = DMatrix::from_fn(points.nrows(), 3, |row, axis| {
            let value = points.get((row, axis)).copied().unwrap_or(0.0);
            (value - center[axis]) / half_range[axis]
        });
        let fit = Regression::new(&scaled, columns);
        let number = fit.find(columns, StateKind::Linear, 0);
        let cosine = fit.find(columns, StateKind::Angle, 1);
        let up = number.and_then(|b| b.try_normalize(1e-6)).unwrap_or_else(Vector3::z);
        let level = |b: Vector3<f64>| (b - up * up.dot(&b)).try_normalize(1e-6);
        // Cosine one faces the viewer.
        let forward = cosine
            .and_then(level)
            .or_else(|| level(Vector3::new(0.6, -0.8, 0.1)))
            .unwrap_or_else(Vector3::x);
        let rings = fit.rings(columns);
        let unscaled = |v: &Vector3<f64>| (v.component_mul(&half_range) + center).into();
        let rings = rings.iter().map(|ring| ring.iter().map(unscaled).collect()).collect();
        Self { center, half_range, right: up.cross(&forward), up, forward, rings }
    }

    /// The regression's answer while the first angle goes round, the first number on the line being
    /// low, in the middle, or high, and all other components at their mean. Empty where there are
    /// no such components.
    pub(super) fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// The direction from the cloud to the eye, of length one.
    pub(super) fn eye(&self) -> Vector3<f64> {
        self.forward * ELEVATION.cos() + self.up * ELEVATION.sin()
    }

    /// Where a point is seen: to the right, upward, and towards the eye.
    pub(super) fn project(&self, point: [f64; 3]) -> [f64; 3] {
        let scaled = (Vector3::from(point) - self.center).component_div(&self.half_range);
        self.turn(scaled)
    }

    /// Where a direction along coordinate `axis` is seen.
    pub(super) fn axis(&self, axis: usize) -> [f64; 3] {
        let mut unit = Vector3::zeros();
        unit[axis] = 1.0;
        self.turn(unit)
    }

    fn turn(&self, at: Vector3<f64>) -> [f64; 3] {
        let eye = self.eye();
        let above = self.up * ELEVATION.cos() - self.forward * ELEVATION.sin();
        [self.right.dot(&at), above.dot(&at), eye.dot(&at)]
    }
}

/// Center and half of the range of every coordinate; one where there is no range.
fn extent(points: &Array2<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let (mut center, mut half) = (Vector3::zeros(), Vector3::repeat(1.0));
    for (axis, column) in points.columns().into_iter().take(3).enumerate() {
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low < high {
            center[axis] = f64::midpoint(low, high);
            half[axis] = (high - low) / 2.0;
        }
    }
    (center, half)
}

/// The regression of scaled points on the true state.
struct Regression {
    /// The point at the mean of every regressor.
    mean: Vector3<f64>,
    /// Means of the regressors.
    offsets: Vec<f64>,
    /// Directions `b_c`, one for every regressor: of an angle sine, then cosine.
    directions: Vec<Vector3<f64>>,
}

impl Regression {
    fn new(points: &DMatrix<f64>, columns: &[TrueColumn]) -> Self {
        let mut regressors: Vec<Vec<f64>> = Vec::new();
        for column in columns {
            if column.kind == StateKind::Angle {
                regressors.push(column.values.iter().map(|v| v.sin()).collect());
                regressors.push(column.values.iter().map(|v| v.cos()).collect());
            } else {
                regressors.push(column.values.clone());
            }
        }
        let rows = points.nrows().max(1) as f64;
        let offsets: Vec<f64> = regressors.iter().map(|r| r.iter().sum::<f64>() / rows).collect();
        let design =
            DMatrix::from_fn(points.nrows(), offsets.len(), |r, c| regressors[c][r] - offsets[c]);
        let mut gram = design.tr_mul(&design);
        for i in 0..offsets.len() {
            // Far below what can be seen; keeps a component that never changes solvable.
            gram[(i, i)] += 1e-9 * gram[(i, i)].max(1e-9);
        }
        let solution = Cholesky::new(gram).map(|factor| factor.solve(&design.tr_mul(points)));
        let direction = |c: usize| {
            let b = solution.as_ref().map(|s| Vector3::new(s[(c, 0)], s[(c, 1)], s[(c, 2)]));
            b.filter(|b| b.iter().all(|v| v.is_finite())).unwrap_or_default()
        };
        let mean = Vector3::from_fn(|axis, _| points.column(axis).sum() / rows);
        Self { mean, directions: (0..offsets.len()).map(direction).collect(), offsets }
    }

    /// Which regressor belongs to the first component of this kind.
    fn index(columns: &[TrueColumn], kind: StateKind) -> Option<usize> {
        let place = columns.iter().position(|c| c.kind == kind)?;
        let angles = columns[..place].iter().filter(|c| c.kind == StateKind::Angle).count();
        Some(place + angles)
    }

    fn find(&self, columns: &[TrueColumn], kind: StateKind, offset: usize) -> Option<Vector3<f64>> {
        let at = Self::index(columns, kind)? + offset;
        self.directions.get(at).copied()
    }

    fn rings(&self, columns: &[TrueColumn]) -> Vec<Vec<Vector3<f64>>> {
        const CORNERS: u32 = 72;
        let angle = Self::index(columns, StateKind::Angle);
        let number = Self::index(columns, StateKind::Linear);
        let (Some(angle), Some(number)) = (angle, number) else { return Vec::new() };
        let limits = columns.iter().find(|c| c.kind == StateKind::Linear).map(TrueColumn::limits);
        let (low, high) = limits.unwrap_or_default();
        let along = |c: usize, value: f64| self.directions[c] * (value - self.offsets[c]);
        let ring = |value: f64| {
            let corner = |k: u32| {
                let turn = TAU * f64::from(k) / f64::from(CORNERS);
                let round = along(angle, turn.sin()) + along(angle + 1, turn.cos());
                self.mean + along(number, value) + round
            };
            (0..=CORNERS).map(corner).collect()
        };
        [low, f64::midpoint(low, high), high].map(ring).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A barrel that lies along the first coordinate.
    fn barrel() -> (Array2<f64>, Vec<TrueColumn>) {
        let at = |i: usize| (TAU * (i % 12) as f64 / 12.0, (i / 12) as f64 - 4.0);
        let points = Array2::from_shape_fn((108, 3), |(i, axis)| {
            let (angle, velocity) = at(i);
            [10.0 * velocity, angle.sin(), angle.cos()][axis]
        });
        let column = |name: &str, kind, values| TrueColumn { name: name.into(), kind, values };
        let angles = (0..108).map(|i| at(i).0).collect();
        let velocities = (0..108).map(|i| at(i).1).collect();
        let columns = vec![
            column("angle", StateKind::Angle, angles),
            column("velocity", StateKind::Linear, velocities),
        ];
        (points, columns)
    }

    #[test]
    fn a_barrel_stands_upright() {
        let (points, columns) = barrel();
        let view = View::new(&points, &columns);
        assert!((view.up - Vector3::x()).norm() < 1e-6, "{:?}", view.up);
        assert!((view.forward - Vector3::z()).norm() < 1e-6, "{:?}", view.forward);
        let [low, high] = [[-40.0, 0.0, 0.0], [40.0, 0.0, 0.0]].map(|p| view.project(p));
        assert!(low[0].abs() < 1e-6 && high[0].abs() < 1e-6);
        assert!(high[1] > 0.8 && low[1] < -0.8, "{low:?} {high:?}");
    }

    #[test]
    fn rings_lie_where_the_points_do() {
        let (points, columns) = barrel();
        let view = View::new(&points, &columns);
        let heights = [-40.0, 0.0, 40.0];
        assert_eq!(view.rings().len(), heights.len());
        for (ring, height) in view.rings().iter().zip(heights) {
            for [along, sine, cosine] in ring {
                assert!((along - height).abs() < 1e-5, "{along} against {height}");
                assert!((sine.hypot(*cosine) - 1.0).abs() < 1e-6);
            }
        }
        assert!(View::new(&points, &columns[1..]).rings().is_empty(), "no angle, no ring");
    }

    #[test]
    fn projecting_is_a_rotation_of_the_cube() {
        let (points, columns) = barrel();
        let view = View::new(&points, &columns);
        for i in 0..3 {
            for j in 0..3 {
                let dot: f64 = view.axis(i).iter().zip(view.axis(j)).map(|(a, b)| a * b).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_flat_cloud_and_none_have_a_view() {
        let (_, columns) = barrel();
        let flat = View::new(&Array2::zeros((108, 3)), &columns);
        assert!(flat.eye().iter().all(|v| v.is_finite()));
        let none = View::new(&Array2::zeros((0, 3)), &[]);
        assert!((none.eye().norm() - 1.0).abs() < 1e-12);
    }
}
