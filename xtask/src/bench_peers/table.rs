//! The table of the comparison.

use super::Entry;
use super::contestant::Reading;
use std::fmt::Write;

/// One line for each size and system: times, how many times as long as ours, and the rate: of
/// operations with its share of the peak, or of the states or frames that a step makes.
pub(super) fn text(rows: &[(&str, Vec<Entry>)], threads: usize) -> String {
    let mut out = format!(
        "\n{:<9} {:<14} {:>10} {:>10} {:>7} {:>9} {:>12} {:>10}\n",
        "size", "system", "median ms", "least ms", "ratio", "GFLOP/s", "of the peak", "million/s"
    );
    for (size, entries) in rows {
        let all = || entries.iter().flat_map(|entry| &entry.readings);
        let gflop = all().find_map(|reading| reading.gflop);
        let items = all().find_map(|reading| reading.items);
        let peaks: Vec<f64> = all().filter_map(|reading| reading.peak).collect();
        let counted = gflop.is_some() && !peaks.is_empty();
        let peak = median(&peaks) * threads as f64;
        let ours = entries.first().map_or(f64::NAN, |entry| median_ms(&entry.readings));
        for Entry { name, readings } in entries {
            let (middle, least) = (median_ms(readings), min_ms(readings));
            let ratio = middle / ours;
            write!(out, "{size:<9} {name:<14} {middle:>10.3} {least:>10.3} {ratio:>7.2}")
                .expect("writing to a string");
            if let Some(gflop) = gflop.filter(|_| counted) {
                let rate = gflop / middle * 1e3;
                write!(out, " {rate:>9.1} {:>10.1} %", 100.0 * rate / peak)
                    .expect("writing to a string");
            } else if let Some(items) = items {
                write!(out, " {:>9} {:>12} {:>10.3}", "", "", items / middle * 1e-3)
                    .expect("writing to a string");
            }
            out.push('\n');
        }
        if counted {
            let cores = format!("{threads} core(s), measured between turns: {peak:.1} GFLOP/s");
            writeln!(out, "          peak of {cores}").expect("writing to a string");
        }
    }
    out
}

fn median_ms(readings: &[Reading]) -> f64 {
    median(&readings.iter().map(|reading| reading.median_ms).collect::<Vec<_>>())
}

fn min_ms(readings: &[Reading]) -> f64 {
    readings.iter().map(|reading| reading.min_ms).fold(f64::INFINITY, f64::min)
}

/// The middle of `values`, the upper one of two; NaN without any.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_rates_are_against_ours() {
        let reading = |ms: f64, own: bool| Reading {
            median_ms: ms,
            min_ms: 0.9 * ms,
            gflop: own.then_some(0.2),
            peak: own.then_some(100.0),
            items: None,
            mean: None,
        };
        let entry = |name, own, times: [f64; 3]| Entry {
            name,
            readings: times.map(|ms| reading(ms, own)).to_vec(),
        };
        let entries =
            vec![entry("dvbf", true, [4.0, 9.0, 3.0]), entry("JAX", false, [8.0, 7.0, 10.0])];
        let text = text(&[("b", entries)], 1);
        let lines: Vec<Vec<&str>> =
            text.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["b", "dvbf", "4.000", "2.700", "1.00", "50.0", "50.0", "%"]);
        assert_eq!(lines[1], ["b", "JAX", "8.000", "6.300", "2.00", "25.0", "25.0", "%"]);
        // What is not counted in operations has the rate of its states or frames.
        let reading = |median_ms: f64| Reading {
            median_ms,
            min_ms: median_ms,
            gflop: None,
            peak: None,
            items: Some(4000.0),
            mean: Some(1.0),
        };
        let entry = |name, ms: f64| Entry { name, readings: vec![reading(ms)] };
        let text = super::text(&[("held", vec![entry("dvbf", 2.0), entry("JAX", 11.0)])], 1);
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["held", "JAX", "11.000", "11.000", "5.50", "0.364"]);
    }
}
