//! Chance that can be had again: the same seed gives the same losses, delays and orders.
//! Neighbours: manners and hooks.

/// A small seeded generator (SplitMix64). Good enough to lose webhooks; never used for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True in `share` of the cases; a share of 0 never, of 1 always.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        // 53 bits are what a double holds exactly.
        #[expect(clippy::cast_precision_loss)]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < share
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_weather() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..20).map(|_| chance.happens(0.3)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn never_is_never_and_always_is_always() {
        let mut chance = Chance::new(1);
        assert!((0..1_000).all(|_| !chance.happens(0.0) && chance.happens(1.0)));
    }
}
