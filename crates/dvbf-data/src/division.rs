//! Recorded sequences divided into training, validation and test parts, and cut to equal lengths.
//!
//! No step belongs to two parts, and no window crosses from one into another.

use super::raw::{Part, RawRecordings};
use crate::settings::Division;
use dvbf_core::Noise;

/// Steps `start .. start + length` of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The sequence's number.
    pub sequence: usize,
    /// Its first step.
    pub start: usize,
    /// Number of steps.
    pub length: usize,
}

/// The pieces of every part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// For training.
    pub train: Vec<Piece>,
    /// For choices.
    pub validation: Vec<Piece>,
    /// For the final figures.
    pub test: Vec<Piece>,
}

/// Fewest sequences that are divided at random: one for each part.
const FEWEST: usize = 3;

/// The way to divide recordings that nobody chose another for: as the files say, by lot, or by time
/// if there are too few sequences.
pub fn usual_division(recordings: &RawRecordings) -> Division {
    if recordings.sequences.iter().any(|s| s.part.is_some()) {
        Division::Given
    } else if recordings.sequences.len() >= FEWEST {
        Division::Sequence
    } else {
        Division::Time
    }
}

/// Divides recordings; lots are drawn with `seed`.
///
/// # Errors
/// Says what is in the way.
pub fn divide(
    recordings: &RawRecordings,
    division: Division,
    held_out: f64,
    seed: u64,
) -> Result<Parts, String> {
    let count = recordings.sequences.len();
    let whole = |n: usize| {
        let length = recordings.sequences[n].observations.nrows();
        Piece { sequence: n, start: 0, length }
    };
    let mut parts = Parts { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
    match division {
        Division::Given => {
            for (n, sequence) in recordings.sequences.iter().enumerate() {
                match sequence.part {
                    Some(Part::Train) => parts.train.push(whole(n)),
                    Some(Part::Validation) => parts.validation.push(whole(n)),
                    Some(Part::Test) => parts.test.push(whole(n)),
                    None => {}
                }
            }
            let open: Vec<usize> =
                (0..count).filter(|&n| recordings.sequences[n].part.is_none()).collect();
            if open.len() == count {
                return Err("do not say which part a sequence belongs to".into());
            }
            share_out(&mut parts, open.into_iter().map(whole).collect(), held_out, seed);
        }
        Division::Sequence => {
            if count < FEWEST {
                return Err(format!(
                    "have {count} sequences, too few to divide them; recordings.division = \"time\" \
                     cuts every sequence"
                ));
            }
            let mut order: Vec<usize> = (0..count).collect();
            Noise::new(seed, 0).shuffle(&mut order);
            let held = share(count, held_out).clamp(1, (count - 1) / 2);
            let pieces = |range: std::ops::Range<usize>| {
                let mut chosen = order[range].to_vec();
                chosen.sort_unstable();
                chosen.into_iter().map(whole).collect()
            };
            parts.test = pieces(0..held);
            parts.validation = pieces(held..2 * held);
            parts.train = pieces(2 * held..count);
        }
        Division::Time => {
            for piece in (0..count).map(whole) {
                let held = share(piece.length, held_out).max(1);
                if piece.length < 2 * held + 1 {
                    continue;
                }
                let train = piece.length - 2 * held;
                let cut = |start: usize, length: usize| Piece { start, length, ..piece };
                parts.train.push(cut(0, train));
                parts.validation.push(cut(train, held));
                parts.test.push(cut(train + held, held));
            }
        }
    }
    for (name, pieces) in
        [("training", &parts.train), ("validation", &parts.validation), ("test", &parts.test)]
    {
        if pieces.is_empty() {
            return Err(format!("leave nothing for the {name} part"));
        }
    }
    Ok(parts)
}

/// Fewest sequences of which whole ones are taken for a part that no file is for.
const FEWEST_WHOLE: usize = 6;

/// Gives the `open` pieces to training and to whichever other part has none: whole ones by lot, or a block of each
/// where there are few, the end of a single one.
fn share_out(parts: &mut Parts, mut open: Vec<Piece>, held_out: f64, seed: u64) {
    for part in [&mut parts.test, &mut parts.validation] {
        if !part.is_empty() || open.is_empty() {
            continue;
        }
        if open.len() >= FEWEST_WHOLE {
            let mut order: Vec<usize> = (0..open.len()).collect();
            Noise::new(seed, 0).shuffle(&mut order);
            let held = share(open.len(), held_out).max(1);
            let chosen = &order[..held];
            part.extend(chosen.iter().map(|&i| open[i]));
            part.sort_by_key(|piece| piece.sequence);
            open = (0..open.len()).filter(|i| !chosen.contains(i)).map(|i| open[i]).collect();
        } else {
            let count = open.len();
            let cut = |(i, piece): (usize, Piece)| {
                let held = share(piece.length, held_out).max(1).min(piece.length.saturating_sub(1));
                let before = match count {
                    1 => piece.length - held,
                    // Each at another place, so that all phases of a recording are held out.
                    _ => (piece.length - held) * (2 * i + 1) / (2 * count),
                };
                part.push(Piece { start: piece.start + before, length: held, ..piece });
                let end = before + held;
                let rest = [(0, before), (end, piece.length - end)];
                rest.map(|(from, length)| Piece { start: piece.start + from, length, ..piece })
            };
            open = open.into_iter().enumerate().flat_map(cut).collect();
            open.retain(|piece| piece.length > 0);
        }
    }
    parts.train.extend(open);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of steps"
)]
fn share(count: usize, part: f64) -> usize {
    (count as f64 * part).round() as usize
}

