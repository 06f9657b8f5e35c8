//! Derivatives of a transition at many states at once.
//!
//! With `z' = f(z, u, w)`, row `i` of each Jacobian is the pull-back of the unit vector `i`:
//!
//! | | equation |
//! |-|----------|
//! | `∂z'/∂z (n, Z, Z)` | row `i` is `(∂f/∂z)ᵀ eᵢ` |
//! | `∂z'/∂u (n, Z, U)` | row `i` is `(∂f/∂u)ᵀ eᵢ` |
//! | `∂z'/∂w (n, Z, W)` | row `i` is `(∂f/∂w)ᵀ eᵢ` |
//!
//! Where only derivatives along a few directions are asked for, a kind may have a pass that
//! [pushes them forward](Transition::push_forward).

use super::{
    Transition, TransitionCotangents, TransitionDerivatives, TransitionDims, TransitionDirections,
    TransitionInput,
};
use crate::part::Cache;
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, ArrayViewMut3, s};

/// Buffers for the derivatives of a transition at up to a number of states.
///
/// ```
/// use dvbf_models::{
///     Linearizer, LocallyLinear, Transition, TransitionDims, TransitionInput, TransitionJacobians,
/// };
/// use dvbf_tensor::Noise;
/// use ndarray::{Array2, Array3};
///
/// let dims = TransitionDims { state: 2, control: 1, noise: 2 };
/// let transition = LocallyLinear::<f64>::random(dims, 3, 0, 4, Noise::new(0, 0));
/// let mut linearizer = Linearizer::new(&transition, 5);
/// let (state, control, noise) = (Array2::ones((5, 2)), Array2::ones((5, 1)), Array2::zeros((5, 2)));
/// let input =
///     TransitionInput { state: state.view(), control: control.view(), noise: noise.view() };
/// let (mut next, mut by_state) = (Array2::zeros((5, 2)), Array3::zeros((5, 2, 2)));
/// let (mut by_control, mut by_noise) = (Array3::zeros((5, 2, 1)), Array3::zeros((5, 2, 2)));
/// linearizer.jacobians(&transition, input, TransitionJacobians {
///     next: next.view_mut(),
///     state: by_state.view_mut(),
///     control: by_control.view_mut(),
///     noise: by_noise.view_mut(),
/// });
/// ```
#[derive(Debug)]
pub struct Linearizer<S: Scalar> {
    cache: Cache,
    dims: TransitionDims,
    next: Array2<S>,
    dnext: Array2<S>,
    dstate: Array2<S>,
    dcontrol: Array2<S>,
    dnoise: Array2<S>,
}

/// Where Jacobians are written.
#[derive(Debug)]
pub struct TransitionJacobians<'a, S> {
    /// `z' (n, Z)`.
    pub next: ArrayViewMut2<'a, S>,
    /// `∂z'/∂z (n, Z, Z)`, the last axis being `z`.
    pub state: ArrayViewMut3<'a, S>,
    /// `∂z'/∂u (n, Z, U)`, the last axis being `u`.
    pub control: ArrayViewMut3<'a, S>,
    /// `∂z'/∂w (n, Z, W)`, the last axis being `w`.
    pub noise: ArrayViewMut3<'a, S>,
}

/// What a cotangent of the next states becomes.
#[derive(Clone, Copy, Debug)]
pub struct Pulled<'a, S> {
    /// `dz (n, Z)`.
    pub state: ArrayView2<'a, S>,
    /// `du (n, U)`.
    pub control: ArrayView2<'a, S>,
    /// `dw (n, W)`.
    pub noise: ArrayView2<'a, S>,
}

impl<S: Scalar> Linearizer<S> {
    /// Buffers for at most `rows` states, prepared with the parameters of `transition`.
    pub fn new(transition: &dyn Transition<S>, rows: usize) -> Self {
        let dims = transition.dims();
        let zeros = |columns: usize| Array2::zeros((rows, columns));
        let mut cache = transition.cache(rows);
        transition.prepare(&mut cache);
        Self {
            cache,
            dims,
            next: zeros(dims.state),
            dnext: zeros(dims.state),
            dstate: zeros(dims.state),
            dcontrol: zeros(dims.control),
            dnoise: zeros(dims.noise),
        }
    }

    /// `z' (n, Z)`, from which cotangents can be [pulled back](Self::pull_back).
    ///
    /// # Panics
    /// If the shapes disagree or there are too many states.
    #[track_caller]
    pub fn forward(
        &mut self,
        transition: &dyn Transition<S>,
        input: TransitionInput<'_, S>,
    ) -> ArrayView2<'_, S> {
        let rows = s![..input.state.nrows(), ..];
        transition.forward(0, input, self.next.slice_mut(rows), &mut self.cache);
        self.next.slice(rows)
    }

    /// [`Transition::push_forward`]; nothing can be [pulled back](Self::pull_back) from it.
    ///
    /// # Panics
    /// If the shapes disagree or there are too many states.
    #[track_caller]
    pub fn push_forward(
        &mut self,
        transition: &dyn Transition<S>,
        at: TransitionDirections<'_, S>,
        out: TransitionDerivatives<'_, S>,
    ) -> bool {
        transition.push_forward(at, out, &mut self.cache)
    }

    /// Pulls the cotangent `dz' (n, Z)`, zero before `write` writes it, back through the last
    /// [`forward`](Self::forward) of `n` states.
    ///
    /// # Panics
    /// If there was none of so many states.
    #[track_caller]
    pub fn pull_back(
        &mut self,
        transition: &dyn Transition<S>,
        n: usize,
        write: impl FnOnce(ArrayViewMut2<'_, S>),
    ) -> Pulled<'_, S> {
        let rows = s![..n, ..];
        for buffer in [&mut self.dnext, &mut self.dstate, &mut self.dcontrol, &mut self.dnoise] {
            buffer.slice_mut(rows).fill(S::ZERO);
        }
        write(self.dnext.slice_mut(rows));
        let cotangents = TransitionCotangents {
            state: self.dstate.slice_mut(rows),
            control: Some(self.dcontrol.slice_mut(rows)),
            noise: self.dnoise.slice_mut(rows),
        };
        transition.backward(0, self.dnext.slice(rows), cotangents, &mut self.cache);
        Pulled {
            state: self.dstate.slice(rows),
            control: self.dcontrol.slice(rows),
            noise: self.dnoise.slice(rows),
        }
    }

    /// Writes `z'` and its Jacobians at `n` states; nothing allocates.
    ///
    /// # Panics
    /// If the shapes disagree or there are too many states.
    #[track_caller]
    pub fn jacobians(
        &mut self,
        transition: &dyn Transition<S>,
        input: TransitionInput<'_, S>,
        mut out: TransitionJacobians<'_, S>,
    ) {
        let (n, TransitionDims { state: z, control: u, noise: w }) =
            (input.state.nrows(), self.dims);
        assert_eq!(out.state.dim(), (n, z, z), "∂z'/∂z against (n, Z, Z)");
        assert_eq!(out.control.dim(), (n, z, u), "∂z'/∂u against (n, Z, U)");
        assert_eq!(out.noise.dim(), (n, z, w), "∂z'/∂w against (n, Z, W)");
        out.next.assign(&self.forward(transition, input));
        for i in 0..z {
            let pulled =
                self.pull_back(transition, n, |mut dnext| dnext.column_mut(i).fill(S::ONE));
            out.state.slice_mut(s![.., i, ..]).assign(&pulled.state);
            out.control.slice_mut(s![.., i, ..]).assign(&pulled.control);
            out.noise.slice_mut(s![.., i, ..]).assign(&pulled.noise);
        }
    }
}
