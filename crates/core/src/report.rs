//! What Jelou's report of attended conversations tells of one. Neighbours: the Jelou adapter, which
//! reads it; the ticket's note and the metrics, which show it.
//!
//! It comes late, may lack a conversation, and tells times without a zone: a hint, never the truth.

use crate::{
    ids::{ConversationId, UserId},
    text::Text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, time::Duration};

/// The longest name that is shown of an operator, a team or a reason, characters: a line stays a line.
const WORD_CHARACTERS_MAX: usize = 120;

/// A moment told without a zone, read as if it were UTC. It may be off by up to 14 hours: to be
/// shown, never to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zoneless(pub Timestamp);

/// One conversation of the report. What it left out is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attended {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The customer.
    pub user: Option<UserId>,
    /// The bot's name; the report does not tell its id.
    pub bot_name: Option<String>,
    /// The operator's name.
    pub operator: Option<Text>,
    /// The team that it was assigned to.
    pub team: Option<String>,
    /// `active`, `closed`, `resolved`, `expired`, or a word we do not know.
    pub state: Option<String>,
    /// Why it ended, such as `expired`: an open set.
    pub ended_reason: Option<String>,
    /// Where it came from, such as `ticket`.
    pub origin: Option<String>,
    /// When it began.
    pub started_at: Option<Zoneless>,
    /// When it ended.
    pub ended_at: Option<Zoneless>,
    /// How long the customer waited for the operator's first words (`timeRepliedOperator`).
    pub first_reply: Option<Duration>,
    /// How long it went on (`conversationDuration`).
    pub duration: Option<Duration>,
}

impl Attended {
    /// Whether it says that the conversation goes on. Of one that has ended that is old news.
    #[must_use]
    pub fn says_it_goes_on(&self) -> bool {
        self.state.as_deref() == Some("active")
    }

    /// All that it tells, as one line for agents: operator, team, first reply, duration, origin, and
    /// why it ended; only what is there. `None` if nothing is.
    #[must_use]
    pub fn in_words(&self) -> Option<Text> {
        let operator = self.operator.as_ref().map(Text::reveal);
        let lasted = |length: Option<Duration>| length.map(shown);
        let parts = [
            ("operator", operator.and_then(word)),
            ("team", self.team.as_deref().and_then(word)),
            ("first reply after", lasted(self.first_reply)),
            ("duration", lasted(self.duration)),
            ("origin", self.origin.as_deref().and_then(word)),
            ("ended:", self.ended_reason.as_deref().and_then(word)),
        ];
        let told = parts.into_iter();
        let told = told.filter_map(|(what, said)| said.map(|said| format!("{what} {said}")));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| Text::new(told.join(", ")))
    }
}

/// A word of Jelou's on one line; `None` if nothing is left of it.
pub(crate) fn word(said: &str) -> Option<String> {
    let plain: Vec<&str> = said.split(char::is_control).collect();
    let plain = plain.join(" ");
    let plain = plain.trim();
    let short: String = plain.chars().take(WORD_CHARACTERS_MAX).collect();
    (!short.is_empty()).then_some(short)
}

/// A length of time as people say it: its two largest units.
fn shown(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let mut words = String::new();
    let largest = units.into_iter().skip_while(|(count, _)| *count == 0);
    for (count, unit) in largest.take(2).filter(|(count, _)| *count > 0) {
        let space = if words.is_empty() { "" } else { " " };
        let _ = write!(words, "{space}{count} {unit}");
    }
    if words.is_empty() {
        return "0 s".to_owned();
    }
    words
}

/// What a look into the report found of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum InReport {
    /// This.
    There {
        /// What it tells.
        row: Box<Attended>,
    },
    /// Nothing.
    Missing,
    /// It is read for several at once, soon: ask again.
    Gathering {
        /// When.
        until: Timestamp,
    },
}

/// How the wait for a conversation's report ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportEnd {
    /// It told something.
    Found,
    /// The last look read it, and nothing was there.
    NoReport,
    /// The last look could not read it: whether it is there is not known.
    Unread,
}

impl ReportEnd {
    /// All of them, for metrics that begin at zero.
    pub const ALL: [Self; 3] = [Self::Found, Self::NoReport, Self::Unread];

    /// The word in timelines and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NoReport => "no_report",
            Self::Unread => "unread",
        }
    }
}

/// What one settled report has for the metrics: no name of a person is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reported {
    /// How it ended.
    pub end: ReportEnd,
    /// The team, where the report told one.
    pub team: Option<String>,
    /// How long the customer waited for the operator's first words.
    pub first_reply: Option<Duration>,
    /// How long the conversation went on.
    pub duration: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Attended {
        Attended {
            conversation: ConversationId::parse("c1").unwrap(),
            user: None,
            bot_name: None,
            operator: None,
            team: None,
            state: None,
            ended_reason: None,
            origin: None,
            started_at: None,
            ended_at: None,
            first_reply: None,
            duration: None,
        }
    }

    #[test]
    fn only_what_is_there_is_told_and_on_one_line() {
        assert_eq!(row().in_words(), None);
        let some = Attended {
            operator: Some(Text::from("Rui\nCosta")),
            team: Some("  ".to_owned()),
            first_reply: Some(Duration::from_millis(795_880)),
            duration: Some(Duration::from_millis(26_115_953)),
            ended_reason: Some("expired".to_owned()),
            ..row()
        };
        let words = some.in_words().unwrap();
        assert_eq!(
            words.reveal(),
            "operator Rui Costa, first reply after 13 min 15 s, duration 7 h 15 min, ended: expired"
        );
        assert!(
            !format!("{some:?}").contains("Rui"),
            "names hide themselves"
        );
    }

    #[test]
    fn lengths_read_as_people_say_them() {
        for (seconds, read) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_601, "1 h"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(shown(Duration::from_secs(seconds)), read);
        }
    }
}
