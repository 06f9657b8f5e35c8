//! The latent space as figures that can be turned, one for every component of the true state.

use super::cloud::Cloud;
use super::figure::{Figure, axis, layout, short, short_all};
use super::palette::Palette;
use super::true_column::TrueColumn;
use super::view::Ring;
use dvbf_envs::StateKind;
use serde_json::{Value, json};

/// Browsers hold few drawing contexts, and every figure in three dimensions takes one.
pub(super) const MOST_FIGURES: usize = 4;

/// The color scale of a component of the true state.
pub(super) fn palette(kind: StateKind) -> Palette {
    match kind {
        StateKind::Angle => Palette::Cyclic,
        StateKind::Linear => Palette::Sequential,
    }
}

/// One figure for every component of the true state, up to [`MOST_FIGURES`].
pub(super) fn figures(cloud: &Cloud) -> Vec<(String, Figure)> {
    let colored = |(i, column): (usize, &TrueColumn)| {
        let figure = Figure {
            id: format!("latent-{i}"),
            height: 460,
            traces: [vec![trace(cloud, column)], rings(cloud)].concat(),
            layout: scene(cloud),
        };
        (column.caption(), figure)
    };
    cloud.columns.iter().take(MOST_FIGURES).enumerate().map(colored).collect()
}

fn trace(cloud: &Cloud, column: &TrueColumn) -> Value {
    let (low, high) = column.limits();
    let mut bar = json!({
        "title": { "text": column.label(), "side": "right" },
        "thickness": 12, "len": 0.8, "outlinewidth": 0, "x": 1.0,
    });
    if column.kind == StateKind::Angle {
        let quarter = high / 2.0;
        bar["tickvals"] = short_all([-2.0, -1.0, 0.0, 1.0, 2.0].map(|k| k * quarter));
        bar["ticktext"] = json!(["−π", "−π/2", "0", "π/2", "π"]);
    }
    let coordinates = cloud.coordinates();
    let solid = coordinates.len() == 3;
    let mut trace = json!({
        "type": if solid { "scatter3d" } else { "scatter" },
        "mode": "markers",
        "marker": {
            "size": if solid { 2.6 } else { 4.0 },
            "opacity": if solid { 1.0 } else { 0.8 },
            "color": short_all(column.values.iter().copied()),
            "colorscale": palette(column.kind).stops(),
            "cmin": short(low), "cmax": short(high),
            "colorbar": bar,
        },
        "hovertemplate": format!("{} %{{marker.color:.3g}}<extra></extra>", plain(&column.name)),
    });
    for ((_, values), key) in coordinates.iter().zip(["x", "y", "z"]) {
        trace[key] = short_all(values.iter().copied());
    }
    trace
}

/// Lines where a linear map from the true state puts the latent state.
fn rings(cloud: &Cloud) -> Vec<Value> {
    if cloud.coordinates().len() != 3 {
        return Vec::new();
    }
    let line = |ring: &Ring| {
        let along = |axis: usize| short_all(ring.iter().map(|point| point[axis]));
        json!({
            "type": "scatter3d", "mode": "lines", "hoverinfo": "skip",
            "x": along(0), "y": along(1), "z": along(2),
            "line": { "color": "rgba(45,50,56,0.55)", "width": 3 },
        })
    };
    cloud.view().rings().iter().map(line).collect()
}

/// Without what a template or a label would interpret.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '<' | '>' | '%' | '{' | '}' | '&')).collect()
}

fn scene(cloud: &Cloud) -> Value {
    let coordinates = cloud.coordinates();
    let titles: Vec<&str> = coordinates.iter().map(|(name, _)| name.as_str()).collect();
    let [x, y, z] = titles[..] else {
        let title = |i: usize| titles.get(i).copied().unwrap_or_default();
        return layout(json!({
            "xaxis": axis(title(0), json!({})),
            "yaxis": axis(title(1), json!({})),
        }));
    };
    let view = cloud.view();
    let (eye, up) = (view.eye() * 2.15, view.up);
    let ruled = |title: &str| {
        json!({
            "title": { "text": title }, "showbackground": false, "zeroline": false,
            "gridcolor": "#e3e6ea", "linecolor": "#c5cad0", "showspikes": false,
            "nticks": 5, "tickfont": { "size": 10 },
        })
    };
    layout(json!({
        "margin": { "l": 0, "r": 0, "t": 0, "b": 0 },
        "scene": {
            "xaxis": ruled(x), "yaxis": ruled(y), "zaxis": ruled(z),
            "aspectmode": "cube",
            "dragmode": "orbit",
            "camera": {
                "eye": { "x": short(eye.x), "y": short(eye.y), "z": short(eye.z) },
                "up": { "x": short(up.x), "y": short(up.y), "z": short(up.z) },
                "center": { "x": 0, "y": 0, "z": 0 },
            },
        },
    }))
}
