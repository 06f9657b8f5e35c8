//! The page: sections in reading order, with everything they need inside.

use super::calibration;
use super::curves::{by_frame, training};
use super::document::{Frame, document};
use super::figure::Figure;
use super::forces;
use super::html::{data_uri, error, escape};
use super::latent;
use super::lines;
use super::material::Material;
use super::palette::hex;
use super::raster;
use super::sequences::Example;
use super::strips::{AHEAD, SEEN, animation, strips};
use super::tables;
use std::fmt::Write as _;

/// What the lines in the latent space are.
const RINGS: &str = " Lines: where a linear map of the true state puts the latent state while the \
                     angle goes round, at the lowest, middle and highest value of the color scale.";

/// A heading that can be linked to, and what stands under it.
struct Section {
    id: &'static str,
    title: &'static str,
    body: String,
}

/// The whole page; `picture` is an SVG that stands in where figures in space cannot be drawn.
pub(super) fn render(material: &Material, picture: &str) -> String {
    let mut sections = Vec::new();
    if let Some(notes) = &material.summary.recordings {
        sections.push(recordings(notes));
    }
    if let Some(table) = material.summary.forces() {
        let body = forces::body(table, material.forces.as_ref());
        sections.push(Section { id: "force", title: "Force", body });
    }
    if !material.summary.r2.sample.is_empty() {
        sections.push(regression(material));
    }
    if let Some(constants) = physics(material) {
        sections.push(constants);
    }
    sections.extend([open_loop(material), known_errors(material), latent_space(material, picture)]);
    if material.long.image.is_some() {
        sections.extend([moving(material), films(material)]);
    } else {
        sections.push(drawn(material));
    }
    sections.extend([curves(material), settings(material)]);
    let name = escape(&material.name);
    let mut header = format!(
        "<h1>Deep Variational Bayes Filter: {name}</h1>\n<p>{}</p>\n<nav>",
        tables::subtitle(&material.summary)
    );
    let mut body = String::new();
    for Section { id, title, body: own } in &sections {
        let _ = write!(header, "<a href=\"#{id}\">{title}</a> ");
        let _ = write!(body, "<section id=\"{id}\">\n<h2>{title}</h2>\n{own}</section>\n");
    }
    header += "</nav>\n";
    let source = " from the files of the run folder";
    document(&Frame { title: &name, header: &header, source }, &body)
}

fn recordings(notes: &[String]) -> Section {
    let mut body = String::from("<ul>\n");
    for note in notes {
        let _ = writeln!(body, "<li>{}.</li>", escape(&capital(note)));
    }
    Section { id: "recordings", title: "The recordings", body: body + "</ul>\n" }
}

/// Sequences of vectors as lines.
fn drawn(material: &Material) -> Section {
    let mut body = String::from(
        "<p>Held-out test sequences, chosen by rank of their error, the worst of all included: dots \
         are what was observed, lines what the model says. On shaded ground it sees the observations \
         and filters; from there on it predicts without looking.</p>\n",
    );
    if let Some(note) = lines::note(&material.long) {
        let _ = writeln!(body, "<p class=\"note\">{note}</p>");
    }
    for (place, example) in material.examples.iter().enumerate() {
        let caption = format!(
            "{}: test sequence {}, mean squared error {}",
            escape(&capital(&example.rank)),
            example.index,
            error(example.error)
        );
        body += &captioned(&caption, &lines::figure(example, (place, &material.long)));
    }
    Section { id: "sequences", title: "Predictions beside observations", body }
}

fn regression(material: &Material) -> Section {
    let mut body = String::from(
        "<p>How well a linear map of the latent state explains the true state: coefficients of \
         determination R² on held-out test sequences, every frame counted. The map is fitted on \
         the training sequences. The true state serves this measurement only.</p>\n",
    );
    body += &tables::r2(&material.summary);
    body += "<p class=\"note\">Where the cubic read-out is much better than the linear one, \
             the state holds the information in a bent form.</p>\n";
    Section { id: "r2", title: "What the latent state knows", body }
}

