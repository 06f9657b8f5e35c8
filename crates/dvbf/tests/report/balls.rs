//! Whole runs of balls: the columns of the summary, the picture of planes, and the page about it.

use crate::run::{Run, figures, own, settings};
use dvbf::settings::{Settings, preset};
use serde_json::Value;

/// The smallest run about the system of the preset `name`.
fn tiny(name: &str) -> Settings {
    let mut tiny = settings();
    let Settings { system, model, .. } = preset(name).expect("a preset");
    let hidden = tiny.model.hidden;
    (tiny.system, tiny.model) = (system, model);
    tiny.model.hidden = hidden;
    tiny.model.transition.set("hidden", hidden);
    tiny.validate().expect("valid settings");
    tiny
}

#[test]
fn balls_are_learned_and_shown_as_planes() {
    let cases: [(&str, &[&str], &[&str]); 2] = [
        ("ball", &["vx", "vy", "x", "y"], &["x and y", "vx and vy"]),
        (
            "two-balls",
            &["vx1", "vx2", "vy1", "vy2", "x1", "x2", "y1", "y2"],
            &["x1 and y1", "vx1 and vy1", "x2 and y2", "vx2 and vy2"],
        ),
    ];
    for (name, columns, planes) in cases {
        let run = Run::new(name, tiny(name));
        let summary: Value = serde_json::from_str(&run.read("summary.json")).expect("JSON");
        for read_out in ["sample", "mean", "nonlinear"] {
            let figures = summary["r2"][read_out].as_object().expect("figures");
            assert_eq!(figures.keys().collect::<Vec<_>>(), columns, "{name}");
        }
        assert!(summary["open_loop"]["30"]["physics"].as_f64().expect("known equations") > 0.0);

        let picture = run.read("latent.svg");
        assert_eq!(picture.matches("<circle").count(), planes.len() * 63);
        for plane in planes {
            assert!(picture.contains(&format!("plane of {plane}")), "{name}: {plane}");
        }
        let page = run.report().expect("a page");
        assert!(own(&page).contains("class=\"planes\""), "{name}");
        let latent = figures(&page).into_iter().nth(2).expect("the latent space");
        assert_eq!(latent["data"][0]["type"], "scatter3d", "{name}");
        assert!(latent["layout"].to_string().contains(&format!("along {}", columns[0])));
    }
}
