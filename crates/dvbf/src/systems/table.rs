//! The table of systems.

use super::run::PlantRow;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A table in Markdown: the ratio of the model's squared error to the least one of a linear model, by number of
/// predicted steps, and that linear error.
pub fn systems_table(rows: &[PlantRow]) -> String {
    let horizons: BTreeSet<usize> =
        rows.iter().flat_map(|row| row.open_loop.keys().copied()).collect();
    let mut out = String::from("| system | samples | noise |");
    for horizon in &horizons {
        let _ = write!(out, " {horizon} |");
    }
    out += " s |\n|---|---|---|";
    out += &"---|".repeat(horizons.len() + 1);
    out.push('\n');
    for row in rows {
        let kind = if row.nonlinear { "" } else { " (linear)" };
        let _ =
            write!(out, "| {}{kind} | {} | {:.0} % |", row.name, row.samples, 100.0 * row.noise);
        for &horizon in &horizons {
            match (row.ratio(horizon), row.linear(horizon)) {
                (Some(ratio), Some(linear)) => {
                    let _ = write!(out, " {} ({linear:.1e}) |", shown(ratio));
                }
                _ => out += " – |",
            }
        }
        let _ = writeln!(out, " {:.0} |", row.seconds);
    }
    out
}

fn shown(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}
