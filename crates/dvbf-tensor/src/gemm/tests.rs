//! Products against the definition, in every layout and on every instruction set.

use super::kernel::single_at;
use super::*;
use crate::level::{Level, level};
use crate::noise::Noise;
use ndarray::{Array2, s};
use proptest::prelude::*;

fn draw<S: Scalar>(rows: usize, columns: usize, stream: u64) -> Array2<S> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(5, stream).normal(a.as_slice_mut().unwrap());
    a
}

/// The chain of fused multiply-adds that the module promises.
fn chain<S: Scalar>(start: &Array2<S>, a: &Array2<S>, b: &Array2<S>) -> Array2<S> {
    let mut c = start.clone();
    for ((i, j), c) in c.indexed_iter_mut() {
        for k in 0..a.ncols() {
            *c = a[[i, k]].mul_add(b[[k, j]], *c);
        }
    }
    c
}

fn check<S: Scalar>(m: usize, k: usize, n: usize, layout: u8) {
    let (a, b) = (draw::<S>(m, k, 1), draw::<S>(k, n, 2));
    let (at, bt) = (a.t().as_standard_layout().to_owned(), b.t().as_standard_layout().to_owned());
    let av = if layout & 1 == 0 { a.view() } else { at.t() };
    let bv = if layout & 2 == 0 { b.view() } else { bt.t() };
    for accum in [Accum::Replace, Accum::Add] {
        let before = draw::<S>(m, n, 3);
        let start = if accum == Accum::Add { before.clone() } else { Array2::zeros((m, n)) };
        let expected = chain(&start, &a, &b);
        let mut c = if layout & 4 == 0 { before.clone() } else { before.t().to_owned() };
        let view = if layout & 4 == 0 { c.view_mut() } else { c.view_mut().reversed_axes() };
        gemm(accum, view, av, bv);
        let got = if layout & 4 == 0 { c } else { c.t().to_owned() };
        assert_eq!(got, expected, "{m}x{k}x{n}, layout {layout}, {accum:?}");
        let mut packed = PackedMatrix::new();
        packed.pack(bv);
        let mut c = before.clone();
        gemm_packed(accum, c.view_mut(), av, &packed);
        assert_eq!(c, expected, "packed {m}x{k}x{n}, layout {layout}, {accum:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn products_are_the_promised_chains(m in 0..40_usize, k in 0..40_usize, n in 0..40_usize, layout in 0..8_u8) {
        check::<f32>(m, k, n, layout);
        check::<f64>(m, k, n, layout);
    }
}

#[test]
fn blocks_of_rows_and_of_the_inner_axis() {
    check::<f32>(200, 3, 17, 0);
    check::<f32>(13, 600, 33, 1);
    check::<f64>(97, 257, 9, 2);
}

#[test]
fn sub_views_are_respected() {
    let (a, b) = (draw::<f32>(9, 12, 1), draw::<f32>(12, 20, 2));
    let mut c = Array2::from_elem((11, 30), 7.0);
    gemm(
        Accum::Replace,
        c.slice_mut(s![1..8, 4..18]),
        a.slice(s![1..8, 2..9]),
        b.slice(s![3..10, 5..19]),
    );
    let (a, b) = (a.slice(s![1..8, 2..9]).to_owned(), b.slice(s![3..10, 5..19]).to_owned());
    assert_eq!(c.slice(s![1..8, 4..18]), chain(&Array2::zeros((7, 14)), &a, &b));
    let untouched = c.iter().filter(|&&v| v.to_bits() == 7.0_f32.to_bits()).count();
    assert_eq!(untouched, 11 * 30 - 7 * 14);
}

#[test]
fn instruction_sets_agree_to_the_last_bit() {
    let (a, b) = (draw::<f32>(25, 130, 1), draw::<f32>(130, 70, 2));
    let run = |level: Level| {
        let mut c = Array2::zeros((25, 70));
        let mut right = Vec::new();
        let family = single_at(level, 70);
        pack_right(family, b.view(), &mut right);
        product_in_place(family, Accum::Replace, c.view_mut(), a.view(), b.ncols(), &right);
        c
    };
    let plain = run(Level::Plain);
    for better in [Level::Avx2, Level::Avx512] {
        if better <= level() {
            assert_eq!(run(better), plain, "{better:?}");
        }
    }
}

#[test]
#[should_panic(expected = "inner axes")]
fn wrong_inner_axis_panics() {
    let (a, b) = (draw::<f32>(2, 3, 1), draw::<f32>(4, 2, 2));
    gemm(Accum::Replace, Array2::zeros((2, 2)).view_mut(), a.view(), b.view());
}
