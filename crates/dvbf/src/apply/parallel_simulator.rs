//! The simulator of a learned model on several threads.

use crate::pool::{Pool, PoolError};
use dvbf_core::{Filter, SimulatedModel, Simulator, SimulatorError, SimulatorOptions};
use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis};
use std::ops::Range;

/// A parallel simulator could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ParallelError {
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The options.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
}

/// A [`Simulator`] whose rollouts are divided among threads.
///
/// Every rollout has the bits that it has in a single simulator, whatever the number of threads. Shapes
/// are those of [`Simulator`]: rollouts `N`, steps `T`.
#[derive(Debug)]
pub struct ParallelSimulator {
    parts: Vec<Simulator>,
    pool: Pool,
}

impl ParallelSimulator {
    /// A simulator of the rollouts with these numbers on `threads` threads, as many as there are cores if
    /// zero, started from the prior.
    ///
    /// # Errors
    /// If no simulator can have one of the options, or the system gives no threads.
    ///
    /// # Panics
    /// As [`Simulator::new`].
    pub fn new(
        source: &SimulatedModel,
        rollouts: Range<u64>,
        options: SimulatorOptions,
        threads: usize,
    ) -> Result<Self, ParallelError> {
        let pool = Pool::new(threads)?;
        let count = rollouts.end.saturating_sub(rollouts.start);
        let parts = (pool.threads() as u64).clamp(1, count.max(1));
        let edge = |part: u64| rollouts.start + count / parts * part + part.min(count % parts);
        let parts = (0..parts).map(|part| {
            let rollouts = edge(part)..edge(part + 1);
            Simulator::new(source, rollouts, options)
        });
        Ok(Self { parts: parts.collect::<Result<_, _>>()?, pool })
    }

    /// The simulators of consecutive rollouts, one for each thread.
    pub fn parts(&self) -> &[Simulator] {
        &self.parts
    }

    /// The simulators, to be changed; each as a single one.
    pub fn parts_mut(&mut self) -> &mut [Simulator] {
        &mut self.parts
    }

