//! Curves over the updates of a run, and over the frames of a prediction.

use super::figure::{COLORS, Figure, axis, layout};
use dvbf_run::LogRecord;
use dvbf_train::eval::{Baselines, OpenLoop};
use serde_json::{Value, json};

/// A figure with its caption.
pub(super) type Captioned = (String, Figure);

/// One line of a figure.
struct Line {
    name: String,
    values: Vec<f64>,
}

fn line(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Line {
    Line { name: name.into(), values: values.into_iter().collect() }
}

/// The curves of a training.
pub(super) fn training(history: &[LogRecord]) -> Vec<Captioned> {
    let of = |f: fn(&LogRecord) -> f64| history.iter().map(f).collect::<Vec<f64>>();
    let steps: Vec<f64> = history.iter().map(|r| r.step as f64).collect();
    let figure = |id: &str, caption: &str, scale: Scale, lines: Vec<Line>| {
        (caption.to_owned(), plot(id, ("update", &steps), scale, &lines))
    };
    let columns: std::collections::BTreeSet<&String> =
        history.iter().flat_map(|r| r.r2.keys()).collect();
    let r2 = columns.iter().map(|&name| {
        line(name, history.iter().map(|r| r.r2.get(name).copied().unwrap_or(f64::NAN)))
    });
    let horizon = history.last().map_or(0, |r| r.open_loop_horizon);
    let mut figures = vec![
        figure(
            "curve-bound",
            "Bound, nats",
            Scale::Late,
            vec![line("training", of(|r| r.bound)), line("validation", of(|r| r.validation_bound))],
        ),
        figure(
            "curve-kl",
            "KL divergence, nats",
            Scale::Linear,
            vec![line("training", of(|r| r.kl)), line("validation", of(|r| r.validation_kl))],
        ),
        figure(
            "curve-open-loop",
            &format!("Open-loop error, {horizon} frames"),
            Scale::Log,
            vec![line("model", of(|r| r.open_loop))],
        ),
        figure(
            "curve-gradient",
            "Gradient norm before clipping",
            Scale::Log,
            vec![line("gradient norm", of(|r| r.grad_norm))],
        ),
        figure(
            "curve-learning-rate",
            "Learning rate",
            Scale::Log,
            vec![line("learning rate", of(|r| r.learning_rate))],
        ),
    ];
    let names: std::collections::BTreeSet<&String> =
        history.iter().flat_map(|r| r.constants.keys()).collect();
    let constants: Vec<Line> = names
        .into_iter()
        .map(|name| {
            let of = |r: &LogRecord| r.constants.get(name).copied().unwrap_or(f64::NAN);
            line(name, history.iter().map(of))
        })
        .collect();
    if !constants.is_empty() {
        figures.push(figure("curve-constants", "Learned constants", Scale::Linear, constants));
    }
    let r2: Vec<Line> = r2.collect();
    if !r2.is_empty() {
        figures.insert(2, figure("curve-r2", "R² of the true state", Scale::Late, r2));
    }
    figures
}

/// Open-loop error by predicted frame.
pub(super) fn by_frame(model: &OpenLoop, baselines: &Baselines, images: bool) -> Figure {
    let errors = |name: &'static str, of: &OpenLoop| {
        line(name, of.by_frame.iter().map(|error| error.unwrap_or(f64::NAN)))
    };
    let mut lines = vec![errors("model", model)];
    lines.extend(baselines.physics.iter().map(|of| errors("true equations, slightly off", of)));
    lines.extend(baselines.linear.iter().map(|of| errors("linear autoregression", of)));
    lines.extend(baselines.kalman.iter().map(|of| errors("components, Kalman filter", of)));
    let mean = if images { "mean image" } else { "mean" };
    lines.push(errors(mean, &baselines.mean_image));
    lines.push(errors("persistence", &baselines.persistence));
    let frames: Vec<f64> = (1..=model.by_frame.len()).map(|t| t as f64).collect();
    let mut figure = plot("by-frame", ("predicted frame", &frames), Scale::Log, &lines);
    figure.height = 340;
    figure
}

