//! The places of those who work at the same time, and who has them. Neighbours: `lanes` and `routes`,
//! whose feeders hand places out; `store::Room`, by which the store shares what is free.

use crate::store::Room;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// So many places, for parties named by `K`.
pub struct Places<K: Ord>(Arc<Inner<K>>);

struct Inner<K: Ord> {
    all: u32,
    in_hand: Mutex<BTreeMap<K, u32>>,
    freed: Notify,
}

/// One place in hand; it is free again when this is dropped.
pub struct Place<K: Ord> {
    party: K,
    places: Arc<Inner<K>>,
}

impl<K: Ord + Clone> Places<K> {
    pub fn new(all: usize) -> Self {
        Self(Arc::new(Inner {
            all: u32::try_from(all).unwrap_or(u32::MAX),
            in_hand: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// What is free, for so many parties as there may be. Half of all places is kept, in equal parts, for
    /// those who have none yet; the other half is for whoever has work. A party that is alone has all.
    pub fn room(&self, parties: usize) -> Room<K> {
        let in_hand = self.0.locked().clone();
        let parties = u32::try_from(parties).unwrap_or(u32::MAX).max(1);
        let part = self.0.all / 2 / parties;
        Room {
            free: self.0.all.saturating_sub(in_hand.values().sum()),
            most: self.0.all - part * (parties - 1),
            in_hand,
        }
    }

    /// Takes a place that a room had free. Only the one who asks for rooms takes places, so it still is.
    pub fn take(&self, party: K) -> Place<K> {
        *self.0.locked().entry(party.clone()).or_default() += 1;
        Place {
            party,
            places: Arc::clone(&self.0),
        }
    }

    /// Waits until a place was given back. One that was given back since the last wait counts.
    pub async fn freed(&self) {
        self.0.freed.notified().await;
    }
}

impl<K: Ord> Inner<K> {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<K, u32>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Drop for Place<K> {
    fn drop(&mut self) {
        let mut in_hand = self.places.locked();
        if let Some(has) = in_hand.get_mut(&self.party) {
            *has = has.saturating_sub(1);
            if *has == 0 {
                in_hand.remove(&self.party);
            }
        }
        drop(in_hand);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_never_has_the_places_kept_for_the_other() {
        let places = Places::<&str>::new(64);
        assert_eq!(places.room(2).most, 48);
        assert_eq!(places.room(1).most, 64);
        assert_eq!(
            places.room(1_000).most,
            64,
            "too many to keep a place for each"
        );
    }

    #[tokio::test]
    async fn a_place_given_back_is_free_again_and_tells() {
        let places = Places::new(2);
        let held = places.take("a");
        assert_eq!(places.room(1).free, 1);
        drop(held);
        places.freed().await;
        assert_eq!(places.room(1), Room::of(2));
    }
}
