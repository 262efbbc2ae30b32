//! What `explore` is asked for on its command line. Neighbours: `bin/explore`, which does it;
//! scenario and orders, what there is to be asked for.

use super::{
    orders,
    scenario::{SCENARIOS, Scenario, TROUBLES, Trouble},
    setting::Flaw,
};
use crate::asked::count;

/// How it is asked.
pub const USAGE: &str = "usage:
  explore [--scenario NAME[/TROUBLE]] [--short|--whole|--most STATES] [--flaw NAME] [--jobs N]
  explore --protocol [--flaw NAME]
  explore --orders [--short] [--scenario NAME] [--jobs N]
  explore --list | --laws
";

/// What there is to say of it beyond that.
const HELP: &str = "
Visits every state of small worlds: two events, two processes, a crash, a lost answer, webhooks lost, twice and
late, in every order. Needs cores and memory, and nothing else of the machine; tests/run ends --short, --orders
and --protocol after 300 s each.

--scenario  this world alone, or one of its troubles; --list names both
--short     each search until it has SHORT states, in place of FULL; --most says how many, --whole has no bound
--protocol  the world of the intent protocol, whole: a minute on one core
--orders    all orders of the events of twenty situations; with --short in one way of telling each
--flaw      with a driver that has this flaw, which a law must find
--jobs      on so many threads, in place of all cores
--laws      what must hold

Ends with 0 if every law held, 1 if one was broken or the protocol was not searched whole, 2 if it was asked
wrongly.
";

/// How it is asked, and what it is, for who does not know it.
#[must_use]
pub fn help() -> String {
    let help = HELP.replace("SHORT", &SHORT.to_string());
    format!("{USAGE}{}", help.replace("FULL", &FULL.to_string()))
}

/// A search stops after the level in which it comes to so many states, and says so.
const FULL: u64 = 25_000;

/// The same in the short form.
const SHORT: u64 = 4_000;

/// What is to be done. One of these, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Name the worlds.
    List,
    /// Name the laws.
    Laws,
    /// Search worlds, each until it has so many states; without a number, all of each.
    Searches(Option<u64>),
    /// Search the world of the intent protocol, all of it.
    Protocol,
    /// Play all orders of longer histories.
    Orders {
        /// In one way of telling each.
        short: bool,
    },
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What is to be done.
    pub what: What,
    /// Only this scenario, or one trouble of it.
    pub only: Option<String>,
    /// On so many threads; without a number, on all cores.
    pub jobs: Option<u64>,
    /// With a driver that has this flaw.
    pub flaw: Flaw,
}

impl Wanted {
    /// Reads the words of a command line.
    ///
    /// # Errors
    /// In a sentence, what cannot be done so.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut whats, mut bounds) = (Vec::new(), Vec::new());
        let (mut short, mut only, mut jobs, mut flaw) = (false, None, None, Flaw::None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                "--list" => whats.push(What::List),
                "--laws" => whats.push(What::Laws),
                "--protocol" => whats.push(What::Protocol),
                "--orders" => whats.push(What::Orders { short: false }),
                "--whole" => bounds.push(None),
                "--short" => {
                    short = true;
                    bounds.push(Some(SHORT));
                }
                "--most" => bounds.push(Some(count(&word, &value()?)?)),
                "--scenario" => only = Some(value()?),
                "--jobs" => jobs = Some(count(&word, &value()?)?),
                "--flaw" => flaw = named(&value()?)?,
                _ => return Err(format!("there is no {word}")),
            }
        }
        if whats.len() > 1 || bounds.len() > 1 {
            return Err("one of --protocol, --orders, --list and --laws, and one of --short, --whole and --most".to_owned());
        }
        let bound = bounds.pop();
        let what = match whats.pop() {
            None => What::Searches(bound.unwrap_or(Some(FULL))),
            Some(What::Orders { .. }) => What::Orders { short },
            Some(other) => other,
        };
        let plain = only.is_none() && jobs.is_none();
        let fits = match what {
            What::Searches(_) => true,
            What::Protocol => plain && bound.is_none(),
            What::Orders { short } => flaw == Flaw::None && bound.is_some() == short,
            What::List | What::Laws => plain && bound.is_none() && flaw == Flaw::None,
        };
        if !fits {
            return Err(
                "these do not go together: --protocol is one search and whole, --orders knows --short alone".to_owned(),
            );
        }
        let wanted = Self {
            what,
            only,
            jobs,
            flaw,
        };
        match &wanted.only {
            Some(only) if !wanted.is_there() => Err(format!("there is no {only}; see --list")),
            _ => Ok(wanted),
        }
    }

    fn is_there(&self) -> bool {
        match self.what {
            What::Orders { .. } => !self.orders(true).is_empty(),
            _ => !self.searches().is_empty(),
        }
    }

    /// The worlds to be searched, each with its trouble.
    #[must_use]
    pub fn searches(&self) -> Vec<(&'static Scenario, &'static Trouble)> {
        let only = match self.what {
            What::Protocol => Some(super::PROTOCOL),
            _ => self.only.as_deref(),
        };
        let pairs = SCENARIOS
            .iter()
            .flat_map(|s| TROUBLES.iter().map(move |t| (s, t)));
        let is_meant = |only: &str, (s, t): (&Scenario, &Trouble)| {
            only == s.name || only == format!("{}/{}", s.name, t.name)
        };
        pairs
            .filter(|pair| only.is_none_or(|only| is_meant(only, *pair)))
            .collect()
    }

    /// The histories to be told in all orders.
    #[must_use]
    pub fn orders(&self, short: bool) -> Vec<orders::Orders> {
        let mut all = orders::all(short);
        all.retain(|one| self.only.as_deref().is_none_or(|only| only == one.name()));
        all
    }
}

fn named(name: &str) -> Result<Flaw, String> {
    match name {
        "no-fencing" => Ok(Flaw::NoFencing),
        "sent-after-call" => Ok(Flaw::SentAfterCall),
        "begun-late" => Ok(Flaw::BegunLate),
        "answer-before-store" => Ok(Flaw::AnswerBeforeStore),
        _ => Err("flaws: no-fencing, sent-after-call, begun-late, answer-before-store".to_owned()),
    }
}
