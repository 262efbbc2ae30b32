//! How it can be found out what became of a call whose answer was lost, and what is to be done where
//! nothing tells. Drawn for each run, and for each season where the program is started anew.
//! Neighbours: `scene`, which sets it; `laws`, which allow a thing to be done twice in one of them.

use crate::chance::Chance;
use bridge_sandbox::Operation;
use std::fmt;

/// The profile of the sandbox's helpdesk, which is found by a key.
const PROFILE: &str = include_str!("../../../crates/ticketing-adapter/profiles/sandbox.toml");

/// What in it has the helpdesk do a create once, however often it is sent.
const KEY: &str = "headers = { Idempotency-Key = \"{{ intent.id }}\" }\n";
const BY_KEY: &str = "resolve.by = \"idempotency_key\"";
const BY_LOOKUP: &str = "resolve.by = \"direct_lookup\"";
const BY_NOTHING: &str = "resolve.by = \"none\"";

/// How long a new ticket is not found, ms; and how long the profile says, s.
const INDEX_LAG_MS: i64 = 1_500;
const BY_LAGGING: &str = "resolve = { by = \"lagging_search\", lag_seconds = 2 }";

/// What the helpdesk offers to whoever lost an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offers {
    /// It does a create with the same key once.
    Key,
    /// A ticket is found by its conversation at once.
    Lookup,
    /// Likewise, but only after a while.
    LaggingSearch,
    /// Nothing: not for tickets, and not for what is written on them.
    Nothing,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// What the helpdesk offers.
    pub offers: Offers,
    /// Where nothing tells, it is tried again (`on_unknown`); else a person is asked.
    pub tries_again: bool,
}

impl Manner {
    /// All there are.
    pub const ALL: [Self; 8] = {
        const fn of(offers: Offers, tries_again: bool) -> Manner {
            Manner {
                offers,
                tries_again,
            }
        }
        [
            of(Offers::Key, true),
            of(Offers::Key, false),
            of(Offers::Lookup, true),
            of(Offers::Lookup, false),
            of(Offers::LaggingSearch, true),
            of(Offers::LaggingSearch, false),
            of(Offers::Nothing, true),
            of(Offers::Nothing, false),
        ]
    };

    /// One of them.
    pub fn draw(chance: &mut Chance) -> Self {
        let one = chance.pick(&Self::ALL).copied();
        one.unwrap_or(Self {
            offers: Offers::Key,
            tries_again: true,
        })
    }

    /// The one of this name.
    ///
    /// # Errors
    /// The names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.to_string() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|one| one.to_string()).join(", ");
            format!("--manner {name} is none of {names}")
        })
    }

    /// The value of `on_unknown`.
    #[must_use]
    pub fn on_unknown(self) -> &'static str {
        match self.tries_again {
            true => "retry",
            false => "hold",
        }
    }

    /// How long a new ticket is not found by its conversation, ms.
    #[must_use]
    pub fn index_lag_ms(self) -> i64 {
        match self.offers {
            Offers::LaggingSearch => INDEX_LAG_MS,
            Offers::Key | Offers::Lookup | Offers::Nothing => 0,
        }
    }

    /// The profile of the helpdesk.
    #[must_use]
    pub fn profile(self) -> String {
        let by = match self.offers {
            Offers::Key => return PROFILE.to_owned(),
            Offers::Lookup => BY_LOOKUP,
            Offers::LaggingSearch => BY_LAGGING,
            Offers::Nothing => BY_NOTHING,
        };
        let profile = PROFILE.replace(KEY, "");
        let profile = match self.offers {
            Offers::Nothing => profile.replace(BY_LOOKUP, by),
            Offers::Key | Offers::Lookup | Offers::LaggingSearch => profile,
        };
        profile.replace(BY_KEY, by)
    }

    /// Whether a call of this kind may do a thing that an earlier one did: nothing tells of the earlier
    /// one, and it is tried again. What agents say to customers has no key at Jelou, whatever the
    /// helpdesk offers.
    #[must_use]
    pub fn may_repeat(self, operation: Operation) -> bool {
        self.tries_again
            && (operation == Operation::AgentMessage
                || self.offers == Offers::Nothing
                    && [Operation::CreateTicket, Operation::AddComment].contains(&operation))
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offers = match self.offers {
            Offers::Key => "key",
            Offers::Lookup => "lookup",
            Offers::LaggingSearch => "lagging",
            Offers::Nothing => "nothing",
        };
        write!(f, "{offers}-{}", self.on_unknown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_and_a_profile_of_its_own() {
        let count = |text: &str, what| text.matches(what).count();
        for one in Manner::ALL {
            assert_eq!(Manner::named(&one.to_string()), Ok(one));
            let profile = one.profile();
            let counted =
                [KEY, BY_KEY, BY_LOOKUP, BY_LAGGING, BY_NOTHING].map(|by| count(&profile, by));
            let wanted = match one.offers {
                Offers::Key => [1, 1, 3, 0, 0],
                Offers::Lookup => [0, 0, 4, 0, 0],
                Offers::LaggingSearch => [0, 0, 3, 1, 0],
                Offers::Nothing => [0, 0, 0, 0, 4],
            };
            assert_eq!(counted, wanted, "{one}");
        }
        assert!(Manner::named("key").is_err());
    }

    #[test]
    fn only_where_nothing_tells_and_it_is_tried_again_may_a_thing_be_done_twice() {
        let repeats = |operation| {
            let all = Manner::ALL
                .into_iter()
                .filter(|one| one.may_repeat(operation));
            all.map(|one| one.to_string()).collect::<Vec<_>>()
        };
        for operation in [Operation::CreateTicket, Operation::AddComment] {
            assert_eq!(repeats(operation), ["nothing-retry"]);
        }
        assert_eq!(repeats(Operation::AgentMessage).len(), 4);
        assert_eq!(repeats(Operation::Start), [""; 0]);
    }
}
