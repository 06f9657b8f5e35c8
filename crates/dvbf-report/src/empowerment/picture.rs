//! Both landscapes side by side with the path of the trial, an SVG file.

use super::super::html::escape;
use super::super::preview::svg;
use super::EmpowermentPage;
use ndarray::Array2;
use std::fmt::Write as _;

/// Width and height of a panel, and the space left of and above it.
const SIDE: (f64, f64) = (380.0, 320.0);
const LEFT: f64 = 64.0;
const TOP: f64 = 34.0;

/// Blue to yellow, in even steps.
const SCALE: [[f64; 3]; 5] = [
    [68.0, 1.0, 84.0],
    [59.0, 82.0, 139.0],
    [33.0, 145.0, 140.0],
    [94.0, 201.0, 98.0],
    [253.0, 231.0, 37.0],
];

impl EmpowermentPage {
    /// The landscapes side by side with the path of the trial, an SVG file.
    pub fn svg(&self) -> String {
        let mut body = String::new();
        for (panel, (caption, values)) in [
            ("by the true equations", &self.grid.truth),
            ("learned from video", &self.grid.learned),
        ]
        .into_iter()
        .enumerate()
        {
            let left = LEFT + panel as f64 * (SIDE.0 + LEFT);
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"22\" text-anchor=\"middle\" font-size=\"15\">Empowerment, \
                 {caption}</text>\n<rect x=\"{left}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" \
                 fill=\"#eceef0\"/>",
                left + SIDE.0 / 2.0,
                SIDE.0,
                SIDE.1
            );
            body += &self.cells(left, values);
            body += &self.line(left);
            body += &self.ticks(left);
        }
        let (width, height) = (2.0 * (SIDE.0 + LEFT) + 10.0, TOP + SIDE.1 + 30.0);
        svg(width, height, &format!("<g font-size=\"11\">\n{body}</g>\n"))
    }

    fn cells(&self, left: f64, values: &Array2<f64>) -> String {
        let (low, high) = self.limits();
        let (columns, rows) = (self.grid.columns.len() as f64, self.grid.rows.len() as f64);
        let (w, h) = (SIDE.0 / columns, SIDE.1 / rows);
        let mut out = String::new();
        for ((row, column), &value) in values.indexed_iter().filter(|(_, v)| v.is_finite()) {
            let (x, y) = (left + column as f64 * w, TOP + SIDE.1 - (row + 1) as f64 * h);
            let color = color((value - low) / (high - low));
            let _ = write!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\"/>",
                w + 0.3,
                h + 0.3
            );
        }
        out
    }

    fn ticks(&self, left: f64) -> String {
        let mut out = String::new();
        let [horizontal, vertical] = &self.scene.axes;
        for (value, text) in &horizontal.ticks {
            let share = place(&self.grid.columns, *value);
            if (0.0..=1.0).contains(&share) {
                let (x, y) = (left + share * SIDE.0, TOP + SIDE.1 + 18.0);
                let text = escape(text);
                let _ = writeln!(
                    out,
                    "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"middle\">{text}</text>"
                );
            }
        }
        for (value, text) in &vertical.ticks {
            let share = place(&self.grid.rows, *value);
            if (0.0..=1.0).contains(&share) {
                let (x, y) = (left - 6.0, TOP + SIDE.1 * (1.0 - share) + 4.0);
                let text = escape(text);
                let _ = writeln!(
                    out,
                    "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{text}</text>"
                );
            }
        }
        out
    }

    fn line(&self, left: f64) -> String {
        let [x, y] = self.path();
        let mut out = String::from(
            "<path fill=\"none\" stroke=\"white\" stroke-width=\"2\" stroke-linejoin=\"round\" d=\"",
        );
        let mut begin = true;
        for (&x, &y) in x.iter().zip(&y) {
            if !x.is_finite() {
                begin = true;
                continue;
            }
            let x = left + place(&self.grid.columns, x).clamp(0.0, 1.0) * SIDE.0;
            let y = TOP + SIDE.1 * (1.0 - place(&self.grid.rows, y).clamp(0.0, 1.0));
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
