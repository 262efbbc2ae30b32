//! Finds secrets that stand in a profile. Neighbours: `auth` and `request`, whose texts these are.
//!
//! A profile is shown, passed on and kept where everybody reads; a secret has its place in `bridge.toml`, in
//! a file of its own.

use super::{compile::Checker, expr::Template, place::Place};

/// What the names of headers, parameters and fields that hold a secret have in them, without dashes.
const SECRET_NAMES: &[&str] = &[
    "accesstoken",
    "apikey",
    "apptoken",
    "authorization",
    "authtoken",
    "password",
    "privatetoken",
    "secret",
    "sessiontoken",
];

/// A text of so many characters is a filler, such as the password beside a key that is the user.
const FILLER_CHARACTERS_MAX: usize = 1;

/// Whether what has this name is a secret.
pub(super) fn is_named(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name = letters.collect::<String>().to_lowercase();
    name == "token" || SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Tells of a secret that stands there as it is.
pub(super) fn in_the_open(checker: &mut Checker<'_>, place: &Place, text: &Template) {
    let words: usize = text.words().map(|words| words.chars().count()).sum();
    if text.exprs().next().is_none() && words > FILLER_CHARACTERS_MAX {
        let what = "a secret stands in the profile, which is shown to whoever asks for it";
        let remedy = "Add [credentials.NAME] with its `about`, and have `auth` send {{ credentials.NAME }}: a secret belongs in bridge.toml, never in a profile. A word that everybody sends is written as {{ 'word' }}.";
        checker.problem(place, what, remedy);
    }
}
