//! What the page and the picture show.

use crate::run::{Run, attributes, figures, images, own, remake, settings};
use dvbf::settings::Settings;
use std::fs;

#[test]
fn the_page_has_every_section() {
    let page = Run::new("run", settings()).report().unwrap();
    let page = own(&page);
    for id in
        ["r2", "open-loop", "calibration", "latent", "animation", "films", "training", "settings"]
    {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for text in [
        "Preset <strong>smoke</strong>, seed 0. 6 updates in",
        "<th scope=\"col\">velocity</th>",
        "<td>0.982</td><td>0.961</td><td>0.916</td>",
        "Karl et al. 2017, table 1",
        "0.05 (angle), 0.2 (velocity)",
        "Importance-weighted, 2 samples",
        "9 of 9 held-out test sequences, 63 points",
        "Worst of 9",
        "Median of 9",
        "over 30 predicted frames",
        "<dt>transition.hidden</dt><dd>8</dd>",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let places: Vec<&str> = attributes(&page, "id")
        .into_iter()
        .filter(|id| attributes(&page, "data-for").contains(id))
        .collect();
    assert_eq!(places.len(), figures(&page).len(), "one place for every figure");
    assert_eq!(
        places.len(),
        10,
        "two of the latent space, six curves, errors by frame, a histogram"
    );
}

#[test]
fn the_page_loads_nothing() {
    let page = Run::new("run", settings()).report().unwrap();
    assert_eq!(page.matches("plotly.js v").count(), 1, "the library is embedded once");
    assert!(!page.contains("MathJax.loader"), "and nothing else is");
    let page = own(&page);
    for source in attributes(&page, "src") {
        assert!(source.starts_with("data:image/"), "{source:.60}");
    }
    for link in attributes(&page, "href") {
        assert!(link.starts_with('#'), "{link}");
    }
    for word in ["http:", "https:", "@import", "url(", "fetch(", "<link", "<iframe"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'"));
}

#[test]
fn names_are_text_and_not_markup() {
    let settings = Settings { preset: "<script>alert(1)</script>".into(), ..settings() };
    let page = own(&Run::new("<b>&'x", settings).report().unwrap());
    assert!(page.contains("<h1>Deep Variational Bayes Filter: &lt;b&gt;&amp;&#39;x</h1>"));
    assert!(page.contains("<title>dvbf: &lt;b&gt;&amp;&#39;x</title>"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("<script>alert") && !page.contains("<b>"));
}

#[test]
fn the_same_folder_gives_the_same_bytes_with_any_number_of_threads() {
    let run = Run::new("run", settings());
    let read =
        || (fs::read(run.file("report.html")).unwrap(), fs::read(run.file("barrel.svg")).unwrap());
    let after_training = read();
    for threads in [1, 3] {
        fs::remove_file(run.file("report.html")).unwrap();
        fs::remove_file(run.file("barrel.svg")).unwrap();
        remake(&run.path, threads).unwrap();
        assert!(read() == after_training, "{threads} threads");
    }
}

#[test]
fn film_strips_decode_to_their_size() {
    let images = images(&Run::new("run", settings()).report().unwrap());
    let sizes: Vec<(u32, u32, u32)> = images
        .iter()
        .map(|file| {
            let reader = png::Decoder::new(std::io::Cursor::new(&file[..])).read_info().unwrap();
            let info = reader.info();
            (info.width, info.height, info.animation_control.map_or(1, |a| a.num_frames))
        })
        .collect();
    // Five sequences: 35 frames of 96 + 6 pixels, ten pixels between.
    assert_eq!(sizes[0], (5 * 112 - 10, 2 * 102 + 10, 35));
    // Each in two strips of at most 25 frames of 16 + 2 pixels, three rows.
    assert_eq!(sizes[1..], [(25 * 18 + 2, 3 * 18 + 2, 1); 10]);
}

#[test]
fn the_picture_is_small_and_white() {
    let run = Run::new("run", settings());
    let picture = run.read("barrel.svg");
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    assert!(picture.len() < 300_000);
    assert!(picture.contains("fill=\"#FFFFFF\""), "an opaque ground");
    assert!(picture.contains("true angle") && picture.contains("true velocity"));
    assert_eq!(picture.matches("<circle").count(), 2 * 63);
}

#[test]
fn other_numbers_of_latent_dimensions_are_shown_too() {
    let kinds =
        [(1, "scatter", "angle (rad)"), (2, "scatter", "z2"), (5, "scatter3d", "along velocity")];
    for (dims, kind, axis) in kinds {
        let mut settings = settings();
        settings.model.state = dims;
        settings.model.noise = dims;
        settings.model.emission.set("state", dims);
        settings.model.transition.set("shared", 0);
        let run = Run::new("run", settings);
        let page = run.report().unwrap();
        let latent = figures(&page).into_iter().nth(2).unwrap();
        assert_eq!(latent["data"][0]["type"], kind, "{dims} dimensions");
        assert!(latent["layout"].to_string().contains(axis), "{dims} dimensions");
        assert_eq!(own(&page).contains("The latent state has 5 dimensions"), dims == 5);
        assert_eq!(run.read("barrel.svg").matches("<circle").count(), 2 * 63);
    }
}
