//! The latent space as a still picture: one panel for each of the first components of the true
//! state, in SVG, on white, so that it can be put anywhere.

use super::cloud::Cloud;
use super::latent::palette;
use super::palette::{Rgb, fade};
use super::true_column::TrueColumn;
use super::view::Ring;
use dvbf_envs::StateKind;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn<'a> =
    Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Panels side by side.
const PANELS: usize = 2;
const WIDTH: i32 = 1200;
const HEIGHT: i32 = 1240;
/// Half the side of the square that the points fill.
const RADIUS: f64 = 480.0;
const CENTER: (f64, f64) = (600.0, 580.0);
pub(super) const INK: RGBColor = RGBColor(45, 50, 56);
pub(super) const PALE: RGBColor = RGBColor(120, 127, 135);

/// The picture as an SVG file.
pub(super) fn svg(cloud: &Cloud) -> String {
    let panels = cloud.columns.len().clamp(1, PANELS);
    let mut text = String::new();
    {
        let size =
            (WIDTH.unsigned_abs() * u32::try_from(panels).unwrap_or(1), HEIGHT.unsigned_abs());
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&root, cloud, panels).expect("a picture in memory has nothing that could fail");
    }
    text
}

fn draw<'a>(root: &Area<'a>, cloud: &Cloud, panels: usize) -> Drawn<'a> {
    root.fill(&WHITE)?;
    let seen = Seen::new(cloud);
    for (i, area) in root.split_evenly((1, panels)).iter().enumerate() {
        let column = cloud.columns.get(i);
        // The far half of a ring lies behind the points, the near half before them.
        rings(area, &seen, false)?;
        points(area, &seen, column)?;
        rings(area, &seen, true)?;
        match &seen.triad {
            Some(triad) => arrows(area, triad, &cloud.axes)?,
            None => names(area, cloud)?,
        }
        if let Some(column) = column {
            let title = format!("colored by {}", column.caption());
            label(area, &title, (WIDTH / 2, 52), 42, INK, HPos::Center)?;
            bar(area, column)?;
        }
    }
    root.present()
}

/// Points as they are seen: to the right, upward, and towards the eye, within `[−1, 1]`.
struct Seen {
    points: Vec<[f64; 3]>,
    /// From the farthest to the nearest.
    order: Vec<usize>,
    /// Where the coordinates point, if there are three.
    triad: Option<[[f64; 3]; 3]>,
    /// What a linear map from the true state to the latent state says.
    rings: Vec<Ring>,
}

impl Seen {
    fn new(cloud: &Cloud) -> Self {
        let coordinates = cloud.coordinates();
        let at = |i: usize, axis: usize| coordinates.get(axis).map_or(0.0, |(_, v)| v[i]);
        let solid = coordinates.len() == 3;
        let view = cloud.view();
        let mut points: Vec<[f64; 3]> = (0..cloud.points.nrows())
            .map(|i| {
                let point = [at(i, 0), at(i, 1), at(i, 2)];
                if solid { view.project(point) } else { point }
            })
            .collect();
        let mut rings: Vec<Ring> = if solid { view.rings().to_vec() } else { Vec::new() };
        for point in rings.iter_mut().flatten() {
            *point = view.project(*point);
        }
        fit(&mut points, &mut rings, solid);
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| points[a][2].total_cmp(&points[b][2]));
        let triad = solid.then(|| [0, 1, 2].map(|axis| view.axis(axis)));
        Self { points, order, triad, rings }
    }
}

/// Moves and scales the points into `[−1, 1]³`. A solid keeps its shape; a plane is stretched.
fn fit(points: &mut [[f64; 3]], rings: &mut [Ring], solid: bool) {
    let range = |axis: usize| {
        let values = points.iter().chain(rings.iter().flatten()).map(|p| p[axis]);
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
    };
    let ranges = [0, 1, 2].map(range);
    let half = ranges.map(|(low, high)| ((high - low) / 2.0).max(1e-12));
    let largest = half[0].max(half[1]);
    for point in points.iter_mut().chain(rings.iter_mut().flatten()) {
        for axis in 0..3 {
            let (low, high) = ranges[axis];
            let unit = if solid && axis < 2 { largest } else { half[axis] };
            point[axis] = (point[axis] - f64::midpoint(low, high)) / unit;
        }
    }
}

/// The near or the far half of every ring.
fn rings<'a>(area: &Area<'a>, seen: &Seen, near: bool) -> Drawn<'a> {
    for ring in &seen.rings {
        let middle = ring.iter().map(|p| p[2]).sum::<f64>() / ring.len().max(1) as f64;
        let wanted = |ends: &[[f64; 3]]| (ends[0][2] + ends[1][2] > 2.0 * middle) == near;
        let pieces: Vec<usize> = (1..ring.len()).filter(|&i| wanted(&ring[i - 1..=i])).collect();
        for run in pieces.chunk_by(|a, b| a + 1 == *b) {
            // Piece i ends at corner i.
            let line: Vec<(i32, i32)> =
                ring[run[0] - 1..=run[run.len() - 1]].iter().map(place).collect();
            area.draw(&PathElement::new(line, INK.mix(0.5).stroke_width(3)))?;
        }
    }
    Ok(())
}

