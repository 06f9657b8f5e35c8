//! The page of a sweep: which runs there are and what came of them.

use crate::document::STYLE;
use crate::html::{error, escape};
use dvbf_run::{SweepRow, SweepState, SweepTable};
use std::fmt::Write as _;

/// The sweep as one page that needs no network; runs link to their own pages.
pub fn sweep_page(table: &SweepTable) -> String {
    let count = |state| table.runs.iter().filter(|row| row.state == state).count();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>dvbf: sweep</title>\n\
         <style>\n{STYLE}main, header, footer {{ max-width: 1500px; }}\n</style>\n</head>\n<body>\n\
         <header>\n<h1>Sweep over {keys}</h1>\n<p>{runs} runs: {finished} finished, {begun} begun, \
         {failed} failed, {waiting} waiting. All figures are in sweep.csv and sweep.json.</p>\n\
         </header>\n<main>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">run</th>",
        keys = escape(&table.keys.join(", ")),
        runs = table.runs.len(),
        finished = count(SweepState::Finished),
        begun = count(SweepState::Begun),
        failed = count(SweepState::Failed),
        waiting = count(SweepState::Waiting),
    );
    let figures = table.shown_figures();
    let heads =
        table.keys.iter().map(String::as_str).chain(["state"]).chain(figures.iter().copied());
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(head));
    }
    out += "</tr></thead><tbody>\n";
    for row in &table.runs {
        out += &line(row, &figures);
    }
    let _ = write!(
        out,
        "</tbody></table></div>\n</main>\n<footer>Made by dvbf {} from the folders of the runs.\
         </footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn line(row: &SweepRow, figures: &[&str]) -> String {
    let folder = escape(&row.folder);
    let name = match row.state {
        SweepState::Finished => format!("<a href=\"{folder}/report.html\">{folder}</a>"),
        _ => folder,
    };
    let mut out = format!("<tr><th scope=\"row\">{name}</th>");
    for value in &row.values {
        let _ = write!(out, "<td>{}</td>", escape(value));
    }
    let problem = row.problem.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    let _ = write!(out, "<td>{}{}</td>", row.state.name(), escape(&problem));
    for figure in figures {
        let cell = row.figures.get(*figure).map_or_else(String::new, |&value| error(value));
        let _ = write!(out, "<td>{cell}</td>");
    }
    out + "</tr>\n"
}
