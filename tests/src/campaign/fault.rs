//! When the program was treated badly, and which calls that can have cut. Neighbours: the campaigns,
//! which say when; `laws`, which allow a call to be made again only where the one before was cut.

use bridge_sandbox::Call;
use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    ops::AddAssign,
};

/// An answer that has left is mostly on the program's disk within this, ms: it is read, and a commit is
/// made, on a machine that does much else.
const KEPT_WITHIN_MS: i64 = 100;

/// It is there at last, ms: a commit may wait for a disk that others write to. What is done again because
/// one took that long is counted ([`done_again`]).
const KEPT_AT_LAST_MS: i64 = 1_000;

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

    /// The same, until then at least.
    #[must_use]
    pub fn until(self, moment: i64) -> Self {
        let to = self.to.max(moment);
        Self { to, ..self }
    }

    fn meets(&self, call: &Call, kept_within_ms: i64) -> bool {
        let took = call.took_ms.unwrap_or(CALL_MOST_MS);
        self.to >= call.at_ms && self.from <= call.at_ms + took + kept_within_ms
    }
}

/// Whether the program may not know what came of a call.
#[must_use]
pub fn was_cut(call: &Call, faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.meets(call, KEPT_WITHIN_MS))
}

/// The same, where its commit may have waited for the disk.
fn may_be_cut(call: &Call, faults: &[Fault]) -> bool {
    faults
        .iter()
        .any(|fault| fault.meets(call, KEPT_AT_LAST_MS))
}

/// How often each thing may have been done once more: as often as a call that did it was cut before
/// the next one did it again.
#[must_use]
pub fn again<'a>(
    calls: impl IntoIterator<Item = &'a Call>,
    faults: &[Fault],
    what: impl Fn(&Call) -> Option<String>,
) -> BTreeMap<String, usize> {
    repeated(calls, what, |call| may_be_cut(call, faults))
}

/// How many things were done again after a call that was cut, by when that was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoneAgain {
    /// The call was under way, or its answer had just left.
    pub soon: usize,
    /// Its answer had left for longer than it mostly takes until it is on the disk.
    pub late: usize,
}

impl AddAssign for DoneAgain {
    fn add_assign(&mut self, more: Self) {
        self.soon += more.soon;
        self.late += more.late;
    }
}

impl Display for DoneAgain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} again at once, {} late", self.soon, self.late)
    }
}

/// Counts what was done again.
#[must_use]
pub fn done_again<'a>(
    calls: impl Iterator<Item = &'a Call> + Clone,
    faults: &[Fault],
    what: impl Fn(&Call) -> Option<String>,
) -> DoneAgain {
    let of = |such: &dyn Fn(&Call) -> bool| -> usize {
        let again = repeated(calls.clone(), &what, such);
        again.into_values().sum()
    };
    DoneAgain {
        soon: of(&|call| was_cut(call, faults)),
        late: of(&|call| may_be_cut(call, faults) && !was_cut(call, faults)),
    }
}

/// How often each thing was done again after a call that did it and was such.
fn repeated<'a>(
    calls: impl IntoIterator<Item = &'a Call>,
    what: impl Fn(&Call) -> Option<String>,
    such: impl Fn(&Call) -> bool,
) -> BTreeMap<String, usize> {
    let mut last: BTreeMap<String, bool> = BTreeMap::new();
    let mut again = BTreeMap::new();
    for call in calls.into_iter().filter(|call| call.performed) {
        let Some(what) = what(call) else {
            continue;
        };
        if last.insert(what.clone(), such(call)) == Some(true) {
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
            call(5_000, Some(9)),
            call(9_000, Some(9)),
        ];
        let what = |call: &Call| call.body.as_str().map(str::to_owned);
        let times = |moment| again(&all, &[Fault::at(moment)], what).get("said").copied();
        assert_eq!([1_005, 5_005, 9_005].map(times), [Some(1), Some(1), None]);
        assert_eq!(times(500), None);
    }

    #[test]
    fn what_is_done_again_as_its_answer_was_kept_late_is_counted() {
        let all = [call(1_000, Some(9)), call(9_000, Some(9))];
        let what = |call: &Call| call.body.as_str().map(str::to_owned);
        let counted = |moment| done_again(all.iter(), &[Fault::at(moment)], what);
        assert_eq!([1_050, 1_500, 2_500].map(|at| counted(at).soon), [1, 0, 0]);
        assert_eq!([1_050, 1_500, 2_500].map(|at| counted(at).late), [0, 1, 0]);
        let times = |moment| again(&all, &[Fault::at(moment)], what).get("said").copied();
        assert_eq!([1_050, 1_500, 2_500].map(times), [Some(1), Some(1), None]);
    }
}