    /// Number of rollouts, `N`.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one rollout")]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Simulator::len).sum()
    }

    /// [`Simulator::start_from_prior`].
    ///
    /// # Panics
    /// If there is not one flag a rollout.
    pub fn start_from_prior(&mut self, mask: Option<&[bool]>) {
        assert!(mask.is_none_or(|mask| mask.len() == self.len()), "flags against N rollouts");
        let work = |part: &mut Simulator, mask: Option<&[bool]>| {
            part.start_from_prior(mask);
            Ok(())
        };
        self.each(mask, &split_mask, &work).expect("a start from the prior does not fail");
    }

    /// [`Simulator::start_from_belief`] of all rollouts.
    ///
    /// # Errors
    /// As there; no rollout is changed then.
    pub fn start_from_belief(&mut self, filter: &Filter) -> Result<(), SimulatorError> {
        self.parts.iter_mut().try_for_each(|part| part.start_from_belief(filter, None))
    }

    /// [`Simulator::step`].
    ///
    /// # Errors
    /// If a control is not finite. Nothing is changed then.
    ///
    /// # Panics
    /// If the controls have another shape.
    #[track_caller]
    pub fn step(&mut self, controls: ArrayView2<'_, f32>) -> Result<(), SimulatorError> {
        assert_eq!(controls.nrows(), self.len(), "controls against (N, U)");
        self.check(controls)?;
        self.each(controls, &split_controls, &|part, controls| part.step(controls))
    }

    /// [`Simulator::run`].
    ///
    /// # Errors
    /// If a control is not finite. Nothing is changed then.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn run(
        &mut self,
        controls: ArrayView3<'_, f32>,
        states: ArrayViewMut3<'_, f32>,
    ) -> Result<(), SimulatorError> {
        assert_eq!(controls.dim().1, self.len(), "controls against (T, N, U)");
        assert_eq!(states.dim().1, self.len(), "states against (T, N, Z)");
        for controls in controls.axis_iter(Axis(0)) {
            self.check(controls)?;
        }
        self.each((controls, states), &split_run, &|part, (controls, states)| {
            part.run(controls, states)
        })
    }

    /// Writes the latent states, `(N, Z)`.
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn states(&self, mut out: ArrayViewMut2<'_, f32>) {
        assert_eq!(out.nrows(), self.len(), "states against (N, Z)");
        let mut first = 0;
        for part in &self.parts {
            let rows = ndarray::s![first..first + part.len(), ..];
            out.slice_mut(rows).assign(&part.states());
            first += part.len();
        }
    }

    /// [`Simulator::observation_means`].
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn observation_means(&mut self, out: ArrayViewMut2<'_, f32>) {
        self.draw(out, |part, out| part.observation_means(out));
    }

    /// [`Simulator::observation_samples`].
    ///
    /// # Panics
    /// If `out` has another shape.
    #[track_caller]
    pub fn observation_samples(&mut self, out: ArrayViewMut2<'_, f32>) {
        self.draw(out, |part, out| part.observation_samples(out));
    }

    #[track_caller]
    fn draw(
        &mut self,
        out: ArrayViewMut2<'_, f32>,
        draw: impl Fn(&mut Simulator, ArrayViewMut2<'_, f32>) + Sync,
    ) {
        assert_eq!(out.nrows(), self.len(), "observations against (N, X)");
        let work = |part: &mut Simulator, out: ArrayViewMut2<'_, f32>| {
            draw(part, out);
            Ok(())
        };
        self.each(out, &split_rows, &work).expect("drawing does not fail");
    }

    /// Refuses controls of which a thread would refuse some after another has taken others.
    fn check(&self, controls: ArrayView2<'_, f32>) -> Result<(), SimulatorError> {
        let mut first = 0;
        for part in &self.parts {
            let rows = ndarray::s![first..first + part.len(), ..];
            part.check_controls(controls.slice(rows))?;
            first += part.len();
        }
        Ok(())
    }

    /// Hands every part its rows of `values`, on all threads.
    fn each<V: Send>(
        &mut self,
        values: V,
        split: &(impl Fn(V, usize) -> (V, V) + Sync),
        work: &(impl Fn(&mut Simulator, V) -> Result<(), SimulatorError> + Sync),
    ) -> Result<(), SimulatorError> {
        let Self { parts, pool } = self;
        match parts.as_mut_slice() {
            [one] => work(one, values),
            parts => fork(pool, parts, values, split, work),
        }
    }
}

type Mask<'a> = Option<&'a [bool]>;

fn split_mask(mask: Mask<'_>, n: usize) -> (Mask<'_>, Mask<'_>) {
    mask.map_or((None, None), |mask| {
        let (first, second) = mask.split_at(n);
        (Some(first), Some(second))
    })
}

fn split_controls(
    controls: ArrayView2<'_, f32>,
    n: usize,
) -> (ArrayView2<'_, f32>, ArrayView2<'_, f32>) {
    controls.split_at(Axis(0), n)
}

type Run<'a> = (ArrayView3<'a, f32>, ArrayViewMut3<'a, f32>);

fn split_run((controls, states): Run<'_>, n: usize) -> (Run<'_>, Run<'_>) {
    let (controls, states) = (controls.split_at(Axis(1), n), states.split_at(Axis(1), n));
    ((controls.0, states.0), (controls.1, states.1))
}

fn split_rows(
    out: ArrayViewMut2<'_, f32>,
    n: usize,
) -> (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>) {
    out.split_at(Axis(0), n)
}

/// Halves the parts until there is one, without allocating.
fn fork<V: Send>(
    pool: &Pool,
    parts: &mut [Simulator],
    values: V,
    split: &(impl Fn(V, usize) -> (V, V) + Sync),
    work: &(impl Fn(&mut Simulator, V) -> Result<(), SimulatorError> + Sync),
) -> Result<(), SimulatorError> {
    if let [one] = parts {
        return work(one, values);
    }
    let (first, second) = parts.split_at_mut(parts.len() / 2);
    let values = split(values, first.iter().map(Simulator::len).sum());
    let (a, b) = pool.join(
        || fork(pool, first, values.0, split, work),
        || fork(pool, second, values.1, split, work),
    );
    a.and(b)
}
