//! Parts of a state: shared until one is changed, and hashed once. Neighbour: world, which is made
//! of them.

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    ops::Deref,
    rc::Rc,
};

/// What can be told apart by a hash.
pub trait Digest: Clone {
    /// Feeds `hasher` with all that can make a difference.
    fn digest(&self, hasher: &mut Mix);
}

/// A value that many states share, with its hash once that was asked for.
#[derive(Clone, Debug)]
pub struct Part<T> {
    value: Rc<T>,
    hash: Cell<Option<u64>>,
}

impl<T: Digest> Part<T> {
    /// A part of its own.
    pub fn new(value: T) -> Self {
        Self {
            value: Rc::new(value),
            hash: Cell::new(None),
        }
    }

    /// The value, to be changed: copied first if another state has it too.
    pub fn edit(&mut self) -> &mut T {
        self.hash.set(None);
        Rc::make_mut(&mut self.value)
    }

    /// Its hash.
    pub fn hash(&self) -> u64 {
        if let Some(hash) = self.hash.get() {
            return hash;
        }
        let mut mix = Mix::default();
        self.value.digest(&mut mix);
        let hash = mix.finish();
        self.hash.set(Some(hash));
        hash
    }
}

impl<T> Deref for Part<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A quick hasher: folded multiplications. Two of a million states share one of its 64-bit hashes
/// with a chance of one in thirty million.
#[derive(Clone, Debug)]
pub struct Mix(u64);

/// Digits of pi and e: no structure that the input could share.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const FOLD: u64 = 0xb7e1_5162_8aed_2a6b;

impl Default for Mix {
    fn default() -> Self {
        Self(SEED)
    }
}

impl Mix {
    fn take(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(u128::from(FACTOR));
        let (low, high) = (product & u128::from(u64::MAX), product >> 64);
        let low = u64::try_from(low).unwrap_or(0);
        let high = u64::try_from(high).unwrap_or(0);
        self.0 = (low ^ high).rotate_left(23) ^ word.wrapping_mul(FOLD);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.take(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let tail = rest
                .iter()
                .fold(1_u64, |tail, byte| (tail << 8) | u64::from(*byte));
            self.take(tail);
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.take(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.take(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.take(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.take(n as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.take(SEED);
        last.take(FACTOR);
        last.0
    }
}

/// The hash of anything that has one.
pub fn hash_of(value: &impl Hash) -> u64 {
    let mut mix = Mix::default();
    value.hash(&mut mix);
    mix.finish()
}
