//! Expressions and texts of a profile, compiled when it is loaded. Neighbours: `filters`, which they
//! may use; `compile`, which makes them; client and webhook, which evaluate them.
//!
//! Only the profile's own words are ever compiled. What a customer or a remote wrote is data that
//! an expression reads, and its result is never read as an expression again.

mod said;
mod source;

use super::filters;
use minijinja::{
    Environment, Expression, UndefinedBehavior,
    value::{Serde, Value},
};
use said::without_conditions;
use serde_json::Value as Json;
use source::{end_of_expr, unfit_words, unknown_parts, without_slices};
use std::sync::LazyLock;

/// How much one expression may compute, in minijinja's steps. The longest built-in one over a page
/// of 100 tickets takes a few hundred; a profile gone wild must not hold a worker.
const FUEL: u64 = 50_000;

/// The longest expression, in bytes. The longest built-in one has under 400; the compiler recurses,
/// and a file must not be able to end the process.
const EXPR_BYTES_MAX: usize = 2_000;

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_fuel(Some(FUEL));
    env.set_debug(false);
    filters::register(&mut env);
    env
});

/// What an expression may name. An entry ending in `.*` is open below that point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    pub(crate) fn new(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.to_owned()).collect())
    }

    pub(crate) fn and(&self, more: &[&str]) -> Self {
        let mut names = self.0.clone();
        names.extend(more.iter().map(|&name| name.to_owned()));
        Self(names)
    }

    pub(crate) fn add(&mut self, name: String) {
        self.0.push(name);
    }

    pub(super) fn allows(&self, path: &str) -> bool {
        self.0.iter().any(|name| match name.strip_suffix(".*") {
            Some(open) => {
                path == open || path.strip_prefix(open).is_some_and(|p| p.starts_with('.'))
            }
            None => path == name || name.strip_prefix(path).is_some_and(|n| n.starts_with('.')),
        })
    }
}

