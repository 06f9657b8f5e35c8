//! A belief carried by a root of its covariance, which holds for priors of any size (Kaminski,
//! Bryson and Schmidt 1971).
//!
//! With `L Lᵀ = P` and `G Gᵀ = E`, reflections `Θ` from the right give
//!
//! ```text
//! prediction     [A L  G] Θ = [L⁻ 0]
//! conditioning   [G  C L]     [S^½     0 ]
//!                [0    L] Θ = [K S^½   L⁺]        m⁺ = m + K S^½ (S^½)⁻¹ r
//! ```
//!
//! So rounding can neither make a covariance indefinite nor cancel what a prior of any size leaves
//! of the observations. The root of a noise is kept until the noise changes.

use super::belief::{Belief, RootBelief};
use super::form::{Form, Innovation};
use super::linearization::Linearization;
use super::memory::{Memory, zeros};
use super::products::{symmetric_product, times};
use super::root::{Root, not_nan};
use super::triangle::Reflections;
use super::{BayesError, check};
use nalgebra::allocator::Allocator;
use nalgebra::{DefaultAllocator, Dim, DimAdd, DimSum, Dyn, OMatrix, OVector, U1};

/// Room for the reflections of a [`RootForm`]; all of `nalgebra`'s sizes have it.
pub trait RootMemory<Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>>:
    Memory<Z, X>
    + Allocator<DimSum<Z, Z>, Z>
    + Allocator<DimSum<Z, Z>>
    + Allocator<DimSum<X, Z>, DimSum<X, Z>>
    + Allocator<DimSum<X, Z>>
{
}

impl<A, Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>> RootMemory<Z, X> for A where
    A: Memory<Z, X>
        + Allocator<DimSum<Z, Z>, Z>
        + Allocator<DimSum<Z, Z>>
        + Allocator<DimSum<X, Z>, DimSum<X, Z>>
        + Allocator<DimSum<X, Z>>
{
}

/// A belief by a root of its covariance, with the buffers of a step.
#[derive(Clone, Debug)]
pub struct RootForm<Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>>
where
    DefaultAllocator: RootMemory<Z, X>,
{
    now: Stand<Z>,
    next: Stand<Z>,
    /// `[A L  G]ᵀ`.
    ahead: Reflections<DimSum<Z, Z>, Z>,
    /// `[G  C L; 0  L]ᵀ`.
    joint: Reflections<DimSum<X, Z>, DimSum<X, Z>>,
    process: NoiseRoot<Z>,
    observation: NoiseRoot<X>,
    /// `A L`.
    moved: OMatrix<f64, Z, Z>,
    /// `C L`.
    mapped: OMatrix<f64, X, Z>,
    /// `S^½`.
    innovation: Root<X>,
    white: OVector<f64, X>,
}

/// A belief by its root and by its covariance.
#[derive(Clone, Debug)]
struct Stand<Z: Dim>
where
    DefaultAllocator: Memory<Z, Z>,
{
    root: Root<Z>,
    belief: Belief<Z>,
}

/// A noise with its root.
#[derive(Clone, Debug)]
struct NoiseRoot<D: Dim>
where
    DefaultAllocator: Memory<D, D>,
{
    noise: OMatrix<f64, D, D>,
    root: Root<D>,
}

/// What an observation does to the mean: `m⁺ = m + K S^½ (S^½)⁻¹ r`.
#[derive(Clone, Debug)]
pub(super) struct Gain<Z: Dim = Dyn, X: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// `S^½`.
    pub(super) innovation: Root<X>,
    /// `K S^½ (Z, X)`.
    pub(super) gain: OMatrix<f64, Z, X>,
}

impl<D: Dim> NoiseRoot<D>
where
    DefaultAllocator: Memory<D, D>,
{
    fn new(size: D) -> Self {
        Self { noise: zeros(size, size), root: Root::zero(size) }
    }

    /// The root of `noise`, new if that changed.
    #[inline]
    fn of(&mut self, noise: &OMatrix<f64, D, D>) -> Result<&OMatrix<f64, D, D>, BayesError> {
        if self.noise.as_slice() != noise.as_slice() {
            self.noise.fill(f64::NAN);
            self.root.refactor("noise of the model", noise)?;
            self.noise.copy_from(noise);
        }
        Ok(self.root.factor())
    }
}

impl<Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>> RootForm<Z, X>
where
    DefaultAllocator: RootMemory<Z, X>,
{
    /// The belief by its root.
    pub(super) fn near(&self) -> RootBelief<Z> {
        RootBelief { mean: self.now.belief.mean.clone(), root: self.now.root.clone() }
    }

    /// How the last observation moved the mean.
    pub(super) fn gain(&self) -> Gain<Z, X> {
        let (z, x) = (self.now.belief.mean.shape_generic().0, self.white.shape_generic().0);
        let mut gain = zeros(z, x);
        for i in 0..gain.nrows() {
            for k in 0..gain.ncols() {
                gain[(i, k)] = self.joint.value(gain.ncols() + i, k);
            }
        }
        Gain { innovation: self.innovation.clone(), gain }
    }

    /// Takes the next belief for the present one, if it is finite.
    #[inline]
    fn settle(&mut self) -> Result<(), BayesError> {
        let next = &mut self.next;
        if next.root.forget_underflow() {
            let z = next.belief.mean.len();
            self.ahead.read(next.root.factor());
            let columns = self.ahead.run("covariance", std::iter::once(z), |_| ())?;
            next.root.take(&self.ahead, (0, columns));
        }
        next.root.square_into(&mut next.belief.covariance);
        check::finite("mean", next.belief.mean.as_slice())?;
        check::finite("covariance", next.belief.covariance.as_slice())?;
        std::mem::swap(&mut self.now, &mut self.next);
        Ok(())
    }
}

