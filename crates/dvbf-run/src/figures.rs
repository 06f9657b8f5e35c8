//! Which figures the summary of a run will have, before there is one.

use crate::forces::{FORCE_METHODS, LABEL_SECONDS};
use crate::settings::Settings;
use dvbf_data::target_names;

/// Dotted names of all numbers in `summary.json` of a run with these settings, such as
/// `open_loop.45.model`. `targets` are the columns that latent states are regressed on; where nobody
/// knows them yet, `*` stands for any.
///
/// # Panics
/// If the settings are not [valid](Settings::validate).
pub fn figure_names(settings: &Settings, targets: Option<&[String]>) -> Vec<String> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut out = owned(&["seed", "steps", "kept", "seconds", "threads", "latent_dim"]);
    out.extend(owned(&["bound.total", "bound.reconstruction", "bound.kl"]));
    if settings.evaluation.importance_samples > 0 {
        out.push("bound.iwae64".into());
    }
    let simulated = settings.source().environment().ok().flatten().map(|env| {
        let (names, kinds): (Vec<_>, Vec<_>) =
            env.spec().state.into_iter().map(|variable| (variable.name, variable.kind)).unzip();
        target_names(&names, &kinds)
    });
    let targets = match (&simulated, targets) {
        (Some(names), _) => names.clone(),
        (None, Some(names)) => names.to_vec(),
        (None, None) => owned(&["*"]),
    };
    for readout in ["sample", "mean", "nonlinear"] {
        out.extend(targets.iter().map(|target| format!("r2.{readout}.{target}")));
    }
    let mut predictors = owned(&["model", "persistence", "mean_image"]);
    predictors.extend(owned(match simulated {
        Some(_) => &["physics"],
        None => &["linear", "kalman"],
    }));
    for horizon in &settings.evaluation.horizons {
        out.extend(predictors.iter().map(|name| format!("open_loop.{horizon}.{name}")));
    }
    let about_skin = settings.system.as_ref().is_some_and(|s| s.name() == "skin");
    let known = if about_skin { "predictions" } else { "calibration" };
    if about_skin {
        for method in FORCE_METHODS {
            for seconds in LABEL_SECONDS {
                let full = |name: &str| format!("calibration.{method}.{seconds}.{name}");
                out.extend(
                    ["rmse", "hysteresis", "creep", "drift"].map(|f| full(&format!("{f}_percent"))),
                );
                out.extend(["coverage90", "delay_ms"].map(full));
            }
        }
    }
    for name in ["scale", "nis", "log_likelihood", "log_likelihood_scaled"] {
        out.push(format!("{known}.{name}"));
    }
    for part in ["validation", "test", "test_scaled"] {
        out.extend(["p50", "p90", "p99"].map(|p| format!("{known}.{part}.{p}")));
    }
    out
}
