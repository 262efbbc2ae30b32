//! What "none broken" means, in words, and only where it was asked. Neighbours: range, which counts; law,
//! whose laws these are.

use super::{Law, Totals};
use std::collections::BTreeMap;

/// Each promise in words, with the laws that must have been asked of something and held for it.
const PROMISES: [(&str, &[Law]); 4] = [
    (
        "nothing lost",
        &[
            Law::AckedKept,
            Law::IntentKept,
            Law::TakenIn,
            Law::Settled,
            Law::AskedIsAnswered,
            Law::SaidIsHeard,
            Law::FilesArrive,
            Law::FollowsDone,
        ],
    ),
    (
        "nothing doubled unflagged",
        &[
            Law::RecordedOnce,
            Law::SettledOnce,
            Law::CreatedOnce,
            Law::OneTicketPerTalk,
            Law::OneLinkEach,
            Law::OneTalkPerTicket,
            Law::OneTalkPerLane,
            Law::ReportedOnce,
            Law::SaidOnce,
            Law::KnocksOnce,
            Law::ButtonOnce,
            Law::AwayOnce,
            Law::FollowsOnce,
        ],
    ),
    (
        "all converged",
        &[
            Law::ComesToRest,
            Law::IntentsEnd,
            Law::KnownAsItIs,
            Law::Converged,
            Law::ClosedIsClosed,
            Law::NoLinkHalf,
            Law::FieldNamesTalk,
            Law::IdWhereRead,
        ],
    ),
    ("no write at the fixpoint", &[Law::Fixpoint]),
];

/// What stands beside them: these laws allow it.
const EXCUSED: &str = "what a restored backup forgot is excused";

impl Totals {
    /// How many histories broke a law, and which; of none, what that means. A promise of which a law was
    /// asked of nothing is not said: the law is named instead.
    #[must_use]
    pub fn outcome(&self) -> String {
        let broken = self.broken.len();
        if broken > 0 {
            let mut by_law: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, breach) in &self.broken {
                *by_law.entry(breach.law.as_str()).or_default() += 1;
            }
            let by_law: Vec<String> = by_law.iter().map(|(law, n)| format!("{law} {n}")).collect();
            return format!("{broken} broken ({})", by_law.join(", "));
        }
        let was_asked = |law: &Law| {
            let mut counts = Law::ALL.iter().zip(&self.asked);
            counts.any(|(of, asked)| of == law && *asked > 0)
        };
        let held = PROMISES
            .iter()
            .filter(|(_, laws)| laws.iter().all(was_asked));
        let held: Vec<&str> = held.map(|(words, _)| *words).collect();
        let laws = PROMISES.iter().flat_map(|(_, laws)| laws.iter());
        let silent: Vec<&str> = laws
            .filter(|law| !was_asked(law))
            .map(|law| law.as_str())
            .collect();
        let mut words = Vec::new();
        if !held.is_empty() {
            words.push(format!("{}; {EXCUSED}", held.join(", ")));
        }
        if !silent.is_empty() {
            words.push(format!("never asked: {}", silent.join(", ")));
        }
        format!("0 broken ({})", words.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Law, Totals};
    use crate::simulator::Breach;

    fn asked_all() -> Totals {
        Totals {
            asked: vec![1; Law::ALL.len()],
            ..Totals::default()
        }
    }

    #[test]
    fn none_broken_says_what_that_means() {
        assert_eq!(
            asked_all().outcome(),
            "0 broken (nothing lost, nothing doubled unflagged, all converged, no write at the fixpoint; \
             what a restored backup forgot is excused)"
        );
    }

    #[test]
    fn what_was_asked_of_nothing_is_not_said_to_have_held() {
        let mut totals = asked_all();
        totals.asked[Law::KnocksOnce as usize] = 0;
        let said = totals.outcome();
        assert!(!said.contains("doubled"), "{said}");
        assert!(said.ends_with("never asked: knocks_once)"), "{said}");
        assert!(!Totals::default().outcome().contains("nothing lost"));
    }

    #[test]
    fn what_broke_is_named_and_nothing_is_said_to_have_held() {
        let mut totals = asked_all();
        for (seed, law) in [(1, Law::Fixpoint), (2, Law::AckedKept), (7, Law::Fixpoint)] {
            let what = String::new();
            totals.broken.push((seed, Breach { law, what }));
        }
        assert_eq!(totals.outcome(), "3 broken (acked_kept 1, fixpoint 2)");
    }
}
