//! A figure as plotly.js takes it: traces, layout, and nothing else.

use super::html;
use serde_json::{Map, Value, json};

/// Colors of lines, in this order.
pub(super) const COLORS: [&str; 6] =
    ["#1f6fb4", "#d1602b", "#3a8a4d", "#8055a8", "#7a7a7a", "#b03a64"];

/// Traces and layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// Unique in the page.
    pub(super) id: String,
    /// Height in pixels; the width is that of the page's column.
    pub(super) height: u32,
    pub(super) traces: Vec<Value>,
    pub(super) layout: Value,
}

impl Figure {
    /// The place of the figure, and its data beside it.
    pub(super) fn html(&self) -> String {
        let spec = json!({ "data": self.traces, "layout": self.layout });
        format!(
            "<div class=\"plot\" id=\"{id}\" style=\"height:{height}px\"></div>\n\
             <script type=\"application/json\" data-for=\"{id}\">{spec}</script>\n",
            id = html::escape(&self.id),
            height = self.height,
            spec = html::json(&spec),
        )
    }
}

/// A number with four significant digits, which is more than a screen shows; `null` where there is
/// none. Plots leave `null` out.
pub(super) fn short(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    format!("{value:.3e}").parse::<f64>().map_or(Value::Null, Value::from)
}

/// Numbers with four significant digits.
pub(super) fn short_all(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(short).collect()
}

/// A layout without a title, with the page's font and small margins; `more` adds to it or replaces
/// what it names.
pub(super) fn layout(more: Value) -> Value {
    let base = json!({
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif",
            "size": 12,
            "color": "#3b4148",
        },
        "margin": { "l": 56, "r": 12, "t": 8, "b": 40 },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "modebar": { "bgcolor": "rgba(0,0,0,0)", "color": "#9aa2ab", "activecolor": "#3b4148" },
        "showlegend": false,
    });
    merge(base, more)
}

/// An axis with pale grid lines; `more` adds to it.
pub(super) fn axis(title: &str, more: Value) -> Value {
    let base = json!({
        "title": { "text": title, "standoff": 6 },
        "gridcolor": "#e6e8eb",
        "linecolor": "#c5cad0",
        "zeroline": false,
        "automargin": true,
    });
    merge(base, more)
}

fn merge(base: Value, more: Value) -> Value {
    let (Value::Object(mut base), Value::Object(more)) = (base, more) else {
        return Value::Object(Map::new());
    };
    base.extend(more);
    Value::Object(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_what_is_none_is_null() {
        let values = [1.234_567, -0.000_123_456, f64::NAN, f64::INFINITY, 0.0];
        assert_eq!(short_all(values).to_string(), "[1.235,-0.0001235,null,null,0.0]");
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        let figure = Figure {
            id: "a\"b".into(),
            height: 10,
            traces: vec![json!({ "name": "</script><b>" })],
            layout: layout(json!({})),
        };
        let text = figure.html();
        assert_eq!(text.matches("</script>").count(), 1, "{text}");
        assert!(!text.contains("<b>") && text.contains("a&quot;b"), "{text}");
    }
}
