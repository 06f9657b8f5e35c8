//! The page and the picture of empowerment: the true landscape beside the learned one, a swing-up on
//! it, what the camera and the filter see meanwhile, and the table of trials.

use super::document::{Frame, document};
use super::figure::{COLORS, Figure, axis, layout, short, short_all};
use super::html::{data_uri, escape};
use super::preview::svg;
use super::raster::{Raster, animation, gray};
use ndarray::Array2;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A landscape over angle from upright and velocity: rows are velocities, columns angles; NaN where
/// nothing was visited.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Middles of the columns, in radians.
    pub angles: Vec<f64>,
    /// Middles of the rows, in radians a second.
    pub velocities: Vec<f64>,
    /// Of the true equations, in nats.
    pub truth: Array2<f64>,
    /// Of the learned model, at the latent states that the true ones are filtered to, in nats.
    pub learned: Array2<f64>,
}

/// A trial step by step.
#[derive(Clone, Debug, Default)]
pub struct Swing {
    /// What acted, and what it saw.
    pub policy: String,
    /// Seconds of a step.
    pub dt: f64,
    /// Height and width of a frame.
    pub image: (usize, usize),
    /// Angles from upright, in radians.
    pub angles: Vec<f64>,
    /// Velocities, in radians a second.
    pub velocities: Vec<f64>,
    /// Torques, in N m, and the largest that is possible.
    pub torques: Vec<f64>,
    /// The largest torque.
    pub torque_max: f64,
    /// Learned empowerment at the belief, in nats; NaN before there is one.
    pub empowerment: Vec<f64>,
    /// What the camera saw.
    pub seen: Vec<Vec<f32>>,
    /// What the model draws of its belief.
    pub believed: Vec<Vec<f32>>,
}

/// A row of the table: policy and eyes, starts that succeed, starts, steps from hanging, median steps.
#[derive(Clone, Debug)]
pub struct Row {
    /// Policy, and what it saw.
    pub name: String,
    /// `success / starts`.
    pub success: (usize, usize),
    /// Steps from hanging at rest.
    pub hanging: Option<usize>,
    /// Median of the steps.
    pub median: Option<usize>,
}

/// Everything that is shown.
#[derive(Clone, Debug)]
pub struct EmpowermentPage {
    /// Name of the run.
    pub name: String,
    /// Correlation of the landscapes.
    pub correlation: f64,
    /// Where the learned one is highest: angle and velocity.
    pub maximum: (f64, f64),
    /// Both landscapes.
    pub grid: Grid,
    /// A swing-up.
    pub swing: Swing,
    /// All trials.
    pub rows: Vec<Row>,
    /// Frames of the swing-up that are animated.
    pub animated: usize,
}

/// Blue to yellow, in even steps.
const SCALE: [[f64; 3]; 5] = [
    [68.0, 1.0, 84.0],
    [59.0, 82.0, 139.0],
    [33.0, 145.0, 140.0],
    [94.0, 201.0, 98.0],
    [253.0, 231.0, 37.0],
];

impl EmpowermentPage {
    /// The page.
    pub fn html(&self) -> String {
        let mut body = format!(
            "<section id=\"landscape\">\n<h2>The landscape</h2>\n<p>Empowerment of ten held steps: how \
             much a torque, held for a second, says about the state at its end, in nats. On the left \
             by the true equations; on the right by the learned model alone, at the latent states that \
             its filter makes of frames, put where the true state was. Over held-out states their \
             correlation is {:.4}; the learned one is highest at {:+.2} rad from upright and {:+.2} \
             rad/s. The line is a swing-up from frames.</p>\n<div class=\"grid\">\n",
            self.correlation, self.maximum.0, self.maximum.1
        );
        for (id, caption, values) in [
            ("true", "By the true equations", &self.grid.truth),
            ("learned", "By the learned model", &self.grid.learned),
        ] {
            let figure = self.heatmap(&format!("landscape-{id}"), values).html();
            let _ = write!(body, "<figure><h3>{caption}</h3>\n{figure}</figure>\n");
        }
        body += "</div>\n</section>\n<section id=\"swing\">\n<h2>A swing-up</h2>\n";
        let _ = writeln!(
            body,
            "<p>{}, from hanging at rest. Left what the camera sees, right what the model draws of its \
             belief; the bar is the torque. Nothing rewarded standing upright.</p>",
            escape(&self.swing.policy)
        );
        let film = data_uri("image/png", &animation(&self.film(), self.swing.dt));
        let _ = writeln!(
            body,
            "<img alt=\"Animation of the swing-up\" style=\"image-rendering:pixelated;max-width:100%\" \
             src=\"{film}\">\n<div class=\"grid\">"
        );
        for (id, caption, title, values) in [
            ("angle", "Angle from upright", "rad", &self.swing.angles),
            ("empowerment", "Learned empowerment at the belief", "nats", &self.swing.empowerment),
            ("torque", "Torque", "N m", &self.swing.torques),
        ] {
            let figure = self.line(&format!("swing-{id}"), title, values).html();
            let _ = write!(body, "<figure><h3>{caption}</h3>\n{figure}</figure>\n");
        }
        body += "</div>\n</section>\n<section id=\"trials\">\n<h2>Trials</h2>\n<p>Success: within 0.3 \
                 rad of upright throughout the last 100 of 300 steps. Steps: until it stays there.</p>\n\
                 <table>\n<tr><th>policy</th><th>success</th><th>from hanging</th>\
                 <th>median steps</th></tr>\n";
        let steps = |steps: Option<usize>| steps.map_or("–".to_owned(), |s| s.to_string());
        for row in &self.rows {
            let _ = writeln!(
                body,
                "<tr><td>{}</td><td>{} of {}</td><td>{}</td><td>{}</td></tr>",
                escape(&row.name),
                row.success.0,
                row.success.1,
                steps(row.hanging),
                steps(row.median)
            );
        }
        body += "</table>\n</section>\n";
        let title = format!("Empowerment: {}", escape(&self.name));
        let header = format!("<h1>{title}</h1>\n");
        document(&Frame { title: &title, header: &header, source: "" }, &body)
    }

