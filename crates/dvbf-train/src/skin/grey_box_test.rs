//! Tests of the grey box on a small skin.

use super::contact_filter::{ContactFilter, Known};
use super::grey_box::{GreyBox, Unlabelled};
use super::labels::Labels;
use super::method::ForceMethod;
use crate::pool::Pool;
use dvbf_envs::{ContactSettings, Skin, SkinSettings, record};
use ndarray::s;

fn small() -> Skin {
    let mut settings = SkinSettings::default();
    settings.contact = ContactSettings { rows: 3, cols: 2, ..settings.contact };
    settings.readout.dead = 0;
    settings.temperature.coefficient = 0.0;
    Skin::new(settings).unwrap()
}

#[test]
fn constants_come_from_readings_and_few_labels() {
    let skin = small();
    let pool = Pool::new(1).unwrap();
    let readings = record(&skin, 1, 1500, 3).observations;
    let labels = Labels::record(&skin, 7.5, 4);
    let grey = Unlabelled::fit(skin.settings(), readings, &pool).unwrap();
    let own = grey.calibrate(&labels, &pool).unwrap();
    let test = record(&skin, 1, 1500, 5);
    let readings = test.observations.slice(s![0, .., ..]);
    let estimates = own.estimate(readings);
    let off = |t: usize| estimates[t].value - f64::from(test.states[[0, t, 0]]);
    let rms = ((20..1500).map(|t| off(t).powi(2)).sum::<f64>() / 1480.0).sqrt();
    assert!(rms < 0.15, "{rms} N of 10 N");
    let inside = (20..1500).filter(|&t| off(t).abs() <= estimates[t].half_width).count();
    assert!(inside > 1100, "{inside} of 1480 within 90 %");
    for (found, truth) in own.skin().factors().iter().zip(skin.factors()) {
        assert!((found / truth - 1.0).abs() < 0.08, "{found} for {truth}");
    }

    // A file gives it back, and step by step it tells the same.
    let text = serde_json::to_string(&own.stored()).unwrap();
    let again = GreyBox::restore(serde_json::from_str(&text).unwrap()).unwrap();
    let mut online = again.online();
    for (row, expected) in readings.rows().into_iter().zip(&estimates) {
        let estimate = online.step(&row.to_vec());
        assert!((estimate.value - expected.value).abs() < 1e-9, "{estimate:?} {expected:?}");
    }
    let mut bad = own.stored();
    bad.gain = -1.0;
    assert!(GreyBox::restore(bad).unwrap_err().to_string().contains("gain"));
}

#[test]
fn a_known_force_is_a_measurement() {
    let skin = small();
    let labels = Labels::record(&skin, 5.0, 6);
    let live: Vec<usize> = (0..6).collect();
    // A skin that is twice as sensitive halves the force unless it is known.
    let factors = skin.factors().iter().map(|f| 2.0 * f).collect();
    let wrong = Skin::with_sensor(skin.settings().clone(), factors, Vec::new()).unwrap();
    let filter = || ContactFilter::new(&wrong, &live);
    let known = Known { force: &labels.force, std: 0.002 };
    let error = |loads: &ndarray::Array2<f64>| -> f64 {
        let off = loads.column(0).into_iter().zip(&labels.force).map(|(a, b)| (a - b).powi(2));
        (off.sum::<f64>() / labels.force.len() as f64).sqrt()
    };
    let readings = labels.readings.view();
    let (alone, with) = (filter().run(readings), filter().run_with(readings, Some(known)));
    assert!(error(&alone.loads) > 1.0 && error(&with.loads) < 0.05);
    assert_eq!(with.residuals.len(), alone.residuals.len() + labels.force.len());
    // Labels that are missing are none.
    let missing = vec![f64::NAN; labels.force.len()];
    let none = filter().run_with(readings, Some(Known { force: &missing, std: 0.002 }));
    assert_eq!(none.loads, alone.loads);
}
