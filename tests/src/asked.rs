//! The words of a command line. Neighbours: the binaries, which are asked; `campaign::table`, which
//! reads the options of a subcommand.

use std::str::FromStr;

/// Whether help is asked for, whatever else is.
#[must_use]
pub fn wants_help(words: &[String]) -> bool {
    words.iter().any(|word| word == "--help" || word == "-h")
}

/// Reads the number that was said with an option.
///
/// # Errors
/// That it is none, in a sentence.
pub fn number<T: FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{option} {text} is not a number"))
}

/// Reads how many of something there shall be: of none nothing is proven, and it would be said to have gone
/// well.
///
/// # Errors
/// That it is no number, or 0, in a sentence.
pub fn count(option: &str, text: &str) -> Result<u64, String> {
    match number(option, text)? {
        0 => Err(format!("{option} 0 proves nothing; 1 is the least")),
        some => Ok(some),
    }
}
