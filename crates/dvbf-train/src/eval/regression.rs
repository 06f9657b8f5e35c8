//! Least-squares read-out of true states from latent states.

use super::FitTest;
use nalgebra::{Cholesky, DMatrix};
use ndarray::{Array2, ArrayView2};

/// Which functions of the latent state the true state is regressed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readout {
    /// The latent state and an intercept: ordinary least squares.
    Linear,
    /// All monomials up to the third degree: tells what is known from how it lies.
    Cubic,
}

/// Latent states and the true states that belong to them, row by row.
#[derive(Clone, Copy, Debug)]
pub struct ReadoutRows<'a> {
    /// Latent states, `(n, Z)`.
    pub latent: ArrayView2<'a, f64>,
    /// True states, `(n, Y)`.
    pub truth: ArrayView2<'a, f64>,
}

/// Coefficients of determination on held-out rows, one a target column.
///
/// The coefficients are fitted on the rows `fit`. `R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)²` with `ȳ` the
/// held-out mean; a column without spread, or latent states that are not finite, give NaN.
///
/// # Panics
/// If the shapes disagree.
#[track_caller]
pub fn regress(readout: Readout, rows: FitTest<ReadoutRows<'_>>) -> Vec<f64> {
    let ReadoutRows { latent: train_z, truth: train_y } = rows.fit;
    let ReadoutRows { latent: test_z, truth: test_y } = rows.test;
    assert_eq!(train_z.nrows(), train_y.nrows(), "latent rows against target rows");
    assert_eq!(test_z.nrows(), test_y.nrows(), "latent rows against target rows");
    let scale = Scale::of(train_z);
    let (train, test) = (scale.features(readout, train_z), scale.features(readout, test_z));
    let targets = DMatrix::from_fn(train_y.nrows(), train_y.ncols(), |r, c| train_y[[r, c]]);
    let mut gram = train.tr_mul(&train);
    // Far below the precision of the figures; keeps a collapsed latent dimension solvable.
    let ridge = 1e-10 * train.nrows() as f64;
    for i in 0..gram.nrows() {
        gram[(i, i)] += ridge;
    }
    let Some(factor) = Cholesky::new(gram) else {
        return vec![f64::NAN; test_y.ncols()];
    };
    let predicted = test * factor.solve(&train.tr_mul(&targets));
    (0..test_y.ncols())
        .map(|c| {
            let column = test_y.column(c);
            let mean = column.sum() / column.len() as f64;
            let total: f64 = column.iter().map(|y| (y - mean).powi(2)).sum();
            let residual: f64 =
                column.iter().enumerate().map(|(r, y)| (y - predicted[(r, c)]).powi(2)).sum();
            if total > 0.0 { 1.0 - residual / total } else { f64::NAN }
        })
        .collect()
}

/// Centers and scales latent states, fitted on the training rows.
struct Scale {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Scale {
    fn of(z: ArrayView2<'_, f64>) -> Self {
        let n = z.nrows() as f64;
        let mean: Vec<f64> = z.columns().into_iter().map(|c| c.sum() / n).collect();
        let std = z
            .columns()
            .into_iter()
            .zip(&mean)
            .map(|(c, m)| (c.iter().map(|v| (v - m).powi(2)).sum::<f64>() / n).sqrt().max(1e-30))
            .collect();
        Self { mean, std }
    }

    fn features(&self, readout: Readout, z: ArrayView2<'_, f64>) -> DMatrix<f64> {
        let scaled =
            Array2::from_shape_fn(z.dim(), |(r, c)| (z[[r, c]] - self.mean[c]) / self.std[c]);
        let terms = monomials(z.ncols(), if readout == Readout::Linear { 1 } else { 3 });
        DMatrix::from_fn(z.nrows(), terms.len(), |r, t| {
            terms[t].iter().map(|&c| scaled[[r, c]]).product()
        })
    }
}

/// Index lists of all monomials of `dims` variables up to `degree`, the constant first.
fn monomials(dims: usize, degree: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    let mut last = all.clone();
    for _ in 0..degree {
        let mut next = Vec::new();
        for term in &last {
            for d in term.last().copied().unwrap_or(0)..dims {
                let mut longer = term.clone();
                longer.push(d);
                next.push(longer);
            }
        }
        all.extend(next.iter().cloned());
        last = next;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::Noise;

    fn pair<'a>(latent: &'a Array2<f64>, truth: &'a Array2<f64>) -> ReadoutRows<'a> {
        ReadoutRows { latent: latent.view(), truth: truth.view() }
    }

    fn draw(rows: usize, columns: usize, stream: u64) -> Array2<f64> {
        let mut a = Array2::zeros((rows, columns));
        Noise::new(1, stream).normal(a.as_slice_mut().unwrap());
        a
    }

    #[test]
    fn linear_targets_are_found_and_permuted_ones_are_not() {
        let (z, held) = (draw(400, 3, 1), draw(300, 3, 2));
        let map = draw(3, 2, 3);
        let y = |z: &Array2<f64>| z.dot(&map) + 5.0;
        let r2 = regress(
            Readout::Linear,
            FitTest { fit: pair(&z, &y(&z)), test: pair(&held, &y(&held)) },
        );
        assert!(r2.iter().all(|r| *r > 1.0 - 1e-9), "{r2:?}");
        let mut wrong = y(&held);
        wrong.invert_axis(ndarray::Axis(0));
        let r2 =
            regress(Readout::Linear, FitTest { fit: pair(&z, &y(&z)), test: pair(&held, &wrong) });
        assert!(r2.iter().all(|r| *r < 0.3), "{r2:?}");
    }

    #[test]
    fn noise_lowers_the_figure_as_computed_by_hand() {
        let (z, held) = (draw(20_000, 1, 1), draw(20_000, 1, 2));
        let noisy = |z: &Array2<f64>, s| z + &(draw(z.nrows(), 1, s) * 0.5);
        let (y, held_y) = (noisy(&z, 3), noisy(&held, 4));
        let r2 =
            regress(Readout::Linear, FitTest { fit: pair(&z, &y), test: pair(&held, &held_y) });
        assert!((r2[0] - 0.8).abs() < 0.02, "1 − 0.25 / 1.25 against {r2:?}");
    }

    #[test]
    fn cubic_readout_sees_through_a_bend() {
        let (z, held) = (draw(500, 2, 1), draw(500, 2, 2));
        let y = |z: &Array2<f64>| z.slice(ndarray::s![.., ..1]).mapv(|v| v.powi(3) - v * v);
        let at = |readout| {
            regress(readout, FitTest { fit: pair(&z, &y(&z)), test: pair(&held, &y(&held)) })[0]
        };
        assert!(at(Readout::Cubic) > 1.0 - 1e-6);
        assert!(at(Readout::Linear) < 0.9);
    }

    #[test]
    fn broken_input_gives_nan_and_a_dead_dimension_does_not() {
        let mut z = draw(50, 2, 1);
        let y = z.slice(ndarray::s![.., ..1]).to_owned();
        z.column_mut(1).fill(3.0);
        let r2 = regress(Readout::Linear, FitTest { fit: pair(&z, &y), test: pair(&z, &y) });
        assert!(r2[0] > 0.999, "{r2:?}");
        z[[0, 0]] = f64::NAN;
        let r2 = regress(Readout::Linear, FitTest { fit: pair(&z, &y), test: pair(&z, &y) });
        assert!(r2[0].is_nan(), "{r2:?}");
    }
}
