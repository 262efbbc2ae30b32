//! When the program was treated badly, and which calls that can have cut. Neighbours: the campaigns,
//! which say when; `laws`, which allow a call to be made again only where the one before was cut.

use bridge_sandbox::Call;
use std::collections::BTreeMap;

/// An answer that has left is on the program's disk within this, ms: it is read, and a commit is made,
/// on a machine that does much else.
const KEPT_WITHIN_MS: i64 = 100;

/// A call that nobody answered may go on for so long, ms: `call_timeout` of the rules.
const CALL_MOST_MS: i64 = 5_000;

/// A stretch in which answers may be lost, or what came of them; ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its first moment.
    pub from: i64,
    /// Its last moment.
    pub to: i64,
}

impl Fault {
    /// All at once.
    #[must_use]
    pub fn at(moment: i64) -> Self {
        Self {
            from: moment,
            to: moment,
        }
    }

    fn meets(&self, call: &Call) -> bool {
        let took = call.took_ms.unwrap_or(CALL_MOST_MS);
        self.to >= call.at_ms && self.from <= call.at_ms + took + KEPT_WITHIN_MS
    }
}

/// Whether the program may not know what came of a call.
#[must_use]
pub fn was_cut(call: &Call, faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.meets(call))
}

/// How often each thing may have been done once more: as often as a call that did it was cut before
/// the next one did it again.
#[must_use]
pub fn again<'a>(
    calls: impl IntoIterator<Item = &'a Call>,
    faults: &[Fault],
    what: impl Fn(&Call) -> Option<String>,
) -> BTreeMap<String, usize> {
    let mut last: BTreeMap<String, bool> = BTreeMap::new();
    let mut again = BTreeMap::new();
    for call in calls.into_iter().filter(|call| call.performed) {
        let Some(what) = what(call) else {
            continue;
        };
        if last.insert(what.clone(), was_cut(call, faults)) == Some(true) {
            *again.entry(what).or_default() += 1;
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_sandbox::Operation;
    use serde_json::json;

    fn call(at_ms: i64, took_ms: Option<i64>) -> Call {
        Call {
            number: 1,
            at_ms,
            operation: Operation::AddComment,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            body: json!("said"),
            headers: Vec::new(),
            idempotency_key: None,
            performed: true,
            status: Some(201),
            took_ms,
        }
    }

    #[test]
    fn a_call_is_cut_from_its_beginning_until_its_answer_is_kept() {
        let cut = |took, moment| was_cut(&call(1_000, took), &[Fault::at(moment)]);
        assert_eq!(
            [999, 1_000, 1_120, 1_121].map(|moment| cut(Some(20), moment)),
            [false, true, true, false]
        );
        assert!(cut(None, 6_000), "nobody knows how long it went on");
        let spell = Fault { from: 0, to: 5_000 };
        assert!(was_cut(&call(1_000, Some(20)), &[spell]));
    }

    #[test]
    fn a_thing_may_be_done_again_only_after_a_call_that_was_cut() {
        let all = [
            call(1_000, Some(9)),
            call(2_000, Some(9)),
            call(3_000, Some(9)),
        ];
        let what = |call: &Call| call.body.as_str().map(str::to_owned);
        let times = |moment| again(&all, &[Fault::at(moment)], what).get("said").copied();
        assert_eq!([1_005, 2_005, 3_005].map(times), [Some(1), Some(1), None]);
        assert_eq!(times(500), None);
    }
}
