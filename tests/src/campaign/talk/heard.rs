//! What came over, held against what was written and what the webhooks told. Neighbour: `talk`, which
//! lets people write.

use bridge_sandbox::{
    Hooks, Outcome,
    helpdesk::{Comment, Role},
    jelou::{Speaker, Spoken},
};
use std::{collections::BTreeMap, fmt};

/// Of two webhooks that were answered within this, ms, nobody outside knows which was stored first.
const AT_ONCE_MS: i64 = 1_000;

/// One message as it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it says.
    pub text: String,
    /// The moment of writing that it tells, where it tells one.
    pub says: Option<String>,
}

impl Heard {
    /// A customer's message as it stands on a ticket, if its words begin so.
    #[must_use]
    pub fn on_ticket(comment: &Comment, mark: &str) -> Option<Self> {
        if comment.author != Role::Bridge {
            return None;
        }
        let (head, text) = comment.body.split_once('\n')?;
        let (_, says) = head.rsplit_once(", ")?;
        text.starts_with(mark).then(|| Self {
            text: text.to_owned(),
            says: Some(says.to_owned()),
        })
    }

    /// An agent's message as it reached a customer, if its words begin so.
    #[must_use]
    pub fn at_customer(spoken: &Spoken, mark: &str) -> Option<Self> {
        let text = spoken.content.get("body")?.as_str()?;
        (spoken.by == Speaker::Operator && text.starts_with(mark)).then(|| Self {
            text: text.to_owned(),
            says: None,
        })
    }
}

/// What webhooks told of, by its words: when the first of each was taken, ms since 1970, or that none
/// was.
#[derive(Clone, Debug, Default)]
pub struct Told(BTreeMap<String, Option<i64>>);

impl Told {
    /// By these.
    #[must_use]
    pub fn by(hooks: &Hooks) -> Self {
        let mut told = BTreeMap::new();
        for hook in hooks.all() {
            let words = hook.body.split('"').find(|word| is_ours(word));
            if let Some(words) = words {
                let first = told.entry(words.to_owned()).or_insert(hook.taken_at_ms);
                *first = first.or(hook.taken_at_ms);
            }
        }
        Self(told)
    }

    /// Whether this may have become known only after that other one: none of its webhooks came, or it
    /// came later. A round of the sweep that finds one finds all that is older.
    fn may_be_late(&self, text: &str, other: &str) -> bool {
        let taken = |text| self.0.get(text).copied().flatten();
        match (taken(text), taken(other)) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(at), Some(other)) => other < at + AT_ONCE_MS,
        }
    }
}

/// `c000 m000`, or with a `k`.
fn is_ours(word: &str) -> bool {
    let mut parts = word.split(' ');
    let fits = |part: Option<&str>, marks: &[char]| {
        part.is_some_and(|part| part.len() == 4 && part.starts_with(marks))
    };
    fits(parts.next(), &['c']) && fits(parts.next(), &['m', 'k']) && parts.next().is_none()
}

/// Webhooks made, lost, and sent more than once.
#[must_use]
pub fn counted(all: &[&Hooks]) -> (usize, usize, usize) {
    let all: Vec<_> = all.iter().flat_map(|hooks| hooks.all()).collect();
    let lost = all.iter().filter(|hook| hook.outcome == Outcome::Lost);
    let twice = all.iter().filter(|hook| hook.sends > 1);
    (all.len(), lost.count(), twice.count())
}

/// One direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Messages written.
    pub written: usize,
    /// Of those, such as never came.
    pub missing: usize,
    /// Surplus ones.
    pub twice: usize,
    /// Those that stand behind a later one, since they became known after that had gone.
    pub late: usize,
    /// Those of them whose own time does not say so.
    pub late_unmarked: usize,
    /// Those that stand behind a later one for no such reason.
    pub misplaced: Vec<String>,
}

impl Sheet {
    /// Adds one conversation.
    pub fn add(&mut self, written: &[String], heard: &[Heard], told: &Told) {
        self.written += written.len();
        for text in written {
            let many = heard.iter().filter(|one| one.text == *text).count();
            self.missing += usize::from(many == 0);
            self.twice += many.saturating_sub(1);
        }
        for (at, one) in heard.iter().enumerate() {
            // The texts of one conversation grow.
            let before = heard.iter().take(at);
            let overtook: Vec<&Heard> = before.filter(|other| other.text > one.text).collect();
            let Some(first) = overtook.first() else {
                continue;
            };
            let known = |other: &&&Heard| !told.may_be_late(&one.text, &other.text);
            if let Some(other) = overtook.iter().find(known) {
                self.misplaced
                    .push(format!("{} behind {}", one.text, other.text));
                continue;
            }
            self.late += 1;
            let tells = one.says.is_some() && one.says <= first.says;
            self.late_unmarked += usize::from(one.says.is_some() && !tells);
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn broken(&self, whither: &str) -> Vec<String> {
        let mut broken = Vec::new();
        let mut count = |many: usize, what: &str| {
            if many > 0 {
                broken.push(format!("{many} messages {whither} {what}"));
            }
        };
        count(self.missing, "never came");
        count(self.twice, "came once too often");
        count(
            self.late_unmarked,
            "are late and do not say when they were written",
        );
        count(
            self.misplaced.len(),
            "were known in time and stand behind later ones",
        );
        broken
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages, {} missing, {} twice, {} misplaced, {} late",
            self.written,
            self.missing,
            self.twice,
            self.misplaced.len(),
            self.late
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, says: &str) -> Heard {
        Heard {
            text: text.to_owned(),
            says: Some(says.to_owned()),
        }
    }

    fn told(all: &[(&str, Option<i64>)]) -> Told {
        let all = all.iter().map(|(text, at)| ((*text).to_owned(), *at));
        Told(all.collect())
    }

    const WRITTEN: [&str; 2] = ["c000 m000", "c000 m001"];

    fn sheet(heard: &[Heard], told: &Told) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.add(&WRITTEN.map(str::to_owned), heard, told);
        sheet
    }

    #[test]
    fn what_was_told_of_first_and_stands_behind_is_misplaced() {
        let all = [heard(WRITTEN[1], "10:00:01"), heard(WRITTEN[0], "10:00:00")];
        let first = told(&[(WRITTEN[0], Some(1_000)), (WRITTEN[1], Some(9_000))]);
        assert_eq!(
            sheet(&all, &first).misplaced,
            ["c000 m000 behind c000 m001"]
        );
        let lost = told(&[(WRITTEN[0], None), (WRITTEN[1], Some(9_000))]);
        assert!(sheet(&all, &lost).broken("there").is_empty());
        assert_eq!(sheet(&all, &lost).late, 1);
    }

    #[test]
    fn what_is_missing_or_twice_is_counted() {
        let twice = [heard(WRITTEN[0], "a"), heard(WRITTEN[0], "a")];
        let sheet = sheet(&twice, &Told::default());
        assert_eq!((sheet.missing, sheet.twice), (1, 1));
        assert_eq!(sheet.broken("there").len(), 2);
    }

    #[test]
    fn what_is_late_and_does_not_say_so_is_counted() {
        let all = [heard(WRITTEN[1], "10:00:01"), heard(WRITTEN[0], "10:00:02")];
        assert_eq!(sheet(&all, &Told::default()).late_unmarked, 1);
    }
}
