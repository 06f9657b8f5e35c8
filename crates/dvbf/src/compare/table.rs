//! Means and spreads over seeds, and the table that a terminal shows.

use super::{CONTENDERS, Comparison, Contender, Figures};
use crate::eval::{KARL_2017_BOUNDS, KARL_2017_DKF_R2, KARL_2017_R2};
use std::fmt::Write as _;

/// Mean and standard deviation over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation; none of a single value.
    pub std: Option<f64>,
}

impl Spread {
    /// Of the values that there are; none if there is none.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        Some(Self { mean, std: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) })
    }

    /// `mean ± std` with so many decimals.
    pub fn text(self, digits: usize) -> String {
        let mean = format!("{:.digits$}", self.mean);
        match self.std {
            Some(std) => format!("{mean} ± {std:.digits$}"),
            None => mean,
        }
    }
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarized {
    /// Whose it is.
    pub contender: Contender,
    /// Seeds that are finished.
    pub seeds: usize,
    /// Dimensions of the state.
    pub state: usize,
    /// The columns after name and size of the state, in the order of the table.
    pub cells: Vec<String>,
}

/// The headings of the columns, after name and size of the state.
pub(super) fn headings(comparison: &Comparison) -> Vec<String> {
    let filtered = comparison.settings.evaluation.filtered;
    let mut all: Vec<String> =
        ["R² sin", "R² cos", "R² velocity"].into_iter().map(str::to_owned).collect();
    all.push(format!("velocity, frame {filtered} on"));
    all.push("velocity, cubic".into());
    all.extend(["bound", "KL", "importance-weighted"].into_iter().map(str::to_owned));
    let horizons = &comparison.settings.evaluation.horizons;
    all.extend(horizons.iter().map(|h| format!("open loop {h}")));
    all.extend(["training s", "filter µs"].into_iter().map(str::to_owned));
    all
}

/// Where a model has nothing to show.
const NOTHING: &str = "–";

/// The lines of all contenders that have a row.
pub fn summarize(comparison: &Comparison) -> Vec<Summarized> {
    CONTENDERS.into_iter().filter_map(|contender| line(comparison, contender)).collect()
}

fn line(comparison: &Comparison, contender: Contender) -> Option<Summarized> {
    let rows = comparison.rows.iter().filter(|row| row.contender == contender);
    let all: Vec<&Figures> = rows.map(|row| &row.figures).collect();
    let cell = |digits, value: &dyn Fn(&Figures) -> Option<f64>| {
        Spread::of(all.iter().map(|figures| value(figures)))
            .map_or_else(|| NOTHING.into(), |spread| spread.text(digits))
    };
    let mut cells = Vec::new();
    for name in ["sin", "cos", "velocity"] {
        cells.push(cell(3, &|f| f.r2.get(name).copied()));
    }
    cells.push(cell(3, &|f| f.r2_later.get("velocity").copied()));
    cells.push(cell(3, &|f| f.r2_cubic.get("velocity").copied()));
    cells.push(cell(0, &|f| f.bound));
    cells.push(cell(1, &|f| f.kl));
    cells.push(cell(0, &|f| f.weighted));
    for horizon in &comparison.settings.evaluation.horizons {
        cells.push(cell(5, &|f| f.open_loop.get(horizon).copied()));
    }
    cells.push(cell(0, &|f| f.seconds));
    cells.push(cell(1, &|f| f.step_micros));
    let state = all.first()?.state;
    Some(Summarized { contender, seeds: all.len(), state, cells })
}

/// The published lines: name and the cells under sine, cosine, velocity, bound and divergence.
pub(super) fn published() -> Vec<(&'static str, [String; 5])> {
    let r2 = |columns: [(&str, f64); 3]| columns.map(|(_, v)| format!("{v:.3}"));
    let [dvbf, dkf] = KARL_2017_BOUNDS.map(|(_, b)| (format!("{:.0}", b.0), format!("{:.1}", b.1)));
    let [a, b, c] = r2(KARL_2017_R2);
    let [d, e, f] = r2(KARL_2017_DKF_R2);
    vec![
        ("Karl et al. 2017: DVBF-LL", [a, b, c, dvbf.0, dvbf.1]),
        ("Karl et al. 2017: DKF", [d, e, f, dkf.0, dkf.1]),
    ]
}

/// The table for a terminal, in blocks of columns that fit eighty or so characters.
pub fn text(comparison: &Comparison) -> String {
    let (lines, heads) = (summarize(comparison), headings(comparison));
    let mut out = String::new();
    let blocks: [std::ops::Range<usize>; 3] = [0..5, 5..8, 8..heads.len()];
    for block in blocks {
        let widths: Vec<usize> = block
            .clone()
            .map(|c| {
                let cells = lines.iter().map(|line| line.cells[c].chars().count());
                cells.chain([heads[c].chars().count()]).max().unwrap_or(0) + 2
            })
            .collect();
        let put = |out: &mut String, label: &str, cells: &[String]| {
            let _ = write!(out, "  {label:<27}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(out, "{cell:>width$}");
            }
            out.push('\n');
        };
        put(&mut out, "", &heads[block.clone()]);
        for line in &lines {
            let label = format!("{} ({})", line.contender.title(), line.state);
            put(&mut out, &label, &line.cells[block.clone()]);
        }
        for (name, cells) in published() {
            match block.start {
                0 => put(&mut out, name, &cells[..3]),
                5 => put(&mut out, name, &cells[3..]),
                _ => {}
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Row;
    use crate::settings::preset;

    #[test]
    fn spreads_are_sample_standard_deviations() {
        let spread = Spread::of([Some(1.0), None, Some(3.0)]).unwrap();
        assert_eq!(spread.text(2), "2.00 ± 1.41");
        assert_eq!(Spread::of([Some(0.25)]).unwrap().text(1), "0.2");
        assert_eq!(Spread::of([None]), None);
    }

    #[test]
    fn every_contender_has_a_line_and_what_is_missing_is_a_dash() {
        let row = |contender, seed: u8, seconds| {
            let r2 = [("velocity".to_owned(), 0.5 + f64::from(seed))].into_iter().collect();
            let figures = Figures { state: 3, r2, seconds, ..Figures::default() };
            Row { contender, seed: u64::from(seed), figures }
        };
        let rows = vec![
            row(Contender::Vae, 0, Some(10.0)),
            row(Contender::Dvbf, 0, None),
            row(Contender::Dvbf, 1, Some(20.0)),
        ];
        let comparison = Comparison { settings: preset("pendulum").unwrap(), rows };
        let lines = summarize(&comparison);
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].contender, lines[0].seeds), (Contender::Dvbf, 2));
        assert_eq!(lines[0].cells[2], "1.000 ± 0.707");
        assert_eq!(lines[0].cells[lines[0].cells.len() - 2], "20");
        assert_eq!((lines[1].cells[0].as_str(), lines[1].cells[2].as_str()), ("–", "0.500"));
        assert!(lines.iter().all(|line| line.cells.len() == headings(&comparison).len()));
        let text = text(&comparison);
        assert!(text.contains("VAE of frames (3)") && text.contains("DKF"), "{text}");
        assert!(text.contains("0.916") && text.contains("0.035"), "{text}");
    }
}
