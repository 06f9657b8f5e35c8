//! Kinds of one role by name.

use super::{Context, KindError, KindTable, unnamed};
use dvbf_dynamics::Component;
use dvbf_tensor::{Noise, Scalar};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, PoisonError, RwLock};

/// A place in a model that one of several kinds of parts takes.
pub trait Role: Sized + 'static {
    /// The trait of its parts, such as `dyn Transition<S>`.
    type Part<S: Scalar>: ?Sized + 'static;

    /// What errors call it, such as `transition`.
    const NAME: &'static str;

    /// The kinds that come with this crate.
    const BUILT_IN: &'static [Kind<Self>];
}

/// The configuration of a kind of part; its serialized form is the settings table of the kind.
///
/// A program outside this crate registers its own with [`Registry::register`].
pub trait PartConfig<R: Role>: Serialize + DeserializeOwned + 'static {
    /// The name of the kind, in lower case with hyphens.
    const KIND: &'static str;

    /// Refuses settings that no part can have.
    ///
    /// # Errors
    /// Names the setting.
    fn check(&self, context: &Context) -> Result<(), KindError>;

    /// The number of parameters of the part, at most `usize::MAX`: nothing may be allocated to find
    /// it, because the settings of a damaged file may ask for any size. Called after `check`.
    fn parameters(&self, context: &Context) -> usize;

    /// The part with freshly drawn parameters. Called after `check`.
    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<R::Part<S>>;

    /// The components of the state that the part carries; asked of transitions only.
    fn components(&self, context: &Context) -> Vec<Component> {
        unnamed(context.state)
    }
}

type Init<R, S> = fn(&KindTable, &Context, Noise) -> Result<Box<<R as Role>::Part<S>>, KindError>;

/// A kind: its name, and what can be made of its settings table.
pub struct Kind<R: Role> {
    name: &'static str,
    defaults: fn(&KindTable) -> Result<KindTable, KindError>,
    check: fn(&KindTable, &Context) -> Result<(), KindError>,
    parameters: fn(&KindTable, &Context) -> Result<usize, KindError>,
    components: fn(&KindTable, &Context) -> Result<Vec<Component>, KindError>,
    single: Init<R, f32>,
    double: Init<R, f64>,
}

impl<R: Role> Clone for Kind<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Role> Copy for Kind<R> {}

impl<R: Role> fmt::Debug for Kind<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

impl<R: Role> Kind<R> {
    /// The kind that `C` configures.
    pub const fn of<C: PartConfig<R>>() -> Self {
        fn read<R: Role, C: PartConfig<R>>(
            table: &KindTable,
            context: &Context,
        ) -> Result<C, KindError> {
            let config: C = table.parse()?;
            config.check(context)?;
            Ok(config)
        }
        fn init<R: Role, C: PartConfig<R>, S: Scalar>(
            table: &KindTable,
            context: &Context,
            noise: Noise,
        ) -> Result<Box<R::Part<S>>, KindError> {
            Ok(read::<R, C>(table, context)?.init(context, noise))
        }
        Self {
            name: C::KIND,
            defaults: |table| Ok(KindTable::of(C::KIND, &table.parse::<C>()?)),
            check: |table, context| read::<R, C>(table, context).map(drop),
            parameters: |table, context| Ok(read::<R, C>(table, context)?.parameters(context)),
            components: |table, context| Ok(read::<R, C>(table, context)?.components(context)),
            single: init::<R, C, f32>,
            double: init::<R, C, f64>,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// All kinds of a role that are known to the program.
pub struct Registry<R: Role> {
    kinds: LazyLock<RwLock<BTreeMap<&'static str, Kind<R>>>>,
}

impl<R: Role> fmt::Debug for Registry<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(R::NAME).field(&self.names()).finish()
    }
}

impl<R: Role> Registry<R> {
    /// The registry of the built-in kinds.
    pub(crate) const fn built_in() -> Self {
        let kinds = || RwLock::new(R::BUILT_IN.iter().map(|kind| (kind.name, *kind)).collect());
        Self { kinds: LazyLock::new(kinds) }
    }

    /// Makes the kind that `C` configures known by its name.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn register<C: PartConfig<R>>(&self) -> Result<(), KindError> {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if kinds.contains_key(C::KIND) {
            let problem = format!("there already is a {} of kind {}", R::NAME, C::KIND);
            return Err(KindError::new("kind", problem));
        }
        kinds.insert(C::KIND, Kind::of::<C>());
        Ok(())
    }

    /// The names of all kinds, in alphabetical order.
    pub fn names(&self) -> Vec<&'static str> {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.keys().copied().collect()
    }

    fn find(&self, name: &str) -> Result<Kind<R>, KindError> {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = kinds.keys().copied().collect();
            let problem = format!("unknown {} {name:?}; there are {}", R::NAME, known.join(", "));
            KindError::new("kind", problem)
        })
    }

    /// The table with all settings of its kind, those that are missing with their defaults.
    ///
    /// # Errors
    /// If the kind is unknown, a key is unknown, or a value has the wrong type.
    pub fn complete(&self, table: &KindTable) -> Result<KindTable, KindError> {
        (self.find(&table.kind)?.defaults)(table)
    }

    /// Refuses a table that describes no part.
    ///
    /// # Errors
    /// If the kind or a key is unknown, or a value is impossible.
    pub fn check(&self, table: &KindTable, context: &Context) -> Result<(), KindError> {
        (self.find(&table.kind)?.check)(table, context)
    }

    /// The number of parameters of the part that the table describes.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn parameters(&self, table: &KindTable, context: &Context) -> Result<usize, KindError> {
        (self.find(&table.kind)?.parameters)(table, context)
    }

    /// The components of the state of the transition that the table describes.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn components(
        &self,
        table: &KindTable,
        context: &Context,
    ) -> Result<Vec<Component>, KindError> {
        (self.find(&table.kind)?.components)(table, context)
    }

    /// The part that the table describes, with freshly drawn parameters.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    ///
    /// # Panics
    /// Never: a scalar is single or double precision.
    pub fn init<S: Scalar>(
        &self,
        table: &KindTable,
        context: &Context,
        noise: Noise,
    ) -> Result<Box<R::Part<S>>, KindError> {
        let kind = self.find(&table.kind)?;
        let part = of_scalar::<R, f32, S>(|| (kind.single)(table, context, noise))
            .or_else(|| of_scalar::<R, f64, S>(|| (kind.double)(table, context, noise)));
        part.expect("a scalar is single or double precision")
    }
}

type Made<R, S> = Result<Box<<R as Role>::Part<S>>, KindError>;

/// What `make` gives, if `A` and `S` are the same type.
fn of_scalar<R: Role, A: Scalar, S: Scalar>(
    make: impl FnOnce() -> Made<R, A>,
) -> Option<Made<R, S>> {
    if std::any::TypeId::of::<A>() != std::any::TypeId::of::<S>() {
        return None;
    }
    let made: Box<dyn Any> = Box::new(make());
    made.downcast().ok().map(|made| *made)
}
