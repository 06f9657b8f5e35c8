//! The first recorded sequences as a picture in SVG: frames of images, lines of vectors.

use super::html::{data_uri, escape};
use super::raster::{Raster, gray};
use dvbf_data::{Origins, RawRecordings, RawSequence};
use std::fmt::Write as _;

/// Sequences, frames of one, channels and controls that are shown, at most.
const SEQUENCES: usize = 4;
const FRAMES: usize = 24;
const STEPS: usize = 400;
const CHANNELS: usize = 8;
/// Size of a panel of lines.
const PANEL: (f64, f64) = (360.0, 90.0);
const MARGIN: f64 = 24.0;
const COLORS: [&str; SEQUENCES] = ["#1f6fb4", "#d1602b", "#3a8a4d", "#8055a8"];

/// The picture.
pub fn preview(recordings: &RawRecordings) -> String {
    match recordings.image {
        Some(size) => films(recordings, size),
        None => lines(recordings),
    }
}

/// An SVG file with a white ground.
pub(super) fn svg(width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

/// One row of frames a sequence; a frame of which nothing was seen is red.
fn films(recordings: &RawRecordings, (height, width): (usize, usize)) -> String {
    const GAP: usize = 2;
    let scale = (48 / height.max(width)).max(1);
    let (tall, wide) = (height * scale + GAP, width * scale + GAP);
    let mut body = String::new();
    let (mut y, mut most) = (MARGIN, 0.0_f64);
    for sequence in recordings.sequences.iter().take(SEQUENCES) {
        let frames = sequence.observations.nrows().min(FRAMES);
        let mut film = Raster::new(wide * frames, tall, [255, 255, 255]);
        for t in 0..frames {
            let row = sequence.observations.row(t);
            if row.iter().all(|x| x.is_nan()) {
                film.fill((wide * t, 0), (wide - GAP, tall - GAP), [200, 60, 60]);
            } else {
                film.draw((wide * t, 0), &gray(row), (height, width), scale);
            }
        }
        let (w, h) = ((wide * frames) as f64, tall as f64);
        let _ = writeln!(
            body,
            "<text x=\"{MARGIN}\" y=\"{:.0}\">{}</text>\n<image x=\"{MARGIN}\" y=\"{y:.0}\" \
             width=\"{w:.0}\" height=\"{h:.0}\" href=\"{}\"/>",
            y - 6.0,
            escape(&sequence.name),
            data_uri("image/png", &film.png())
        );
        y += h + MARGIN;
        most = most.max(w);
    }
    svg(most + 2.0 * MARGIN, y, &body)
}

/// One panel a channel with all sequences in it; gaps are gaps.
fn lines(recordings: &RawRecordings) -> String {
    let channels = recordings.observation_names.iter().take(CHANNELS).enumerate();
    let controls = recordings.control_names.iter().take(CHANNELS).enumerate();
    let observed = channels.map(|(i, name)| (format!("observation {name}"), i, true));
    let panels: Vec<_> =
        observed.chain(controls.map(|(i, name)| (format!("control {name}"), i, false))).collect();
    let shown: Vec<&RawSequence> = recordings.sequences.iter().take(SEQUENCES).collect();
    let steps = shown.iter().map(|s| s.observations.nrows()).max().unwrap_or(1).min(STEPS);
    let mut body = String::new();
    for (place, (name, channel, is_observation)) in panels.iter().enumerate() {
        let corner = (
            MARGIN + (place % 2) as f64 * (PANEL.0 + MARGIN),
            MARGIN + (place / 2) as f64 * (PANEL.1 + 2.0 * MARGIN),
        );
        let values = |sequence: &RawSequence| -> Vec<f64> {
            let (of, origins) = if *is_observation {
                (&sequence.observations, &recordings.origins.observation)
            } else {
                (&sequence.controls, &recordings.origins.control)
            };
            let origin = Origins::of(origins, *channel);
            of.column(*channel).iter().take(steps).map(|&v| f64::from(v) + origin).collect()
        };
        let all: Vec<f64> =
            shown.iter().flat_map(|s| values(s)).filter(|v| v.is_finite()).collect();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range =
            if all.is_empty() { "nothing seen".into() } else { format!("{low:.4} … {high:.4}") };
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{:.0}\">{}: {range}</text>\n<rect x=\"{:.0}\" y=\"{:.0}\" \
             width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#c5cad0\"/>",
            corner.0,
            corner.1 - 5.0,
            escape(name),
            corner.0,
            corner.1,
            PANEL.0,
            PANEL.1
        );
        for (sequence, color) in shown.iter().zip(COLORS) {
            let path = path(&values(sequence), steps, (low, high), corner);
            let _ = writeln!(
                body,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.2\" \
                 stroke-linecap=\"round\"/>"
            );
        }
    }
    let rows = panels.len().div_ceil(2) as f64;
    svg(2.0 * PANEL.0 + 3.0 * MARGIN, rows * (PANEL.1 + 2.0 * MARGIN) + MARGIN, &body)
}

/// A line that is lifted where a value is missing; a single value is a dot.
fn path(values: &[f64], steps: usize, (low, high): (f64, f64), corner: (f64, f64)) -> String {
    let height = if high > low { high - low } else { 1.0 };
    let mut out = String::new();
    let mut drawing = false;
    for (t, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            drawing = false;
            continue;
        }
        let x = corner.0 + PANEL.0 * (t as f64 + 0.5) / steps as f64;
        let y = corner.1 + PANEL.1 * (0.95 - 0.9 * (value - low) / height);
        let _ =
            if drawing { write!(out, "L{x:.1} {y:.1}") } else { write!(out, "M{x:.1} {y:.1}h0") };
        drawing = true;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn recordings(image: Option<(usize, usize)>) -> RawRecordings {
        let mut observations = Array2::from_shape_fn((9, 4), |(t, i)| (t * (i + 1)) as f32 / 40.0);
        observations.row_mut(3).fill(f32::NAN);
        let sequence = RawSequence {
            name: "<walk>".into(),
            observations,
            controls: Array2::ones((9, 1)),
            intervals: None,
            states: None,
            part: None,
        };
        RawRecordings {
            sequences: vec![sequence.clone(), sequence],
            observation_names: ["a", "b", "c", "d"].map(String::from).into(),
            control_names: vec!["u".into()],
            state_names: Vec::new(),
            dt: None,
            image,
            colors: 1,
            ignored: Vec::new(),
            remarks: Vec::new(),
            origins: dvbf_data::Origins::default(),
        }
    }

    #[test]
    fn vectors_are_lines_with_gaps_and_images_are_films() {
        let text = preview(&recordings(None));
        assert_eq!(text.matches("<path").count(), 5 * 2, "channels and controls, two sequences");
        let first = text.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((first.matches('M').count(), first.matches('L').count()), (2, 6), "{first}");
        let text = preview(&recordings(Some((2, 2))));
        assert_eq!(text.matches("data:image/png").count(), 2);
        assert!(text.contains("&lt;walk&gt;") && !text.contains("<walk>"));
    }

    #[test]
    fn a_channel_that_was_never_seen_or_never_changes_is_drawn() {
        let mut all = recordings(None);
        for sequence in &mut all.sequences {
            sequence.observations.column_mut(0).fill(f32::NAN);
            sequence.observations.column_mut(1).fill(2.0);
        }
        let text = preview(&all);
        assert!(text.contains("nothing seen") && !text.contains("NaN"), "{text}");
    }
}