/// The pixel of a point.
fn place([x, y, _]: &[f64; 3]) -> (i32, i32) {
    (pixel(CENTER.0 + RADIUS * x), pixel(CENTER.1 - RADIUS * y))
}

fn points<'a>(area: &Area<'a>, seen: &Seen, column: Option<&TrueColumn>) -> Drawn<'a> {
    let limits = column.map_or((0.0, 1.0), TrueColumn::limits);
    for &i in &seen.order {
        let point = &seen.points[i];
        let depth = point[2];
        let color = column.map_or([90, 100, 112], |column| {
            let at = (column.values[i] - limits.0) / (limits.1 - limits.0);
            palette(column.kind).color(at)
        });
        // What is far is pale, so that front and back of a hollow body can be told apart.
        let color = if seen.triad.is_some() { fade(color, 0.66 + 0.34 * depth) } else { color };
        area.draw(&Circle::new(
            place(point),
            if depth > 0.0 { 8 } else { 6 },
            rgb(color).filled(),
        ))?;
    }
    Ok(())
}

/// Small arrows along the coordinates in a corner.
fn arrows<'a>(area: &Area<'a>, triad: &[[f64; 3]; 3], axes: &[String]) -> Drawn<'a> {
    const LENGTH: f64 = 76.0;
    let foot = (124.0, 1010.0);
    for ([x, y, _], name) in triad.iter().zip(axes) {
        let tip = |length: f64| (pixel(foot.0 + length * x), pixel(foot.1 - length * y));
        let line = vec![(pixel(foot.0), pixel(foot.1)), tip(LENGTH)];
        area.draw(&PathElement::new(line, PALE.stroke_width(3)))?;
        let short = name.replace("principal component ", "PC ").replace("along ", "");
        let (x, y) = tip(LENGTH + 26.0);
        label(area, &short, (x, y), 30, PALE, HPos::Center)?;
    }
    Ok(())
}

/// The names of the coordinates of a plane.
fn names<'a>(area: &Area<'a>, cloud: &Cloud) -> Drawn<'a> {
    let coordinates = cloud.coordinates();
    let name = |i: usize| coordinates.get(i).map_or("", |(name, _)| name.as_str());
    label(area, &format!("→ {}", name(0)), (WIDTH / 2, 1096), 30, PALE, HPos::Center)?;
    label(area, &format!("↑ {}", name(1)), (44, 120), 30, PALE, HPos::Left)
}

/// The color scale below a panel.
fn bar<'a>(area: &Area<'a>, column: &TrueColumn) -> Drawn<'a> {
    const STEPS: i32 = 60;
    let (left, top, step, height) = (300, 1132, 10, 24);
    for i in 0..STEPS {
        let color = palette(column.kind).color(f64::from(i) / f64::from(STEPS - 1));
        // One pixel of overlap, or the paper shines through between the steps.
        let end = left + (i + 1) * step + i32::from(i + 1 < STEPS);
        let corners = [(left + i * step, top), (end, top + height)];
        area.draw(&Rectangle::new(corners, rgb(color).filled()))?;
    }
    let (low, high) = column.limits();
    let marks: Vec<String> = match column.kind {
        StateKind::Angle => ["−π", "−π/2", "0", "π/2", "π"].map(str::to_owned).to_vec(),
        StateKind::Linear => {
            let at = |i: f64| format!("{:.1}", low + (high - low) * i / 2.0).replace('-', "−");
            vec![at(0.0), at(1.0), at(2.0)]
        }
    };
    let gaps = i32::try_from(marks.len()).unwrap_or(2) - 1;
    for (mark, i) in marks.iter().zip(0..) {
        let x = left + STEPS * step * i / gaps;
        label(area, mark, (x, top + height + 28), 30, INK, HPos::Center)?;
    }
    Ok(())
}

pub(super) fn label<'a>(
    area: &Area<'a>,
    text: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    horizontal: HPos,
) -> Drawn<'a> {
    let style = ("sans-serif", size).into_font().color(&color);
    area.draw(&Text::new(text.to_owned(), at, style.pos(Pos::new(horizontal, VPos::Center))))
}

pub(super) fn rgb([r, g, b]: Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

#[expect(clippy::cast_possible_truncation, reason = "places in a small picture")]
pub(super) fn pixel(place: f64) -> i32 {
    place.round() as i32
}
