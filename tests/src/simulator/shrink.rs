//! Makes a failing history smaller while it still breaks the same law. Neighbour: `range`, which
//! finds failing ones.

use super::{History, Law, live};
use bridge_core::mapping::Mapping;
use std::rc::Rc;

/// The smallest history found that breaks `law`: kinds of fault and acts are left out one by one,
/// again and again, until nothing more can be left out.
#[must_use]
pub fn shrink(history: &History, law: Law, mappings: &Rc<Vec<Rc<Mapping>>>) -> History {
    let breaks = |history: &History| {
        live(history, mappings, false)
            .breach
            .is_some_and(|breach| breach.law == law)
    };
    let mut small = history.clone();
    loop {
        let before = (small.faults.len(), small.acts.len());
        let mut at = small.faults.len();
        while at > 0 {
            at -= 1;
            let mut less = small.clone();
            less.faults.remove(at);
            if breaks(&less) {
                small = less;
            }
        }
        let mut at = small.acts.len();
        while at > 0 {
            at -= 1;
            let mut less = small.clone();
            let (wait, _) = less.acts.remove(at);
            if let Some(next) = less.acts.get_mut(at) {
                next.0 += wait;
            }
            if breaks(&less) {
                small = less;
            }
        }
        if (small.faults.len(), small.acts.len()) == before {
            return small;
        }
    }
}
