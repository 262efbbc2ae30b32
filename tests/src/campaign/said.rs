//! What was said: words that tell who wrote them, what came over of them, and what the webhooks told.
//! Neighbours: `talk` and `load`, which let people write; `laws::words`, which judges a season by it.

use bridge_sandbox::{
    Delivered, Hooks, Outcome,
    helpdesk::{Comment, Role},
    jelou::{Speaker, Spoken},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Of many words that are wrong in one way so many are named.
const NAMED_MOST: usize = 4;

/// Who says something to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voice {
    /// A customer to whoever reads the ticket.
    Customer,
    /// An agent to the customer.
    Agent,
    /// An agent to other agents.
    Inside,
}

impl Voice {
    const ALL: [Self; 3] = [Self::Customer, Self::Agent, Self::Inside];

    const fn mark(self) -> char {
        match self {
            Self::Customer => 'm',
            Self::Agent => 'k',
            Self::Inside => 'n',
        }
    }

    /// Its nth words of or to this customer. Of one customer they grow: by them it is known what was
    /// written first.
    #[must_use]
    pub fn words(self, customer: usize, nth: usize) -> String {
        format!("c{customer:08} {}{nth:06}", self.mark())
    }
}

/// Whose words these are: which customer they are of or for, and who says them. None: not ours.
#[must_use]
pub fn whose(words: &str) -> Option<(usize, Voice)> {
    let (customer, nth) = words.split_once(' ')?;
    let number = |text: &str, mark, digits| {
        let rest = text
            .strip_prefix(mark)
            .filter(|rest| rest.len() == digits)?;
        rest.parse::<usize>().ok()
    };
    let customer = number(customer, 'c', 8)?;
    let fits = |voice: &Voice| number(nth, voice.mark(), 6).is_some();
    Some((customer, Voice::ALL.into_iter().find(fits)?))
}

/// One message as it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it says.
    pub text: String,
    /// The moment of writing that it tells, where it tells one.
    pub says: Option<String>,
}

impl Heard {
    /// What the bridge wrote on a ticket, if its last line is one of our words.
    #[must_use]
    pub fn on_ticket(comment: &Comment) -> Option<Self> {
        if comment.author != Role::Bridge {
            return None;
        }
        let (head, text) = comment.body.split_once('\n')?;
        let says = head.rsplit_once(", ").map(|(_, says)| says.to_owned());
        whose(text)?;
        Some(Self {
            text: text.to_owned(),
            says,
        })
    }

    /// What reached a customer in an operator's or the bot's name, if it is one of our words.
    #[must_use]
    pub fn at_customer(spoken: &Spoken) -> Option<Self> {
        if spoken.by == Speaker::User || !spoken.arrived {
            return None;
        }
        let text = spoken.content.get("body")?.as_str()?;
        whose(text)?;
        Some(Self {
            text: text.to_owned(),
            says: None,
        })
    }
}

/// When webhooks told of something, by its words.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<String, Moments>);

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

