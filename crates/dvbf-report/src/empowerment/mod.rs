//! The page and the picture of empowerment: the true landscape beside the learned one, a trial on it,
//! what the camera and the filter see meanwhile, and the table of trials.

mod film;
mod picture;
mod scene;

pub use scene::{Curve, Grid, PlaneAxis, RecordedTrial, Row, Scene};

use super::document::{Frame, document};
use super::figure::{COLORS, Figure, axis, layout, short, short_all};
use super::html::{data_uri, escape};
use super::raster::animation;
use ndarray::Array2;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Everything that is shown.
#[derive(Clone, Debug)]
pub struct EmpowermentPage {
    /// Name of the run.
    pub name: String,
    /// What is said about the system.
    pub scene: Scene,
    /// How the figures were made, in a sentence.
    pub made: String,
    /// Correlation of the landscapes.
    pub correlation: f64,
    /// Where the learned one is highest among states that hardly move by themselves, on both axes.
    pub maximum: [f64; 2],
    /// Both landscapes.
    pub grid: Grid,
    /// A trial that was recorded.
    pub recorded: RecordedTrial,
    /// All trials.
    pub rows: Vec<Row>,
    /// Frames of the recorded trial that are animated.
    pub animated: usize,
}

impl EmpowermentPage {
    /// The page.
    pub fn html(&self) -> String {
        let title = format!("Empowerment: {}", escape(&self.name));
        let header = format!("<h1>{title}</h1>\n");
        let body = self.landscapes() + &self.trial() + &self.table();
        document(&Frame { title: &title, header: &header, source: "" }, &body)
    }

    fn landscapes(&self) -> String {
        let mut body = format!(
            "<section id=\"landscape\">\n<h2>The landscape</h2>\n<p>{} Left: by the true equations. \
             Right: by the learned model alone; each filtered latent state is plotted where the true state \
             was. Over held-out states their correlation is {:.4}. Near equilibria, where the state hardly \
             moves by itself, the learned one is highest at {}. Empty cells have no held-out state. The line is the \
             trial below.</p>\n<p>{}</p>\n<div class=\"grid\">\n",
            escape(&self.scene.landscape),
            self.correlation,
            escape(&self.highest()),
            escape(&self.made),
        );
        for (id, caption, values) in [
            ("true", "By the true equations", &self.grid.truth),
            ("learned", "By the learned model", &self.grid.learned),
        ] {
            let figure = self.heatmap(&format!("landscape-{id}"), values).html();
            let _ = write!(body, "<figure><h3>{caption}</h3>\n{figure}</figure>\n");
        }
        body + "</div>\n</section>\n"
    }

    /// The place of the highest value, with the names of the axes.
    fn highest(&self) -> String {
        let [x, y] = &self.scene.axes;
        format!("{:+.2} ({}), {:+.2} ({})", self.maximum[0], x.label, self.maximum[1], y.label)
    }

    fn trial(&self) -> String {
        let mut body = format!(
            "<section id=\"trial\">\n<h2>{}</h2>\n<p>{}, from {}. Left: what the camera sees. Right: the \
             model's reconstruction from its filtered state, blank until the filter has started. A bar below \
             is a control: from the middle to the left if it is below the center of its limits, to the right \
             if above, and to the edge at a limit. The animation \
             shows the first {:.0} s. No reward told the policy where to go.</p>\n",
            escape(&self.scene.trial),
            escape(&self.recorded.policy),
            escape(&self.scene.start),
            self.animated.min(self.recorded.seen.len()) as f64 * self.recorded.dt,
        );
        let frames = film::frames(&self.recorded, self.animated);
        let film = data_uri("image/png", &animation(&frames, self.recorded.dt));
        let _ = writeln!(
            body,
            "<img alt=\"Animation of the trial\" style=\"image-rendering:pixelated;max-width:100%\" \
             src=\"{film}\">\n<div class=\"grid\">"
        );
        for curve in &self.recorded.curves {
            let figure = self.line_figure(curve).html();
            let caption = escape(&curve.caption);
            let _ = write!(body, "<figure><h3>{caption}</h3>\n{figure}</figure>\n");
        }
        body + "</div>\n</section>\n"
    }

    fn table(&self) -> String {
        let mut body = format!(
            "<section id=\"trials\">\n<h2>Trials</h2>\n<p>{} A dash: never.</p>\n<div class=\"scroll\">\
             <table>\n<tr><th>policy</th><th>success</th><th>from {}</th><th>median steps</th></tr>\n",
            escape(&self.scene.rule),
            escape(&self.scene.start),
        );
        let steps = |steps: Option<usize>| steps.map_or("–".to_owned(), |s| s.to_string());
        for row in &self.rows {
            let _ = writeln!(
                body,
                "<tr><th>{}</th><td>{} of {}</td><td>{}</td><td>{}</td></tr>",
                escape(&row.name),
                row.success.0,
                row.success.1,
                steps(row.fixed_start),
                steps(row.median)
            );
        }
        body + "</table></div>\n</section>\n"
    }

    /// Lowest and highest value of both landscapes.
    fn limits(&self) -> (f64, f64) {
        let all = self.grid.truth.iter().chain(&self.grid.learned).filter(|v| v.is_finite());
        let limits =
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        if limits.0 < limits.1 { limits } else { (0.0, 1.0) }
    }

    /// The path of the trial, broken by NaN where it crosses the seam of an angle.
    fn path(&self) -> [Vec<f64>; 2] {
        let mut path: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let [xs, ys] = &self.recorded.path;
        for point in xs.iter().zip(ys).map(|(&x, &y)| [x, y]) {
            let seam =
                self.scene.axes.iter().zip(&path).zip(point).any(|((axis, along), to)| {
                    along.last().is_some_and(|&from| axis.breaks(from, to))
                });
            for (along, to) in path.iter_mut().zip(point) {
                along.extend(seam.then_some(f64::NAN));
                along.push(to);
            }
        }
        path
    }

    fn heatmap(&self, id: &str, values: &Array2<f64>) -> Figure {
        let rows: Vec<Value> =
            values.rows().into_iter().map(|row| short_all(row.iter().copied())).collect();
        let (low, high) = self.limits();
        let [x, y] = self.path();
        let [horizontal, vertical] = &self.scene.axes;
        Figure {
            id: id.into(),
            height: 420,
            traces: vec![
                json!({
                    "type": "heatmap", "x": short_all(self.grid.columns.iter().copied()),
                    "y": short_all(self.grid.rows.iter().copied()), "z": rows,
                    "zmin": short(low), "zmax": short(high), "colorscale": "Viridis",
                    "colorbar": { "title": { "text": "nats" }, "thickness": 12 },
                }),
                json!({
                    "type": "scatter", "mode": "lines", "x": short_all(x), "y": short_all(y),
                    "line": { "color": "#ffffff", "width": 2 }, "hoverinfo": "skip",
                }),
            ],
            layout: layout(json!({
                "xaxis": axis(&horizontal.label, json!({})),
                "yaxis": axis(&vertical.label, json!({})),
            })),
        }
    }

    fn line_figure(&self, curve: &Curve) -> Figure {
        let time = (0..curve.values.len()).map(|t| t as f64 * self.recorded.dt);
        Figure {
            id: curve.id.clone(),
            height: 240,
            traces: vec![json!({
                "type": "scatter", "mode": "lines", "x": short_all(time),
                "y": short_all(curve.values.iter().copied()),
                "line": { "color": COLORS[0], "width": 1.5 },
            })],
            layout: layout(json!({
                "xaxis": axis("seconds", json!({})),
                "yaxis": axis(&curve.unit, json!({})),
            })),
        }
    }
}
