//! The tables at the end of a run.
#![expect(clippy::print_stdout, reason = "this is the program's result")]

use dvbf::eval::{Columns, KARL_2017_R2};
use dvbf::report::Written;
use dvbf::run::Finished;

/// Prints the figures of a finished run.
pub(crate) fn print(finished: &Finished, json: bool, quiet: bool) {
    let summary = &finished.summary;
    if json {
        println!("{}", serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    if quiet {
        return;
    }
    let names: Vec<&String> = summary.r2.sample.keys().collect();
    // Names of any length stay apart.
    let width = names.iter().map(|name| name.len() + 2).fold(10, usize::max);
    println!("\nR² on held-out sequences");
    print!("  {:<28}", "");
    for name in &names {
        print!("{name:>width$}");
    }
    println!();
    let row = |label: &str, columns: &Columns| {
        print!("  {label:<28}");
        for name in &names {
            print!("{:>width$.4}", columns.get(*name).copied().unwrap_or(f64::NAN));
        }
        println!();
    };
    row("posterior samples", &summary.r2.sample);
    row("posterior means", &summary.r2.mean);
    row("samples, cubic read-out", &summary.r2.nonlinear);
    let paper: Columns =
        KARL_2017_R2.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    if names.iter().any(|name| paper.contains_key(*name)) {
        row("Karl et al. 2017, samples", &paper);
    }

    println!(
        "\nOpen-loop squared error per pixel after {} filtered frames",
        finished.settings.evaluation.filtered
    );
    let off = finished.settings.source().start_errors();
    let last = if off.is_some() { "true equations*" } else { "" };
    println!("  {:>6}{:>12}{:>14}{:>13}{last:>17}", "frames", "model", "persistence", "mean image");
    for (horizon, row) in &summary.open_loop {
        let physics = row.physics.map_or_else(String::new, |error| format!("{error:.5}"));
        println!(
            "  {horizon:>6}{:>12.5}{:>14.5}{:>13.5}{physics:>17}",
            row.model, row.persistence, row.mean_image
        );
    }
    if let Some(off) = off {
        println!("  * from a start off by a standard deviation of {off}");
    }
    let bound = &summary.bound;
    println!(
        "\nBound {:.1} nats per sequence (reconstruction {:.1}, KL {:.2}{})",
        bound.total,
        bound.reconstruction,
        bound.kl,
        bound.iwae64.map_or_else(String::new, |b| format!("; importance-weighted {b:.1}"))
    );
    if let Some(of) = &summary.calibration {
        let percent = |p: f64| format!("{:.1} %", 100.0 * p);
        println!(
            "One-step predictions within 50, 90 and 99 % intervals: {}, {}, {} (scale {:.3})",
            percent(of.test_scaled.p50),
            percent(of.test_scaled.p90),
            percent(of.test_scaled.p99),
            of.scale,
        );
    }
    println!(
        "{} updates in {:.1} s on {} {}",
        summary.steps,
        summary.seconds,
        summary.threads,
        if summary.threads == 1 { "thread" } else { "threads" },
    );
    println!();
    println!("model    {}", finished.folder.file("best.dvbf").display());
    println!("figures  {}", finished.folder.file("summary.json").display());
    if let Ok(written) = &finished.report {
        paths(written);
    }
}

/// Prints where a report was written.
pub(crate) fn paths(written: &Written) {
    println!("report   {}", written.page.display());
    println!("picture  {}", written.picture.display());
}

/// Prints where weights were written.
pub(crate) fn path(written: &std::path::Path) {
    println!("weights  {}", written.display());
}
