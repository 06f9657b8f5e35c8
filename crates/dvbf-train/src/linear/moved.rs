//! Training sequences at all values of what is counted.

use super::counted::Counted;
use dvbf_data::Dataset;
use std::f64::consts::TAU;

/// Turns by which sequences are moved beyond those that they make.
const MORE_TURNS: f64 = 2.0;

/// The sequences with their angles moved by whole turns and their levels by any amount, so that they begin at all
/// values that the recordings have and some more: what is learned in one place is then learned of all.
pub fn moved(data: &Dataset, counted: &[Counted]) -> Dataset {
    let mut moved = data.clone();
    for Counted { channel, radians } in counted.iter().copied() {
        let values = data.observations.slice(ndarray::s![.., .., channel]);
        let largest = f64::from(values.iter().fold(0.0_f32, |m, x| m.max(x.abs())));
        for n in 0..data.lengths.len() {
            let seen = |t: &usize| data.is_observed((n, *t, channel));
            let Some(t) = (0..data.lengths[n]).find(seen) else { continue };
            let first = f64::from(data.observations[[n, t, channel]]);
            // Equal shares of all places, in an order that mixes them.
            let place = (n as f64 * 0.618_033_988_75).fract();
            let by = match radians {
                Some(radians) => {
                    let period = TAU / radians;
                    let most = (largest / period).ceil() + MORE_TURNS;
                    let turn = (place * (2.0 * most + 1.0)).floor() - most;
                    (turn - (first / period).round()) * period
                }
                None => 2.0 * largest * (2.0 * place - 1.0) - first,
            };
            for t in (0..data.lengths[n]).filter(seen) {
                moved.observations[[n, t, channel]] += dvbf_data::narrow(by);
            }
        }
    }
    moved
}
