//! The channel `y = x + ξ`, `ξ ~ N(0, I)`, from given points, its output cut into cells.
//!
//! The density is taken at the centers of the cells and normalized. For smooth densities this
//! quadrature is exact but for terms of the order `exp(−2 π² / h²)` in the spacing `h`.

use super::discrete::DiscreteChannel;
use crate::error::ControlError;
use ndarray::ArrayView2;

/// How far from a point, in standard deviations, the density counts.
const REACH: f64 = 6.5;
/// The most cells that are looked at.
const CELLS: f64 = 134_217_728.0;

/// The cells along one axis.
struct Axis {
    origin: f64,
    count: usize,
}

impl DiscreteChannel {
    /// The channel from the points `x (N, Z)`, in units of the noise's standard deviation, to cells
    /// with edges of `spacing`.
    ///
    /// # Errors
    /// If there is no point, a point is not finite, the spacing is not positive and finite, or more
    /// than 2²⁷ cells would be needed.
    ///
    /// # Panics
    /// Never: as many cells have a number of 32 bits.
    pub fn gaussian(points: ArrayView2<'_, f64>, spacing: f64) -> Result<Self, ControlError> {
        crate::error::positive("spacing", spacing)?;
        crate::error::at_least("inputs", points.nrows(), 1, "at least 1")?;
        crate::scale::check_finite("the point", points)?;
        let axes: Vec<Axis> = points
            .columns()
            .into_iter()
            .map(|column| {
                let low = column.iter().fold(f64::INFINITY, |low, &x| low.min(x)) - REACH;
                let high = column.iter().fold(f64::NEG_INFINITY, |high, &x| high.max(x)) + REACH;
                Axis { origin: low, count: whole((high - low) / spacing) + 2 }
            })
            .collect();
        let cells: f64 = axes.iter().map(|axis| axis.count as f64).product();
        if cells > CELLS {
            let (key, range) =
                ("output cells", "at most 2^27; take fewer dimensions or a coarser spacing");
            return Err(ControlError::Setting { key, value: cells, range });
        }
        // Cells that no point reaches are left out.
        let mut names = vec![u32::MAX; whole(cells)];
        let mut channel =
            Self { starts: vec![0], columns: Vec::new(), entries: Vec::new(), outputs: 0 };
        let mut row = Vec::new();
        for point in points.rows() {
            row.clear();
            row.push((0, 1.0));
            for (axis, &x) in axes.iter().zip(point) {
                let place = (x - axis.origin) / spacing;
                let (first, reach) = (whole((place - REACH / spacing).max(0.0)), REACH / spacing);
                let last = whole(place + reach).min(axis.count - 1);
                let density =
                    |cell: usize| (-0.5 * ((cell as f64 - place) * spacing).powi(2)).exp();
                row = row
                    .iter()
                    .flat_map(|&(index, weight)| {
                        (first..=last).map(move |c| (index * axis.count + c, weight * density(c)))
                    })
                    .collect();
            }
            let sum: f64 = row.iter().map(|&(_, weight)| weight).sum();
            for &(cell, weight) in &row {
                let name = &mut names[cell];
                if *name == u32::MAX {
                    *name = u32::try_from(channel.outputs).expect("there are at most 2²⁷ cells");
                    channel.outputs += 1;
                }
                channel.columns.push(*name);
                channel.entries.push(weight / sum);
            }
            channel.starts.push(channel.entries.len());
        }
        Ok(channel)
    }
}

/// The whole part of a number that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(x: f64) -> usize {
    x as usize
}
