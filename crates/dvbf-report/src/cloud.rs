//! Latent states as points in at most three dimensions, with the true states they belong to.

use super::directions::{Direction, basis, directions, whitened};
use super::true_column::{STEP, TrueColumn};
use super::view::View;
use dvbf_data::Dataset;
use dvbf_envs::StateKind;
use dvbf_train::principal::{principal_axes, share};
use ndarray::{Array2, Array3, Axis, s};
use std::f64::consts::{PI, TAU};
use std::fmt::Write as _;

/// Points of the latent space.
#[derive(Clone, Debug)]
pub(super) struct Cloud {
    /// One point a row, centered, `(P, D)` with `D ≤ 3`.
    pub(super) points: Array2<f64>,
    /// The same points in all dimensions, whitened, `(P, Z)`.
    pub(super) whole: Array2<f64>,
    /// Where the components of the true state lie in all dimensions.
    pub(super) directions: Vec<Direction>,
    /// Names of the coordinates (`D`).
    pub(super) axes: Vec<String>,
    /// The true state, component by component.
    pub(super) columns: Vec<TrueColumn>,
    /// One sentence: what is shown.
    pub(super) note: String,
}

impl Cloud {
    /// At most `limit` points of `latent (N, T, Z)`: whole sequences, the first ones.
    ///
    /// Up to three dimensions are shown as they are. More are whitened and projected on the directions
    /// along which the first three components of the true state lie, an angle counting as sine and cosine, or
    /// on the first three principal axes where there are no such directions. Points that are not finite are left out, and the note says so.
    pub(super) fn new(latent: &Array3<f32>, recordings: &Dataset, limit: usize) -> Self {
        let (count, steps, dims) = latent.dim();
        let shown = (limit / steps.max(1)).clamp(1, count.max(1)).min(count);
        let latent = latent.slice(s![..shown, .., ..]).mapv(f64::from);
        let rows = latent.into_shape_with_order((shown * steps, dims)).expect("a standard array");
        let finite: Vec<usize> =
            (0..rows.nrows()).filter(|&r| rows.row(r).iter().all(|v| v.is_finite())).collect();
        let real = |r: &usize| r % steps < recordings.lengths[r / steps];
        let lost = rows.nrows() - finite.len();
        let finite: Vec<usize> = finite.into_iter().filter(real).collect();
        let mut points = rows.select(Axis(0), &finite);
        if let Some(mean) = points.mean_axis(Axis(0)) {
            points -= &mean;
        }
        let mut note =
            format!("{shown} of {count} held-out test sequences, {} points", finite.len());
        if lost > 0 {
            let _ = write!(note, "; {lost} more are not finite and missing here");
        }
        let column = |i: usize| {
            let values = finite.iter().map(|&r| {
                let value = f64::from(recordings.states[[r / steps, r % steps, i]]);
                let angle = recordings.state_kinds[i] == StateKind::Angle;
                if angle { (value + PI).rem_euclid(TAU) - PI } else { value }
            });
            TrueColumn {
                name: recordings.state_names[i].clone(),
                kind: recordings.state_kinds[i],
                values: values.collect(),
            }
        };
        let mut columns: Vec<TrueColumn> = (0..recordings.state_names.len()).map(column).collect();
        let whole = whitened(&points);
        let directions = directions(&whole, &columns);
        if columns.is_empty() {
            columns.push(TrueColumn {
                name: STEP.into(),
                kind: StateKind::Linear,
                values: finite.iter().map(|r| (r % steps) as f64).collect(),
            });
        }
        let mut axes = (1..=dims).map(|i| format!("z{i}")).collect();
        if dims > 3 {
            let _ = write!(note, ". The latent state has {dims} dimensions; ");
            let three: Vec<&Direction> = directions.iter().take(3).collect();
            if let Some(basis) = basis(&three).filter(|_| three.len() == 3) {
                points = whole.dot(&basis);
                axes = three.iter().map(|d| format!("along {}", d.name)).collect();
                note += "shown is its projection, after whitening, on the directions along which \
                         three components of the true state lie, by regression";
            } else {
                let (basis, variances) = principal_axes(&points, 3);
                points = points.dot(&basis);
                axes = (1..=3).map(|i| format!("principal component {i}")).collect();
                let _ = write!(
                    note,
                    "shown are its first three principal components, with {:.1} % of the variance",
                    100.0 * share(&variances, 3)
                );
            }
        }
        Self { points, whole, directions, axes, columns, note }
    }

