//! Modules of a crate depend on each other in one direction.
//!
//! The modules of a folder, each with what lies below it, must not go in a circle. A module and those
//! below it are one: a child may use its parent. A path counts for the module that defines what it
//! names, not for the one that re-exports it, and tests may name whatever they compare with.

use super::Finding;
use super::module_paths::{ModulePath, Named, Source};
use super::tree::Tree;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Crate, module and what it may use although that uses it: the trait of the scalars hands a product
/// to the kernels of either precision, and the kernels are generic over it.
const BACK: [(&str, &str, &str); 1] = [("crates/dvbf-tensor/src", "scalar", "gemm")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut packages: BTreeMap<&str, Package> = BTreeMap::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        // Whatever lies in a folder `src` belongs to the crate of this folder.
        let Some(end) = file.path.find("/src/").map(|at| at + "/src".len()) else { continue };
        let (root, name) = (&file.path[..end], &file.path[end + 1..]);
        packages.entry(root).or_default().add(&file.path, module_of(name), &file.text);
    }
    packages.iter().flat_map(|(root, package)| package.circles(root)).collect()
}

/// The module in the file `name` of a crate.
fn module_of(name: &str) -> ModulePath {
    let name = name.trim_end_matches(".rs");
    let mut path: ModulePath = name.split('/').map(str::to_owned).collect();
    let is_root = path.len() == 1 && ["lib", "main"].contains(&name);
    if is_root || path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// Where one module names another.
#[derive(Clone, Debug)]
struct Use {
    file: String,
    named: Named,
}

/// Uses by user and used, below one parent.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Use>>;

/// The modules of a crate, by path, with their files.
#[derive(Debug, Default)]
struct Package {
    modules: BTreeMap<ModulePath, (String, Source)>,
}

impl Package {
    fn add(&mut self, file: &str, path: ModulePath, text: &str) {
        let source = Source::read(text, &path);
        self.modules.insert(path, (file.to_owned(), source));
    }

    fn circles(&self, root: &str) -> Vec<Finding> {
        let mut folders: BTreeMap<&[String], Uses<'_>> = BTreeMap::new();
        for (user, (file, source)) in &self.modules {
            for named in &source.named {
                let Some(used) = self.definition(named, user, 0) else { continue };
                let common = user.iter().zip(&used).take_while(|(a, b)| a == b).count();
                // One of them is above the other.
                if common == user.len() || common == used.len() {
                    continue;
                }
                if BACK.contains(&(root, &user[common], &used[common])) {
                    continue;
                }
                let Some((used, _)) = self.modules.get_key_value(&used) else { continue };
                folders
                    .entry(&user[..common])
                    .or_default()
                    .entry(&user[common])
                    .or_default()
                    .entry(&used[common])
                    .or_insert_with(|| Use { file: file.clone(), named: named.clone() });
            }
        }
        folders.values().flat_map(circles).collect()
    }

    /// The module that defines what a path names; `None` if it is another crate's.
    fn definition(&self, named: &Named, user: &[String], depth: usize) -> Option<ModulePath> {
        // A name without an anchor is that of a module below, or of another crate.
        let first = named.path.get(user.len());
        let below = || self.modules.contains_key(&[user, &[first?.clone()]].concat()).then_some(());
        if !named.anchored {
            below()?;
        }
        let mut at = ModulePath::new();
        for (place, segment) in named.path.iter().enumerate() {
            let deeper = [&at[..], std::slice::from_ref(segment)].concat();
            if self.modules.contains_key(&deeper) {
                at = deeper;
                continue;
            }
            let (_, source) = self.modules.get(&at)?;
            if source.items.contains(segment) || depth > 8 {
                break;
            }
            let rest = &named.path[place..];
            let of_name = source.imports.iter().find(|i| i.name.as_ref() == Some(segment));
            if let Some(import) = of_name {
                return self.through(&import.from, &rest[1..], &at, depth);
            }
            // One of those that give all their names may give this one.
            let all = source.imports.iter().filter(|i| i.name.is_none());
            let mut given = all.filter_map(|i| self.through(&i.from, rest, &at, depth));
            if let Some(found) = given.find(|path| self.modules[path].1.items.contains(segment)) {
                return Some(found);
            }
            break;
        }
        Some(at)
    }

    /// The module that defines `rest` behind an import of the module `user`.
    fn through(
        &self,
        from: &Named,
        rest: &[String],
        user: &[String],
        depth: usize,
    ) -> Option<ModulePath> {
        let path = [&from.path[..], rest].concat();
        let named = Named { path, ..from.clone() };
        self.definition(&named, user, depth + 1)
    }
}

/// One finding for every group of modules that all reach each other: its shortest circle.
fn circles(uses: &Uses<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for &start in uses.keys() {
        if told.contains(start) {
            continue;
        }
        let Some(circle) = shortest(uses, start) else { continue };
        let steps: Vec<&Use> = circle.windows(2).map(|pair| &uses[pair[0]][pair[1]]).collect();
        let places: Vec<String> = steps
            .iter()
            .map(|step| {
                let (file, line) = (&step.file, step.named.line);
                format!("{} in {file}:{line}", step.named.path.join("::"))
            })
            .collect();
        let message =
            format!("modules go in a circle, {}: {}", circle.join(" > "), places.join(", "));
        found.push(Finding::at(&steps[0].file, steps[0].named.line, message));
        let reached = reach(uses, start);
        told.extend(reached.keys().filter(|other| reach(uses, other).contains_key(start)));
    }
    found
}

/// What `start` uses, directly or not, each with the one that uses it on the shortest way.
fn reach<'a>(uses: &Uses<'a>, start: &str) -> BTreeMap<&'a str, &'a str> {
    let mut before = BTreeMap::new();
    let (start, _) = uses.get_key_value(start).map_or(("", None), |(k, v)| (*k, Some(v)));
    let mut open = VecDeque::from([start]);
    while let Some(user) = open.pop_front() {
        for &used in uses.get(user).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(used) {
                before.insert(used, user);
                open.push_back(used);
            }
        }
    }
    before
}

