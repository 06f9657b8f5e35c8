//! Gaussian emission: gradients of state, network and σ; blocks; angles; dimensions it does not see.

mod common;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{
    Emission, GaussianEmission, GaussianSizes, LikelihoodOutputs, NoiseScale, Observations,
};
use dvbf_ops::{Feature, Features, Params};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, Array3};
use proptest::prelude::*;

struct Case {
    emission: GaussianEmission<f64>,
    z: Array2<f64>,
    x: Array2<f64>,
    mask: Option<Array2<f64>>,
}

type Drawn = ((usize, usize, usize), usize, bool, bool, u64);

fn drawn() -> impl Strategy<Value = Drawn> {
    let sizes = (1..4_usize, 1..4_usize, 1..5_usize);
    (sizes, prop_oneof![1..6_usize, Just(130)], any::<bool>(), any::<bool>(), any::<u64>())
}

fn case(((z, visible, x), rows, per_channel, masked, seed): Drawn, scale: NoiseScale) -> Case {
    let visible = visible.min(z);
    let log_std = fill(1, if per_channel { x } else { 1 }, seed, 7).row(0).mapv(|v| 0.3 * v);
    // Some emissions see their first dimension as an angle.
    let mut kinds = vec![Feature::Linear { scale: 1.0 }; visible];
    match seed % 3 {
        0 => kinds[0] = Feature::Angle,
        1 => kinds[0] = Feature::CountedAngle,
        _ => {}
    }
    let (features, noise) = (Features::new(kinds), Noise::new(seed, 0));
    let sizes = GaussianSizes { state: z, hidden: 4, observation: x };
    let mut emission = GaussianEmission::random(sizes, features, log_std.clone(), scale, noise);
    let moved: Vec<f64> = emission
        .to_flat()
        .iter()
        .zip(fill(1, emission.count(), seed, 9).iter())
        .map(|(p, n)| p + 0.2 * n)
        .collect();
    emission.set_flat(&moved);
    let mask = masked.then(|| fill(rows, x, seed, 3).mapv(|v| f64::from(u8::from(v > 0.0))));
    Case { emission, z: fill(rows, z, seed, 1), x: fill(rows, x, seed, 2), mask }
}

const WEIGHT: f64 = -0.7;