/// What the differential equation inside says of the system; nothing without one.
fn physics(material: &Material) -> Option<Section> {
    let summary = &material.summary;
    let mut body = String::from(
        "<p>The transition holds a differential equation, whose constants were learned. An interval of \
         95 % holds what repeated recordings would give, how far these data would still carry the \
         constant, and how far it moved during the last quarter of training. First states and a small \
         change of the pictures are free in it; it is too narrow where the emission can imitate the \
         constant in another way.</p>\n",
    );
    body += &tables::constants(summary)?;
    if let Some(about) = &summary.physics {
        let mut notes: Vec<String> = summary
            .constants_withheld
            .iter()
            .map(|reason| capital(&escape(reason)) + ".")
            .collect();
        if about.mirrored {
            notes.push("The mirror image was learned; these figures are mirrored back.".to_owned());
        }
        for (name, offset) in &about.offset {
            notes.push(format!("Mean offset from the true {}: {offset:+.4}.", escape(name)));
        }
        if let Some(share) = summary.remainder_share {
            let part =
                |(name, share): (&String, &f64)| format!("{} {:.2} %", escape(name), 100.0 * share);
            let parts: Vec<String> = about.remainder_shares.iter().map(part).collect();
            let (share, parts) = (100.0 * share, parts.join(", "));
            notes.push(format!("The learned remainder is {share:.2} % of the motion ({parts})."));
        }
        let _ = writeln!(body, "<p class=\"note\">{}</p>", notes.join(" "));
    }
    if !material.portrait.is_empty() {
        body += "<p>Where a step without control goes from states on a grid: a line begins with a dot \
                 at a state and points along its motion; all panels have one scale.</p>\n\
                 <div class=\"grid\">\n";
        for (caption, figure) in &material.portrait {
            body += &captioned(caption, figure);
        }
        body += "</div>\n";
    }
    Some(Section { id: "constants", title: "The differential equation", body })
}

fn open_loop(material: &Material) -> Section {
    let filtered = material.settings.evaluation.filtered;
    let mut body = format!(
        "<p>The model sees {filtered} frames of a held-out test sequence, then predicts without \
         looking; controls are given. Mean squared error per channel.</p>\n"
    );
    body += &tables::open_loop(&material.summary);
    body += "<p class=\"note\">";
    if let Some(off) = material.settings.source().start_errors() {
        body += "* From a start off by a standard deviation of ";
        body += &escape(&off);
        body += ". ";
    }
    body += "Bold: the smallest error of a row.</p>\n";
    body += "<figure><h3>Error by predicted frame</h3>\n";
    body += &by_frame(&material.errors, &material.baselines, material.long.image.is_some()).html();
    body += "</figure>\n<h3>Bound on the test set</h3>\n";
    body += &tables::bound(&material.summary, &material.settings);
    Section { id: "open-loop", title: "Prediction without looking", body }
}

fn known_errors(material: &Material) -> Section {
    let title = "How well the model knows its own errors";
    let Some(figures) = material.summary.one_step() else {
        let body = "<p>No step was predicted whose figures are finite.</p>\n".into();
        return Section { id: "calibration", title, body };
    };
    let mut body = String::from(
        "<p>The online filter predicts every frame before it sees it, each channel with a standard \
         deviation. Fractions of held-out values inside the central intervals of these predictions; \
         the scale is fitted on the validation set and lies in the model file.</p>\n",
    );
    body += &calibration::coverage(figures);
    body += &calibration::scores(figures);
    let caption = "Where values fall in their predicted distribution: flat if all is right, high in \
                   the middle if predictions are too cautious, at the ends if too sure";
    body += &captioned(caption, &calibration::pit(figures));
    Section { id: "calibration", title, body }
}

fn latent_space(material: &Material, picture: &str) -> Section {
    let cloud = &material.cloud;
    let solid = cloud.points.ncols() == 3;
    let mut body = String::from(
        "<p>Every point is the latent state at one frame, sampled from the posterior.",
    );
    if !material.long.state_names.is_empty() {
        body += " The true state only colors the points.";
    }
    if solid {
        body += " Drag to turn, scroll to zoom.";
        body += if cloud.view().rings().is_empty() { "" } else { RINGS };
    }
    let note = escape(&cloud.note);
    let _ = writeln!(body, "</p>\n<p class=\"note\">{note}.</p>\n<div class=\"grid wide\">");
    let figures = latent::figures(cloud);
    for (name, figure) in &figures {
        body += &captioned(&format!("Colored by {}", escape(name)), figure);
    }
    body += "</div>\n";
    let still = data_uri("image/svg+xml", picture.as_bytes());
    if !material.planes.is_empty() {
        let _ = writeln!(
            body,
            "<figure><h3>Planes of pairs of components</h3>\n<p class=\"note\">The whitened latent state \
             projected on the plane along which a pair lies, by regression. A point has the color \
             of the field of a board in which its true pair is: where the pair was found, the board \
             is seen again.</p>\n<img class=\"planes\" alt=\"Planes of the latent space\" \
             src=\"{still}\"></figure>"
        );
    } else if solid {
        let _ = writeln!(
            body,
            "<div id=\"still\" hidden><p class=\"note\">This browser does not draw in space; a \
             still picture instead.</p><img alt=\"The latent space\" src=\"{still}\"></div>"
        );
    }
    if cloud.columns.len() > figures.len() {
        let _ = writeln!(
            body,
            "<p class=\"note\">The true state has {} components; shown are the first {}.</p>",
            cloud.columns.len(),
            figures.len()
        );
    }
    Section { id: "latent", title: "The latent space", body }
}

