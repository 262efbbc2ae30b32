//! What came over, held against what was written and what the webhooks told. Neighbour: `talk`, which
//! lets people write.

use super::JITTER_MS;
use bridge_sandbox::{
    Hooks, Outcome,
    helpdesk::{Comment, Role},
    jelou::{Speaker, Spoken},
};
use std::{collections::BTreeMap, fmt};

/// A webhook that came in has gone on its way within this, ms; longer on a machine that does much
/// else, so that nobody is blamed for what they could not know.
const AT_WORK_MS: i64 = 2_000;

/// One message as it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it says.
    pub text: String,
    /// The moment of writing that it tells, where it tells one.
    pub says: Option<String>,
    /// When it came, ms since 1970.
    pub at_ms: i64,
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
        let at: jiff::Timestamp = comment.created_at.parse().ok()?;
        text.starts_with(mark).then(|| Self {
            text: text.to_owned(),
            says: Some(says.to_owned()),
            at_ms: at.as_millisecond(),
        })
    }

    /// An agent's message as it reached a customer, if its words begin so.
    #[must_use]
    pub fn at_customer(spoken: &Spoken, mark: &str) -> Option<Self> {
        let text = spoken.content.get("body")?.as_str()?;
        (spoken.by == Speaker::Operator && text.starts_with(mark)).then(|| Self {
            text: text.to_owned(),
            says: None,
            at_ms: spoken.at_ms,
        })
    }
}

/// What webhooks told of, by its words: when each was made, ms since 1970, or that it was lost.
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
                let made = (hook.outcome != Outcome::Lost).then_some(hook.made_at_ms);
                // A ticket's later webhooks may tell of its latest comment again.
                let first = told.entry(words.to_owned()).or_insert(made);
                *first = first.or(made);
            }
        }
        Self(told)
    }

    /// Whether something may have become known only after that moment.
    fn may_be_late(&self, text: &str, moment: i64) -> bool {
        let within = i64::try_from(JITTER_MS).unwrap_or(0) + AT_WORK_MS;
        match self.0.get(text) {
            Some(Some(made)) => moment < made + within,
            Some(None) | None => true,
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
            let before = heard.iter().take(at);
            // The texts of one conversation grow.
            let overtook = before.filter(|other| other.text > one.text);
            let Some(first) = overtook.min_by_key(|other| other.at_ms) else {
                continue;
            };
            if !told.may_be_late(&one.text, first.at_ms) {
                self.misplaced.push(one.text.clone());
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

    fn heard(text: &str, says: &str, at_ms: i64) -> Heard {
        Heard {
            text: text.to_owned(),
            says: Some(says.to_owned()),
            at_ms,
        }
    }

    fn told(all: &[(&str, Option<i64>)]) -> Told {
        let all = all.iter().map(|(text, made)| ((*text).to_owned(), *made));
        Told(all.collect())
    }

    const WRITTEN: [&str; 2] = ["c000 m000", "c000 m001"];

    fn sheet(heard: &[Heard], told: &Told) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.add(&WRITTEN.map(str::to_owned), heard, told);
        sheet
    }

    #[test]
    fn what_was_known_in_time_and_stands_behind_is_misplaced() {
        let all = [
            heard(WRITTEN[1], "10:00:01", 60_000),
            heard(WRITTEN[0], "10:00:00", 61_000),
        ];
        let in_time = told(&[(WRITTEN[0], Some(1_000)), (WRITTEN[1], Some(2_000))]);
        assert_eq!(sheet(&all, &in_time).misplaced, ["c000 m000"]);
        let lost = told(&[(WRITTEN[0], None), (WRITTEN[1], Some(2_000))]);
        assert!(sheet(&all, &lost).broken("there").is_empty());
        assert_eq!(sheet(&all, &lost).late, 1);
    }

    #[test]
    fn what_is_missing_or_twice_is_counted() {
        let twice = [heard(WRITTEN[0], "a", 1), heard(WRITTEN[0], "a", 2)];
        let sheet = sheet(&twice, &Told::default());
        assert_eq!((sheet.missing, sheet.twice), (1, 1));
        assert_eq!(sheet.broken("there").len(), 2);
    }
}