impl Case {
    fn observed(&self) -> Observations<'_, f64> {
        Observations { value: self.x.view(), mask: self.mask.as_ref().map(|m| m.view()) }
    }

    fn log_lik(&self, emission: &GaussianEmission<f64>, z: &Array2<f64>) -> Array1<f64> {
        let mut scratch = emission.scratch();
        emission.prepare(&mut scratch);
        let mut out = Array1::zeros(z.nrows());
        emission.log_likelihood(z.view(), self.observed(), out.view_mut(), &mut scratch);
        out
    }

    fn gradients(&self, times: usize) -> (Array1<f64>, Array2<f64>, Vec<f64>) {
        let (mut scratch, mut grads) = (self.emission.scratch(), self.emission.zeros_like());
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
                    grads: &mut grads,
                },
                &mut scratch,
            );
        }
        (log_lik, dz, grads.to_flat())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gradients_match_differences(drawn in drawn()) {
        prop_assume!(drawn.1 < 10);
        let case = case(drawn, NoiseScale::Learned);
        let (log_lik, dz, dtheta) = case.gradients(1);
        prop_assert_eq!(log_lik, case.log_lik(&case.emission, &case.z));
        let tol = Tol { abs: 2e-6, rel: 1e-5 };
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap();
            WEIGHT * case.log_lik(&case.emission, &z).sum()
        };
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
        let mut moved = case.emission.clone();
        let at = |v: &[f64]| { moved.set_flat(v); WEIGHT * case.log_lik(&moved, &case.z).sum() };
        check_coordinates(at, &case.emission.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates_over_blocks_of_rows(drawn in drawn()) {
        let case = case(drawn, NoiseScale::Learned);
        let (one, three) = (case.gradients(1), case.gradients(3));
        for (one, three) in one.1.iter().chain(&one.2).zip(three.1.iter().chain(&three.2)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-10 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn blocks_of_rows_are_summed(drawn in drawn()) {
        // A gradient over many rows is the sum of those of two halves.
        let mut drawn = drawn;
        drawn.1 = 130;
        let whole = case(drawn, NoiseScale::Learned);
        let half = |range: std::ops::Range<usize>| {
            let part = |a: &Array2<f64>| a.slice(ndarray::s![range.clone(), ..]).to_owned();
            Case {
                emission: whole.emission.clone(),
                z: part(&whole.z),
                x: part(&whole.x),
                mask: whole.mask.as_ref().map(part),
            }.gradients(1)
        };
        let (all, first, second) = (whole.gradients(1), half(0..70), half(70..130));
        for ((a, f), s) in all.2.iter().zip(&first.2).zip(&second.2) {
            prop_assert!((a - f - s).abs() <= 1e-9 * (1.0 + a.abs()));
        }
    }

    #[test]
    fn fixed_scale_gets_no_gradient(drawn in drawn()) {
        let fixed = case(drawn, NoiseScale::Fixed).gradients(1);
        let learned = case(drawn, NoiseScale::Learned).gradients(1);
        let channels = if drawn.2 { drawn.0.2 } else { 1 };
        let network = fixed.2.len() - channels;
        prop_assert_eq!(&fixed.2[..network], &learned.2[..network]);
        prop_assert!(fixed.2[network..].iter().all(|g| g.to_bits() == 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The mean's cotangent comes back to the state, over several blocks of rows too.
    #[test]
    fn the_mean_is_pulled_back(drawn in drawn()) {
        let mut case = case(drawn, NoiseScale::Fixed);
        let weight = fill(case.z.nrows(), case.x.ncols(), drawn.4, 5);
        let (mut scratch, mut dz) = (case.emission.scratch(), Array2::zeros(case.z.dim()));
        case.emission.prepare(&mut scratch);
        let z = case.z.clone();
        case.emission.mean_backward(z.view(), weight.view(), dz.view_mut(), &mut scratch);
        if case.z.nrows() > 10 {
            // Differences of the last row alone, which lies in the second block.
            case.z = case.z.slice(ndarray::s![-1.., ..]).to_owned();
            dz = dz.slice(ndarray::s![-1.., ..]).to_owned();
        }
        let weight = weight.slice(ndarray::s![weight.nrows() - case.z.nrows().., ..]);
        let mut mean = Array2::zeros(weight.dim());
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap();
            case.emission.mean(z.view(), mean.view_mut(), &mut scratch);
            (&mean * &weight).sum()
        };
        let tol = Tol { abs: 2e-6, rel: 1e-5 };
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The Jacobian of the mean is its difference, channel by channel.
    #[test]
    fn the_jacobian_of_the_mean_matches_differences(drawn in drawn()) {
        prop_assume!(drawn.1 < 10);
        let case = case(drawn, NoiseScale::Fixed);
        let (rows, (z, x)) = (case.z.nrows(), (case.z.ncols(), case.x.ncols()));
        let (mut scratch, mut jacobian) = (case.emission.scratch(), Array3::ones((rows, x, z)));
        case.emission.prepare(&mut scratch);
        case.emission.mean_jacobian(case.z.view(), jacobian.view_mut(), &mut scratch);
        let mut mean = Array2::zeros((1, x));
        for (r, c) in (0..rows).flat_map(|r| (0..x).map(move |c| (r, c))) {
            let at = |v: &[f64]| {
                let z = Array2::from_shape_vec((1, z), v.to_vec()).unwrap();
                case.emission.mean(z.view(), mean.view_mut(), &mut scratch);
                mean[[0, c]]
            };
            let (point, found) = (case.z.row(r).to_vec(), jacobian.slice(ndarray::s![r, c, ..]));
            check_coordinates(at, &point, &found.to_vec(), Tol { abs: 1e-6, rel: 1e-6 })?;
        }
    }
}

#[test]
fn hidden_dimensions_reach_nothing() {
    let drawn = ((3, 2, 4), 5, false, false, 1);
    let mut case = case(drawn, NoiseScale::Fixed);
    let before = case.log_lik(&case.emission, &case.z);
    let (_, dz, _) = case.gradients(1);
    assert!(dz.column(2).iter().all(|d| d.to_bits() == 0));
    case.z.column_mut(2).fill(7.0);
    assert_eq!(case.log_lik(&case.emission, &case.z), before);
}
