//! Products in bf16: against sums of rounded factors, in every layout. The precision is that of the thread while
//! the work runs.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_tensor::{Accum, Noise, PackedMatrix, ProductPrecision, gemm, gemm_packed};
use ndarray::{Array2, ArrayView2};

fn draw(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(8, stream).normal(a.as_slice_mut().unwrap());
    a
}

/// The nearest bf16 value, ties to even.
fn rounded(x: f32) -> f64 {
    let bits = x.to_bits();
    f64::from(f32::from_bits((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff_0000))
}

fn transposed(a: &Array2<f32>) -> Array2<f32> {
    a.t().as_standard_layout().into_owned()
}

fn check(m: usize, k: usize, n: usize, brief: bool) {
    let (a, b, before) = (draw(m, k, 1), draw(k, n, 2), draw(m, n, 3));
    let factor = |x: f32| if brief { rounded(x) } else { f64::from(x) };
    let exact = a.map(|&x| factor(x)).dot(&b.map(|&x| factor(x)));
    let (at, bt) = (transposed(&a), transposed(&b));
    let lefts: [ArrayView2<'_, f32>; 2] = [a.view(), at.t()];
    let rights: [ArrayView2<'_, f32>; 2] = [b.view(), bt.t()];
    let (mut c, mut packed) = (before.clone(), PackedMatrix::new());
    for left in lefts {
        for right in rights {
            packed.pack(right);
            for accum in [Accum::Replace, Accum::Add] {
                let mut again = before.clone();
                c.assign(&before);
                gemm(accum, c.view_mut(), left, right);
                gemm_packed(accum, again.view_mut(), left, &packed);
                assert_eq!(c, again, "packed and unpacked, {m}x{k}x{n}");
                for ((c, &e), &start) in c.iter().zip(&exact).zip(&before) {
                    let e = if accum == Accum::Add { e + f64::from(start) } else { e };
                    let error = (f64::from(*c) - e).abs();
                    assert!(error < 2e-6 * (k as f64), "{m}x{k}x{n} {accum:?}: {c} against {e}");
                }
            }
        }
    }
    let mut one = Array2::zeros((1, n));
    gemm(Accum::Replace, one.view_mut(), a.slice(ndarray::s![m - 1..m, ..]), b.view());
    gemm(Accum::Replace, c.view_mut(), a.view(), b.view());
    assert_eq!(one.row(0), c.row(m - 1), "a row does not depend on the others");
}

#[test]
fn wide_products_round_their_factors_and_nothing_else() {
    let brief = ProductPrecision::Bf16.available();
    #[cfg(target_arch = "x86_64")]
    assert_eq!(brief, is_x86_feature_detected!("avx512bf16"), "in force where it can be");
    assert!(ProductPrecision::F32.available());
    ProductPrecision::Bf16.run(|| {
        for (m, k, n) in [(1, 64, 64), (13, 65, 70), (100, 257, 128), (97, 512, 65), (30, 300, 97)]
        {
            check(m, k, n, brief);
        }
        // Narrow products stay exact, and so do those of other threads.
        check(40, 63, 64, false);
        check(40, 64, 63, false);
        check(70, 64, 3, false);
        check(70, 64, 11, false);
        std::thread::scope(|s| s.spawn(|| check(100, 257, 128, false)).join()).unwrap();
        ProductPrecision::F32.run(|| check(100, 257, 128, false));
        check(100, 257, 128, brief);
    });
    check(100, 257, 128, false);
    // A matrix that was packed keeps its precision.
    let (a, b) = (draw(20, 80, 1), draw(80, 80, 2));
    let mut packed = PackedMatrix::new();
    let (mut c, mut d) = (Array2::zeros((20, 80)), Array2::zeros((20, 80)));
    ProductPrecision::Bf16.run(|| {
        packed.pack(b.view());
        gemm_packed(Accum::Replace, c.view_mut(), a.view(), &packed);
    });
    gemm_packed(Accum::Replace, d.view_mut(), a.view(), &packed);
    assert_eq!(c, d);
    // A panic leaves nothing behind.
    let broken = std::panic::catch_unwind(|| ProductPrecision::Bf16.run(|| panic!("on purpose")));
    assert!(broken.is_err());
    check(100, 257, 128, false);
}
