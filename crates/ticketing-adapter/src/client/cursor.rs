//! How far a listing of changes came, as the text that the store keeps. Neighbour: `list`, which
//! moves it.

use bridge_core::time::Timestamp;
use std::{fmt, time::Duration};

/// The format of the text; another one is not ours and begins anew.
const FORMAT: &str = "v1";

/// The finest clock of any listing, in milliseconds: what happened in the second of the beginning
/// belongs to it, since a remote that tells whole seconds cannot tell before from after.
const GRANULE_MS: i64 = 1_000;

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// When the bridge began; what last changed before is left out for ever (rule 17).
    begun: i64,
    /// The time to ask from, in milliseconds since 1970; in a log, of the last change seen.
    pub(crate) at: i64,
    /// The page at that time.
    pub(crate) page: u32,
    /// The remote's own token.
    pub(crate) token: Option<String>,
}

impl Cursor {
    pub(crate) fn beginning(now: Timestamp) -> Self {
        Self {
            begun: now.0,
            at: now.0,
            page: 1,
            token: None,
        }
    }

    /// Reads a text that [`fmt::Display`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ' ');
        if parts.next()? != FORMAT {
            return None;
        }
        Some(Self {
            begun: parts.next()?.parse().ok()?,
            at: parts.next()?.parse().ok()?,
            page: parts.next()?.parse().ok()?,
            token: parts.next().map(str::to_owned),
        })
    }

    /// What last changed before this is older work.
    pub(crate) fn earliest(&self) -> i64 {
        self.begun.div_euclid(GRANULE_MS).saturating_mul(GRANULE_MS)
    }

    /// After a page whose latest change was at `latest`. One whole page within one second cannot be
    /// passed by time, so its next page is asked for.
    pub(crate) fn after(mut self, latest: Option<i64>, full: bool) -> Self {
        let second = |at: i64| at.div_euclid(GRANULE_MS);
        match latest {
            Some(latest) if second(latest) > second(self.at) => {
                self.at = latest;
                self.page = 1;
            }
            _ if full => self.page = self.page.saturating_add(1),
            _ => self.page = 1,
        }
        self
    }

    pub(crate) fn at_token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// Begins anew, where the remote does not know the token any more.
    pub(crate) fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    /// The last change seen in a log, which is where the next listing of it begins to matter.
    pub(crate) fn seen(mut self, latest: Option<i64>) -> Self {
        self.at = latest.map_or(self.at, |latest| latest.max(self.at));
        self
    }

    /// In a log, what is older than this was seen before; with the granule's tolerance.
    pub(crate) fn seen_before(&self) -> i64 {
        let at = self.at.div_euclid(GRANULE_MS).saturating_mul(GRANULE_MS);
        at.max(self.earliest())
    }

    /// A little earlier, where time says from where. A token cannot go back: the remote promises
    /// that nothing is missed between two of them.
    pub(crate) fn with_overlap(mut self, overlap: Duration) -> Self {
        self.at = Timestamp(self.at).minus(overlap).0;
        self.page = 1;
        self
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORMAT} {} {} {}", self.begun, self.at, self.page)?;
        match &self.token {
            Some(token) => write!(f, " {token}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor::beginning(Timestamp(10_500))
    }

    #[test]
    fn a_cursor_survives_being_stored() {
        for cursor in [cursor(), cursor().at_token("a b=c ".to_owned())] {
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
        assert_eq!(Cursor::parse("v0 1 2 3"), None);
        assert_eq!(Cursor::parse(""), None);
    }

    #[test]
    fn a_page_of_changes_within_one_second_is_passed_page_by_page() {
        let second = cursor().after(Some(10_900), true);
        assert_eq!((second.at, second.page), (10_500, 2));
        let third = second.after(Some(12_000), true);
        assert_eq!((third.at, third.page), (12_000, 1));
        let last = third.after(Some(12_000), false);
        assert_eq!((last.at, last.page), (12_000, 1));
    }

    #[test]
    fn an_overlap_never_reaches_back_before_the_beginning() {
        let early = cursor().with_overlap(Duration::from_secs(5));
        assert_eq!(early.at, 5_500);
        assert_eq!(early.earliest(), 10_000);
    }
}
