//! Many series at once are each what they are alone, on any number of threads.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::Noise;
use dvbf_core::bayes::{
    Belief, Const, DMatrix, GaussianFilter, KalmanFilter, LinearGaussian, Sequence,
};
use dvbf_train::filter_many;
use dvbf_train::pool::Pool;
use nalgebra::{Matrix1, Matrix2, RowVector2, Vector2};
use ndarray::{Array2, Array3, Axis, s};

fn dynamic() -> LinearGaussian {
    LinearGaussian {
        transition: DMatrix::from_row_slice(2, 2, &[1.0, 0.1, -0.1, 0.9]),
        control: DMatrix::from_row_slice(2, 1, &[0.0, 0.1]),
        process_noise: DMatrix::from_diagonal_element(2, 2, 0.01),
        emission: DMatrix::from_row_slice(1, 2, &[1.0, 0.0]),
        observation_noise: DMatrix::from_element(1, 1, 0.1),
    }
}

/// `(N, T, 1)` with gaps.
fn recordings(count: usize, steps: usize) -> (Array3<f64>, Array2<f64>) {
    let mut x = Array3::zeros((count, steps, 1));
    Noise::new(3, 0).normal(x.as_slice_mut().unwrap());
    x.indexed_iter_mut().filter(|((n, t, _), _)| (n + t) % 5 == 0).for_each(|(_, x)| *x = f64::NAN);
    let mut u = Array2::zeros((steps, 1));
    Noise::new(3, 1).normal(u.as_slice_mut().unwrap());
    (x, u)
}

fn sequences<'a>(x: &'a Array3<f64>, u: &'a Array2<f64>) -> Vec<Sequence<'a>> {
    let one = |observations| Sequence { observations, controls: u.view() };
    x.axis_iter(Axis(0)).map(one).collect()
}

#[test]
fn every_series_is_what_it_is_alone() {
    let (x, u) = recordings(23, 40);
    let series = sequences(&x, &u);
    let start = Belief::independent(&[0.0; 2], &[1.0; 2]).unwrap();
    let filter = KalmanFilter::exact(dynamic(), start).unwrap();
    let fixed = LinearGaussian {
        transition: Matrix2::new(1.0, 0.1, -0.1, 0.9),
        control: Vector2::new(0.0, 0.1),
        process_noise: Matrix2::identity() * 0.01,
        emission: RowVector2::new(1.0, 0.0),
        observation_noise: Matrix1::new(0.1),
    };
    let near: Belief<Const<2>> = Belief::new(Vector2::zeros(), Matrix2::identity()).unwrap();
    let fast = GaussianFilter::joseph(fixed, near).unwrap();
    for threads in [1, 3] {
        let pool = Pool::new(threads).unwrap();
        let together = filter_many(&pool, &filter, &series, |f, s| f.filter(s)?.smooth()).unwrap();
        let quick = filter_many(&pool, &fast, &series, |filter, sequence| {
            let mut means = Vec::new();
            filter.follow(sequence, |_, belief, _| means.push(belief.mean[0]))?;
            Ok(means)
        });
        for ((sequence, smoothed), means) in series.iter().zip(&together).zip(&quick.unwrap()) {
            let alone = filter.clone().filter(sequence).unwrap();
            assert_eq!(&alone.smooth().unwrap(), smoothed);
            assert_eq!(means.len(), 40);
            for (belief, mean) in alone.filtered.iter().zip(means) {
                assert!((belief.mean[0] - mean).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn the_first_series_that_fails_is_named() {
    let (mut x, u) = recordings(9, 6);
    x[[7, 1, 0]] = f64::INFINITY;
    x[[4, 2, 0]] = f64::NEG_INFINITY;
    let start = Belief::independent(&[0.0; 2], &[1.0; 2]).unwrap();
    let filter = KalmanFilter::exact(dynamic(), start).unwrap();
    let pool = Pool::new(2).unwrap();
    let run = |series: &[Sequence<'_>]| {
        filter_many(&pool, &filter, series, |f, s| f.follow(s, |_, _, _| ()))
    };
    let error = run(&sequences(&x, &u)).unwrap_err().to_string();
    assert_eq!(error, "sequence 4: step 2: observation value 0 is not finite");
    let short = u.slice(s![..3, ..]);
    let wrong = Sequence { observations: x.index_axis(Axis(0), 0), controls: short };
    let error = run(&[wrong]).unwrap_err().to_string();
    assert_eq!(error, "sequence 0: controls has 3 values instead of 6");
}
