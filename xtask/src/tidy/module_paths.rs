//! What a source file says of modules: which it has, what it imports, and which paths it names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// Keywords after which the name of an item follows.
const ITEMS: [&str; 9] =
    ["struct", "enum", "union", "trait", "type", "fn", "const", "static", "macro_rules"];

/// A path from the crate's root.
pub(super) type ModulePath = Vec<String>;

/// A path that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// From the crate's root.
    pub(super) path: ModulePath,
    /// Whether it began with `crate`, `self` or `super`; a path that did not may begin with another
    /// crate.
    pub(super) anchored: bool,
    /// From one.
    pub(super) line: usize,
}

/// A name that a module has from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// `None` for `*`.
    pub(super) name: Option<String>,
    pub(super) from: Named,
}

/// A module with a file of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// Names of its own items.
    pub(super) items: BTreeSet<String>,
    /// What it imports at its top.
    pub(super) imports: Vec<Import>,
    /// Every path that leads to a module, imports included; not those of its tests.
    pub(super) named: Vec<Named>,
}

impl Source {
    /// The module at `path` with this text. Text that is not Rust names nothing; the compiler says
    /// so.
    pub(super) fn read(text: &str, path: &[String]) -> Self {
        let mut out = Self::default();
        if let Ok(tokens) = text.parse::<TokenStream>() {
            let mut reader = Reader { out: &mut out, top: path };
            reader.block(tokens, path, true);
        }
        out
    }
}

struct Reader<'a> {
    out: &'a mut Source,
    /// The module itself.
    top: &'a [String],
}

impl Reader<'_> {
    /// Reads what stands in the module `base`, at its top or within braces.
    fn block(&mut self, tokens: TokenStream, base: &[String], top: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut of_tests) = (0, false);
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) if is_punct(tokens.get(at.wrapping_sub(1)), '#') => {
                    of_tests |= group.stream().to_string().replace(' ', "") == "cfg(test)";
                    at += 1;
                }
                TokenTree::Group(group) => {
                    if !of_tests {
                        self.block(group.stream(), base, false);
                    }
                    of_tests &= group.delimiter() != Delimiter::Brace;
                    at += 1;
                }
                TokenTree::Punct(punct) => {
                    of_tests &= punct.as_char() != ';';
                    at += 1;
                }
                TokenTree::Literal(_) => at += 1,
                TokenTree::Ident(word) if of_tests && word != "mod" => at += 1,
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    at = match (word.as_str(), tokens.get(at + 1), tokens.get(at + 2)) {
                        ("use", ..) => {
                            let end = (at..tokens.len())
                                .find(|&i| is_punct(tokens.get(i), ';'))
                                .unwrap_or(tokens.len());
                            self.import(&tokens[at + 1..end], &[], base);
                            end
                        }
                        ("mod", Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                            if !of_tests {
                                let inner = [base, &[name.to_string()]].concat();
                                self.block(body.stream(), &inner, false);
                            }
                            of_tests = false;
                            at + 3
                        }
                        ("crate" | "self" | "super", ..) if is_path(&tokens[at + 1..]) => {
                            let (segments, after) = segments(&tokens, at);
                            self.name(&segments, base, line(&tokens[at]));
                            after
                        }
                        (keyword, Some(TokenTree::Ident(name)), _)
                            if top && ITEMS.contains(&keyword) =>
                        {
                            self.out.items.insert(name.to_string());
                            at + 1
                        }
                        _ => at + 1,
                    };
                }
            }
        }
    }

    /// One branch or several of a tree of imports after `prefix`.
    fn import(&mut self, tokens: &[TokenTree], prefix: &[String], base: &[String]) {
        for branch in tokens.split(|token| is_punct(Some(token), ',')) {
            let mut path = prefix.to_vec();
            let mut name = None;
            let mut rest = branch;
            // `::name` is another crate.
            if rest.is_empty() || prefix.is_empty() && is_punct(rest.first(), ':') {
                continue;
            }
            let mut whole = true;
            while let Some(token) = rest.first() {
                match token {
                    TokenTree::Ident(word) if word == "as" => {
                        name = rest.get(1).map(ToString::to_string);
                        break;
                    }
                    TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.import(&inner, &path, base);
                        whole = false;
                    }
                    TokenTree::Punct(punct) if punct.as_char() == '*' => {
                        self.add(None, &path, base, line(token));
                        whole = false;
                    }
                    _ => {}
                }
                rest = &rest[1..];
            }
            if whole {
                let name = name.or_else(|| path.last().cloned());
                self.add(name, &path, base, line(&branch[0]));
            }
        }
    }

    fn add(&mut self, name: Option<String>, path: &[String], base: &[String], line: usize) {
        let from = self.name(path, base, line);
        if base == self.top {
            self.out.imports.push(Import { name, from });
        }
    }

    fn name(&mut self, segments: &[String], base: &[String], line: usize) -> Named {
        let mut path = base.to_vec();
        let mut anchored = false;
        for segment in segments {
            match segment.as_str() {
                "crate" => path.clear(),
                "self" => {}
                "super" => {
                    path.pop();
                }
                _ => {
                    path.push(segment.clone());
                    continue;
                }
            }
            anchored = true;
        }
        let named = Named { path, anchored, line };
        self.out.named.push(named.clone());
        named
    }
}

