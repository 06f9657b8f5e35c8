//! The tables at the end of a run.

use crate::terminal::{out, outln};
use dvbf::eval::{Columns, FORCE_METHODS, KARL_2017_R2, LABEL_SECONDS, OpenLoopRow, Summary};
use dvbf::report::Written;
use dvbf::run::Finished;
use dvbf::settings::Settings;

/// Prints the figures of a finished run.
pub(crate) fn print(finished: &Finished, json: bool, quiet: bool) {
    let summary = &finished.summary;
    if quiet && !json {
        return;
    }
    figures(summary, &finished.settings, json);
    if json {
        return;
    }
    outln!(
        "{} updates in {:.1} s on {} {}",
        summary.steps,
        summary.seconds,
        summary.threads,
        if summary.threads == 1 { "thread" } else { "threads" },
    );
    if let Some(kept) = summary.kept_model() {
        outln!("{kept}");
    }
    outln!("");
    outln!("model    {}", finished.folder.file("best.dvbf").display());
    outln!("figures  {}", finished.folder.file("summary.json").display());
    if let Ok(written) = &finished.report {
        paths(written);
    }
}

/// Prints the figures of an evaluation.
pub(crate) fn figures(summary: &Summary, settings: &Settings, json: bool) {
    if json {
        outln!("{}", serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    if let Some(notes) = &summary.recordings {
        outln!("\nRecordings");
        for note in notes {
            outln!("  {note}");
        }
    }
    if !summary.r2.sample.is_empty() {
        regression(summary);
    }
    physics(summary);
    open_loop(summary, settings);
    let bound = &summary.bound;
    outln!(
        "\nBound {:.1} nats per sequence (reconstruction {:.1}, KL {:.2}{})",
        bound.total,
        bound.reconstruction,
        bound.kl,
        bound.iwae64.map_or_else(String::new, |b| format!("; importance-weighted {b:.1}"))
    );
    forces(summary);
    if let Some(of) = summary.one_step() {
        let percent = |p: f64| format!("{:.1} %", 100.0 * p);
        outln!(
            "One-step predictions within 50, 90 and 99 % intervals: {}, {}, {} (scale {:.3})",
            percent(of.test_scaled.p50),
            percent(of.test_scaled.p90),
            percent(of.test_scaled.p99),
            of.scale,
        );
    }
}

/// How well the force on a skin is told, with 20 seconds of labels and by seconds of them.
fn forces(summary: &Summary) {
    let Some(table) = summary.forces() else { return };
    outln!("\nForce with 20 s of labels, in % of full scale");
    outln!(
        "  {:<14}{:>8}{:>12}{:>8}{:>8}{:>12}{:>10}",
        "",
        "RMSE",
        "hysteresis",
        "creep",
        "drift",
        "within 90 %",
        "delay"
    );
    for method in FORCE_METHODS {
        let Some(of) = table.get(method).and_then(|of| of.get("20")) else { continue };
        outln!(
            "  {method:<14}{:>8.2}{:>12.2}{:>8.2}{:>8.2}{:>10.1} %{:>7.0} ms",
            of.rmse_percent,
            of.hysteresis_percent,
            of.creep_percent,
            of.drift_percent,
            100.0 * of.coverage90,
            of.delay_ms
        );
    }
    outln!("\nRMSE by seconds of labels");
    out!("  {:<14}", "");
    for seconds in LABEL_SECONDS {
        out!("{:>8}", format!("{seconds} s"));
    }
    outln!("");
    for method in FORCE_METHODS {
        let Some(of) = table.get(method) else { continue };
        out!("  {method:<14}");
        for seconds in LABEL_SECONDS {
            let figure = of.get(&seconds.to_string()).map_or(f64::NAN, |of| of.rmse_percent);
            out!("{figure:>8.2}");
        }
        outln!("");
    }
    outln!(
        "  dvbf is learned or grey_box, whichever tells a left-out quarter of the labels better;\n  \
         grey_box and oracle know the equations of the sensor, and the oracle is told their constants"
    );
}

/// How well the true state can be read from the latent state.
fn regression(summary: &Summary) {
    let names: Vec<&String> = summary.r2.sample.keys().collect();
    outln!("\nR² on held-out sequences");
    out!("  {:<28}", "");
    let width = |name: &str| name.chars().count().max(8) + 2;
    for name in &names {
        out!("{name:>width$}", width = width(name));
    }
    outln!("");
    let row = |label: &str, columns: &Columns| {
        out!("  {label:<28}");
        for name in &names {
            let figure = columns.get(*name).copied().unwrap_or(f64::NAN);
            out!("{figure:>width$.4}", width = width(name));
        }
        outln!("");
    };
    row("posterior samples", &summary.r2.sample);
    row("posterior means", &summary.r2.mean);
    row("samples, cubic read-out", &summary.r2.nonlinear);
    if !summary.r2.direct.is_empty() {
        row("means, without regression", &summary.r2.direct);
    }
    let paper: Columns =
        KARL_2017_R2.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    if names.iter().all(|name| paper.contains_key(*name)) && summary.recordings.is_none() {
        row("Karl et al. 2017, samples", &paper);
    }
}

/// Constants of the differential equation inside, and what it leaves to the learned part.
fn physics(summary: &Summary) {
    let Some(constants) = &summary.constants else { return };
    outln!("\nConstants                      learned       95 % interval          true");
    for (name, of) in constants {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("{v:.4}"));
        let interval = match (of.low, of.high) {
            _ if of.fixed => "fixed".into(),
            (Some(low), Some(high)) => format!("{low:.4} to {high:.4}"),
            _ => "–".into(),
        };
        let estimate = match of.estimate {
            Some(value) => format!("{value:.4}"),
            None if of.open => "unit unknown".into(),
            None => "not identified".into(),
        };
        let unit = if of.unit == "1" { "" } else { &of.unit };
        outln!("  {name:<24}{estimate:>12}  {interval:>22}  {:>10}  {unit}", number(of.truth));
    }
    if let Some(reason) = &summary.constants_withheld {
        outln!("  {reason}");
    } else if constants.values().any(|of| of.estimate.is_none() && !of.open) {
        outln!("  not identified: the data do not determine the constant");
    }
    if constants.values().any(|of| of.open) {
        outln!(
            "  unit unknown: depends on the unit in which the state is drawn, which no recording tells; fix a"
        );
        outln!("  constant with that unit in it where one is known");
    }
    let Some(about) = &summary.physics else { return };
    if about.mirrored {
        outln!("  The mirror image was learned; the figures above are mirrored back.");
    }
    for (name, offset) in &about.offset {
        outln!("  mean offset from the true {name}: {offset:+.4}");
    }
    if let Some(share) = summary.remainder_share {
        let parts: Vec<String> = about
            .remainder_shares
            .iter()
            .map(|(name, share)| format!("{name} {:.2} %", 100.0 * share))
            .collect();
        outln!("  learned remainder: {:.2} % of the motion ({})", 100.0 * share, parts.join(", "));
    }
}

/// Errors of open-loop predictions beside those of the baselines that apply.
fn open_loop(summary: &Summary, settings: &Settings) {
    let rows = &summary.open_loop;
    outln!(
        "\nOpen-loop squared error per {} after {} filtered frames",
        if summary.recordings.is_some() { "channel" } else { "pixel" },
        settings.evaluation.filtered
    );
    let off = settings.source().start_errors();
    let mean = if summary.recordings.is_some() { "mean" } else { "mean image" };
    let mut columns: Vec<(&str, Figure)> = vec![
        ("model", |row| Some(row.model)),
        ("persistence", |row| Some(row.persistence)),
        (mean, |row| Some(row.mean_image)),
    ];
    let optional: [(&str, Figure); 3] = [
        ("true equations*", |row| row.physics),
        ("linear", |row| row.linear),
        ("Kalman", |row| row.kalman),
    ];
    let there = |figure: &Figure| rows.values().any(|row| figure(row).is_some());
    columns.extend(optional.into_iter().filter(|(_, figure)| there(figure)));
    out!("  {:>6}", "frames");
    for (name, _) in &columns {
        out!("{name:>width$}", width = name.len().max(10) + 3);
    }
    outln!("");
    for (horizon, row) in rows {
        out!("  {horizon:>6}");
        for (name, figure) in &columns {
            let text = figure(row).map_or_else(|| "–".into(), |error| format!("{error:.5}"));
            out!("{text:>width$}", width = name.len().max(10) + 3);
        }
        outln!("");
    }
    if let Some(off) = off {
        outln!(
            "  * the true equations, from an initial state with errors of standard deviation {off}"
        );
    }
    if rows.values().any(|row| row.linear.is_some()) {
        outln!(
            "  linear: autoregression with inputs (least squares); Kalman: linear Gaussian model \
             (expectation maximization)"
        );
    }
}

/// One figure of a row.
type Figure = fn(&OpenLoopRow) -> Option<f64>;

/// Prints where a report was written.
pub(crate) fn paths(written: &Written) {
    outln!("report   {}", written.page.display());
    outln!("picture  {}", written.picture.display());
}

/// Prints where weights were written.
pub(crate) fn path(written: &std::path::Path) {
    outln!("weights  {}", written.display());
}
