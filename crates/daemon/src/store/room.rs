//! How many may be handed out at once, and how they are shared among those for whom something waits.
//! Neighbours: `jobs::places`, which knows what is in hand; `sqlite` and `memory`, which hand out by it.
//!
//! Each gets an equal share first, whoever has the fewest in hand before the others; then what is left.
//! So neither a flood nor a system that answers slowly makes the others wait.

use std::collections::BTreeMap;

/// The room of one look, for parties named by `K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room<K> {
    /// Free places.
    pub free: u32,
    /// Places that one party may have at most, with those that it has already.
    pub most: u32,
    /// What each has in hand; who is not in here has nothing.
    pub in_hand: BTreeMap<K, u32>,
}

impl<K: Ord + Clone> Room<K> {
    /// So many free places, for anyone.
    #[must_use]
    pub fn of(free: u32) -> Self {
        Self {
            free,
            most: free,
            in_hand: BTreeMap::new(),
        }
    }

    /// Whether a party may get no more.
    #[must_use]
    pub fn is_full_for(&self, party: &K) -> bool {
        self.has(party) >= self.most
    }

    /// Whether some party may get no more.
    #[must_use]
    pub fn is_full_for_any(&self) -> bool {
        self.in_hand.values().any(|has| *has >= self.most)
    }

    /// Whether nobody may get anything.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.free == 0
    }

    /// Those who wait, in the order in which they are served.
    #[must_use]
    pub fn in_turn<T>(&self, mut waiting: Vec<T>, party: impl Fn(&T) -> K) -> Vec<T> {
        waiting.sort_by_cached_key(|one| self.has(&party(one)));
        waiting
    }

    /// How many each of so many gets first.
    #[must_use]
    pub fn share(&self, waiting: usize) -> u32 {
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX).max(1);
        (self.free / waiting).max(1)
    }

    /// How many of `wanted` a party may get now.
    #[must_use]
    pub fn grants(&self, party: &K, wanted: u32) -> u32 {
        let left = self.most.saturating_sub(self.has(party));
        wanted.min(left).min(self.free)
    }

    /// A party got so many.
    pub fn give(&mut self, party: &K, many: usize) {
        let many = u32::try_from(many).unwrap_or(u32::MAX);
        if !bridge_core::planted!(RoomNotCounted) {
            self.free = self.free.saturating_sub(many);
        }
        *self.in_hand.entry(party.clone()).or_default() += many;
    }

    fn has(&self, party: &K) -> u32 {
        self.in_hand.get(party).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_free_place_goes_to_who_has_the_fewest_in_hand() {
        let room = Room {
            free: 1,
            most: 8,
            in_hand: BTreeMap::from([("a", 7)]),
        };
        assert_eq!(room.in_turn(vec!["a", "b"], |one| *one), ["b", "a"]);
        assert_eq!(room.share(2), 1);
    }

    #[test]
    fn nobody_gets_more_than_the_most_that_one_may_have() {
        let mut room = Room {
            free: 6,
            most: 4,
            in_hand: BTreeMap::from([("a", 2)]),
        };
        assert_eq!(room.grants(&"a", 6), 2);
        room.give(&"a", 2);
        assert!(room.is_full_for(&"a"));
        assert_eq!((room.grants(&"a", 6), room.grants(&"b", 6)), (0, 4));
    }

    #[test]
    fn who_is_alone_gets_all_there_is() {
        let room = Room::of(5);
        assert_eq!(room.grants(&"a", room.share(1)), 5);
    }
}
