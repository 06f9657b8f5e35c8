//! Eigenvalues of a small symmetric matrix, in place, by Jacobi's rotations (Golub and Van Loan,
//! *Matrix Computations*, section 8.5). The library's routines allocate; this runs once a state.

/// Sweeps after which the rotations end in any case; small matrices need four to seven.
const SWEEPS: usize = 30;

/// Writes the eigenvalues of the symmetric `matrix (n, n)`, which is used up.
pub(super) fn symmetric_eigenvalues(matrix: &mut [f64], eigenvalues: &mut [f64]) {
    let n = eigenvalues.len();
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                rotated |= rotate(matrix, n, p, q);
            }
        }
        if !rotated {
            break;
        }
    }
    for (i, value) in eigenvalues.iter_mut().enumerate() {
        *value = matrix[i * n + i];
    }
}

/// Turns coordinates `p` and `q` so that their entry vanishes; says whether it had not.
fn rotate(matrix: &mut [f64], n: usize, p: usize, q: usize) -> bool {
    let (entry, first, last) = (matrix[p * n + q], matrix[p * n + p], matrix[q * n + q]);
    if entry.abs() <= 0.25 * f64::EPSILON * (first.abs() * last.abs()).sqrt() || !entry.is_finite()
    {
        return false;
    }
    let tau = (last - first) / (2.0 * entry);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let sine = tangent * cosine;
    for k in 0..n {
        let (a, b) = (matrix[k * n + p], matrix[k * n + q]);
        matrix[k * n + p] = cosine * a - sine * b;
        matrix[k * n + q] = sine * a + cosine * b;
    }
    for k in 0..n {
        let (a, b) = (matrix[p * n + k], matrix[q * n + k]);
        matrix[p * n + k] = cosine * a - sine * b;
        matrix[q * n + k] = sine * a + cosine * b;
    }
    // What the rotation was chosen for, without its rounding.
    matrix[p * n + q] = 0.0;
    matrix[q * n + p] = 0.0;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_tensor::Noise;
    use nalgebra::DMatrix;

    #[test]
    fn eigenvalues_are_those_of_the_library() {
        for n in 1..7 {
            for stream in 0..20 {
                let mut draws = vec![0.0; n * n];
                Noise::new(5, stream).normal(&mut draws);
                let factor = DMatrix::from_row_slice(n, n, &draws);
                // Even streams have a rank below n.
                let rank = if stream % 2 == 0 { n.div_ceil(2) } else { n };
                let factor = factor.columns(0, rank).into_owned();
                let matrix = &factor * factor.transpose();
                let mut expected: Vec<f64> =
                    matrix.symmetric_eigenvalues().iter().copied().collect();
                let (mut entries, mut found) = (matrix.as_slice().to_vec(), vec![0.0; n]);
                symmetric_eigenvalues(&mut entries, &mut found);
                expected.sort_by(f64::total_cmp);
                found.sort_by(f64::total_cmp);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() < 1e-12 * matrix.norm(), "{found} {expected}");
                }
            }
        }
    }
}