/// Why a text is no expression, and what to do.
#[derive(Debug)]
pub(crate) struct BadExpr {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

/// An expression that failed on some data. It names no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an expression of the profile failed: {0}")]
pub(crate) struct EvalError(&'static str);

/// One compiled expression.
#[derive(Debug)]
pub(crate) struct Expr {
    compiled: Expression<'static, 'static>,
    names: Vec<String>,
    said: Vec<String>,
}

impl Expr {
    pub(crate) fn compile(source: &str, names: &Names) -> Result<Self, BadExpr> {
        if source.len() > EXPR_BYTES_MAX {
            return Err(BadExpr {
                what: format!("an expression is longer than {EXPR_BYTES_MAX} bytes"),
                remedy: "Split it, or say it in the mapping.".to_owned(),
            });
        }
        let compiled = ENGINE
            .compile_expression_owned(source.to_owned())
            .map_err(|error| BadExpr {
                what: format!("`{source}` is no expression: {}", error.kind()),
                remedy: "Write an expression such as body.ticket.id.".to_owned(),
            })?;
        // minijinja ends an expression at a sign it does not know, if a text stands before it; a bracket that is open
        // then tells.
        if ENGINE
            .compile_expression_owned(format!("({source})"))
            .is_err()
        {
            return Err(BadExpr {
                what: format!("`{source}` has a sign in it that no expression has"),
                remedy: "Write and, or, not, == and !=; join texts with ~.".to_owned(),
            });
        }
        // minijinja does not look for names before the brackets of a slice.
        let plain = without_slices(source);
        let said = Some(without_conditions(&plain)).filter(|said| *said != plain);
        let whole = ENGINE.compile_expression_owned(plain);
        let named = named_in(whole.as_ref().unwrap_or(&compiled));
        let said = said.and_then(|said| ENGINE.compile_expression_owned(said).ok());
        let said = said.map_or_else(|| named.clone(), |said| named_in(&said));
        if let Some(path) = named.iter().find(|path| !names.allows(path)) {
            return Err(BadExpr {
                what: format!("`{path}` is not known here"),
                remedy: format!("Known here: {}.", names.0.join(", ")),
            });
        }
        match unknown_parts(source) {
            Some(bad) => Err(bad),
            None => Ok(Self {
                compiled,
                names: named,
                said,
            }),
        }
    }

    /// The names in it, each as far as it is written out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Those of them that can come out of it: not what it asks for and does not say.
    pub(crate) fn said(&self) -> impl Iterator<Item = &str> {
        self.said.iter().map(String::as_str)
    }

    /// Its value on this data; what is missing is undefined, not an error.
    pub(crate) fn value(&self, data: &Value) -> Result<Value, EvalError> {
        use minijinja::ErrorKind as K;
        self.compiled.eval(data.clone()).map_err(|error| {
            EvalError(match error.kind() {
                K::OutOfFuel => "it computes too much",
                K::UnknownFilter => "unknown filter",
                K::InvalidOperation => "it does not fit the data",
                _ => "it cannot be evaluated",
            })
        })
    }

    pub(crate) fn is_true(&self, data: &Value) -> Result<bool, EvalError> {
        Ok(self.value(data)?.is_true())
    }

    /// A text or a number as text; `None` for anything else and for "".
    pub(crate) fn text(&self, data: &Value) -> Result<Option<String>, EvalError> {
        let text = filters::text(&self.value(data)?);
        Ok((!text.is_empty()).then_some(text))
    }
}

fn named_in(compiled: &Expression<'_, '_>) -> Vec<String> {
    compiled.undeclared_variables(true).into_iter().collect()
}

/// A text with `{{ expressions }}` in it. One that is a single expression keeps its value's type.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Words(String),
    Expr(Expr),
}

impl Template {
    pub(crate) fn compile(source: &str, names: &Names) -> Result<Self, BadExpr> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            pieces.extend(words(before, source, names)?);
            let end = end_of_expr(after).ok_or_else(|| BadExpr {
                what: "a {{ is not closed".to_owned(),
                remedy: "Close it with }}.".to_owned(),
            })?;
            let (inner, behind) = after.split_at(end);
            pieces.push(Piece::Expr(Expr::compile(inner.trim(), names)?));
            rest = behind.strip_prefix("}}").unwrap_or(behind);
        }
        pieces.extend(words(rest, source, names)?);
        Ok(Self(pieces))
    }

    /// Its value: of a single expression, with its type; else the joined text.
    pub(crate) fn value(&self, data: &Value) -> Result<Value, EvalError> {
        if let [Piece::Expr(expr)] = self.0.as_slice() {
            return expr.value(data);
        }
        let mut joined = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => joined.push_str(words),
                Piece::Expr(expr) => joined.push_str(&filters::text(&expr.value(data)?)),
            }
        }
        Ok(Value::from(joined))
    }

    /// Its text; `None` where its single expression has no text.
    pub(crate) fn text(&self, data: &Value) -> Result<Option<String>, EvalError> {
        let value = self.value(data)?;
        let none = value.is_none() || value.is_undefined();
        Ok((!none).then(|| filters::text(&value)))
    }

    /// Its expressions.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Words(_) => None,
        })
    }

    /// The names in its expressions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.exprs().flat_map(Expr::names)
    }

    /// Whether nothing stands there.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words around its expressions, as they are written.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Words(words) => Some(words.as_str()),
            Piece::Expr(_) => None,
        })
    }
}

/// The words between two expressions of `source`.
fn words(words: &str, source: &str, names: &Names) -> Result<Option<Piece>, BadExpr> {
    match unfit_words(words, words == source, names) {
        Some(bad) => Err(bad),
        None => Ok((!words.is_empty()).then(|| Piece::Words(words.to_owned()))),
    }
}

/// The key of a body whose value is a map of which each entry stands in the body itself.
const BESIDE: &str = "..";

/// A JSON body to be: its texts and the names in it are templates.
#[derive(Debug)]
pub(crate) enum Tree {
    Leaf(Template),
    Fixed(Json),
    List(Vec<Tree>),
    Table(Vec<(Template, Tree)>),
}

impl Tree {
    /// The expressions in its texts, keys included.
    pub(crate) fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Leaf(template) => template.exprs().collect(),
            Self::List(parts) => parts.iter().flat_map(Self::exprs).collect(),
            Self::Table(parts) => {
                let keys = parts.iter().flat_map(|(key, _)| key.exprs());
                keys.chain(parts.iter().flat_map(|(_, part)| part.exprs()))
                    .collect()
            }
        }
    }

    /// The body on this data. A leaf without value is left out, and so is a list or table of which
    /// every part was left out.
    pub(crate) fn render(&self, data: &Value) -> Result<Option<Json>, EvalError> {
        Ok(match self {
            Self::Fixed(json) => Some(json.clone()),
            Self::Leaf(template) => json_of(&template.value(data)?)?,
            Self::List(parts) => {
                let mut list = Vec::new();
                for part in parts {
                    list.extend(part.render(data)?);
                }
                (parts.is_empty() || !list.is_empty()).then_some(Json::Array(list))
            }
            Self::Table(parts) => {
                let mut table = serde_json::Map::new();
                for (key, part) in parts {
                    match key.text(data)?.zip(part.render(data)?) {
                        // Names that only a mapping knows stand beside those of the profile, which win.
                        Some((key, Json::Object(more))) if key == BESIDE => {
                            for (key, value) in more {
                                table.entry(key).or_insert(value);
                            }
                        }
                        Some((key, value)) if key != BESIDE => {
                            table.insert(key, value);
                        }
                        _ => {}
                    }
                }
                (parts.is_empty() || !table.is_empty()).then_some(Json::Object(table))
            }
        })
    }
}

