//! Reads a file of text, or says where it is none. Neighbours: `mod` and `ticketing`, which read the
//! configuration and a profile; the command `profile`, which reads one as well.

use super::Problem;
use std::{fs, io, path::Path};

/// Why there is no text.
#[derive(Debug)]
pub enum Unread {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It is no UTF-8, and TOML is nothing else.
    NotText(Box<Problem>),
}

/// The text of a file.
///
/// # Errors
/// [`Unread`].
pub fn text_of(path: &Path) -> Result<String, Unread> {
    let bytes = fs::read(path).map_err(Unread::Unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at(at);
        let byte = rest.first().copied().unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Unread::NotText(Box::new(Problem {
            file: path.display().to_string(),
            line: Some(line),
            key: String::new(),
            what: format!("byte {} of the file, 0x{byte:02X}, is not UTF-8", at + 1),
            remedy: "save the file as UTF-8, without another encoding of its accents".to_owned(),
        }))
    })
}