/// How the vertical axis is divided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
    /// Linear, cut so that the first tenth of the values does not hide the rest.
    Late,
}

fn plot(id: &str, (title, x): (&str, &[f64]), scale: Scale, lines: &[Line]) -> Figure {
    let drawable = |v: f64| if scale == Scale::Log && v <= 0.0 { f64::NAN } else { v };
    let trace = |(i, line): (usize, &Line)| {
        json!({
            "type": "scatter",
            "mode": if x.len() < 2 { "markers" } else { "lines" },
            "name": line.name,
            "x": x,
            // What is not finite becomes `null`, a gap in the line.
            "y": line.values.iter().map(|&v| drawable(v)).collect::<Vec<f64>>(),
            "line": { "color": COLORS[i % COLORS.len()], "width": 2 },
            "hovertemplate": "%{x}: %{y:.4~g}",
        })
    };
    let mut vertical = axis("", json!({}));
    match scale {
        Scale::Linear => {}
        Scale::Log => {
            vertical["type"] = json!("log");
            vertical["exponentformat"] = json!("power");
            vertical["dtick"] = log_ticks(lines);
        }
        Scale::Late => {
            if let Some(range) = late_range(lines) {
                vertical["range"] = range;
            }
        }
    }
    Figure {
        id: id.into(),
        height: 250,
        traces: lines.iter().enumerate().map(trace).collect(),
        layout: layout(json!({
            "xaxis": axis(title, json!({ "rangemode": "tozero" })),
            "yaxis": vertical,
            "showlegend": lines.len() > 1,
            "legend": { "orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom" },
            "margin": { "l": 56, "r": 12, "t": if lines.len() > 1 { 30 } else { 8 }, "b": 40 },
        })),
    }
}

/// A tick for every power of ten, unless the values span less than two.
fn log_ticks(lines: &[Line]) -> Value {
    let values = || lines.iter().flat_map(|l| l.values.iter().copied()).filter(|v| *v > 0.0);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().filter(|v| v.is_finite()).fold(0.0, f64::max);
    if high / low > 100.0 { json!(1) } else { json!("D2") }
}

/// A range that holds all but the first tenth of every line; nothing if no value is finite.
fn late_range(lines: &[Line]) -> Option<Value> {
    let late = |line: &Line| {
        let from = line.values.len().div_ceil(10).min(line.values.len().saturating_sub(1));
        line.values[from..].iter().copied().filter(|v| v.is_finite()).collect::<Vec<f64>>()
    };
    let values: Vec<f64> = lines.iter().flat_map(late).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = 0.06 * (high - low).max(1e-9 * high.abs());
    (low <= high).then(|| json!([low - margin, high + margin]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_values_do_not_set_the_range_and_none_set_none() {
        let mut values = vec![-1e6];
        values.extend((1..20).map(f64::from));
        let range = late_range(&[line("a", values)]).unwrap();
        let low = range[0].as_f64().unwrap();
        assert!(low > -2.0 && low < 3.0, "{range}");
        assert_eq!(late_range(&[line("a", [f64::NAN, f64::INFINITY])]), None);
        assert_eq!(late_range(&[line("a", [])]), None);
        let one = late_range(&[line("a", [5.0])]).unwrap();
        assert!(one[0].as_f64() <= Some(5.0) && one[1].as_f64() >= Some(5.0), "{one}");
    }

    #[test]
    fn a_logarithmic_axis_gets_no_zero() {
        let lines = [line("a", [0.0, -1.0, 10.0, f64::NAN])];
        let figure = plot("id", ("update", &[1.0, 2.0, 3.0, 4.0]), Scale::Log, &lines);
        assert_eq!(figure.traces[0]["y"].to_string(), "[null,null,10.0,null]");
    }

    #[test]
    fn no_history_is_no_trouble() {
        for (_, figure) in training(&[]) {
            assert!(figure.html().contains("application/json"));
        }
    }
}
