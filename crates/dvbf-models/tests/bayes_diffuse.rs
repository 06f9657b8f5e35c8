//! Large priors: filter, smoother and likelihood against 60 digits; `data/make_diffuse.py` says how.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_models::bayes::{
    Belief, DMatrix, DVector, Extended, GaussianFilter, GaussianModel, LinearGaussian, Sequence,
    SigmaPoints, Unscented,
};
use ndarray::{Array2, ArrayD, Axis};
use ndarray_npy::NpzReader;
use std::collections::BTreeMap;
use std::fs::File;

struct Golden(BTreeMap<String, ArrayD<f64>>);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/diffuse.npz");
        let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
        let names = npz.names().unwrap();
        Self(names.into_iter().map(|n| (n.clone(), npz.by_name(&n).unwrap())).collect())
    }

    /// Row `case` of an array, as a matrix of `rows` rows.
    fn matrix(&self, name: &str, case: usize, rows: usize) -> DMatrix<f64> {
        let row = self.0[name].index_axis(Axis(0), case);
        let values = DMatrix::from_row_iterator(3, row.len() / 3, row.iter().copied());
        values.view((0, 0), (rows, if row.len() == 3 { 1 } else { rows })).into_owned()
    }
}

/// A system of the script.
struct Case {
    index: usize,
    order: usize,
    ratio: f64,
    model: LinearGaussian,
    start: Belief,
    observations: Array2<f64>,
}

impl Case {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    fn new(golden: &Golden, index: usize) -> Self {
        let row: Vec<f64> = golden.0["case"].index_axis(Axis(0), index).iter().copied().collect();
        let [order, dt, q, r, p, missing] = row[..] else { panic!("{row:?}") };
        let order = order as usize;
        // dtᵏ / k!
        let share = |k: usize| (1..=k).fold(1.0, |share, k| share * dt / k as f64);
        let model = LinearGaussian {
            transition: DMatrix::from_fn(
                order,
                order,
                |i, j| if j < i { 0.0 } else { share(j - i) },
            ),
            control: DMatrix::zeros(order, 0),
            process_noise: DMatrix::from_fn(order, order, |i, j| {
                q * r * share(order - 1 - i) * share(order - 1 - j)
            }),
            emission: DMatrix::from_fn(1, order, |_, j| if j == 0 { 1.0 } else { 0.0 }),
            observation_noise: DMatrix::from_element(1, 1, r),
        };
        let values = &golden.0[if missing > 0.0 { "gaps" } else { "x" }];
        let observations =
            Array2::from_shape_vec((values.len(), 1), values.iter().copied().collect()).unwrap();
        let start = Belief::independent(&vec![0.0; order], &vec![p; order]).unwrap();
        Self { index, order, ratio: p / r, model, start, observations }
    }

    /// The largest error of a filter and its smoother, in standard deviations for means, in shares
    /// of variances for covariances, in nats for the likelihood.
    fn error(&self, golden: &Golden, model: impl GaussianModel) -> f64 {
        let controls = Array2::zeros((self.observations.nrows(), 0));
        let sequence =
            Sequence { observations: self.observations.view(), controls: controls.view() };
        let mut filter = GaussianFilter::new(model, self.start.clone()).unwrap();
        let out = filter.filter(&sequence).unwrap();
        let smoothed = out.smooth().unwrap();
        let expected = |name: &str| golden.matrix(name, self.index, self.order);
        let likelihood = golden.0["log_likelihood"].as_slice().unwrap()[self.index];
        let mut worst = (out.log_likelihood - likelihood).abs();
        let (first, middle) = (&smoothed.beliefs[0], &smoothed.beliefs[smoothed.beliefs.len() / 2]);
        for (belief, mean, covariance) in [
            (out.filtered.last().unwrap(), "mean", "covariance"),
            (first, "first", "first_cov"),
            (middle, "middle", "middle_cov"),
        ] {
            let (mean, covariance) = (expected(mean), expected(covariance));
            let scale = DVector::from(covariance.diagonal().map(f64::sqrt));
            let beyond = (&belief.mean - mean.column(0)).component_div(&scale);
            let spread =
                (&belief.covariance - covariance).component_div(&(&scale * scale.transpose()));
            worst = worst.max(beyond.amax()).max(spread.amax());
        }
        let scale = |step: usize| smoothed.beliefs[step].covariance.diagonal().map(f64::sqrt);
        let lag_one = (&smoothed.lag_one[0] - expected("lag_one"))
            .component_div(&(scale(1) * scale(0).transpose()));
        worst.max(lag_one.amax())
    }
}