    /// Lowest and highest value of both landscapes.
    fn limits(&self) -> (f64, f64) {
        let all = self.grid.truth.iter().chain(&self.grid.learned).filter(|v| v.is_finite());
        let limits =
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        if limits.0 < limits.1 { limits } else { (0.0, 1.0) }
    }

    /// The trajectory, broken where it passes the bottom.
    fn path(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let mut last: Option<f64> = None;
        for (&angle, &velocity) in self.swing.angles.iter().zip(&self.swing.velocities) {
            if last.is_some_and(|last| (last - angle).abs() > std::f64::consts::PI) {
                x.push(f64::NAN);
                y.push(f64::NAN);
            }
            x.push(angle);
            y.push(velocity);
            last = Some(angle);
        }
        (x, y)
    }

    fn heatmap(&self, id: &str, values: &Array2<f64>) -> Figure {
        let rows: Vec<Value> =
            values.rows().into_iter().map(|row| short_all(row.iter().copied())).collect();
        let (low, high) = self.limits();
        let (x, y) = self.path();
        Figure {
            id: id.into(),
            height: 420,
            traces: vec![
                json!({
                    "type": "heatmap", "x": short_all(self.grid.angles.iter().copied()),
                    "y": short_all(self.grid.velocities.iter().copied()), "z": rows,
                    "zmin": short(low), "zmax": short(high), "colorscale": "Viridis",
                    "colorbar": { "title": { "text": "nats" }, "thickness": 12 },
                }),
                json!({
                    "type": "scatter", "mode": "lines", "x": short_all(x), "y": short_all(y),
                    "line": { "color": "#ffffff", "width": 2 }, "hoverinfo": "skip",
                }),
            ],
            layout: layout(json!({
                "xaxis": axis("angle from upright, rad", json!({})),
                "yaxis": axis("velocity, rad/s", json!({})),
            })),
        }
    }

    fn line(&self, id: &str, title: &str, values: &[f64]) -> Figure {
        let time = (0..values.len()).map(|t| t as f64 * self.swing.dt);
        Figure {
            id: id.into(),
            height: 240,
            traces: vec![json!({
                "type": "scatter", "mode": "lines", "x": short_all(time),
                "y": short_all(values.iter().copied()), "line": { "color": COLORS[0], "width": 1.5 },
            })],
            layout: layout(json!({
                "xaxis": axis("seconds", json!({})),
                "yaxis": axis(title, json!({})),
            })),
        }
    }

