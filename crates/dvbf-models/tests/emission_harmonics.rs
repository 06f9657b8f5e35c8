//! Emission of waves: gradients of state, coefficients and σ; masks; the mean's cotangent and Jacobian;
//! periods; which waves there are.

mod common;

use common::fill;
use dvbf_dynamics::Component;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{Context, EMISSIONS, Emission, KindTable, LikelihoodOutputs, Observations};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, Array3, s};
use proptest::prelude::*;
use std::f64::consts::TAU;

const WEIGHT: f64 = -0.7;
const CHANNELS: usize = 5;

/// Two angles, and a place between that is typically 2 m from the middle.
fn context() -> Context {
    Context {
        observation: CHANNELS,
        control: 1,
        state: 3,
        noise: 3,
        hidden: 4,
        initial_frames: 2,
        dt: None,
        uneven: false,
        control_units: None,
        components: vec![
            Component::angle("a"),
            Component::position("b", "m", 2.0),
            Component::angle("c"),
        ],
    }
}

struct Case {
    emission: Box<dyn Emission<f64>>,
    z: Array2<f64>,
    x: Array2<f64>,
    mask: Option<Array2<f64>>,
}

fn table(visible: usize) -> KindTable {
    KindTable::new("harmonics").with("state", visible).with("order", 3).with("detail", 0.4)
}

fn case(rows: usize, visible: usize, masked: bool, seed: u64) -> Case {
    let kind = if seed.is_multiple_of(2) { "learned" } else { "learned-per-channel" };
    let table = table(visible).with("std_kind", kind).with("std", 0.8);
    let mut emission =
        EMISSIONS.init(&table, &context(), Noise::new(seed, 0)).expect("a known kind");
    let moved: Vec<f64> = emission
        .to_flat()
        .iter()
        .zip(fill(1, emission.count(), seed, 9).iter())
        .map(|(p, n)| p + 0.2 * n)
        .collect();
    emission.set_flat(&moved);
    let mask = masked.then(|| fill(rows, CHANNELS, seed, 3).mapv(|v| f64::from(u8::from(v > 0.0))));
    Case { emission, z: fill(rows, 3, seed, 1), x: fill(rows, CHANNELS, seed, 2), mask }
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
        let mut mean = Array2::zeros((z.nrows(), CHANNELS));
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
        let by = fill(rows, CHANNELS, seed, 5);
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

    #[test]
    fn the_jacobian_is_what_is_pulled_back((rows, visible, _, seed) in drawn()) {
        let case = case(rows, visible, false, seed);
        let mut scratch = case.emission.scratch();
        case.emission.prepare(&mut scratch);
        let mut jacobian = Array3::ones((rows, CHANNELS, 3));
        case.emission.mean_jacobian(case.z.view(), jacobian.view_mut(), &mut scratch);
        for (r, channel) in (0..rows).flat_map(|r| (0..CHANNELS).map(move |c| (r, c))) {
            let mut unit = Array2::zeros((rows, CHANNELS));
            unit[[r, channel]] = 1.0;
            let mut dz = Array2::zeros(case.z.dim());
            case.emission.mean_backward(case.z.view(), unit.view(), dz.view_mut(), &mut scratch);
            for (pushed, pulled) in jacobian.slice(s![r, channel, ..]).iter().zip(dz.row(r)) {
                prop_assert!((pushed - pulled).abs() < 1e-9, "{pushed} against {pulled}");
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

    /// Angles repeat after a turn, and the place after its period of ten typical magnitudes.
    #[test]
    fn the_mean_is_periodic((_, visible, _, seed) in drawn(), turns in -3..4_i32) {
        let case = case(2, visible, false, seed);
        let mut moved = case.z.clone();
        for (i, period) in [TAU, 20.0, TAU].into_iter().enumerate() {
            moved.column_mut(i).mapv_inplace(|z| z + f64::from(turns) * period);
        }
        for (a, b) in case.mean(&case.z).iter().zip(&case.mean(&moved)) {
            prop_assert!((a - b).abs() < 1e-9, "{a} against {b}");
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

/// With one coefficient set, the mean is that one wave, written out.
#[test]
fn a_coefficient_is_a_wave() {
    let context = context();
    let mut emission = EMISSIONS.init::<f64>(&table(2), &context, Noise::new(0, 0)).unwrap();
    let z = fill(4, 3, 3, 1);
    // Every wave of two components up to a total multiple of three, found by search.
    let mut found = Vec::new();
    let waves = 24;
    assert_eq!(emission.count(), (waves + 1) * CHANNELS + 1);
    for wave in 0..waves {
        let mut flat = vec![0.0; emission.count()];
        flat[wave] = 1.0;
        *flat.last_mut().unwrap() = 0.05_f64.ln();
        emission.set_flat(&flat);
        let mut scratch = emission.scratch();
        emission.prepare(&mut scratch);
        let mut mean = Array2::zeros((4, CHANNELS));
        emission.mean(z.view(), mean.view_mut(), &mut scratch);
        let fits = |&(a, b, sine): &(i32, i32, bool)| {
            let weight = (-f64::from(a * a + b * b) * 0.04).exp();
            z.rows().into_iter().zip(mean.column(0)).all(|(z, mean)| {
                let phase = f64::from(a) * z[0] + f64::from(b) * TAU / 20.0 * z[1];
                let wave = if sine { phase.sin() } else { phase.cos() };
                (mean - weight * wave).abs() < 1e-12
            })
        };
        let possible = (0..=3_i32).flat_map(|a| (-3..=3_i32).map(move |b| (a, b)));
        let possible = possible.filter(|(a, b)| a + b.abs() <= 3 && (*a > 0 || *b > 0));
        let own: Vec<_> =
            possible.flat_map(|(a, b)| [(a, b, false), (a, b, true)]).filter(fits).collect();
        assert_eq!(own.len(), 1, "wave {wave}: {own:?}");
        assert!(!found.contains(&own[0]), "{own:?} is there twice");
        found.push(own[0]);
    }
}

#[test]
fn too_many_waves_are_refused() {
    let wide = Context { state: 1 << 16, noise: 1 << 16, ..context() };
    let usual = context();
    let refused = |table: KindTable, context| EMISSIONS.check(&table, context).unwrap_err();
    let error = refused(KindTable::new("harmonics"), &wide).to_string();
    assert!(error.starts_with("order: is 16, which makes more than"), "{error}");
    let error = refused(KindTable::new("harmonics").with("detail", -1.0), &usual).to_string();
    assert!(error.starts_with("detail: is -1"), "{error}");
    let error = refused(KindTable::new("harmonics").with("period", 0.0), &usual).to_string();
    assert!(error.starts_with("period: is 0"), "{error}");
}
