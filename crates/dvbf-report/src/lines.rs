//! Sequences of vectors as lines: what was observed, and what the model says, channel by channel.

use super::figure::{COLORS, Figure, axis, layout, short, short_all};
use super::sequences::Example;
use dvbf_data::Dataset;
use serde_json::{Value, json};

/// Channels of a figure, at most.
const CHANNELS: usize = 6;

/// The figure of one example, sequence `place` of `data`, in the units of the recordings: dots where
/// something was observed, a line for the model, on a shaded ground while it sees the observations.
pub(super) fn figure(example: &Example, (place, data): (usize, &Dataset)) -> Figure {
    let (frames, width) = example.truth.dim();
    let times = short_all((0..frames).map(|t| t as f64 * data.dt));
    let mut traces: Vec<Value> = Vec::new();
    for x in 0..width.min(CHANNELS) {
        let raw = |value: f32| {
            let units = data.units.as_ref().map(|units| &units.observation);
            let (mean, scale) = units.map_or((0.0, 1.0), |c| (c.mean()[x], c.scale()[x]));
            f64::from(value * scale) + mean
        };
        let observed = (0..frames).map(|t| {
            let seen = data.is_observed((place, t, x));
            if seen { raw(example.truth[[t, x]]) } else { f64::NAN }
        });
        let name = data.names.get(x).cloned().unwrap_or_else(|| format!("x{x}"));
        let color = COLORS[x % COLORS.len()];
        traces.push(json!({
            "type": "scatter", "mode": "markers", "x": times, "y": short_all(observed),
            "marker": { "size": 4, "color": color, "opacity": 0.55 },
            "name": format!("{name}, observed"),
        }));
        traces.push(json!({
            "type": "scatter", "mode": "lines", "x": times,
            "y": short_all(example.model.column(x).iter().map(|&v| raw(v))),
            "line": { "width": 1.6, "color": color },
            "name": format!("{name}, model"),
        }));
    }
    let border = (example.filtered as f64 - 0.5) * data.dt;
    Figure {
        id: format!("lines-{}", example.index),
        height: 300,
        traces,
        layout: layout(json!({
            "showlegend": true,
            "xaxis": axis("seconds", json!({})),
            "yaxis": axis("observation", json!({})),
            "shapes": [{
                "type": "rect", "xref": "x", "yref": "paper", "layer": "below",
                "x0": 0.0, "x1": short(border), "y0": 0.0, "y1": 1.0,
                "fillcolor": "rgba(222,120,20,0.10)", "line": { "width": 0 },
            }],
        })),
    }
}

/// What is left out of the figures, if anything is.
pub(super) fn note(data: &Dataset) -> Option<String> {
    let width = data.observations.dim().2;
    (width > CHANNELS).then(|| format!("Of {width} channels the first {CHANNELS} are shown."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::{Channels, Units};
    use ndarray::{Array2, Array3};

    #[test]
    fn lines_are_in_the_units_of_the_recordings_and_gaps_are_gaps() {
        let mut data = Dataset::observed(Array3::ones((1, 3, 2)), Array3::zeros((1, 3, 1)));
        let mut mask = Array3::ones((1, 3, 2));
        mask[[0, 1, 1]] = 0.0;
        data.mask = Some(mask);
        data.names = vec!["left".into(), "right".into()];
        let channels = Channels::new(vec![0.0, 10.0], vec![1.0, 4.0]);
        data.units = Some(Units { observation: channels, control: Channels::plain(1) });
        let example = Example {
            rank: "best".into(),
            index: 7,
            error: 0.0,
            filtered: 1,
            truth: Array2::ones((3, 2)),
            model: Array2::zeros((3, 2)),
        };
        let figure = figure(&example, (0, &data));
        assert_eq!(figure.traces.len(), 4);
        assert_eq!(figure.traces[2]["y"].to_string(), "[14.0,null,14.0]");
        assert_eq!(figure.traces[3]["y"].to_string(), "[10.0,10.0,10.0]");
        assert_eq!(figure.traces[3]["name"], "right, model");
        assert_eq!(note(&data), None);
    }
}
