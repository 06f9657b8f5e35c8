//! The force on a skin: tables, the force over time, the loading loop, the error by seconds of labels, and the
//! skin as a map that moves.

use super::figure::{COLORS, Figure, axis, layout, short, short_all};
use super::html::{data_uri, number};
use super::raster::{Raster, animation, gray};
use super::tables::table;
use dvbf_run::{FORCE_METHODS, ForcePiece, ForceSeries, ForceTable, LABEL_SECONDS};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Pixels of a taxel on the map, and between two maps.
const PIXELS: usize = 26;
const GAP: usize = 12;
/// Readings that are white.
const BRIGHT: f32 = 0.6;

/// The section about the force; the figures need the series.
pub(super) fn body(forces: &ForceTable, series: Option<&ForceSeries>) -> String {
    let mut body = String::from(
        "<p>The filter was trained without labels. A read-out was then fitted to seconds of a reference sensor \
         (<em>learned</em>), and everything else had the same seconds. <em>grey_box</em> knows the equations of the \
         sensor and estimates their constants; <em>oracle</em> is told the constants too. <em>dvbf</em> is the \
         learned filter or the grey box, whichever tells a left-out quarter of the labels better. Errors are in \
         percent of full scale, on other trajectories and another temperature.</p>\n<h3>With 20 s of labels</h3>\n",
    );
    body += &figures(forces);
    body += "<h3>RMSE by seconds of labels</h3>\n";
    body += &by_seconds(forces);
    body += &shown("Error by seconds of labels", &curves(forces));
    if let Some(series) = series {
        body += &shown("Force over time", &over_time(series));
        body += &shown("Triangles: what is told against the true force", &loops(&series.triangles));
        if !series.raw.is_empty() && series.raw.len() == series.believed.len() {
            let _ = write!(
                body,
                "<figure><h3>The skin as it reads (left) and as the filter believes it to be (right)</h3>\n\
                 <img alt=\"Maps of all taxels over time\" src=\"{}\"></figure>\n",
                data_uri("image/png", &map(series))
            );
        }
    }
    body
}

fn shown(caption: &str, figure: &Figure) -> String {
    format!("<figure><h3>{caption}</h3>\n{}</figure>\n", figure.html())
}

fn figures(forces: &ForceTable) -> String {
    let head = ["", "RMSE", "hysteresis", "creep", "drift", "within 90 %", "delay"];
    let row = |method: &&str| {
        let of = forces.get(*method)?.get("20")?;
        let cells = vec![
            number(of.rmse_percent, 2),
            number(of.hysteresis_percent, 2),
            number(of.creep_percent, 2),
            number(of.drift_percent, 2),
            format!("{} %", number(100.0 * of.coverage90, 1)),
            format!("{} ms", number(of.delay_ms, 0)),
        ];
        Some(((*method).to_owned(), cells))
    };
    let rows: Vec<_> = FORCE_METHODS.iter().filter_map(row).collect();
    table(&head.map(str::to_owned), &rows)
}

fn by_seconds(forces: &ForceTable) -> String {
    let mut head = vec![String::new()];
    head.extend(LABEL_SECONDS.iter().map(|seconds| format!("{seconds} s")));
    let row = |method: &&str| {
        let of = forces.get(*method)?;
        let cell = |seconds: &u32| {
            of.get(&seconds.to_string()).map_or("–".into(), |of| number(of.rmse_percent, 2))
        };
        Some(((*method).to_owned(), LABEL_SECONDS.iter().map(cell).collect::<Vec<_>>()))
    };
    let rows: Vec<_> = FORCE_METHODS.iter().filter_map(row).collect();
    table(&head, &rows)
}

fn curves(forces: &ForceTable) -> Figure {
    let trace = |(i, method): (usize, &&str)| {
        let of = forces.get(*method)?;
        let error = |s: &u32| of.get(&s.to_string()).map_or(f64::NAN, |of| of.rmse_percent);
        let width = if *method == "dvbf" { 3.0 } else { 1.4 };
        let dash = if i < COLORS.len() { "solid" } else { "dash" };
        Some(json!({
            "type": "scatter", "mode": "lines+markers", "name": method,
            "x": LABEL_SECONDS, "y": short_all(LABEL_SECONDS.iter().map(error)),
            "line": { "width": width, "color": COLORS[i % COLORS.len()], "dash": dash },
        }))
    };
    Figure {
        id: "force-labels".into(),
        height: 340,
        traces: FORCE_METHODS.iter().enumerate().filter_map(trace).collect(),
        layout: layout(json!({
            "showlegend": true,
            "xaxis": axis("seconds of labels", json!({ "type": "log" })),
            "yaxis": axis("RMSE, % of full scale", json!({ "type": "log" })),
        })),
    }
}

