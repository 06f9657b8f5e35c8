//! Gaussian emission of images: gradients of state, network and σ; masks; the mean's cotangent.

mod common;
#[path = "common/images.rs"]
mod images;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{EMISSIONS, Emission, KindTable, LikelihoodOutputs, Observations};
use dvbf_tensor::Noise;
use images::{context, image, shake};
use ndarray::{Array1, Array2, Array3, s};
use proptest::prelude::*;

const WEIGHT: f64 = -0.7;

struct Case {
    emission: Box<dyn Emission<f64>>,
    z: Array2<f64>,
    x: Array2<f64>,
    mask: Option<Array2<f64>>,
}

fn case(rows: usize, visible: usize, masked: bool, seed: u64) -> Case {
    let table = KindTable::new("convolutional")
        .with("image", image())
        .with("state", visible)
        .with("std_kind", if seed.is_multiple_of(2) { "learned" } else { "learned-per-channel" })
        .with("std", 0.8);
    let mut emission =
        EMISSIONS.init(&table, &context(), Noise::new(seed, 0)).expect("a known kind");
    shake(&mut *emission, seed);
    let mask = masked.then(|| fill(rows, 40, seed, 3).mapv(|v| f64::from(u8::from(v > 0.0))));
    Case { emission, z: fill(rows, 3, seed, 1), x: fill(rows, 40, seed, 2), mask }
}

impl Case {
    fn observed(&self) -> Observations<'_, f64> {
        Observations { value: self.x.view(), mask: self.mask.as_ref().map(|m| m.view()) }
    }

    fn log_lik(&self, emission: &dyn Emission<f64>, z: &Array2<f64>) -> Array1<f64> {
        let mut scratch = emission.scratch();
        emission.prepare(&mut scratch);
        let mut out = Array1::zeros(z.nrows());
        emission.log_likelihood(z.view(), self.observed(), out.view_mut(), &mut scratch);
        out
    }

    fn mean(&self, z: &Array2<f64>) -> Array2<f64> {
        let mut scratch = self.emission.scratch();
        self.emission.prepare(&mut scratch);
        let mut mean = Array2::zeros(self.x.dim());
        self.emission.mean(z.view(), mean.view_mut(), &mut scratch);
        mean
    }

    fn gradients(&self, times: usize) -> (Array1<f64>, Array2<f64>, Vec<f64>) {
        let (mut scratch, mut grads) = (self.emission.scratch(), self.emission.clone());
        grads.set_zero();
        self.emission.prepare(&mut scratch);
        let mut log_lik = Array1::zeros(self.z.nrows());
        let mut dz = Array2::zeros(self.z.dim());
        for _ in 0..times {
            self.emission.log_likelihood_gradient(
                self.z.view(),
                self.observed(),
                LikelihoodOutputs {
                    weight: WEIGHT,
                    log_lik: log_lik.view_mut(),
                    dstate: dz.view_mut(),
                    grads: &mut *grads,
                },
                &mut scratch,
            );
        }
        (log_lik, dz, grads.to_flat())
    }
}

fn drawn() -> impl Strategy<Value = (usize, usize, bool, u64)> {
    (1..4_usize, 1..4_usize, any::<bool>(), any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn gradients_match_differences((rows, visible, masked, seed) in drawn()) {
        let case = case(rows, visible, masked, seed);
        let (log_lik, dz, dtheta) = case.gradients(1);
        prop_assert_eq!(log_lik, case.log_lik(&*case.emission, &case.z));
        let tol = Tol { abs: 4e-6, rel: 1e-5 };
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap();
            WEIGHT * case.log_lik(&*case.emission, &z).sum()
        };
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
        let mut moved = case.emission.clone();
        let at = |v: &[f64]| { moved.set_flat(v); WEIGHT * case.log_lik(&*moved, &case.z).sum() };
        check_coordinates(at, &case.emission.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn the_mean_pulls_its_cotangent_back((rows, visible, _, seed) in drawn()) {
        let case = case(rows, visible, false, seed);
        let by = fill(rows, 40, seed, 5);
        let mut scratch = case.emission.scratch();
        case.emission.prepare(&mut scratch);
        let mut dz = Array2::zeros(case.z.dim());
        case.emission.mean_backward(case.z.view(), by.view(), dz.view_mut(), &mut scratch);
        let at = |v: &[f64]| {
            (case.mean(&Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap()) * &by).sum()
        };
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
    }

    /// All channels at once, by tangents and, as the default of the trait does it, by pulling each back.
    #[test]
    fn jacobians_match_differences((rows, visible, _, seed) in drawn()) {
        let case = case(rows, visible, false, seed);
        let mut scratch = case.emission.scratch();
        case.emission.prepare(&mut scratch);
        let mut jacobian = Array3::ones((rows, 40, 3));
        case.emission.mean_jacobian(case.z.view(), jacobian.view_mut(), &mut scratch);
        for (r, c) in (0..rows).flat_map(|r| (0..40).map(move |c| (r, c))) {
            let at = |v: &[f64]| {
                let mut z = case.z.clone();
                z.row_mut(r).assign(&ndarray::ArrayView1::from(v));
                case.mean(&z)[[r, c]]
            };
            let (point, found) = (case.z.row(r).to_vec(), jacobian.slice(s![r, c, ..]).to_vec());
            check_coordinates(at, &point, &found, Tol { abs: 1e-6, rel: 1e-6 })?;
            let mut unit = Array2::zeros((rows, 40));
            unit[[r, c]] = 1.0;
            let mut pulled = Array2::zeros((rows, 3));
            case.emission.mean_backward(case.z.view(), unit.view(), pulled.view_mut(), &mut scratch);
            for (a, b) in pulled.row(r).iter().zip(&found) {
                prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }
    }

    #[test]
    fn backward_accumulates((rows, visible, masked, seed) in drawn()) {
        let case = case(rows, visible, masked, seed);
        let (one, three) = (case.gradients(1), case.gradients(3));
        for (one, three) in one.1.iter().chain(&one.2).zip(three.1.iter().chain(&three.2)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-10 * (1.0 + three.abs()));
        }
    }
}

/// More rows than a block of the emission: the likelihood of each is that of the row alone.
#[test]
fn rows_of_many_blocks_agree_bitwise() {
    let case = case(130, 3, true, 6);
    let whole = case.log_lik(&*case.emission, &case.z);
    for n in [0, 95, 96, 129] {
        let row = s![n..=n, ..];
        let one = Case {
            emission: case.emission.clone(),
            z: case.z.slice(row).to_owned(),
            x: case.x.slice(row).to_owned(),
            mask: case.mask.as_ref().map(|mask| mask.slice(row).to_owned()),
        };
        let alone = one.log_lik(&*one.emission, &one.z);
        assert_eq!(alone[0].to_bits(), whole[n].to_bits(), "row {n}");
    }
}
