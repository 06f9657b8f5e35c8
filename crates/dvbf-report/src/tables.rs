//! The tables of a report.

use super::html::{count, error, escape, number};
use dvbf_run::settings::Settings;
use dvbf_run::{Columns, OpenLoopRow, Summary};
use dvbf_train::eval::KARL_2017_R2;
use std::fmt::Write as _;

/// A table with a row of headings; the first column is text, the others are numbers.
pub(super) fn table(head: &[String], rows: &[(String, Vec<String>)]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for cell in head {
        let _ = write!(out, "<th scope=\"col\">{cell}</th>");
    }
    out += "</tr></thead><tbody>\n";
    for (label, cells) in rows {
        let _ = write!(out, "<tr><th scope=\"row\">{label}</th>");
        for cell in cells {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

/// R² by column, with the published figures where a column has one.
pub(super) fn r2(summary: &Summary) -> String {
    let names: Vec<&String> = summary.r2.sample.keys().collect();
    let mut head = vec![String::new()];
    head.extend(names.iter().map(|name| escape(name)));
    let row = |label: &str, columns: &Columns| {
        let cell = |name: &&String| columns.get(*name).map_or("–".into(), |&v| number(v, 4));
        (label.to_owned(), names.iter().map(cell).collect::<Vec<String>>())
    };
    let mut rows = vec![
        row("Posterior samples", &summary.r2.sample),
        row("Posterior means", &summary.r2.mean),
        row("Samples, cubic read-out", &summary.r2.nonlinear),
    ];
    if !summary.r2.direct.is_empty() {
        rows.push(row("Means, without regression", &summary.r2.direct));
    }
    let published: Columns = KARL_2017_R2.iter().map(|&(n, v)| (n.to_owned(), v)).collect();
    if names.iter().any(|name| published.contains_key(*name)) {
        let cell = |name: &&String| published.get(*name).map_or("–".into(), |&v| number(v, 3));
        let label = "<em>Karl et al. 2017, table 1</em>".to_owned();
        rows.push((label, names.iter().map(cell).collect()));
    }
    table(&head, &rows)
}

/// Constants of the differential equation inside, beside the true ones; nothing without one.
pub(super) fn constants(summary: &Summary) -> Option<String> {
    let constants = summary.constants.as_ref()?;
    let head = ["Constant", "Learned", "95 % interval", "True", "Unit"].map(String::from);
    let rows: Vec<(String, Vec<String>)> = constants
        .iter()
        .map(|(name, of)| {
            let plain = |value: Option<f64>| value.map_or("–".into(), |v| number(v, 4));
            let interval = match (of.low, of.high) {
                _ if of.fixed => "fixed".into(),
                (Some(low), Some(high)) => format!("{} to {}", number(low, 4), number(high, 4)),
                _ => "–".into(),
            };
            let open = "not identified: depends on the unit in which the state is drawn";
            let none = if of.open { open } else { "not identified: the data do not tell" };
            let estimate = of.estimate.map_or(none.into(), |v| number(v, 4));
            (escape(name), vec![estimate, interval, plain(of.truth), escape(&of.unit)])
        })
        .collect();
    Some(table(&head, &rows))
}

/// What the mean of all training frames is called.
fn mean_name(summary: &Summary) -> &'static str {
    if summary.recordings.is_some() { "Mean" } else { "Mean image" }
}

/// Open-loop error by horizon; the smallest of a row is set in bold.
pub(super) fn open_loop(summary: &Summary) -> String {
    let known = summary.open_loop.values().any(|row| row.physics.is_some());
    let mut head = vec!["Predicted frames", "Model"];
    head.extend(known.then_some("True equations*"));
    let linear = summary.open_loop.values().any(|row| row.linear.is_some());
    let kalman = summary.open_loop.values().any(|row| row.kalman.is_some());
    head.extend(linear.then_some("Linear autoregression"));
    head.extend(kalman.then_some("Components, Kalman filter"));
    head.extend([mean_name(summary), "Persistence"]);
    let row = |(horizon, row): (&usize, &OpenLoopRow)| {
        let mut values = vec![row.model];
        values.extend(known.then_some(row.physics.unwrap_or(f64::NAN)));
        values.extend(linear.then_some(row.linear.unwrap_or(f64::NAN)));
        values.extend(kalman.then_some(row.kalman.unwrap_or(f64::NAN)));
        values.extend([row.mean_image, row.persistence]);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let cell = |v: f64| {
            let text = error(v);
            if v <= least && v.is_finite() { format!("<strong>{text}</strong>") } else { text }
        };
        (horizon.to_string(), values.into_iter().map(cell).collect())
    };
    let rows: Vec<_> = summary.open_loop.iter().map(row).collect();
    table(&head.into_iter().map(str::to_owned).collect::<Vec<_>>(), &rows)
}

/// The bound and its parts.
pub(super) fn bound(summary: &Summary, settings: &Settings) -> String {
    let bound = &summary.bound;
    let mut head = vec!["", "Bound", "Reconstruction", "KL divergence"];
    let mut cells = vec![bound.total, bound.reconstruction, bound.kl];
    let weighted =
        format!("Importance-weighted, {} samples", settings.evaluation.importance_samples);
    if let Some(value) = bound.iwae64 {
        head.push(&weighted);
        cells.push(value);
    }
    let head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    let cells = cells.into_iter().map(|v| number(v, 2)).collect();
    table(&head, &[("Nats per sequence".into(), cells)])
}

/// Every setting, one group a block.
pub(super) fn settings(settings: &Settings) -> String {
    let mut groups: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for (key, value) in settings.entries() {
        let (group, name) = key.split_once('.').unwrap_or(("run", &key));
        match groups.iter_mut().find(|(g, _)| g == group) {
            Some((_, entries)) => entries.push((name.to_owned(), value)),
            None => groups.push((group.to_owned(), vec![(name.to_owned(), value)])),
        }
    }
    let mut out = String::from("<div class=\"settings\">\n");
    for (group, entries) in groups {
        let _ = write!(out, "<section><h3>{}</h3><dl>", escape(&group));
        for (name, value) in entries {
            let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(&name), escape(&value));
        }
        out += "</dl></section>\n";
    }
    out + "</div>\n"
}

/// What the run was, in one line.
pub(super) fn subtitle(summary: &Summary) -> String {
    let threads = if summary.threads == 1 { "thread" } else { "threads" };
    let kept = summary.kept_model().map_or_else(String::new, |kept| format!("; {kept}"));
    format!(
        "Preset <strong>{}</strong>, seed {}. {} updates in {} on {} {threads}{kept}. Latent state of {} {}.",
        escape(&summary.preset),
        summary.seed,
        count(summary.steps),
        duration(summary.seconds),
        summary.threads,
        summary.latent_dim,
        if summary.latent_dim == 1 { "dimension" } else { "dimensions" },
    )
}

/// A time in the unit that suits it.
fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        "an unknown time".into()
    } else if seconds < 120.0 {
        format!("{} s", number(seconds, 1))
    } else if seconds < 7200.0 {
        format!("{} min", number(seconds / 60.0, 1))
    } else {
        format!("{} h", number(seconds / 3600.0, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_a_suitable_unit() {
        assert_eq!(duration(64.29), "64.3 s");
        assert_eq!(duration(600.0), "10.0 min");
        assert_eq!(duration(9000.0), "2.5 h");
        assert_eq!(duration(f64::NAN), "an unknown time");
    }
}
