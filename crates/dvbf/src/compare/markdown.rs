//! The table in Markdown, for documents.

use super::table::{headings, published};
use super::{Comparison, summarize};
use std::fmt::Write as _;

/// One line a contender, then the published ones.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = String::from("| | Z | seeds |");
    let heads = headings(comparison);
    for head in &heads {
        let _ = write!(out, " {head} |");
    }
    out.push('\n');
    out += "|---|---|---|";
    out += &"---|".repeat(heads.len());
    out.push('\n');
    for line in summarize(comparison) {
        let _ = write!(out, "| {} | {} | {} |", line.contender.title(), line.state, line.seeds);
        for cell in &line.cells {
            let _ = write!(out, " {cell} |");
        }
        out.push('\n');
    }
    for (name, [sine, cosine, velocity, bound, kl]) in published() {
        let _ =
            write!(out, "| *{name}* | | | {sine} | {cosine} | {velocity} | | | {bound} | {kl} |");
        out += &" |".repeat(heads.len() - 7);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Contender, Figures, Row};
    use crate::settings::preset;

    #[test]
    fn all_lines_have_as_many_cells() {
        let figures = Figures { state: 3, bound: Some(-1.0), ..Figures::default() };
        let rows = vec![Row { contender: Contender::Vae, seed: 0, figures }];
        let text = markdown(&Comparison { settings: preset("pendulum").unwrap(), rows });
        let cells: Vec<usize> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(cells.len(), 5, "{text}");
        assert!(cells.iter().all(|count| *count == cells[0]), "{text}");
    }
}