/// The shortest circle from `start` to itself.
fn shortest<'a>(uses: &Uses<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let before = reach(uses, start);
    let mut circle = vec![start];
    let mut at = *before.get(start)?;
    while at != start {
        circle.push(at);
        at = before[at];
    }
    circle.push(start);
    circle.reverse();
    Some(circle)
}

#[cfg(test)]
mod tests {
    use super::super::{findings, fixture::Fixture};

    fn ops(files: &[(&str, &str)]) -> Fixture {
        let mut tree = Fixture::new();
        for (name, text) in files {
            tree.write(
                &format!("crates/dvbf-ops/src/{name}.rs"),
                &format!("//! A file.\n{text}\n"),
            );
        }
        tree
    }

    #[test]
    fn two_modules_that_use_each_other_are_found() {
        let tree = ops(&[
            ("lib", "mod a;\nmod b;"),
            ("a", "pub fn f() { crate::b::g(); }"),
            ("b", "use super::a;\npub fn g() { a::f(); }"),
        ]);
        tree.assert_finds(
            "crates/dvbf-ops/src/a.rs:2: modules go in a circle, a > b > a: \
             b::g in crates/dvbf-ops/src/a.rs:2, a in crates/dvbf-ops/src/b.rs:2",
        );
    }

    #[test]
    fn re_exports_hide_no_circle() {
        let tree = ops(&[
            ("lib", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::*;\npub use c::{C as D};"),
            ("a", "use super::B;\npub struct A(B);"),
            ("b", "use crate::D;\npub struct B(D);"),
            ("c", "use crate::A;\npub struct C(Option<Box<A>>);"),
        ]);
        tree.assert_finds("modules go in a circle, a > b > c > a: B in ");
    }

    #[test]
    fn folders_are_judged_with_what_lies_below_and_inside_too() {
        let tree = ops(&[
            ("lib", "mod a;\nmod b;"),
            ("a/mod", "mod deep;"),
            ("a/deep", "use crate::b::B;\npub struct A;"),
            ("b", "use crate::a::deep::A;\npub struct B(A);"),
        ]);
        tree.assert_finds("crates/dvbf-ops/src/a/deep.rs:2: modules go in a circle, a > b > a");
        let tree = ops(&[
            ("lib", "mod a;"),
            ("a/mod", "mod b;\nmod c;"),
            ("a/b", "use super::c::C;\npub struct B(C);"),
            ("a/c", "use super::b::B;\npub struct C(Box<B>);"),
        ]);
        tree.assert_finds("modules go in a circle, b > c > b");
    }

    #[test]
    fn parents_tests_and_other_crates_are_no_circle() {
        let tree = ops(&[
            ("lib", "mod a;\nmod b;\npub use b::B;\npub struct Top(a::A);\nuse std::fmt;"),
            ("a", "use super::{B, Top};\nuse std::b::X;\npub struct A(B, Box<Top>);"),
            ("b", "pub struct B;\n#[cfg(test)]\nmod tests { use super::super::a::A; }"),
        ]);
        assert_eq!(findings(tree.root()), []);
    }

    #[test]
    fn every_group_is_told_once() {
        let tree = ops(&[
            ("lib", "mod a;\nmod b;\nmod c;\nmod d;"),
            ("a", "use crate::{b, c};"),
            ("b", "use crate::a;"),
            ("c", "use crate::{a, d};"),
            ("d", "use crate::c;"),
        ]);
        tree.assert_finds("modules go in a circle, a > b > a");
    }
}
