//! Puts an id into a path as exactly one segment. Neighbours: the adapters' clients, whose ids come
//! from strangers.

use bridge_core::call::CallError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// Everything but what a segment may hold as it is (RFC 3986: unreserved, and the colon, which
/// room ids are full of).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// Why a text cannot be one segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSegment {
    /// Nothing: two slashes in a row are one to many servers.
    #[error("an empty id cannot stand in a path")]
    Empty,
    /// `.` or `..`: every URL parser walks the tree, escaped or not, so it cannot be expressed.
    #[error("an id of dots alone cannot stand in a path")]
    Dots,
    /// A control character, which no id has and some servers cut at.
    #[error("an id with a control character cannot stand in a path")]
    Control,
    /// The address has no path, such as `data:`.
    #[error("the address takes no path")]
    NoPath,
}

impl From<BadSegment> for CallError {
    fn from(bad: BadSegment) -> Self {
        Self::Refused {
            status: crate::NOT_SENT,
            reason: format!("not sent: {bad}"),
        }
    }
}

/// Appends exactly one segment. Slashes, question marks, hashes and percent signs in it are
/// escaped, so that the remote sees the id and nothing of a path.
///
/// # Errors
/// [`BadSegment`] when no URL can say it; the URL is then as it was.
pub fn push_segment(url: &mut Url, segment: &str) -> Result<(), BadSegment> {
    if segment.is_empty() {
        return Err(BadSegment::Empty);
    }
    if segment == "." || segment == ".." {
        return Err(BadSegment::Dots);
    }
    if segment.chars().any(char::is_control) {
        return Err(BadSegment::Control);
    }
    if url.cannot_be_a_base() {
        return Err(BadSegment::NoPath);
    }
    let base = url.path().trim_end_matches('/');
    let path = format!("{base}/{}", utf8_percent_encode(segment, ESCAPED));
    url.set_path(&path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(segment: &str) -> String {
        let mut url = Url::parse("https://api.example.org/v1/users/").unwrap();
        push_segment(&mut url, segment).unwrap();
        url.as_str().to_owned()
    }

    #[test]
    fn an_id_stays_one_segment_whatever_is_in_it() {
        for (segment, escaped) in [
            ("593987654321", "593987654321"),
            ("BR.13400000000000000001", "BR.13400000000000000001"),
            ("G:7a1d:59", "G:7a1d:59"),
            ("../", "..%2F"),
            ("../../admin", "..%2F..%2Fadmin"),
            ("..\\", "..%5C"),
            ("%2e%2e%2f", "%252e%252e%252f"),
            ("%2e%2e", "%252e%252e"),
            (".%2e", ".%252e"),
            ("...", "..."),
            ("a/b?x#y", "a%2Fb%3Fx%23y"),
            ("a b+c@d;e=f&g", "a%20b%2Bc%40d%3Be%3Df%26g"),
            ("ação✅", "a%C3%A7%C3%A3o%E2%9C%85"),
        ] {
            let expected = format!("https://api.example.org/v1/users/{escaped}");
            assert_eq!(pushed(segment), expected, "{segment}");
        }
    }

    #[test]
    fn an_escaped_id_survives_parsing_the_address_again() {
        for segment in ["../", "%2e%2e", "a/b?x#y", "..\\..", "//host/"] {
            let once = pushed(segment);
            let again = Url::parse(&once).unwrap();
            assert_eq!(again.as_str(), once);
            assert_eq!(again.path_segments().unwrap().count(), 3, "{segment}");
        }
    }

    #[test]
    fn what_no_address_can_say_is_refused_and_leaves_the_address_alone() {
        let mut url = Url::parse("https://api.example.org/v1").unwrap();
        for (segment, why) in [
            ("", BadSegment::Empty),
            (".", BadSegment::Dots),
            ("..", BadSegment::Dots),
            ("a\r\nHost: b", BadSegment::Control),
            ("a\tb", BadSegment::Control),
            ("a\0", BadSegment::Control),
        ] {
            assert_eq!(push_segment(&mut url, segment), Err(why));
        }
        assert_eq!(url.as_str(), "https://api.example.org/v1");
        let mut data = Url::parse("data:text/plain,x").unwrap();
        assert_eq!(push_segment(&mut data, "a"), Err(BadSegment::NoPath));
    }

    #[test]
    fn an_id_that_fits_no_path_is_refused_without_a_call() {
        let refused = CallError::from(BadSegment::Dots);
        assert!(matches!(refused, CallError::Refused { status: 0, .. }));
    }
}