fn captioned(caption: &str, figure: &Figure) -> String {
    format!("<figure><h3>{caption}</h3>\n{}</figure>\n", figure.html())
}

/// What the colors of the borders mean.
fn legend(material: &Material) -> String {
    format!(
        "<span class=\"swatch\" style=\"background:{}\"></span> the first {} frames, which the model \
         saw &nbsp; <span class=\"swatch\" style=\"background:{}\"></span> predicted without looking",
        hex(SEEN),
        material.settings.evaluation.filtered,
        hex(AHEAD)
    )
}

fn moving(material: &Material) -> Section {
    let body = match (material.long.image, material.examples.is_empty()) {
        (Some(size), false) => {
            let film = raster::animation(&animation(&material.examples, size), material.long.dt);
            let mut names = String::new();
            for Example { rank, error: value, .. } in &material.examples {
                let _ = write!(names, "<span>{}<br>{}</span>", escape(rank), error(*value));
            }
            format!(
                "<p>True frames above, the model's below, at the pace of the recordings. Test \
                 sequences by rank of their error over the predicted frames.</p>\n\
                 <p class=\"note\">{}</p>\n<div class=\"moving\"><div class=\"rows\"><span>true</span>\
                 <span>model</span></div><img class=\"pixels\" alt=\"True and predicted frames of \
                 {} test sequences\" src=\"{}\"><div class=\"names\">{names}</div></div>\n",
                legend(material),
                material.examples.len(),
                data_uri("image/png", &film)
            )
        }
        (shape, _) => nothing(shape),
    };
    Section { id: "animation", title: "Predictions in motion", body }
}

fn nothing(shape: Option<(usize, usize)>) -> String {
    match shape {
        None => "<p>The observations are not images.</p>\n".into(),
        Some(_) => "<p>The settings predict no frames.</p>\n".into(),
    }
}

fn films(material: &Material) -> Section {
    let (Some(size), false) = (material.long.image, material.examples.is_empty()) else {
        return Section { id: "films", title: "Film strips", body: nothing(material.long.image) };
    };
    let mut body = format!(
        "<p>The same sequences frame by frame. They are chosen by rank of their error, the worst \
         of all included. The model's first frames are its reconstructions. The difference is \
         red where the model shows too much and blue where too little.</p>\n\
         <p class=\"note\">{}</p>\n",
        legend(material)
    );
    for example in &material.examples {
        let ahead = example.truth.nrows() - example.filtered;
        let _ = write!(
            body,
            "<figure class=\"film\"><h3>{}</h3><figcaption>Test sequence {}: mean squared error \
             {} per pixel over {ahead} predicted frames</figcaption>\n<div class=\"bands\">\n",
            escape(&capital(&example.rank)),
            example.index,
            error(example.error),
        );
        for strip in strips(example, size) {
            let _ = writeln!(
                body,
                "<div class=\"band\"><div class=\"rows\"><span>true</span><span>model</span>\
                 <span>difference</span></div><img class=\"pixels\" alt=\"Frames of test sequence \
                 {}\" src=\"{}\"></div>",
                example.index,
                data_uri("image/png", &strip.png())
            );
        }
        body += "</div></figure>\n";
    }
    Section { id: "films", title: "Film strips", body }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn curves(material: &Material) -> Section {
    let title = "The training";
    if material.history.is_empty() {
        let body = "<p>The run folder holds no <code>metrics.jsonl</code>.</p>\n".into();
        return Section { id: "training", title, body };
    }
    let frames = match material.settings.training.window {
        0 => material.settings.data.steps,
        window => window,
    };
    let mut body = format!(
        "<p>Over the updates. Training values are means since the record before: of {frames} \
         frames a sequence, under the noise of the recipe. Validation values are those of the \
         model that would be kept, on whole sequences of {}, and not on the same scale. R² and \
         the open-loop error are of the validation set.</p>\n<div class=\"grid\">\n",
        material.settings.data.steps
    );
    for (caption, figure) in training(&material.history) {
        body += &captioned(&caption, &figure);
    }
    body += "</div>\n<p class=\"note\">The axes of bound and R² leave out the first tenth of the \
             updates; a double click shows all.</p>\n";
    let skipped: u64 = material.history.iter().map(|r| r.skipped).sum();
    if skipped > 0 {
        let _ = writeln!(
            body,
            "<p>{skipped} updates were skipped because their gradient was not finite.</p>"
        );
    }
    Section { id: "training", title, body }
}

fn settings(material: &Material) -> Section {
    let mut body =
        String::from("<p>Every setting of the run, as in <code>config.toml</code>.</p>\n");
    body += &tables::settings(&material.settings);
    Section { id: "settings", title: "Settings", body }
}