/// All of it to seven digits, up to a prior of `1e24 R`. Unscented filters look at points as far
/// away as the prior is wide, where functions have no more digits; theirs are six up to `1e14 R`.
#[test]
fn large_priors_cost_no_digits() {
    let golden = Golden::read();
    for index in 0..golden.0["case"].len_of(Axis(0)) {
        let case = Case::new(&golden, index);
        let model = &case.model;
        let unscented = Unscented::new(model, SigmaPoints::GAUSSIAN).unwrap();
        for (name, error, limit) in [
            ("exact", case.error(&golden, model), 1e-7),
            ("extended", case.error(&golden, Extended(model)), 1e-7),
            ("unscented", case.error(&golden, unscented), 1e-6),
        ] {
            let known = name != "unscented" || case.ratio < 2e14;
            let (order, ratio) = (case.order, case.ratio);
            assert!(
                error < limit || !known,
                "{name}, order {order}, prior of {ratio:e} R, case {index}: {error:e}"
            );
        }
    }
}

/// Position and velocity; three observations make the second known to `5e-5`, the third the mean
/// of three to `8.3e-5`. Values in 60 digits by the equations of `make_diffuse.py`.
#[test]
fn velocities_follow_from_three_positions() {
    for exponent in [12, 16, 24, 40, 100, 200] {
        let prior = 10_f64.powi(exponent);
        let model = LinearGaussian {
            transition: DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 0.0, 1.0]),
            control: DMatrix::zeros(2, 0),
            process_noise: DMatrix::zeros(2, 2),
            emission: DMatrix::from_row_slice(1, 2, &[1.0, 0.0]),
            observation_noise: DMatrix::from_element(1, 1, 1e-4),
        };
        let observations = ndarray::array![[1.0], [2.0], [3.03]];
        let controls = Array2::zeros((3, 0));
        let sequence = Sequence { observations: observations.view(), controls: controls.view() };
        let start = Belief::independent(&[0.0; 2], &[prior; 2]).unwrap();
        let out = GaussianFilter::new(model, start).unwrap().filter(&sequence).unwrap();
        let smoothed = &out.smooth().unwrap().beliefs[0];
        let last = out.filtered.last().unwrap();
        for (belief, mean, variance) in [
            (last, [3.025, 1.015], [5.0 / 6.0 * 1e-4, 5e-5]),
            (smoothed, [0.995, 1.015], [5.0 / 6.0 * 1e-4, 5e-5]),
        ] {
            for i in 0..2 {
                let got = (belief.mean[i], belief.covariance[(i, i)]);
                assert!((got.0 - mean[i]).abs() < 1e-9, "prior {prior:e}, {i}: {got:?}");
                assert!((got.1 / variance[i] - 1.0).abs() < 1e-6, "prior {prior:e}, {i}: {got:?}");
            }
        }
        // Two observations were needed to know the state: each costs ln √prior.
        let expected = -27.428_546_264_169_513 - 12_f64.mul_add(-10_f64.ln(), prior.ln());
        assert!((out.log_likelihood - expected).abs() < 1e-6, "{} {expected}", out.log_likelihood);
    }
}

/// A velocity that is hardly seen at first, and sensors whose errors hang together.
#[test]
fn what_is_left_over_is_positive() {
    let correlated = DMatrix::from_row_slice(2, 2, &[1e-6, 0.999e-6, 0.999e-6, 1e-6]);
    let model = LinearGaussian {
        transition: DMatrix::from_row_slice(2, 2, &[1.0, 0.01, 0.0, 1.0]),
        control: DMatrix::zeros(2, 0),
        process_noise: DMatrix::zeros(2, 2),
        emission: DMatrix::from_row_slice(2, 2, &[1.0, 1e-9, 1.0, 0.0]),
        observation_noise: correlated,
    };
    for prior in [1e10, 1e18, 1e24] {
        let start = Belief::independent(&[0.0; 2], &[prior; 2]).unwrap();
        let mut filter = GaussianFilter::new(&model, start).unwrap();
        for step in 0..1000 {
            let position = 0.01 * f64::from(step);
            filter.update(Some(&[position, position])).unwrap();
            let covariance = &filter.belief().covariance;
            assert!(covariance.clone().cholesky().is_some(), "step {step}: {covariance}");
            filter.predict(&[]).unwrap();
        }
        assert!((filter.belief().mean[1] - 1.0).abs() < 1e-3, "{}", filter.belief().mean);
    }
}