impl Known {
    /// By these.
    #[must_use]
    pub fn by(hooks: &[Delivered]) -> Self {
        let mut told = BTreeMap::new();
        for hook in hooks {
            let words = hook.body.split('"').find(|word| whose(word).is_some());
            if let Some(words) = words {
                let of: &mut Moments = told.entry(words.to_owned()).or_default();
                *of = of.and(hook);
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

/// Webhooks made, lost, and sent more than once.
#[must_use]
pub fn counted(all: &[&Hooks]) -> (usize, usize, usize) {
    let all: Vec<_> = all.iter().flat_map(|hooks| hooks.all()).collect();
    let lost = all.iter().filter(|hook| hook.outcome == Outcome::Lost);
    let twice = all.iter().filter(|hook| hook.sends > 1);
    (all.len(), lost.count(), twice.count())
}

/// What may be otherwise with the words of one place, since somebody was told of it.
#[derive(Clone, Debug, Default)]
pub struct Excused {
    /// Words of which the ticket says that the customer did not get them.
    pub unsent: BTreeSet<String>,
    /// Words of which the ticket says that nobody knows whether the customer got them, or that they wait.
    pub doubted: BTreeSet<String>,
    /// Words that an agent said before the bridge knew of the ticket: it brings over what is said since.
    pub before: BTreeSet<String>,
    /// Of so many more a person was asked.
    pub asked: usize,
    /// How often words may have come once more, since a call that brought them was cut.
    pub again: BTreeMap<String, usize>,
}

/// One direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Messages written.
    pub written: usize,
    /// Of those, such as never came, and nobody was told.
    pub missing: Vec<String>,
    /// Of those, such as never came, and somebody was told.
    pub told: usize,
    /// Of those, such as never came, and were said before the bridge knew of the place.
    pub before: usize,
    /// Surplus ones.
    pub twice: Vec<String>,
    /// Those that came more than once, and nothing could have kept them from it.
    pub again: usize,
    /// Those that came although the ticket says that they did not.
    pub belied: Vec<String>,
    /// Those that stand behind a later one, since they became known after that had gone.
    pub late: usize,
    /// Those of them whose own time does not say so.
    pub late_unmarked: usize,
    /// Those that stand behind a later one for no such reason.
    pub misplaced: Vec<String>,
}

impl Sheet {
    /// Adds one place: a conversation, or a ticket.
    pub fn add(&mut self, written: &[String], heard: &[Heard], known: &Known, excused: &Excused) {
        self.count(written, heard, excused);
        for (at, one) in heard.iter().enumerate() {
            // The texts of one place grow.
            let before = heard.iter().take(at);
            let overtook: Vec<&Heard> = before.filter(|other| other.text > one.text).collect();
            let Some(first) = overtook.first() else {
                continue;
            };
            let in_time = |other: &&&Heard| !known.may_be_late(&one.text, &other.text);
            if let Some(other) = overtook.iter().find(in_time) {
                self.misplaced
                    .push(format!("{} behind {}", one.text, other.text));
                continue;
            }
            self.late += 1;
            let tells = one.says.is_some() && one.says <= first.says;
            self.late_unmarked += usize::from(one.says.is_some() && !tells);
        }
    }

    fn count(&mut self, written: &[String], heard: &[Heard], excused: &Excused) {
        self.written += written.len();
        let mut missing = Vec::new();
        for text in written {
            let many = heard.iter().filter(|one| one.text == *text).count();
            let unsent = excused.unsent.contains(text);
            match many {
                0 if unsent || excused.doubted.contains(text) => self.told += 1,
                0 if excused.before.contains(text) => self.before += 1,
                0 => missing.push(text.clone()),
                _ if unsent => self.belied.push(text.clone()),
                _ => {}
            }
            let allowed = excused.again.get(text).copied().unwrap_or_default();
            let surplus = many.saturating_sub(1);
            self.again += usize::from(surplus.min(allowed) > 0);
            let wrong = surplus.saturating_sub(allowed);
            self.twice.extend(std::iter::repeat_n(text.clone(), wrong));
        }
        // Which of them a person was asked about is not told: a list of parked work holds no words.
        let asked = excused.asked.min(missing.len());
        self.told += asked;
        self.missing.extend(missing.into_iter().skip(asked));
    }

    /// What is wrong with it.
    #[must_use]
    pub fn broken(&self, whither: &str) -> Vec<String> {
        let mut broken = Vec::new();
        let mut named = |all: &[String], what: &str| {
            if !all.is_empty() {
                let some: Vec<&str> = all.iter().take(NAMED_MOST).map(String::as_str).collect();
                let (many, some) = (all.len(), some.join(", "));
                broken.push(format!("{many} messages {whither} {what}: {some}"));
            }
        };
        named(&self.missing, "never came");
        named(&self.twice, "came once too often");
        named(
            &self.belied,
            "came although the ticket says that they did not",
        );
        named(
            &self.misplaced,
            "were known in time and stand behind later ones",
        );
        if self.late_unmarked > 0 {
            let many = self.late_unmarked;
            broken.push(format!(
                "{many} messages {whither} are late and do not say when they were written"
            ));
        }
        broken
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages, {} missing, {} twice, {} misplaced, {} late",
            self.written,
            self.missing.len(),
            self.twice.len(),
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
    fn told(all: &[(&str, Option<i64>)]) -> Known {
        let moments = |sent: Option<i64>| Moments {
            sent,
            taken: sent.map(|at| at + 5),
        };
        let all = all
            .iter()
            .map(|(text, at)| ((*text).to_owned(), moments(*at)));
        Known(all.collect())
    }

    const WRITTEN: [&str; 2] = ["c00000000 m000000", "c00000000 m000001"];

    fn excused(heard: &[Heard], known: &Known, excused: &Excused) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.add(&WRITTEN.map(str::to_owned), heard, known, excused);
        sheet
    }

    fn sheet(heard: &[Heard], known: &Known) -> Sheet {
        excused(heard, known, &Excused::default())
    }

    #[test]
    fn words_tell_whose_they_are() {
        for voice in Voice::ALL {
            assert_eq!(whose(&voice.words(490_123, 17)), Some((490_123, voice)));
        }
        assert_eq!(Voice::Customer.words(0, 1), WRITTEN[1]);
        for not_ours in [
            "Oi",
            "c0000000 m000000",
            "c00000000 x000000",
            "c00000000 m000000 ",
        ] {
            assert_eq!(whose(not_ours), None, "{not_ours}");
        }
    }

    #[test]
    fn what_is_told_not_to_have_come_may_be_missing_and_may_not_have_come() {
        let unsent = Excused {
            unsent: BTreeSet::from([WRITTEN[0].to_owned()]),
            ..Excused::default()
        };
        let second = [heard(WRITTEN[1], "a")];
        let missing = excused(&second, &Known::default(), &unsent);
        assert!(missing.broken("there").is_empty());
        assert_eq!(missing.told, 1);
        let both = [heard(WRITTEN[0], "a"), heard(WRITTEN[1], "a")];
        let belied = excused(&both, &Known::default(), &unsent);
        assert_eq!(belied.belied, [WRITTEN[0]]);
        assert_eq!(belied.broken("there").len(), 1);
    }

    #[test]
    fn a_person_is_asked_of_so_many_and_no_more() {
        let one = Excused {
            asked: 1,
            ..Excused::default()
        };
        let sheet = excused(&[], &Known::default(), &one);
        assert_eq!((sheet.told, sheet.missing.len()), (1, 1));
    }

    #[test]
    fn what_was_cut_may_come_once_more_and_not_twice() {
        let cut = Excused {
            again: BTreeMap::from([(WRITTEN[0].to_owned(), 1)]),
            ..Excused::default()
        };
        let first = || heard(WRITTEN[0], "a");
        let all = [first(), first(), first(), heard(WRITTEN[1], "a")];
        let sheet = excused(&all, &Known::default(), &cut);
        assert_eq!(
            (sheet.again, &sheet.twice[..]),
            (1, &[WRITTEN[0].to_owned()][..])
        );
    }

    #[test]
    fn what_was_told_of_first_and_stands_behind_is_misplaced() {
        let all = [heard(WRITTEN[1], "10:00:01"), heard(WRITTEN[0], "10:00:00")];
        let first = told(&[(WRITTEN[0], Some(1_000)), (WRITTEN[1], Some(9_000))]);
        assert_eq!(
            sheet(&all, &first).misplaced,
            ["c00000000 m000000 behind c00000000 m000001"]
        );
        let lost = told(&[(WRITTEN[0], None), (WRITTEN[1], Some(9_000))]);
        assert!(sheet(&all, &lost).broken("there").is_empty());
        assert_eq!(sheet(&all, &lost).late, 1);
    }

    #[test]
    fn each_of_many_pairs_that_change_places_is_misplaced() {
        let text = |nth: usize| Voice::Customer.words(0, nth);
        let written: Vec<String> = (0..20).map(text).collect();
        // One every 200 ms, as the campaign has them, and none overtakes another on its way.
        let left = (1_000..).step_by(200).map(Some);
        let all: Vec<_> = written.iter().map(String::as_str).zip(left).collect();
        let swapped = (0..20).map(|nth| heard(&text(nth ^ 1), "10:00:00"));
        let mut sheet = Sheet::default();
        let swapped: Vec<_> = swapped.collect();
        sheet.add(&written, &swapped, &told(&all), &Excused::default());
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
        assert_eq!(sheet(&all, &Known::default()).misplaced.len(), 1);
    }

    #[test]
    fn what_is_missing_or_twice_is_counted() {
        let twice = [heard(WRITTEN[0], "a"), heard(WRITTEN[0], "a")];
        let sheet = sheet(&twice, &Known::default());
        assert_eq!((sheet.missing.len(), sheet.twice.len()), (1, 1));
        assert_eq!(sheet.broken("there").len(), 2);
    }

    #[test]
    fn what_is_late_and_does_not_say_so_is_counted() {
        let all = [heard(WRITTEN[1], "10:00:01"), heard(WRITTEN[0], "10:00:02")];
        let lost = told(&[(WRITTEN[0], None), (WRITTEN[1], Some(9_000))]);
        assert_eq!(sheet(&all, &lost).late_unmarked, 1);
    }
}
