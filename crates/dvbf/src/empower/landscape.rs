//! The learned landscape of empowerment beside the true one, at held-out states.

use super::subject::CellAxis;
use dvbf_report::Grid;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// States that a cell must have to count.
const LEAST: usize = 4;

/// The learned landscape beside the true one, at held-out states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// Correlation of learned and true empowerment.
    pub correlation: f64,
    /// Where the learned empowerment is highest among states that hardly move by themselves in the
    /// learned model, the lowest twentieth.
    pub maximum: Coordinates,
    /// Where the true empowerment is highest among states that hardly move by themselves.
    pub true_maximum: Coordinates,
    /// Where the learned empowerment is highest, of all states.
    pub maximum_of_all: Coordinates,
    /// Where the true empowerment is highest, of all states.
    pub true_maximum_of_all: Coordinates,
}

/// The middle of a cell of the plane, by the names of its axes.
pub type Coordinates = BTreeMap<String, f64>;

/// Empowerment at held-out states.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// In nats.
    pub(super) empowerment: Vec<f32>,
    /// Whether a state hardly moves by itself.
    pub(super) still: Vec<bool>,
}

/// Sums over the states of a cell.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    learned: Mean,
    truth: Mean,
    learned_still: Mean,
    true_still: Mean,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    count: usize,
    sum: f64,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.count += 1;
        self.sum += f64::from(value);
    }

    /// The mean; NaN of nothing.
    fn value(self) -> f64 {
        self.sum / self.count as f64
    }
}

/// Both landscapes over cells of the plane.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    axes: [CellAxis; 2],
    cells: BTreeMap<(i64, i64), Cell>,
}

impl Cells {
    /// Sorts held-out states, which are at these places of the plane, into cells.
    pub(super) fn of(
        axes: [CellAxis; 2],
        places: impl Iterator<Item = [f64; 2]>,
        (learned, truth): (&Values, &Values),
    ) -> Self {
        let mut cells: BTreeMap<(i64, i64), Cell> = BTreeMap::new();
        for (row, place) in places.enumerate() {
            let cell = cells.entry((axes[0].cell(place[0]), axes[1].cell(place[1]))).or_default();
            cell.learned.add(learned.empowerment[row]);
            cell.truth.add(truth.empowerment[row]);
            if learned.still[row] {
                cell.learned_still.add(learned.empowerment[row]);
            }
            if truth.still[row] {
                cell.true_still.add(truth.empowerment[row]);
            }
        }
        Self { axes, cells }
    }

    /// The middle of the cell with the highest mean, of those with enough states.
    fn highest(&self, of: impl Fn(&Cell) -> Mean) -> Option<[f64; 2]> {
        // Of few states the fullest cells have to do.
        let least = self.cells.values().map(|cell| of(cell).count).max()?.clamp(1, LEAST);
        let full = self.cells.iter().filter(|(_, cell)| of(cell).count >= least);
        let best = full.max_by(|a, b| of(a.1).value().total_cmp(&of(b.1).value()))?;
        let [first, second] = &self.axes;
        Some([best.0.0 as f64 * first.width, best.0.1 as f64 * second.width])
    }

    /// What is told of both landscapes; nothing without states.
    pub(super) fn landscape(&self, learned: &Values, truth: &Values) -> Option<Landscape> {
        let named = |of: fn(&Cell) -> Mean| Some(self.named(self.highest(of)?));
        Some(Landscape {
            correlation: correlation(&learned.empowerment, &truth.empowerment),
            maximum: named(|cell| cell.learned_still)?,
            true_maximum: named(|cell| cell.true_still)?,
            maximum_of_all: named(|cell| cell.learned)?,
            true_maximum_of_all: named(|cell| cell.truth)?,
        })
    }

    /// Coordinates by the names of the axes.
    fn named(&self, at: [f64; 2]) -> Coordinates {
        self.axes.iter().map(|axis| axis.name.to_owned()).zip(at).collect()
    }