impl<Z: Dim + DimAdd<Z>, X: Dim + DimAdd<Z>> Form<Z, X> for RootForm<Z, X>
where
    DefaultAllocator: RootMemory<Z, X>,
{
    fn start(initial: Belief<Z>, observation: X) -> Result<Self, BayesError> {
        let (z, x) = (initial.mean.shape_generic().0, observation);
        let now = Stand { root: Root::new("covariance", &initial.covariance)?, belief: initial };
        Ok(Self {
            next: now.clone(),
            now,
            ahead: Reflections::new(z.add(z), z),
            joint: Reflections::new(x.add(z), x.add(z)),
            process: NoiseRoot::new(z),
            observation: NoiseRoot::new(x),
            moved: zeros(z, z),
            mapped: zeros(x, z),
            innovation: Root::zero(x),
            white: zeros(x, U1),
        })
    }

    fn belief(&self) -> &Belief<Z> {
        &self.now.belief
    }

    fn lower_root(&self, into: &mut OMatrix<f64, Z, Z>) -> Result<(), BayesError> {
        let z = into.nrows();
        let mut work = self.ahead.clone();
        work.read(self.now.root.factor());
        let columns = work.run("covariance", std::iter::repeat_n(1, z), |_| ())?;
        into.fill(0.0);
        for (column, &variable) in work.order().iter().enumerate().take(columns) {
            for i in variable..z {
                into[(i, variable)] = work.value(i, column);
            }
        }
        Ok(())
    }

    #[inline]
    fn predict(&mut self, transition: &Linearization<Z, Z>) -> Result<(), BayesError> {
        let noise = self.process.of(&transition.noise)?.as_slice();
        let z = transition.mean.len();
        times(&mut self.moved, &transition.matrix, self.now.root.factor());
        let moved = self.moved.as_slice();
        let rows = 2 * z;
        let x = self.ahead.x.as_mut_slice();
        for i in 0..z {
            for k in 0..z {
                x[i * rows + k] = moved[k * z + i];
                x[i * rows + z + k] = noise[k * z + i];
            }
        }
        let columns = self.ahead.run("covariance", std::iter::once(z), |_| ())?;
        self.next.root.take(&self.ahead, (0, columns));
        self.next.belief.mean.copy_from(&transition.mean);
        self.settle()
    }

    fn expected(&self, emission: &Linearization<X, Z>, covariance: &mut OMatrix<f64, X, X>) {
        let mut mapped = emission.matrix.clone();
        times(&mut mapped, &emission.matrix, self.now.root.factor());
        symmetric_product(covariance, &mapped, &mapped);
        *covariance += &emission.noise;
    }

    #[inline]
    fn condition(
        &mut self,
        emission: &Linearization<X, Z>,
        residual: &OVector<f64, X>,
        limit: Option<f64>,
    ) -> Result<Innovation, BayesError> {
        let noise = self.observation.of(&emission.noise)?.as_slice();
        let (x, z) = emission.matrix.shape();
        times(&mut self.mapped, &emission.matrix, self.now.root.factor());
        let (mapped, l) = (self.mapped.as_slice(), self.now.root.factor().as_slice());
        let rows = x + z;
        let joint = self.joint.x.as_mut_slice();
        joint.fill(0.0);
        for i in 0..x {
            for k in 0..x {
                joint[i * rows + k] = noise[k * x + i];
            }
            for k in 0..z {
                joint[i * rows + x + k] = mapped[k * x + i];
            }
        }
        for i in 0..z {
            for k in 0..z {
                joint[(x + i) * rows + x + k] = l[k * z + i];
            }
        }
        let mut seen = None;
        let blocks = [x, z].into_iter();
        let columns = self.joint.run("covariance", blocks, |rank| seen = seen.or(Some(rank)))?;
        if seen != Some(x) {
            let what = "covariance of the observation";
            return Err(BayesError::NotPositiveDefinite { what });
        }
        self.innovation.take(&self.joint, (0, x));
        self.innovation.whiten_vector(residual, &mut self.white);
        let nis = not_nan(self.white.norm_squared());
        let accepted = limit.is_none_or(|limit| nis <= limit);
        if accepted {
            let next = &mut self.next;
            next.belief.mean.copy_from(&self.now.belief.mean);
            for i in 0..z {
                let gain = (0..x).map(|k| self.joint.value(x + i, k) * self.white[k]);
                next.belief.mean[i] += gain.sum::<f64>();
            }
            next.root.take(&self.joint, (x, columns));
            self.settle()?;
        }
        Ok(Innovation::new(nis, self.innovation.log_determinant(), accepted))
    }
}
