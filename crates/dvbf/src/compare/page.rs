//! The comparison as one page that needs no network and no other file.

use super::table::{headings, published};
use super::{Comparison, summarize};
use crate::report::{STYLE, escape};
use std::fmt::Write as _;

/// The whole page.
pub(super) fn render(comparison: &Comparison) -> String {
    let settings = &comparison.settings;
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>dvbf: comparison</title>\n\
         <style>\n{STYLE}main, header, footer {{ max-width: 1500px; }}\n</style>\n</head>\n<body>\n\
         <header>\n<h1>Models of the {source} compared</h1>\n<p>{budget}</p>\n</header>\n<main>\n\
         <section>\n<h2>Figures on the test split</h2>\n",
        source = escape(settings.source().name()),
        budget = budget(comparison),
    );
    out += &main_table(comparison);
    out += NOTES;
    out += "</section>\n<section>\n<h2>Every run</h2>\n";
    out += &all_rows(comparison);
    let _ = write!(
        out,
        "</section>\n</main>\n<footer>Made by dvbf {} from compare.json.</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

/// What everybody had.
pub(super) fn budget(comparison: &Comparison) -> String {
    let (training, data) = (&comparison.settings.training, &comparison.settings.data);
    let window = if training.window == 0 { data.steps } else { training.window.min(data.steps) };
    format!(
        "{} training sequences of {} frames. Every trained model made {} updates of {} windows of \
         {window} frames; before that {} initializations were tried for {} updates. Mean ± standard \
         deviation over seeds.",
        data.train,
        data.steps,
        training.steps,
        training.batch,
        training.restarts,
        training.restart_steps,
    )
}

const NOTES: &str = "<p class=\"note\">R²: ordinary least squares from samples of the state, fitted \
    on the training split. A state of many dimensions has an advantage there. Bounds are in nats a \
    sequence; the deep models share the standard deviation of a pixel, and the linear model has none \
    smaller. Of frames that are independent the importance-weighted bound is taken frame by frame; \
    of the linear model the likelihood is exact. Open loop: squared error a pixel over that many \
    predicted frames. The deep Kalman filter is a smoother: its state has seen the whole sequence. \
    The recurrent predictor and the filter with the true equations give no density of frames. The \
    published figures are of other recordings: bounds do not compare.</p>\n";

fn table(head: &[String], rows: &[(String, Vec<String>)]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for cell in head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(cell));
    }
    out += "</tr></thead><tbody>\n";
    for (label, cells) in rows {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(label));
        for cell in cells {
            let _ = write!(out, "<td>{}</td>", escape(cell));
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

fn main_table(comparison: &Comparison) -> String {
    let mut head = ["", "state has seen", "Z", "seeds"].map(str::to_owned).to_vec();
    head.extend(headings(comparison));
    let mut rows: Vec<(String, Vec<String>)> = summarize(comparison)
        .into_iter()
        .map(|line| {
            let mut cells = vec![line.contender.sees().to_owned(), line.state.to_string()];
            cells.push(line.seeds.to_string());
            cells.extend(line.cells);
            (line.contender.title().to_owned(), cells)
        })
        .collect();
    for (name, [sine, cosine, velocity, bound, kl]) in published() {
        let mut cells = vec![String::new(); head.len() - 1];
        for (place, cell) in [(3, sine), (4, cosine), (5, velocity), (8, bound), (9, kl)] {
            cells[place] = cell;
        }
        rows.push((name.to_owned(), cells));
    }
    table(&head, &rows)
}

/// One line a row, as they are in the file.
fn all_rows(comparison: &Comparison) -> String {
    let mut head = ["", "seed"].map(str::to_owned).to_vec();
    head.extend(headings(comparison));
    let rows: Vec<(String, Vec<String>)> = comparison
        .rows
        .iter()
        .flat_map(|row| {
            let single =
                Comparison { settings: comparison.settings.clone(), rows: vec![row.clone()] };
            let seed = row.seed.to_string();
            summarize(&single).into_iter().map(move |line| {
                let mut cells = vec![seed.clone()];
                cells.extend(line.cells);
                (line.contender.title().to_owned(), cells)
            })
        })
        .collect();
    table(&head, &rows)
}
