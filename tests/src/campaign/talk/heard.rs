//! What came over, held against what was written and what the webhooks told. Neighbour: `talk`, which
//! lets people write.

use bridge_sandbox::{
    Delivered, Hooks, Outcome,
    helpdesk::{Comment, Role},
    jelou::{Speaker, Spoken},
};
use std::{collections::BTreeMap, fmt};

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

/// What webhooks told of, by its words.
#[derive(Clone, Debug, Default)]
pub struct Told(BTreeMap<String, Moments>);

/// Between these two, ms since 1970, the bridge came to know of something by its webhook. From outside
/// nothing tells it closer, and nothing has to: no tolerance is added.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    /// When the first webhook left, if one did.
    sent: Option<i64>,
    /// When the first was answered as stored, if one was.
    taken: Option<i64>,
}

impl Moments {
    fn and(self, hook: &Delivered) -> Self {
        let first = |one: Option<i64>, other: Option<i64>| one.into_iter().chain(other).min();
        Self {
            sent: first(self.sent, hook.sent_at_ms),
            taken: first(self.taken, hook.taken_at_ms),
        }
    }
}

impl Told {
    /// By these.
    #[must_use]
    pub fn by(hooks: &Hooks) -> Self {
        let mut told = BTreeMap::new();
        for hook in hooks.all() {
            let words = hook.body.split('"').find(|word| is_ours(word));
            if let Some(words) = words {
                let of: &mut Moments = told.entry(words.to_owned()).or_default();
                *of = of.and(&hook);
            }
        }
        Self(told)
    }

    /// Whether this may have become known only after that later one: the other's webhook had left when
    /// this one's was stored, or it alone was told of. What no webhook tells of is found by the sweep,
    /// and a round that finds one finds all that is older.
    fn may_be_late(&self, text: &str, other: &str) -> bool {
        let of = |text| self.0.get(text).copied().unwrap_or_default();
        match (of(text).taken, of(other).sent) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(taken), Some(sent)) => sent <= taken,
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

    /// By webhooks that left then and were answered 5 ms later.
    fn told(all: &[(&str, Option<i64>)]) -> Told {
        let moments = |sent: Option<i64>| Moments {
            sent,
            taken: sent.map(|at| at + 5),
        };
        let all = all
            .iter()
            .map(|(text, at)| ((*text).to_owned(), moments(*at)));
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
    fn each_of_many_pairs_that_change_places_is_misplaced() {
        let text = |nth: usize| format!("c000 m{nth:03}");
        let written: Vec<String> = (0..20).map(text).collect();
        // One every 200 ms, as the campaign has them, and none overtakes another on its way.
        let left = (1_000..).step_by(200).map(Some);
        let all: Vec<_> = written.iter().map(String::as_str).zip(left).collect();
        let swapped = (0..20).map(|nth| heard(&text(nth ^ 1), "10:00:00"));
        let mut sheet = Sheet::default();
        sheet.add(&written, &swapped.collect::<Vec<_>>(), &told(&all));
        assert_eq!((sheet.misplaced.len(), sheet.late), (10, 0), "{sheet}");
    }

    #[test]
    fn which_of_two_that_were_on_their_way_at_once_was_stored_first_nobody_knows() {
        let all = [heard(WRITTEN[1], "10:00:00"), heard(WRITTEN[0], "10:00:00")];
        let left = |first, second| told(&[(WRITTEN[0], Some(first)), (WRITTEN[1], Some(second))]);
        for at_once in [left(1_000, 1_005), left(1_000, 1_000), left(1_400, 1_000)] {
            let sheet = sheet(&all, &at_once);
            assert_eq!((sheet.misplaced.len(), sheet.late), (0, 1));
        }
        assert_eq!(sheet(&all, &left(1_000, 1_006)).misplaced.len(), 1);
    }

    #[test]
    fn what_no_webhook_told_of_is_found_in_order() {
        let all = [heard(WRITTEN[1], "10:00:00"), heard(WRITTEN[0], "10:00:00")];
        assert_eq!(sheet(&all, &Told::default()).misplaced.len(), 1);
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
        let lost = told(&[(WRITTEN[0], None), (WRITTEN[1], Some(9_000))]);
        assert_eq!(sheet(&all, &lost).late_unmarked, 1);
    }
}