fn over_time(series: &ForceSeries) -> Figure {
    let piece = &series.random;
    let times = short_all((0..piece.truth.len()).map(|t| t as f64 * series.dt));
    let line = |name: &str, values: &[f32], color: &str, width: f64| {
        json!({
            "type": "scatter", "mode": "lines", "name": name, "x": times,
            "y": short_all(values.iter().copied().map(f64::from)),
            "line": { "width": width, "color": color },
        })
    };
    let mut traces: Vec<Value> = Vec::new();
    if let Some(own) = piece.estimates.get("dvbf") {
        let edge = |sign: f32| -> Vec<f32> {
            own.iter().zip(&piece.half_width).map(|(v, half)| v + sign * half).collect()
        };
        for (sign, fill) in [(-1.0, "none"), (1.0, "tonexty")] {
            traces.push(json!({
                "type": "scatter", "mode": "lines", "x": times, "showlegend": sign > 0.0,
                "name": "dvbf, 90 %", "y": short_all(edge(sign).into_iter().map(f64::from)),
                "line": { "width": 0 }, "fill": fill, "fillcolor": "rgba(60,110,200,0.22)",
            }));
        }
    }
    traces.push(line("true", &piece.truth, "#444444", 2.2));
    for (i, (name, values)) in piece.estimates.iter().enumerate() {
        traces.push(line(name, values, COLORS[i % COLORS.len()], 1.3));
    }
    Figure {
        id: "force-time".into(),
        height: 340,
        traces,
        layout: layout(json!({
            "showlegend": true,
            "xaxis": axis("seconds", json!({})),
            "yaxis": axis("force in N", json!({})),
        })),
    }
}

fn loops(piece: &ForcePiece) -> Figure {
    let truth = || short_all(piece.truth.iter().copied().map(f64::from));
    let peak = piece.truth.iter().copied().fold(0.0, f32::max);
    let mut traces: Vec<Value> = piece
        .estimates
        .iter()
        .enumerate()
        .map(|(i, (name, values))| {
            json!({
                "type": "scatter", "mode": "lines", "name": name, "x": truth(),
                "y": short_all(values.iter().copied().map(f64::from)),
                "line": { "width": 1.2, "color": COLORS[i % COLORS.len()] },
            })
        })
        .collect();
    traces.push(json!({
        "type": "scatter", "mode": "lines", "name": "true",
        "x": [0.0, short(peak.into())], "y": [0.0, short(peak.into())],
        "line": { "width": 1.0, "color": "#444444", "dash": "dot" },
    }));
    Figure {
        id: "force-loop".into(),
        height: 360,
        traces,
        layout: layout(json!({
            "showlegend": true,
            "xaxis": axis("true force in N", json!({})),
            "yaxis": axis("told force in N", json!({})),
        })),
    }
}

/// The animation of both maps, as an animated PNG.
fn map(series: &ForceSeries) -> Vec<u8> {
    let (rows, cols) = series.grid;
    let (height, width) = (rows * PIXELS, cols * PIXELS);
    let frames: Vec<Raster> = series
        .raw
        .iter()
        .zip(&series.believed)
        .map(|(raw, believed)| {
            let mut image = Raster::new(2 * width + GAP, height, [255, 255, 255]);
            for (left, values) in [(0, raw), (width + GAP, believed)] {
                let light: ndarray::Array1<f32> =
                    values.iter().map(|v| (v / BRIGHT).clamp(0.0, 1.0)).collect();
                for (taxel, color) in gray(light.view()).into_iter().enumerate() {
                    let corner = (left + taxel % cols * PIXELS, taxel / cols * PIXELS);
                    image.fill(corner, (PIXELS - 1, PIXELS - 1), color);
                }
            }
            image
        })
        .collect();
    animation(&frames, series.dt * series.every as f64)
}