fn is_punct(token: Option<&TokenTree>, which: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == which)
}

/// Whether a name follows after `::`.
fn is_path(rest: &[TokenTree]) -> bool {
    is_punct(rest.first(), ':')
        && is_punct(rest.get(1), ':')
        && matches!(rest.get(2), Some(TokenTree::Ident(_)))
}

/// The segments of the path that begins at `at`, and what comes after it.
fn segments(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut out = vec![tokens[at].to_string()];
    while is_path(&tokens[at + 1..]) {
        at += 3;
        out.push(tokens[at].to_string());
    }
    (out, at + 1)
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Source {
        Source::read(text, &["a".into(), "b".into()])
    }

    fn paths(text: &str) -> Vec<String> {
        read(text).named.iter().map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn imports_are_read_as_trees() {
        let text = "use crate::{x::{self, Y as Z, w::*}, v};\nuse super::c;\nuse std::fmt;\n\
                    use self::d::E;\nuse ::serde::Serialize;";
        let expected =
            ["x", "x::Y", "x::w", "v", "a::c", "a::b::std::fmt", "a::b::d::E"].map(str::to_owned);
        assert_eq!(paths(text), expected);
        let source = read(text);
        let names: Vec<_> = source.imports.iter().map(|i| i.name.as_deref()).collect();
        let expected = [Some("x"), Some("Z"), None, Some("v"), Some("c"), Some("fmt"), Some("E")];
        assert_eq!(names, expected);
        let anchored: Vec<_> = source.named.iter().map(|named| named.anchored).collect();
        assert_eq!(anchored, [true, true, true, true, true, false, true]);
        assert_eq!(source.named[4].line, 2);
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let text = "fn f(x: super::c::T) -> crate::d::U {\n  vec![crate::e::V::new(), self.x]\n}\n\
                    pub(crate) struct S(pub(super) u8);\n// crate::f::W\nconst T: &str = \"crate::g\";";
        assert_eq!(paths(text), ["a::c::T", "d::U", "e::V::new"]);
        let items: Vec<_> = read(text).items.into_iter().collect();
        assert_eq!(items, ["S", "T", "f"]);
    }

    #[test]
    fn modules_in_a_file_have_their_own_place_and_tests_are_left_out() {
        let text = "mod inner { use super::super::c; fn g() { super::h(); } }\n\
                    #[cfg(test)]\nmod tests { use crate::d::X; }\n\
                    #[cfg(test)]\nuse crate::e::Y;\nuse crate::f::Z;\n\
                    #[cfg(test)]\nfn only() { crate::g::call(); }\nfn k() { crate::i::call(); }";
        assert_eq!(paths(text), ["a::c", "a::b::h", "f::Z", "i::call"]);
        assert!(read(text).imports.iter().all(|import| import.name.as_deref() == Some("Z")));
    }

    #[test]
    fn what_is_not_rust_names_nothing() {
        assert_eq!(paths("use crate::a; \"open"), [""; 0]);
    }
}