    /// Frames of the animation: seen, believed, and the torque as a bar from the middle.
    fn film(&self) -> Vec<Raster> {
        const SPACE: usize = 8;
        const BAR: usize = 10;
        let swing = &self.swing;
        let (height, width) = swing.image;
        let scale = (144 / height.max(width)).max(1);
        let (tall, wide) = (height * scale, width * scale);
        let total = 2 * wide + SPACE;
        let at = |t: usize| {
            let mut image = Raster::new(total, tall + SPACE + BAR, [255, 255, 255]);
            for (i, frame) in [&swing.seen[t], &swing.believed[t]].into_iter().enumerate() {
                let pixels = gray(ndarray::ArrayView1::from(&frame[..]));
                image.draw((i * (wide + SPACE), 0), &pixels, (height, width), scale);
            }
            let share = (swing.torques[t] / swing.torque_max.max(1e-12)).clamp(-1.0, 1.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
            let length = (share.abs() * (total / 2) as f64) as usize;
            let from = if share < 0.0 { total / 2 - length } else { total / 2 };
            image.fill((0, tall + SPACE), (total, BAR), [235, 237, 240]);
            image.fill((from, tall + SPACE), (length, BAR), [209, 96, 43]);
            image
        };
        (0..swing.seen.len().min(self.animated.max(1))).map(at).collect()
    }

    /// The landscapes side by side with the trajectory, an SVG file.
    pub fn svg(&self) -> String {
        const SIDE: (f64, f64) = (380.0, 320.0);
        const LEFT: f64 = 56.0;
        const TOP: f64 = 34.0;
        let (low, high) = self.limits();
        let mut body = String::new();
        for (panel, (caption, values)) in [
            ("by the true equations", &self.grid.truth),
            ("learned from video", &self.grid.learned),
        ]
        .into_iter()
        .enumerate()
        {
            let left = LEFT + panel as f64 * (SIDE.0 + LEFT);
            let (columns, rows) =
                (self.grid.angles.len() as f64, self.grid.velocities.len() as f64);
            let (w, h) = (SIDE.0 / columns, SIDE.1 / rows);
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"22\" text-anchor=\"middle\" font-size=\"15\">Empowerment, \
                 {caption}</text>\n<rect x=\"{left}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" \
                 fill=\"#eceef0\"/>",
                left + SIDE.0 / 2.0,
                SIDE.0,
                SIDE.1
            );
            for ((row, column), &value) in values.indexed_iter().filter(|(_, v)| v.is_finite()) {
                let (x, y) = (left + column as f64 * w, TOP + SIDE.1 - (row + 1) as f64 * h);
                let color = color((value - low) / (high - low));
                let _ = write!(
                    body,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\"/>",
                    w + 0.3,
                    h + 0.3
                );
            }
            body += &self.trajectory(left, TOP, SIDE);
            for (value, text) in [(-3.0, "−3"), (0.0, "upright"), (3.0, "3 rad")] {
                let x = left + place(&self.grid.angles, value) * SIDE.0;
                let _ = writeln!(
                    body,
                    "<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{text}</text>",
                    TOP + SIDE.1 + 18.0
                );
            }
            for value in [-5.0, 0.0, 5.0] {
                let y = TOP + SIDE.1 * (1.0 - place(&self.grid.velocities, value)) + 4.0;
                if (TOP..=TOP + SIDE.1 + 4.0).contains(&y) {
                    let _ = writeln!(
                        body,
                        "<text x=\"{:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{value} rad/s</text>",
                        left - 6.0
                    );
                }
            }
        }
        let (width, height) = (2.0 * (SIDE.0 + LEFT) + 10.0, TOP + SIDE.1 + 30.0);
        svg(width, height, &format!("<g font-size=\"11\">\n{body}</g>\n"))
    }

    fn trajectory(&self, left: f64, top: f64, (wide, tall): (f64, f64)) -> String {
        let (x, y) = self.path();
        let mut out = String::from(
            "<path fill=\"none\" stroke=\"white\" stroke-width=\"2\" stroke-linejoin=\"round\" d=\"",
        );
        let mut begin = true;
        for (&x, &y) in x.iter().zip(&y) {
            if !x.is_finite() {
                begin = true;
                continue;
            }
            let x = left + place(&self.grid.angles, x).clamp(0.0, 1.0) * wide;
            let y = top + tall * (1.0 - place(&self.grid.velocities, y).clamp(0.0, 1.0));
            let _ = write!(out, "{}{x:.1} {y:.1} ", if begin { "M" } else { "L" });
            begin = false;
        }
        out + "\"/>\n"
    }
}

/// Where `value` lies between the rims of cells with these middles, from 0 to 1.
fn place(middles: &[f64], value: f64) -> f64 {
    let [first, .., last] = middles else { return 0.5 };
    let half = (last - first) / (2.0 * (middles.len() - 1) as f64);
    (value - first + half) / (last - first + 2.0 * half)
}

fn color(share: f64) -> String {
    let at = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let i = (at as usize).min(SCALE.len() - 2);
    let mixed = |c: usize| SCALE[i][c] + (at - i as f64) * (SCALE[i + 1][c] - SCALE[i][c]);
    format!("rgb({:.0},{:.0},{:.0})", mixed(0), mixed(1), mixed(2))
}
