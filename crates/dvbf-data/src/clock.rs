//! Time stamps: what columns of them are called, their unit, and whether their steps are even.

/// Seconds in the unit `name`; `None` if it is no unit of time.
fn seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1e-3,
        "us" | "µs" | "usec" | "microsecond" | "microseconds" => 1e-6,
        "ns" | "nsec" | "nanosecond" | "nanoseconds" => 1e-9,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => return None,
    })
}

/// A name and the unit in brackets behind it, such as `angle [rad]` or `torque (Nm)`.
pub(super) fn with_unit(name: &str) -> (&str, Option<&str>) {
    let of = |open: char, close: char| {
        let (front, unit) = name.trim().strip_suffix(close)?.rsplit_once(open)?;
        (!front.trim().is_empty()).then(|| (front.trim(), Some(unit.trim())))
    };
    of('[', ']').or_else(|| of('(', ')')).unwrap_or((name, None))
}

/// Seconds in the unit of a column of time stamps that was chosen as such.
pub(super) fn unit_of(name: &str) -> f64 {
    let (bare, unit) = with_unit(name);
    let suffix = || bare.rsplit_once('_').and_then(|(_, unit)| seconds(&unit.to_lowercase()));
    // Recordings of ROS count nanoseconds.
    let usual = if bare == "%time" { 1e-9 } else { 1.0 };
    unit.and_then(|unit| seconds(&unit.to_lowercase())).or_else(suffix).unwrap_or(usual)
}

/// Seconds in the unit of a column, if its name is one that time stamps usually have.
pub(super) fn usual(name: &str) -> Option<f64> {
    let (bare, unit) = with_unit(name);
    if unit.is_some_and(|unit| seconds(&unit.to_lowercase()).is_none()) {
        return None;
    }
    let bare = bare.to_lowercase();
    let plain = bare.trim_start_matches(['_', '%']);
    let plain = match plain.rsplit_once('_') {
        Some((front, unit)) if seconds(unit).is_some() => front,
        _ => plain,
    };
    matches!(plain, "t" | "time" | "timestamp" | "time_stamp").then(|| unit_of(name))
}

/// Digits behind the point of the number in `cell`.
pub(super) fn decimals(cell: &str) -> i32 {
    let (digits, power) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let behind = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
    let behind = i32::try_from(behind).unwrap_or(i32::MAX / 2);
    behind.saturating_sub(power.parse().unwrap_or(0))
}

/// The step of stamps that are even but for being rounded to multiples of `resolution` or to single
/// precision; `None` if they are not.
///
/// Stamps are even if they lie in a band about a straight line that is as wide as their resolution, which has to
/// be smaller than an eighth of a step: what is rounded more coarsely could hide a step that is missing.
pub(super) fn even_step(stamps: &[f64], resolution: f64) -> Option<f64> {
    let n = stamps.len();
    if n < 3 {
        return None;
    }
    let largest = stamps.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    // Rounded twice: to single precision, and to the shortest text of that.
    let single = stamps.iter().all(|&t| is_single(t));
    let resolution =
        if single { resolution.max(2.0 * largest * f64::from(f32::EPSILON)) } else { resolution };
    let resolution = resolution + 4.0 * f64::EPSILON * largest;
    // Least squares, about the middle.
    let middle = (n - 1) as f64 / 2.0;
    let origin = stamps[0];
    let mean = stamps.iter().map(|t| t - origin).sum::<f64>() / n as f64;
    let (mut top, mut bottom) = (0.0, 0.0);
    for (k, t) in stamps.iter().enumerate() {
        let at = k as f64 - middle;
        top += at * (t - origin - mean);
        bottom += at * at;
    }
    let step = top / bottom;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (k, t) in stamps.iter().enumerate() {
        let off = t - origin - mean - step * (k as f64 - middle);
        (low, high) = (low.min(off), high.max(off));
    }
    let even = step > 8.0 * resolution && high - low <= 1.05 * resolution;
    even.then(|| tidy(step, resolution / n as f64))
}

/// Seconds after every stamp, which grow and are counted in units of `unit` seconds with so much resolution; the last
/// is that of the step before.
pub(super) fn gaps(stamps: &[f64], resolution: f64, unit: f64) -> Vec<f64> {
    let even = even_step(stamps, 0.0).or_else(|| even_step(stamps, resolution));
    let mut gaps = if let Some(step) = even {
        vec![tidy(step * unit, f64::EPSILON * step * unit); stamps.len() - 1]
    } else {
        let blur = stamps.iter().fold(0.0_f64, |m, t| m.max(t.abs())) * 4.0 * f64::EPSILON;
        stamps.windows(2).map(|two| tidy((two[1] - two[0]) * unit, blur * unit)).collect()
    };
    gaps.push(gaps.last().copied().unwrap_or(f64::NAN));
    gaps
}

/// Whether the number is the shortest text of one in single precision.
fn is_single(value: f64) -> bool {
    super::raw::narrow(value)
        .to_string()
        .parse::<f64>()
        .is_ok_and(|v| v.to_bits() == value.to_bits())
}

/// The number of fewest digits within `tolerance` and a billionth.
pub(super) fn tidy(value: f64, tolerance: f64) -> f64 {
    let near = |digits: usize| -> Option<f64> {
        let short: f64 = format!("{value:.digits$e}").parse().ok()?;
        ((short - value).abs() <= tolerance.min(1e-9 * value.abs())).then_some(short)
    };
    (0..9).find_map(near).unwrap_or(value)
}