/// Steps from the beginning of a training segment of `steps` steps to that of the next: few enough that
/// every window of `window` steps of a long piece lies within a segment.
pub fn stride(steps: usize, window: usize) -> usize {
    window.min((steps + 1).saturating_sub(window)).max(1)
}

/// Pieces of at most `steps` steps that begin every `stride` steps and cover everything, the first of
/// every piece before the second.
pub fn segments(pieces: &[Piece], steps: usize, stride: usize) -> Vec<Piece> {
    let mut out = Vec::new();
    for piece in pieces {
        let mut at = 0;
        loop {
            let length = steps.min(piece.length - at);
            out.push((at, Piece { start: piece.start + at, length, ..*piece }));
            if at + length >= piece.length {
                break;
            }
            at += stride.min(length);
        }
    }
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, piece)| piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawSequence;
    use ndarray::Array2;

    fn recordings(lengths: &[usize]) -> RawRecordings {
        let sequence = |&length: &usize| RawSequence {
            name: String::new(),
            observations: Array2::zeros((length, 1)),
            controls: Array2::zeros((length, 0)),
            intervals: None,
            states: None,
            part: None,
        };
        RawRecordings {
            sequences: lengths.iter().map(sequence).collect(),
            observation_names: vec!["x".into()],
            control_names: Vec::new(),
            state_names: Vec::new(),
            dt: None,
            image: None,
            colors: 1,
            ignored: Vec::new(),
            remarks: Vec::new(),
            origins: crate::Origins::default(),
        }
    }

    /// How often every step of every sequence is in each part.
    fn visits(lengths: &[usize], parts: &Parts) -> Vec<Vec<[usize; 3]>> {
        let mut out: Vec<_> = lengths.iter().map(|&l| vec![[0; 3]; l]).collect();
        for (i, pieces) in [&parts.train, &parts.validation, &parts.test].iter().enumerate() {
            for piece in *pieces {
                let visited = out[piece.sequence].iter_mut().skip(piece.start);
                visited.take(piece.length).for_each(|visits: &mut [usize; 3]| visits[i] += 1);
            }
        }
        out
    }

    #[test]
    fn every_step_belongs_to_exactly_one_part() {
        for division in [Division::Sequence, Division::Time] {
            for lengths in [&[20, 31, 12][..], &[50; 40], &[9, 100, 3, 1, 77]] {
                for seed in 0..5 {
                    let all = recordings(lengths);
                    let parts = divide(&all, division, 0.15, seed).unwrap();
                    let visits = visits(lengths, &parts);
                    for (n, sequence) in visits.iter().enumerate() {
                        let left_out = division == Division::Time && lengths[n] < 3;
                        let one = usize::from(!left_out);
                        assert!(sequence.iter().all(|v| v.iter().sum::<usize>() == one));
                    }
                }
            }
        }
        let mut all = recordings(&[4, 4, 4]);
        assert!(divide(&all, Division::Given, 0.1, 0).is_err());
        for (s, part) in all.sequences.iter_mut().zip([Part::Test, Part::Train, Part::Validation]) {
            s.part = Some(part);
        }
        assert_eq!(usual_division(&all), Division::Given);
        let parts = divide(&all, Division::Given, 0.1, 0).unwrap();
        assert_eq!((parts.train[0].sequence, parts.test[0].sequence), (1, 0));
    }

    /// Of a few files beside one for the test, each gives a block at another place for validation; a single one
    /// gives its end.
    #[test]
    fn blocks_for_validation_lie_at_all_places() {
        let part = |lengths: &[usize]| {
            let mut all = recordings(lengths);
            all.sequences[0].part = Some(Part::Test);
            let parts = divide(&all, Division::Given, 0.2, 0).unwrap();
            for (n, sequence) in visits(lengths, &parts).iter().enumerate() {
                assert!(sequence.iter().all(|v| v.iter().sum::<usize>() == 1), "{n}");
            }
            parts
        };
        let parts = part(&[30, 100, 100, 50]);
        let places = |pieces: &[Piece]| {
            pieces.iter().map(|p| (p.sequence, p.start, p.length)).collect::<Vec<_>>()
        };
        assert_eq!(places(&parts.validation), [(1, 13, 20), (2, 40, 20), (3, 33, 10)]);
        assert_eq!(
            places(&parts.train),
            [(1, 0, 13), (1, 33, 67), (2, 0, 40), (2, 60, 40), (3, 0, 33), (3, 43, 7)]
        );
        assert_eq!(places(&part(&[30, 100]).validation), [(1, 80, 20)]);
    }

    #[test]
    fn too_few_sequences_are_divided_by_time() {
        assert_eq!(usual_division(&recordings(&[100])), Division::Time);
        assert_eq!(usual_division(&recordings(&[9; 3])), Division::Sequence);
        let error = divide(&recordings(&[100]), Division::Sequence, 0.1, 0).unwrap_err();
        assert!(error.contains("1 sequences"), "{error}");
        let error = divide(&recordings(&[2, 2]), Division::Time, 0.1, 0).unwrap_err();
        assert!(error.contains("nothing for the training part"), "{error}");
    }

    #[test]
    fn segments_cover_everything_and_stay_inside() {
        for (length, steps, stride) in
            [(15, 15, 12), (15, 24, 12), (100, 24, 12), (7, 3, 3), (1, 5, 5)]
        {
            let piece = Piece { sequence: 2, start: 10, length };
            let cut = segments(&[piece], steps, stride);
            let mut seen = vec![0; length];
            for part in &cut {
                assert!(part.start >= 10 && part.start + part.length <= 10 + length);
                assert!(part.length <= steps && part.length > 0);
                let visited = seen.iter_mut().skip(part.start - 10);
                visited.take(part.length).for_each(|n| *n += 1);
            }
            assert!(seen.iter().all(|&n| n >= 1), "{length} {steps} {stride}: {cut:?}");
            assert!(stride < steps || seen.iter().all(|&n| n == 1));
        }
        let two = [
            Piece { sequence: 0, start: 0, length: 9 },
            Piece { sequence: 1, start: 0, length: 3 },
        ];
        let order: Vec<usize> = segments(&two, 3, 3).iter().map(|p| p.sequence).collect();
        assert_eq!(order, [0, 1, 0, 0], "first pieces first");
    }

    #[test]
    fn every_window_of_a_piece_lies_within_a_segment() {
        for length in 1..60 {
            for window in 1..=length {
                for steps in window..=(2 * window + 3) {
                    let piece = Piece { sequence: 0, start: 5, length };
                    let cut = segments(&[piece], steps, stride(steps, window));
                    let mut drawn = vec![false; length - window + 1];
                    for part in &cut {
                        let places = (part.length + 1).saturating_sub(window);
                        drawn.iter_mut().skip(part.start - 5).take(places).for_each(|d| *d = true);
                    }
                    assert!(drawn.iter().all(|&d| d), "{length}, {steps}, {window}: {cut:?}");
                }
            }
        }
    }

    /// Pins who is in which part by lot: figures belong to seeds.
    #[test]
    fn value_stability() {
        let parts = divide(&recordings(&[9; 12]), Division::Sequence, 0.2, 42).unwrap();
        let numbers = |pieces: &[Piece]| pieces.iter().map(|p| p.sequence).collect::<Vec<_>>();
        assert_eq!((numbers(&parts.validation), numbers(&parts.test)), (vec![0, 9], vec![3, 4]));
    }
}