/// JSON as data for expressions.
pub(crate) fn from_json(json: &Json) -> Value {
    Value::from(Serde(json))
}

/// A value as JSON; none and undefined are left out.
pub(crate) fn json_of(value: &Value) -> Result<Option<Json>, EvalError> {
    if value.is_none() || value.is_undefined() {
        return Ok(None);
    }
    serde_json::to_value(value)
        .map(Some)
        .map_err(|_| EvalError("its value is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(source: &str, data: Json) -> Json {
        let names = Names::new(&["a.*", "b.*"]);
        let template = Template::compile(source, &names).unwrap_or_else(|e| panic!("{}", e.what));
        let value = template.value(&from_json(&data)).unwrap();
        json_of(&value).unwrap().unwrap_or(Json::Null)
    }

    #[test]
    fn a_single_expression_keeps_its_type_and_a_mixed_text_is_text() {
        let data = json!({ "a": { "n": 7, "l": [1, "x"], "t": true } });
        assert_eq!(render("{{ a.n }}", data.clone()), json!(7));
        assert_eq!(render("{{ a.l }}", data.clone()), json!([1, "x"]));
        assert_eq!(render("{{ a.t }}", data.clone()), json!(true));
        assert_eq!(render("no {{ a.n }}", data.clone()), json!("no 7"));
        assert_eq!(render("{{ a.missing.deep }}", data), Json::Null);
    }

    #[test]
    fn words_that_look_like_a_template_are_never_read_as_one() {
        let data = json!({ "a": "{{ 7 * 7 }} {% include 'x' %} ${jndi}" });
        assert_eq!(render("{{ a }}", data.clone()), data["a"]);
        assert_eq!(
            render("<{{ a }}>", data),
            json!("<{{ 7 * 7 }} {% include 'x' %} ${jndi}>")
        );
    }

    #[test]
    fn a_brace_or_a_quote_inside_an_expression_does_not_end_it() {
        let data = json!({ "a": "k", "b": "v" });
        assert_eq!(
            render("{{ {} | with(a, b) }}", data.clone()),
            json!({ "k": "v" })
        );
        assert_eq!(render("{{ '}}' ~ a }}", data), json!("}}k"));
    }

    #[test]
    fn unknown_names_and_filters_are_found_when_the_profile_is_loaded() {
        let names = Names::new(&["ticket.id", "body.*"]);
        for (source, what) in [
            ("tiket.id", "`tiket.id` is not known here"),
            ("ticket.status", "`ticket.status` is not known here"),
            ("ticket.id | uper", "there is no filter `uper`"),
            ("ticket.id is defined", "there are no tests (`is ...`)"),
            ("body.x.upper()", "there is no method `upper`"),
            ("ticket.", "`ticket.` is no expression: syntax error"),
            ("tiket.id[2:]", "`tiket.id` is not known here"),
            ("'a[:1]' ~ tiket.id[:2]", "`tiket.id` is not known here"),
            ("body.x[body.y:tiket.id]", "`tiket.id` is not known here"),
            ("body.x | find('id')", "`find` has 1 arguments and takes 2"),
            ("body.x | lower(1)", "`lower` has 1 arguments and takes 0"),
        ] {
            assert_eq!(Expr::compile(source, &names).unwrap_err().what, what);
        }
        for fine in [
            "body.x[0] | find('a', '|b') ",
            "body.x[::2][1:] | entries('a', (body.y | with('b', body.z)), numeric=true)",
            "{} | with('a', {'b': body.x[:3]}['b'])",
        ] {
            let compiled = Expr::compile(fine, &names).map_err(|bad| bad.what);
            assert!(compiled.is_ok(), "{fine}: {compiled:?}");
        }
    }

    #[test]
    fn an_expression_too_long_to_compile_safely_is_refused() {
        let long = vec!["a"; EXPR_BYTES_MAX].join(" ~ ");
        let refused = Expr::compile(&long, &Names::new(&["a.*"])).unwrap_err();
        assert!(refused.what.contains("longer than"), "{}", refused.what);
    }
}
