//! Measured times, and the table that sums them up.

use criterion::Bencher;
use criterion::measurement::WallTime;
use std::time::Instant;

/// The middle of `values`; NaN without any.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]),
    }
}

/// Benches `work` and adds the seconds of one call to `samples`, once for every sample.
pub fn sampled(
    bencher: &mut Bencher<'_, WallTime>,
    samples: &mut Vec<f64>,
    mut work: impl FnMut(),
) {
    bencher.iter_custom(|calls| {
        let start = Instant::now();
        for _ in 0..calls {
            work();
        }
        let time = start.elapsed();
        samples.push(time.as_secs_f64() / calls as f64);
        time
    });
}

/// A table of text, its columns as wide as their widest entry.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no row.
    pub fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many entries as there are columns.
    #[track_caller]
    pub fn row(&mut self, entries: Vec<String>) {
        assert_eq!(entries.len(), self.rows[0].len(), "entries against columns");
        self.rows.push(entries);
    }

    /// Prints `title` and the table; nothing if no row was added, as when a filter left all out.
    #[expect(clippy::print_stdout, reason = "the result of a bench")]
    pub fn print(&self, title: &str) {
        if self.rows.len() > 1 {
            println!("\n{title}\n{}", self.lines());
        }
    }

    fn lines(&self) -> String {
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|c| self.rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0))
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(c, (text, &width))| match c {
                0 => format!("{text:<width$}"),
                _ => format!("{text:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["shape", "ms"]);
        table.row(vec!["1×2".into(), "12.5".into()]);
        assert_eq!(table.lines(), "shape    ms\n1×2    12.5\n");
    }
}
