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
    // Both factors from panels, several blocks of rows and of the inner axis, rests of all tiles.
    for layout in 0..4 {
        check::<f32>(200, 600, 70, layout);
    }
    // A rest of one slice of a factor whose columns are contiguous.
    check::<f32>(30, 257, 40, 2);
}

#[test]
fn both_factors_from_panels_on_every_instruction_set() {
    let (a, b) = (draw::<f32>(300, 101, 1), draw::<f32>(300, 70, 2));
    let expected = chain(&Array2::zeros((101, 70)), &a.t().to_owned(), &b);
    for which in [Level::Plain, Level::Avx2, Level::Avx512] {
        if which <= level() {
            let family = single_at(which, 70);
            let (mut c, mut left, mut right) = (Array2::zeros((101, 70)), Vec::new(), Vec::new());
            pack_right(family, b.view(), &mut right);
            let product = Product {
                accum: Accum::Replace,
                slices: 300,
                columns: 70,
                finish: Finish::Nothing,
            };
            let columns = Columns { place: None, panels: &right };
            product_from_panels(family, product, c.view_mut(), a.t(), columns, &mut left);
            assert_eq!(c, expected, "{which:?}");
        }
    }
}

#[test]
fn strides_of_axes_of_length_one_and_of_no_axis_in_particular() {
    // Legal and never stepped along.
    let values: Vec<f32> = (0..40).map(|v| f32::of(f64::from(v))).collect();
    let far = ndarray::ArrayView2::from_shape(
        ndarray::ShapeBuilder::strides((1, 40), (isize::MAX.unsigned_abs() / 2, 1)),
        &values,
    )
    .unwrap();
    let b = draw::<f32>(40, 33, 2);
    let mut c = Array2::zeros((1, 33));
    gemm(Accum::Replace, c.view_mut(), far, b.view());
    assert_eq!(c, chain(&Array2::zeros((1, 33)), &far.to_owned(), &b));
    // Every second row and column.
    let (a, wide) = (draw::<f32>(50, 90, 3), draw::<f32>(90, 120, 4));
    let (a, b) = (a.slice(s![..;2, ..;2]), wide.slice(s![..;2, ..;2]));
    let mut c = Array2::zeros((25, 60));
    gemm(Accum::Replace, c.view_mut(), a, b);
    assert_eq!(c, chain(&Array2::zeros((25, 60)), &a.to_owned(), &b.to_owned()));
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

/// The definition of what is done to a finished element.
fn finished<S: Scalar>(fused: &Fused<'_, S>, value: S, (i, j): (usize, usize)) -> S {
    let rectified = |sum: S| if sum < S::ZERO { S::ZERO } else { sum };
    match fused {
        Fused::Nothing => value,
        Fused::Bias(b) => value + b[j],
        Fused::BiasRelu(b) => rectified(value + b[j]),
        Fused::RowBias(b) => value + b[i],
        Fused::RowBiasRelu(b) => rectified(value + b[i]),
        Fused::MaskByPositive(y) => {
            if y[[i, j]] > S::ZERO {
                value
            } else {
                S::ZERO
            }
        }
    }
}

fn check_fused<S: Scalar>(m: usize, k: usize, n: usize, transposed: bool) {
    let (a, b, before) = (draw::<S>(m, k, 1), draw::<S>(k, n, 2), draw::<S>(m, n, 3));
    let mut bias = draw::<S>(1, n, 4).row(0).to_owned();
    if let Some(last) = bias.last_mut() {
        *last = S::nan();
    }
    let mut of_rows = draw::<S>(1, m, 6).row(0).to_owned();
    if let Some(last) = of_rows.last_mut() {
        *last = S::nan();
    }
    let wider = draw::<S>(m, n + 3, 5);
    let mask = wider.slice(s![.., 1..=n]);
    let mut packed = PackedMatrix::new();
    packed.pack(b.view());
    let kinds = [
        Fused::Nothing,
        Fused::Bias(bias.view()),
        Fused::BiasRelu(bias.view()),
        Fused::RowBias(of_rows.view()),
        Fused::RowBiasRelu(of_rows.view()),
        Fused::MaskByPositive(mask),
    ];
    for accum in [Accum::Replace, Accum::Add] {
        let start = if accum == Accum::Add { before.clone() } else { Array2::zeros((m, n)) };
        let sums = chain(&start, &a, &b);
        for fused in &kinds {
            let mut c = if transposed { before.t().to_owned() } else { before.clone() };
            let view = if transposed { c.view_mut().reversed_axes() } else { c.view_mut() };
            gemm_fused(accum, view, a.view(), &packed, *fused);
            let mut in_place = before.clone();
            gemm_views(accum, in_place.view_mut(), a.view(), b.view(), *fused);
            let got = if transposed { c.t().to_owned() } else { c };
            for (place, &got) in got.indexed_iter() {
                let expected = finished(fused, sums[place], place);
                for got in [got, in_place[place]] {
                    let same = got == expected || (got.is_nan() && expected.is_nan());
                    assert!(same, "{m}x{k}x{n} {accum:?} {fused:?} at {place:?}: {got} {expected}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_fused_is_what_a_pass_of_its_own_would_do(
        m in 0..30_usize, k in 0..30_usize, n in 0..70_usize, transposed: bool
    ) {
        check_fused::<f32>(m, k, n, transposed);
        check_fused::<f64>(m, k, n, transposed);
    }
}

#[test]
fn only_complete_sums_are_finished() {
    check_fused::<f32>(5, 600, 40, false);
    check_fused::<f64>(100, 300, 9, true);
}

#[test]
fn a_right_factor_in_place_equals_a_packed_one() {
    // Whole tiles and a rest, rows near each other and far apart, several blocks of the inner axis.
    let sizes = [(40, 64, 64), (40, 70, 96), (300, 33, 40), (9, 80, 5000)];
    // Few rows read it in place on every instruction set.
    for ((k, n, width), rows) in sizes.into_iter().flat_map(|size| [(size, 30), (size, 20)]) {
        let (a, wide) = (draw::<f32>(rows, k, 1), draw::<f32>(k, width, 2));
        let offset = 3.min(width - n);
        let b = wide.slice(s![.., offset..offset + n]).to_owned();
        let mut c = Array2::zeros((rows, n));
        gemm(Accum::Replace, c.view_mut(), a.view(), wide.slice(s![.., offset..offset + n]));
        assert_eq!(c, chain(&Array2::zeros((rows, n)), &a, &b), "{rows} {k} {n} {width}");
    }
}

#[test]
fn instruction_sets_agree_to_the_last_bit() {
    let (a, b) = (draw::<f32>(25, 130, 1), draw::<f32>(130, 70, 2));
    let (bias, y) = (draw::<f32>(1, 70, 3).row(0).to_owned(), draw::<f32>(25, 70, 4));
    let of_rows = draw::<f32>(1, 25, 5).row(0).to_owned();
    let run = |level: Level, fused: Fused<'_, f32>| {
        let mut c = Array2::zeros((25, 70));
        let mut right = Vec::new();
        let family = single_at(level, 70);
        pack_right(family, b.view(), &mut right);
        let finish = fused.start(c.dim());
        let product = Product { accum: Accum::Replace, slices: 130, columns: 70, finish };
        let columns = Columns { place: None, panels: &right };
        product_in_place(family, product, c.view_mut(), a.view(), columns);
        c
    };
    for fused in [
        Fused::Nothing,
        Fused::Bias(bias.view()),
        Fused::BiasRelu(bias.view()),
        Fused::RowBias(of_rows.view()),
        Fused::RowBiasRelu(of_rows.view()),
        Fused::MaskByPositive(y.view()),
    ] {
        let plain = run(Level::Plain, fused);
        for better in [Level::Avx2, Level::Avx512] {
            if better <= level() {
                assert_eq!(run(better, fused), plain, "{better:?} {fused:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "inner axes")]
fn wrong_inner_axis_panics() {
    let (a, b) = (draw::<f32>(2, 3, 1), draw::<f32>(4, 2, 2));
    gemm(Accum::Replace, Array2::zeros((2, 2)).view_mut(), a.view(), b.view());
}
