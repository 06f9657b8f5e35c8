//! The latent space of a system without angles as a still picture: planes, each with a board of
//! three by three colors.
//!
//! Components of the true state are taken in pairs, such as two coordinates of a position. A panel
//! shows the whitened latent states projected on the plane along which the pair lies (see
//! [`directions`](super::directions)); the color of a point is that of the field of the board in which
//! the true pair is. Where the pair was found, the board is seen again.

use super::cloud::Cloud;
use super::directions::{Direction, basis};
use super::palette::{Rgb, field};
use super::picture::{Area, Drawn, INK, PALE, label, pixel, rgb};
use super::true_column::TrueColumn;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Fields on a side of the board.
pub(super) const FIELDS: usize = 3;
/// Panels of a picture at most.
const MOST_PANELS: usize = 4;
const WIDTH: i32 = 1000;
const HEIGHT: i32 = 1240;
/// Half the side of the square that the points fill.
const RADIUS: f64 = 430.0;
const CENTER: (f64, f64) = (500.0, 540.0);

/// Latent states on the plane of a pair of components.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    /// The pair.
    pub(super) names: [String; 2],
    /// Points within `[−1, 1]²`.
    points: Vec<[f64; 2]>,
    /// The field of the board to which the true pair of a point belongs.
    fields: Vec<[usize; 2]>,
}

impl Plane {
    /// The planes of all pairs, up to four; none for a system with an angle, or where a pair spans
    /// no plane.
    pub(super) fn all(cloud: &Cloud) -> Vec<Self> {
        if cloud.has_angle() {
            return Vec::new();
        }
        let pairs = cloud.directions.chunks_exact(2).take(MOST_PANELS);
        let planes: Vec<Self> = pairs.filter_map(|pair| Self::new(cloud, pair)).collect();
        // A panel that is missing would be misread.
        let complete = planes.len() == (cloud.columns.len() / 2).min(MOST_PANELS);
        if complete { planes } else { Vec::new() }
    }

    fn new(cloud: &Cloud, pair: &[Direction]) -> Option<Self> {
        let [first, second] = pair else { return None };
        let mut points = cloud.whole.dot(&basis(&[first, second])?);
        for mut axis in points.columns_mut() {
            let low = axis.iter().copied().fold(f64::INFINITY, f64::min);
            let high = axis.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let half = ((high - low) / 2.0).max(1e-12);
            axis.mapv_inplace(|v| (v - f64::midpoint(low, high)) / half);
        }
        let columns = [&cloud.columns[first.column], &cloud.columns[second.column]];
        let at = |i: usize| columns.map(|column| place(column, column.values[i]));
        Some(Self {
            names: [first.name.clone(), second.name.clone()],
            fields: (0..points.nrows()).map(at).collect(),
            points: points.rows().into_iter().map(|row| [row[0], row[1]]).collect(),
        })
    }
}

/// In which third of the column's range a value lies.
fn place(column: &TrueColumn, value: f64) -> usize {
    let (low, high) = column.limits();
    let share = (value - low) / (high - low) * FIELDS as f64;
    (1..FIELDS).filter(|&bound| share >= bound as f64).count()
}

/// The picture as an SVG file.
pub(super) fn svg(planes: &[Plane]) -> String {
    let mut text = String::new();
    {
        let panels = u32::try_from(planes.len().max(1)).unwrap_or(1);
        let size = (WIDTH.unsigned_abs() * panels, HEIGHT.unsigned_abs());
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&root, planes).expect("a picture in memory has nothing that could fail");
    }
    text
}

fn draw<'a>(root: &Area<'a>, planes: &[Plane]) -> Drawn<'a> {
    root.fill(&WHITE)?;
    for (plane, area) in planes.iter().zip(root.split_evenly((1, planes.len().max(1)))) {
        for (&[x, y], &[column, row]) in plane.points.iter().zip(&plane.fields) {
            let place = (pixel(CENTER.0 + RADIUS * x), pixel(CENTER.1 - RADIUS * y));
            let color = color(column, row);
            area.draw(&Circle::new(place, 7, rgb(color).filled()))?;
        }
        let [x, y] = &plane.names;
        let title = format!("plane of {x} and {y}");
        label(&area, &title, (WIDTH / 2, 46), 42, INK, HPos::Center)?;
        board(&area, plane)?;
    }
    root.present()
}

/// The colors below a panel, as they lie in the true pair.
fn board<'a>(area: &Area<'a>, plane: &Plane) -> Drawn<'a> {
    let (left, bottom, side) = (WIDTH / 2 - 75, 1190, 50);
    for (row, down) in (0..FIELDS).zip(1..) {
        for (column, right) in (0..FIELDS).zip(0..) {
            let corner = (left + right * side, bottom - down * side);
            let corners = [corner, (corner.0 + side, corner.1 + side)];
            area.draw(&Rectangle::new(corners, rgb(color(column, row)).filled()))?;
        }
    }
    let [x, y] = &plane.names;
    label(area, &format!("true {x} →"), (left + 175, bottom - 20), 30, PALE, HPos::Left)?;
    label(area, &format!("true {y} ↑"), (left - 20, bottom - 130), 30, PALE, HPos::Right)
}

fn color(column: usize, row: usize) -> Rgb {
    let share = |at: usize| at as f64 / (FIELDS - 1) as f64;
    field(share(column), share(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_data::Dataset;
    use dvbf_envs::StateKind;
    use ndarray::Array3;

    fn cloud(kinds: [StateKind; 4]) -> Cloud {
        let value = |n: usize, i: usize| (n / 3_usize.pow(u32::try_from(i).unwrap()) % 3) as f32;
        let states = Array3::from_shape_fn((81, 1, 4), |(n, _, i)| value(n, i));
        // Velocities come first in the latent state, and everything is scaled.
        let latent =
            Array3::from_shape_fn((81, 1, 4), |(n, _, i)| (i + 1) as f32 * value(n, (i + 2) % 4));
        let data = Dataset {
            states,
            state_names: ["x", "y", "vx", "vy"].map(String::from).to_vec(),
            state_kinds: kinds.to_vec(),
            dt: 0.1,
            ..Dataset::observed(Array3::zeros((81, 1, 1)), Array3::zeros((81, 1, 0)))
        };
        Cloud::new(&latent, &data, 100)
    }

    #[test]
    fn a_board_is_found_again() {
        let planes = Plane::all(&cloud([StateKind::Linear; 4]));
        assert_eq!(planes.len(), 2);
        assert_eq!(planes[1].names, ["vx", "vy"]);
        for plane in &planes {
            for (point, field) in plane.points.iter().zip(&plane.fields) {
                let expected = field.map(|f| f as f64 - 1.0);
                assert!((point[0] - expected[0]).abs() < 1e-9, "{point:?} {field:?}");
                assert!((point[1] - expected[1]).abs() < 1e-9, "{point:?} {field:?}");
            }
        }
        let picture = svg(&planes);
        assert_eq!(picture.matches("<circle").count(), 2 * 81);
        assert!(picture.contains("plane of x and y") && picture.contains("true vx"));
    }

    #[test]
    fn angles_have_a_picture_of_their_own() {
        let kinds = [StateKind::Angle, StateKind::Linear, StateKind::Linear, StateKind::Linear];
        assert!(Plane::all(&cloud(kinds)).is_empty());
    }

    #[test]
    fn a_cloud_of_one_point_has_no_plane() {
        let mut small = cloud([StateKind::Linear; 4]);
        small.directions.clear();
        assert!(Plane::all(&small).is_empty());
    }
}