    /// The coordinates of a plot, each with its name. A single latent dimension is shown against
    /// the first component of the true state, by preference an angle.
    pub(super) fn coordinates(&self) -> Vec<(String, Vec<f64>)> {
        let mut all: Vec<(String, Vec<f64>)> = Vec::new();
        if self.axes.len() == 1 {
            let angle = self.columns.iter().find(|c| c.kind == StateKind::Angle);
            if let Some(column) = angle.or(self.columns.first()) {
                all.push((column.label(), column.values.clone()));
            }
        }
        let named = self.axes.iter().zip(self.points.columns());
        all.extend(named.map(|(name, values)| (name.clone(), values.to_vec())));
        all
    }

    /// Whether a component of the true state is an angle.
    pub(super) fn has_angle(&self) -> bool {
        self.columns.iter().any(|column| column.kind == StateKind::Angle)
    }

    /// From where a cloud of three dimensions is looked at.
    pub(super) fn view(&self) -> View {
        View::new(&self.points, &self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recordings(count: usize, steps: usize) -> Dataset {
        let states = Array3::from_shape_fn((count, steps, 2), |(n, t, i)| {
            if i == 0 { 4.0 + n as f32 } else { t as f32 }
        });
        let zeros = Array3::zeros((count, steps, 1));
        Dataset {
            states,
            state_names: vec!["angle".into(), "velocity".into()],
            state_kinds: vec![StateKind::Angle, StateKind::Linear],
            ..Dataset::observed(zeros.clone(), zeros)
        }
    }

    fn latent(count: usize, steps: usize, dims: usize) -> Array3<f32> {
        Array3::from_shape_fn((count, steps, dims), |(n, t, d)| ((7 * n + 3 * t + d) % 5) as f32)
    }

    #[test]
    fn points_keep_their_true_states_when_some_are_missing() {
        let mut z = latent(4, 3, 2);
        z[[0, 1, 0]] = f32::NAN;
        let cloud = Cloud::new(&z, &recordings(4, 3), 100);
        assert_eq!(cloud.points.dim(), (11, 2));
        assert_eq!(cloud.columns[1].values[..4], [0.0, 2.0, 0.0, 1.0]);
        assert!((cloud.columns[0].values[0] - (4.0 - TAU)).abs() < 1e-6, "wrapped");
        assert!(cloud.note.contains("1 more are not finite"), "{}", cloud.note);
        assert!(cloud.points.mean_axis(Axis(0)).unwrap().iter().all(|m| m.abs() < 1e-12));
    }

    #[test]
    fn the_limit_keeps_whole_sequences() {
        let cloud = Cloud::new(&latent(10, 4, 3), &recordings(10, 4), 14);
        assert_eq!(cloud.points.dim(), (12, 3));
        assert!(cloud.note.starts_with("3 of 10 "), "{}", cloud.note);
        let long = Cloud::new(&latent(10, 4, 3), &recordings(10, 4), 1);
        assert_eq!(long.points.nrows(), 4, "never nothing");
    }

    #[test]
    fn many_dimensions_are_projected_and_one_is_shown_against_the_angle() {
        let cloud = Cloud::new(&latent(10, 4, 5), &recordings(10, 4), 100);
        assert_eq!(cloud.points.ncols(), 3);
        assert!(cloud.note.contains("has 5 dimensions"), "{}", cloud.note);
        let one = Cloud::new(&latent(10, 4, 1), &recordings(10, 4), 100);
        let names: Vec<String> = one.coordinates().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["angle (rad)", "z1"]);
    }

    #[test]
    fn nothing_finite_is_an_empty_cloud() {
        let z = Array3::from_elem((2, 3, 4), f32::NAN);
        let cloud = Cloud::new(&z, &recordings(2, 3), 100);
        assert_eq!(cloud.points.nrows(), 0);
        assert_eq!(cloud.columns[1].limits(), (0.0, 1.0));
    }
}
