//! Whether one-step predictions know their errors: a table of coverage and the histogram of `Φ(z)`.

use super::figure::{COLORS, Figure, axis, layout, short_all};
use super::html::number;
use super::tables::table;
use dvbf_train::eval::{Calibration, Coverage};
use serde_json::json;

/// Coverage of central intervals, before and after scaling.
pub(super) fn coverage(figures: &Calibration) -> String {
    let head = ["Interval", "50 %", "90 %", "99 %"].map(str::to_owned);
    let row = |label: &str, of: &Coverage| {
        let percent = |p: f64| format!("{} %", number(100.0 * p, 1));
        (label.to_owned(), vec![percent(of.p50), percent(of.p90), percent(of.p99)])
    };
    let scale = number(figures.scale, 3);
    table(
        &head,
        &[
            row("Validation set", &figures.validation),
            row("Test set", &figures.test),
            row(&format!("Test set, standard deviations times {scale}"), &figures.test_scaled),
        ],
    )
}

/// Figures of the whole observation.
pub(super) fn scores(figures: &Calibration) -> String {
    format!(
        "<p class=\"note\">Log-likelihood of a step of the test set, as a density in the units of the \
         recordings: {} nats as the model says, {} with the scale. Normalized innovation squared over its degrees of freedom, as the model says: \
         {}; it is one if the covariance is right.</p>\n",
        number(figures.log_likelihood, 2),
        number(figures.log_likelihood_scaled, 2),
        number(figures.nis, 3),
    )
}

/// The histogram of the probability integral transform; flat if all is right.
pub(super) fn pit(figures: &Calibration) -> Figure {
    let bars = figures.pit.len() as f64;
    let centers: Vec<f64> = (0..figures.pit.len()).map(|i| (i as f64 + 0.5) / bars).collect();
    let trace = |name: &str, heights: &[f64], color: &str| {
        json!({
            "type": "bar",
            "name": name,
            "x": centers,
            // In units of the flat histogram.
            "y": short_all(heights.iter().map(|h| h * bars)),
            "marker": { "color": color },
            "hovertemplate": "%{y:.3~g}",
        })
    };
    Figure {
        id: "pit".into(),
        height: 280,
        traces: vec![
            trace("as the model says", &figures.pit, COLORS[0]),
            trace("with the scale", &figures.pit_scaled, COLORS[1]),
        ],
        layout: layout(json!({
            "barmode": "group",
            "bargap": 0.08,
            "xaxis": axis("probability integral transform", json!({ "range": [0, 1] })),
            "yaxis": axis("density", json!({ "rangemode": "tozero" })),
            "showlegend": true,
            "legend": { "orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom" },
            "margin": { "l": 56, "r": 12, "t": 30, "b": 40 },
            "shapes": [{
                "type": "line", "x0": 0, "x1": 1, "y0": 1, "y1": 1,
                "line": { "color": "#7a7a7a", "width": 1, "dash": "dash" },
            }],
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_histogram_has_density_one() {
        let coverage = Coverage { p50: 0.5, p90: 0.9, p99: 0.99 };
        let flat = vec![0.05; 20];
        let figures = Calibration {
            scale: 0.5,
            validation: coverage,
            test: coverage,
            test_scaled: Coverage { p90: 0.123, ..coverage },
            nis: f64::NAN,
            log_likelihood: 1.0,
            log_likelihood_scaled: 2.0,
            pit: flat.clone(),
            pit_scaled: flat,
        };
        let figure = pit(&figures);
        assert_eq!(figure.traces[1]["y"], json!(vec![1.0; 20]));
        let text = super::coverage(&figures);
        assert!(text.contains("12.3 %") && text.contains("times 0.500"), "{text}");
        assert!(scores(&figures).contains("not finite"));
    }
}
