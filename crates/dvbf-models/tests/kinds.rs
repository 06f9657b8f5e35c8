//! Kinds by name: every one is found, counts its parameters, refuses what it cannot be, and keeps to
//! itself.

use dvbf_dynamics::Component;
use dvbf_models::{
    Context, EMISSIONS, INITIAL_STATES, KindTable, PartConfig, RECOGNITIONS, TRANSITIONS,
    TransitionRole,
};
use dvbf_tensor::{Noise, Scalar};
use serde::{Deserialize, Serialize};

fn context(components: Vec<Component>) -> Context {
    Context {
        observation: 36,
        control: 2,
        state: 3,
        noise: 3,
        hidden: 7,
        initial_frames: 2,
        dt: Some(0.1),
        uneven: false,
        control_units: None,
        components,
    }
}

fn contexts() -> [Context; 2] {
    let position = |name| Component::position(name, "m", 2.0);
    [
        context(vec![position("a"), position("b"), position("c")]),
        context(vec![Component::angle("a"), position("b"), Component::velocity("c", "rad/s", 4.0)]),
    ]
}

/// Every kind of a registry, with its settings complete, has the parameters that it says.
macro_rules! every_kind_counts_its_parameters {
    ($registry:expr) => {
        for name in $registry.names() {
            let table = $registry.complete(&KindTable::new(name)).unwrap();
            assert_eq!(table.kind, name);
            for context in contexts() {
                let noise = Noise::new(1, 0);
                let single = $registry.init::<f32>(&table, &context, noise).unwrap();
                let double = $registry.init::<f64>(&table, &context, noise).unwrap();
                let counted = $registry.parameters(&table, &context).unwrap();
                assert_eq!((single.count(), double.count()), (counted, counted), "{name}");
                let shorter = $registry.init::<f64>(&KindTable::new(name), &context, noise);
                assert_eq!(shorter.unwrap().to_flat(), double.to_flat(), "{name}: defaults");
            }
        }
    };
}

#[test]
fn transitions_count_their_parameters() {
    every_kind_counts_its_parameters!(TRANSITIONS);
}

#[test]
fn emissions_count_their_parameters() {
    every_kind_counts_its_parameters!(EMISSIONS);
}

#[test]
fn recognition_networks_count_their_parameters() {
    every_kind_counts_its_parameters!(RECOGNITIONS);
}

#[test]
fn initial_states_count_their_parameters() {
    every_kind_counts_its_parameters!(INITIAL_STATES);
}

#[test]
fn sizes_beyond_memory_are_counted_without_it() {
    let table = KindTable::new("locally-linear").with("matrices", 1 << 16).with("hidden", 1 << 16);
    let wide = Context { state: 1 << 16, noise: 1 << 16, ..contexts()[0].clone() };
    assert!(TRANSITIONS.parameters(&table, &wide).unwrap() > 1 << 45);
}

#[test]
fn wrong_tables_say_where() {
    let refused =
        |table: KindTable| TRANSITIONS.check(&table, &contexts()[0]).unwrap_err().to_string();
    let unknown = refused(KindTable::new("magic"));
    assert!(
        unknown.contains("magic") && unknown.contains("locally-linear, residual, sum"),
        "{unknown}"
    );
    let key = refused(KindTable::new("residual").with("matrices", 3));
    assert!(key.contains("unknown field `matrices`"), "{key}");
    let kind = refused(KindTable::new("residual").with("hidden", "many"));
    assert!(kind.starts_with("hidden: ") && kind.contains("usize"), "{kind}");
    let zero = refused(KindTable::new("residual").with("hidden", 0));
    assert_eq!(zero, "hidden: is 0; it must be at least 1");
    let shared = refused(KindTable::new("locally-linear").with("shared", 4));
    assert_eq!(shared, "shared: is 4, more than model.state = 3");
}

#[derive(Default, Serialize, Deserialize)]
struct Wrong;

impl PartConfig<TransitionRole> for Wrong {
    const KIND: &'static str = "residual";

    fn check(&self, _: &Context) -> Result<(), dvbf_models::KindError> {
        Ok(())
    }

    fn parameters(&self, _: &Context) -> usize {
        0
    }

    fn init<S: Scalar>(&self, _: &Context, _: Noise) -> Box<dyn dvbf_models::Transition<S>> {
        unreachable!("the name is taken")
    }
}

#[test]
fn a_name_is_registered_once() {
    let error = TRANSITIONS.register::<Wrong>().unwrap_err().to_string();
    assert!(error.contains("there already is a transition of kind residual"), "{error}");
}

#[test]
#[should_panic(expected = "the cache belongs to a part of another kind")]
fn the_cache_of_another_kind_panics() {
    let part =
        |name| TRANSITIONS.init::<f64>(&KindTable::new(name), &contexts()[0], Noise::new(0, 0));
    let (a, b) = (part("residual").unwrap(), part("locally-linear").unwrap());
    a.prepare(&mut b.cache(1));
}

#[test]
#[should_panic(expected = "the gradient belongs to a part of another kind")]
fn the_gradient_of_another_kind_panics() {
    let part =
        |name| TRANSITIONS.init::<f64>(&KindTable::new(name), &contexts()[0], Noise::new(0, 0));
    let (a, mut b) = (part("residual").unwrap(), part("locally-linear").unwrap());
    let mut cache = a.cache(1);
    a.prepare(&mut cache);
    a.accumulate(&mut cache, &mut *b);
}
