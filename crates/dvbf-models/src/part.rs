//! What all parts of a model have in common: buffers and gradients of a kind that only the part
//! knows.

use std::any::Any;
use std::fmt;

/// Buffers of a part, made once by the part and filled by its passes.
///
/// Only the part that made them knows their type:
///
/// ```
/// use dvbf_models::Cache;
/// let mut cache = Cache::new(vec![0.0_f32; 3]);
/// cache.get::<Vec<f32>>()[1] = 2.0;
/// assert_eq!(*cache.get::<Vec<f32>>(), [0.0, 2.0, 0.0]);
/// ```
pub struct Cache(Box<dyn Any + Send + Sync>);

impl Cache {
    /// A cache that holds `buffers`.
    pub fn new<C: Any + Send + Sync>(buffers: C) -> Self {
        Self(Box::new(buffers))
    }

    /// The buffers.
    ///
    /// # Panics
    /// If the cache was made by a part of another kind.
    #[track_caller]
    pub fn get<C: Any>(&mut self) -> &mut C {
        match self.0.downcast_mut() {
            Some(buffers) => buffers,
            None => panic!(
                "the cache belongs to a part of another kind; this one has {}",
                std::any::type_name::<C>()
            ),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// The gradient of a part as a value of the part's own type.
///
/// # Panics
/// If it is that of another kind.
#[track_caller]
pub fn gradient_of<T: Any>(gradient: &mut dyn Any) -> &mut T {
    match gradient.downcast_mut() {
        Some(gradient) => gradient,
        None => panic!(
            "the gradient belongs to a part of another kind; this one is {}",
            std::any::type_name::<T>()
        ),
    }
}

/// Makes boxes of a part's trait cloneable: `cloned_boxes!(Transition, CloneTransition)`.
macro_rules! cloned_boxes {
    ($part:ident, $clone:ident) => {
        /// Clones a boxed part; every `Clone` part has it.
        pub trait $clone<S> {
            /// A copy in a box of its own.
            fn clone_box(&self) -> Box<dyn $part<S>>;
        }

        impl<S: dvbf_tensor::Scalar, T: $part<S> + Clone> $clone<S> for T {
            fn clone_box(&self) -> Box<dyn $part<S>> {
                Box::new(self.clone())
            }
        }

        impl<S: dvbf_tensor::Scalar> Clone for Box<dyn $part<S>> {
            fn clone(&self) -> Self {
                (**self).clone_box()
            }
        }
    };
}
pub(crate) use cloned_boxes;