    /// Means of the cells as two pictures.
    pub(super) fn grid(&self) -> Grid {
        let span = |axis: &CellAxis, of: fn(&(i64, i64)) -> i64| {
            let far = self.cells.keys().map(|key| of(key).abs()).max().unwrap_or(0);
            let (first, last) = axis.around.map_or((-far, far), |n| (1 - n / 2, n / 2));
            (first..=last).collect::<Vec<i64>>()
        };
        let columns = span(&self.axes[0], |key| key.0);
        let rows = span(&self.axes[1], |key| key.1);
        let mean = |(row, column): (usize, usize), of: fn(&Cell) -> Mean| {
            let cell = self.cells.get(&(columns[column], rows[row]));
            cell.map_or(f64::NAN, |cell| of(cell).value())
        };
        let shape = (rows.len(), columns.len());
        Grid {
            truth: Array2::from_shape_fn(shape, |at| mean(at, |cell| cell.truth)),
            learned: Array2::from_shape_fn(shape, |at| mean(at, |cell| cell.learned)),
            columns: columns.iter().map(|&i| i as f64 * self.axes[0].width).collect(),
            rows: rows.iter().map(|&i| i as f64 * self.axes[1].width).collect(),
        }
    }
}

impl CellAxis {
    /// The cell whose middle is nearest; the two ends of a circle are one.
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    fn cell(&self, at: f64) -> i64 {
        let cell = (at / self.width).round() as i64;
        match self.around {
            Some(around) if 2 * cell == -around => -cell,
            _ => cell,
        }
    }
}

/// Pearson's correlation.
pub(super) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean =
        |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - ma, f64::from(b) - mb);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    fn axes() -> [CellAxis; 2] {
        [
            CellAxis { name: "angle", width: TAU / 36.0, around: Some(36) },
            CellAxis { name: "velocity", width: 0.5, around: None },
        ]
    }

    #[test]
    fn cells_wrap_at_the_bottom() {
        let [angle, velocity] = axes();
        assert_eq!((angle.cell(0.01), velocity.cell(-0.1)), (0, 0));
        assert_eq!((angle.cell(PI - 0.01), velocity.cell(1.0)), (18, 2));
        assert_eq!((angle.cell(0.01 - PI), velocity.cell(-1.0)), (18, -2));
    }

    #[test]
    fn the_highest_cell_has_the_highest_mean_of_enough_states() {
        // Four at upright, four elsewhere that move, and a single one that does not count.
        let places = [[0.0, 0.0]; 4].into_iter().chain([[1.0, -1.0]; 4]).chain([[0.5, 2.0]]);
        let still = [[true; 4], [false; 4]].concat();
        let values = |first: f32, second: f32| Values {
            empowerment: [[first; 4], [second; 4]].concat().into_iter().chain([9.0]).collect(),
            still: still.iter().copied().chain([false]).collect(),
        };
        let (learned, truth) = (values(2.0, 2.5), values(1.0, 3.0));
        let cells = Cells::of(axes(), places, (&learned, &truth));
        let landscape = cells.landscape(&learned, &truth).unwrap();
        for upright in [&landscape.maximum, &landscape.true_maximum] {
            assert_eq!((upright["angle"], upright["velocity"]), (0.0, 0.0));
        }
        for elsewhere in [&landscape.maximum_of_all, &landscape.true_maximum_of_all] {
            assert!((elsewhere["angle"] - 1.0).abs() < 0.1, "{elsewhere:?}");
            assert!((elsewhere["velocity"] + 1.0).abs() < 1e-9, "{elsewhere:?}");
        }
        let grid = cells.grid();
        assert_eq!((grid.columns.len(), grid.rows.len()), (36, 9));
        let (row, column) = (4, grid.columns.iter().position(|&a| a == 0.0).unwrap());
        assert_eq!((grid.learned[[row, column]], grid.truth[[row, column]]), (2.0, 1.0));
        assert!(grid.learned[[0, 0]].is_nan());
    }

    #[test]
    fn a_line_is_correlated_and_its_mirror_image_against() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
    }
}
