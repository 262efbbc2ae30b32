//! An operation's calls and the rate, told call by call.

use super::*;
use std::sync::Mutex;

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(4);

/// What stands for a second here.
const TICK: Duration = Duration::from_millis(100);

/// A pace of two a tick, whose answers are given, and what it was asked.
fn paced(answers: &[Turn]) -> (Pace, Arc<Mutex<Vec<Further>>>) {
    let asked: Arc<Mutex<Vec<Further>>> = Arc::default();
    let answers = Mutex::new(answers.to_vec());
    let heard = Arc::clone(&asked);
    let further = move |what| {
        heard.lock().unwrap().push(what);
        answers.lock().unwrap().remove(0)
    };
    let pace = Pace {
        calls: 2,
        per: TICK,
        further: Arc::new(further),
    };
    (pace, asked)
}

fn after(ticks: u32) -> Turn {
    Turn::After(TICK * ticks)
}

async fn takes(budget: &Budget, pace: &Pace) -> Duration {
    let begun = Instant::now();
    budget.turn(Some(pace)).await.expect("a turn");
    begun.elapsed()
}

#[tokio::test]
async fn the_calls_that_were_asked_for_go_two_a_tick_and_nobody_is_asked_again() {
    let (pace, asked) = paced(&[]);
    let budget = Budget::write(DEADLINE, 5);
    let begun = Instant::now();
    for (call, ticks) in [0, 0, 1, 1, 2].into_iter().enumerate() {
        takes(&budget, &pace).await;
        let at = begun.elapsed();
        assert!(at + TICK / 10 > TICK * ticks, "call {call} at {at:?}");
    }
    assert_eq!(*asked.lock().unwrap(), []);
}

#[tokio::test]
async fn a_write_goes_out_before_its_deadline_whatever_the_rate_says() {
    let (pace, asked) = paced(&[after(3_600), after(0)]);
    let budget = Budget::write(DEADLINE, 1);
    takes(&budget, &pace).await;
    // Such as a log-in that nobody foresaw.
    let waited = takes(&budget, &pace).await;
    assert!(waited > DEADLINE / 4 && waited < DEADLINE, "{waited:?}");
    assert!(budget.left().is_ok());
    budget.is_out();
    takes(&budget, &pace).await;
    assert_eq!(*asked.lock().unwrap(), [Further::MustGo, Further::CanWait]);
}

#[tokio::test]
async fn a_read_waits_for_its_turn_and_its_deadline_waits_with_it() {
    let (pace, _) = paced(&[after(30), after(30), after(0), after(6_000)]);
    let budget = Budget::read(DEADLINE);
    takes(&budget, &pace).await;
    let waited = takes(&budget, &pace).await;
    assert!(waited > DEADLINE, "{waited:?}");
    assert!(budget.left().unwrap() > DEADLINE / 2);
    let gives_up = budget.turn(Some(&pace)).await;
    assert!(
        matches!(gives_up, Err(CallError::Later { .. })),
        "{gives_up:?}"
    );
}

#[tokio::test]
async fn nothing_goes_to_a_host_that_takes_no_calls() {
    let closed = Turn::Closed(Duration::from_secs(30));
    let (pace, _) = paced(&[closed, closed]);
    for budget in [Budget::read(DEADLINE), Budget::write(DEADLINE, 1)] {
        takes(&budget, &pace).await;
        assert!(budget.turn(Some(&pace)).await.is_err());
    }
}
